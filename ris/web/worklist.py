"""The worklist page: the exams of a day by stage of the workflow."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ris import audit, clock, queries
from ris.errors import NotFound
from ris.expiry import FORGOTTEN_AFTER
from ris.models import Order, ScheduledProcedureStep, Site, Station, StationModality
from ris.permissions import allowed, requires
from ris.transitions import ARRIVED, BEGUN, CANCELED, COMPLETED, DISCONTINUED, FINAL, READY, SCHEDULED, WAITING
from ris.web import live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.filters import Filters
from ris.web.renamed import with_station_at_its_title
from ris.web.rows import rows
from ris.web.searching import searchable

MAX_ROWS = 500
RECENT = timedelta(hours=1)
"""How long an ended exam stays on the list of the day without being asked for."""
Steps = QuerySet[ScheduledProcedureStep]


@dataclass(frozen=True)
class Stage:
    """A tab: `key` in the path, `label`, statuses. Problems are found by clock and station, what is to schedule by its lack of a time,
    what is left over by its day."""

    key: str
    label: str
    statuses: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return reverse("worklist") if self.key == "all" else reverse("worklist-stage", args=[self.key])


STAGES = (
    Stage("remaining", "Remaining", WAITING),
    Stage("arrived", "Arrived", (ARRIVED, READY)),
    Stage("in-progress", "In progress", BEGUN),
    Stage("done", "Done", (COMPLETED, DISCONTINUED)),
    Stage("problems", "Problems"),
    Stage("all", "All"),
    Stage("to-schedule", "To schedule"),
    Stage("left-over", "Left over"),
)
_BAR = (
    ("COMPLETED", (COMPLETED,)),
    ("DISCONTINUED", (DISCONTINUED,)),
    ("CANCELED", (CANCELED,)),
    ("IN PROGRESS", BEGUN),
    ("ARRIVED", (ARRIVED, READY)),
    ("SCHEDULED", (SCHEDULED,)),
)
_BAR_WIDTH = 660


@page
@requires("steps.view")
@searchable()
@with_station_at_its_title
def worklist(request: HttpRequest, stage: str = "all") -> HttpResponse:
    """Exams of a day in a stage."""
    chosen = next((one for one in STAGES if one.key == stage), None)
    if chosen is None:
        raise NotFound(f"There is no stage {stage!r} on the worklist.")
    present = live.state(request)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    now = clock.now(site)
    filters = Filters.of(request, clock.today(site))
    rights = {"may_arrive": allowed(request.user, "steps.arrive"), "may_schedule": allowed(request.user, "steps.schedule")}
    context = _listed(chosen, site, filters, now) | _choices(site) | rights | {"filters": filters, "stage": chosen, "now": now}
    narrowed = {"stage": chosen.key, "day": filters.day.isoformat(), **dict(filters.tokens)}
    disclose(request, audit.LIST, *(row.step for row in context["rows"]), total=context["total"], asked=narrowed)
    return live.live_page(
        request,
        "ris/worklist.html",
        "ris/worklist_rows.html",
        context,
        url=chosen.url + filters.query,
        beside="ris/worklist_stages.html",
        present=present,
    )


def _listed(stage: Stage, site: Site, filters: Filters, now: datetime) -> dict[str, Any]:
    """Rows of the stage and the counts of all stages."""
    on_day = filters.narrow(queries.steps_on(site, filters.day), site)
    by_status: Counter[str] = Counter(dict(on_day.order_by().values_list("status").annotate(Count("pk"))))
    others = {
        "problems": on_day.filter(_problems(now)).distinct(),
        "left-over": filters.narrow(queries.left_over(site), site),
        "to-schedule": filters.narrow(queries.tray(site), site).order_by("requested_procedure__order__ordered_at", "pk"),
        "all": on_day,
    }
    counts = {one.key: sum(by_status[status] for status in one.statuses) if one.statuses else others[one.key].count() for one in STAGES}
    found = on_day.filter(status__in=stage.statuses) if stage.statuses else others[stage.key]
    is_today = filters.day == filters.today
    hides_ended = stage.key == "all" and is_today and not filters.whole and not filters.q
    if hides_ended:
        found = found.exclude(_ended_before(now - RECENT))
    mark_now = is_today and stage.key in ("all", "remaining")
    shown = rows(found[:MAX_ROWS], now, filters.today, mark_now=mark_now)
    hidden = counts[stage.key] - found.count() if hides_ended else 0
    return {
        "rows": shown,
        "close_waiting_days": site.close_waiting_days,
        "forgotten_hours": int(FORGOTTEN_AFTER.total_seconds()) // 3600,
        "total": counts[stage.key],
        "is_capped": counts[stage.key] - hidden > len(shown),
        "hidden": hidden,
        "whole_day": stage.url + filters.of_whole_day.query,
        "has_now": any(row.first_after_now for row in shown),
        "stages": [(one, counts[one.key], one.url + filters.query) for one in STAGES],
        "counts": counts,
        "bar": _bar(by_status),
        "tokens": [(value, stage.url + filters.without(name).query) for name, value in filters.tokens],
        "cleared": stage.url + filters.without().query,
    }


def _choices(site: Site) -> dict[str, Any]:
    """What the filters offer."""
    return {
        "stations": Station.objects.filter(site=site).order_by("ae_title"),
        "modalities": sorted(set(StationModality.objects.filter(station__site=site).values_list("modality", flat=True))),
        "priorities": Order.Priority.choices,
        "exams_exist": ScheduledProcedureStep.objects.filter(site=site).exists(),
    }


def _ended_before(moment: datetime) -> Q:
    """Nobody waits for it and its time is over: it is in the way of what is happening now."""
    return Q(status__in=FINAL, start__lt=moment)


def _problems(now: datetime) -> Q:
    """Waiting although it should be over by now, or at a station that is not known here."""
    return Q(status__in=WAITING) & (Q(end__lt=now) | Q(stations__station=None, stations__isnull=False))


@dataclass(frozen=True)
class BarPart:
    """A part of the bar of the day; `x` and `width` are in units of 660 for the whole."""

    status: str
    count: int
    x: int
    width: int


def _bar(by_status: Counter[str]) -> list[BarPart]:
    parts: list[BarPart] = []
    before, total = 0, by_status.total()
    for look, statuses in _BAR:
        count = sum(by_status[status] for status in statuses)
        if count:
            x, end = _BAR_WIDTH * before // total, _BAR_WIDTH * (before + count) // total
            parts.append(BarPart(look, count, x, max(1, end - x - 1)))
            before += count
    return parts
