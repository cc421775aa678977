"""The station board: who is on the table of each station, and every performed step with its charge, as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from billing import queries as billing_queries
from billing import web as billing_web
from mpps import presenters, queries
from mpps.presenters import ShownPerformed
from mpps.transitions import IN_PROGRESS
from ris import audit, clock
from ris import queries as ris_queries
from ris.models import ScheduledProcedureStep, Site, Station
from ris.permissions import allowed, requires
from ris.transitions import BEGUN, WAITING
from ris.web import live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.filters import Filters
from stepwise.web import histories

MAX_ROWS = 500
_TABS: dict[str, tuple[str, Callable[[ShownPerformed], bool]]] = {
    "": ("All", lambda one: True),
    "in-progress": ("In progress", lambda one: one.performed.status == IN_PROGRESS),
    "ended": ("Ended", lambda one: one.performed.status != IN_PROGRESS),
    "unscheduled": ("Unscheduled", lambda one: one.performed.unscheduled),
}


@dataclass(frozen=True)
class Occupied:
    """Somebody on the table: since when, for how many minutes, and how many were planned (0 when nobody knows)."""

    name: str
    url: str
    exam: str
    since: datetime
    minutes: int
    planned: int
    by_hand: bool
    series: int = 0
    images: int = 0

    @property
    def over(self) -> int:
        """Minutes over the plan; 0 when within it."""
        return max(0, self.minutes - self.planned) if self.planned else 0

    @property
    def longest(self) -> int:
        return max(self.planned, self.minutes, 1)


@dataclass(frozen=True)
class Bay:
    """A station now. More than one occupant is possible: a console may report two performed steps at once. `everybody` are the performed
    and scheduled steps of whom it shows."""

    station: Station
    occupied: list[Occupied]
    everybody: list[object]
    next_step: ScheduledProcedureStep | None
    waiting: int

    @property
    def look(self) -> str:
        if not self.occupied:
            return "SCHEDULED"
        return "WARNING" if any(one.over for one in self.occupied) else IN_PROGRESS

    @property
    def is_by_hand(self) -> bool:
        """Nobody on the table was reported by the modality."""
        return all(one.by_hand for one in self.occupied)

    @property
    def series(self) -> int:
        return sum(one.series for one in self.occupied)

    @property
    def images(self) -> int:
        return sum(one.images for one in self.occupied)

    @property
    def word(self) -> str:
        return {"SCHEDULED": "Free", "WARNING": "Over time"}.get(self.look, "")


@page
@requires("performed.view")
def show(request: HttpRequest) -> HttpResponse:
    """Of today the stations and the performed steps; of another day only the latter."""
    present = live.state(request, histories.ALL)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    now, today = clock.now(site), clock.today(site)
    filters = Filters.of(request, today)
    found = queries.live(site, today) if filters.day == today else queries.filtered(site, day=filters.day)
    every = [presenters.shown(one) for one in queries.listed(found)[:MAX_ROWS]]
    tab = request.GET.get("show", "") if request.GET.get("show", "") in _TABS else ""
    shown = [one for one in every if _TABS[tab][1](one)]
    context: dict[str, Any] = {
        "filters": filters,
        "is_today": filters.day == today,
        "bays": _bays(site, today, now, every) if filters.day == today else [],
        "rows": _rows(request, site, shown),
        "shows_charges": allowed(request.user, "charges.view"),
        "tabs": [(key, label, sum(map(test, every)), _address(filters, key)) for key, (label, test) in _TABS.items()],
        "tab": tab,
        "is_capped": len(every) == MAX_ROWS,
        "now": now,
    }
    disclose(request, audit.LIST, *_everybody(context["bays"], shown), asked={"day": filters.day.isoformat(), "show": tab})
    url = _address(filters, tab)
    return live.live_page(request, "stepwise/board.html", "stepwise/board_live.html", context, url=url, present=present)


def _address(filters: Filters, tab: str) -> str:
    joint = "&" if filters.query else "?"
    return reverse("performed") + filters.query + (f"{joint}show={tab}" if tab else "")


def _rows(
    request: HttpRequest, site: Site, shown: list[ShownPerformed]
) -> list[tuple[ShownPerformed, list[billing_web.ShownCharge], bool]]:
    """Each with what its charges look like, and whether there is nothing to charge; without both for who may not see charges."""
    if not allowed(request.user, "charges.view"):
        return [(one, [], False) for one in shown]
    procedures = {
        one.performed.pk: list(dict.fromkeys(link.step.requested_procedure_id for link in one.links if link.step)) for one in shown
    }
    every = {number for numbers in procedures.values() for number in numbers}
    charges, nothing = billing_queries.of_procedures(site, every), billing_queries.no_charges_of(site, every)
    return [
        (
            one,
            [billing_web.shown(charge) for number in procedures[one.performed.pk] for charge in charges.get(number, [])],
            any(number in nothing for number in procedures[one.performed.pk]),
        )
        for one in shown
    ]


def _bays(site: Site, today: date, now: datetime, performed: list[ShownPerformed]) -> list[Bay]:
    steps = [step for step in ris_queries.steps_on(site, today) if step.status in (*WAITING, *BEGUN)]
    stations = Station.objects.filter(site=site, enabled=True).prefetch_related("modalities")
    return [_bay(station, steps, performed, now) for station in stations]


def _bay(station: Station, steps: list[ScheduledProcedureStep], performed: list[ShownPerformed], now: datetime) -> Bay:
    here = [one for one in performed if one.performed.status == IN_PROGRESS and one.performed.station_id == station.pk]
    mine = [step for step in steps if any(row.station_id == station.pk for row in step.stations.all())]
    reported = {link.step.pk for one in performed for link in one.links if link.step}
    by_hand = [step for step in mine if step.status in BEGUN and step.pk not in reported]
    waiting = [step for step in mine if step.status in WAITING]
    return Bay(
        station=station,
        occupied=[_by_mpps(one, now) for one in here] + [_by_hand(step, now) for step in by_hand],
        everybody=[*(one.performed for one in here), *by_hand, *waiting[:1]],
        next_step=waiting[0] if waiting else None,
        waiting=len(waiting),
    )


def _everybody(bays: list[Bay], shown: list[ShownPerformed]) -> list[object]:
    """Whom the board shows."""
    return [*(one for bay in bays for one in bay.everybody), *(one.performed for one in shown)]


def _minutes(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds()) // 60)


def _by_mpps(one: ShownPerformed, now: datetime) -> Occupied:
    performed = one.performed
    step = next((link.step for link in one.links if link.step), None)
    return Occupied(
        name=step.requested_procedure.order.patient.name if step else performed.patient_name,
        url=reverse("step", args=[step.pk]) if step else reverse("performed-step", args=[performed.pk]),
        exam=step.description if step else performed.description or "Unscheduled",
        since=performed.began_at,
        minutes=_minutes(performed.began_at, now),
        planned=int(presenters.planned(performed).total_seconds()) // 60,
        by_hand=False,
        series=len(performed.series.all()),
        images=one.images,
    )


def _by_hand(step: ScheduledProcedureStep, now: datetime) -> Occupied:
    return Occupied(
        name=step.requested_procedure.order.patient.name,
        url=reverse("step", args=[step.pk]),
        exam=step.description,
        since=step.status_at,
        minutes=_minutes(step.status_at, now),
        planned=step.duration_minutes,
        by_hand=True,
    )
