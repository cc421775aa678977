"""The page of what is done and not billed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from billing import queries, unbilled, web
from billing.models import ChargeChange, DeliveryAttempt, NoCharge
from billing.unbilled import KINDS, Row
from mpps.models import PerformedStepChange
from ris import audit, clock
from ris.models import Site
from ris.permissions import allowed, requires
from ris.validation import whole_number
from ris.web import filters, live, times
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import read_day

MAX_SHOWN: Final = 200
"""Rows of a page of the list."""
_HISTORIES: Final[live.Histories] = (*live.RIS_HISTORIES, PerformedStepChange, ChargeChange, DeliveryAttempt, NoCharge)


@dataclass(frozen=True)
class Shown:
    row: Row
    title: str
    age: str
    amount: str
    address: str
    refused: web.ShownCharge | None
    """The charge that can be sent again here."""
    can_capture: bool
    decide: str
    """Address where a person says that nothing is charged for it; empty where that cannot be said, or not by this person."""


@page
@requires("charges.view")
def show(request: HttpRequest) -> HttpResponse:
    """What is unbilled now by kind, the oldest first, with why and where it is mended; 422 with words when it is asked for what is not."""
    present = live.state(request, _HISTORIES)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    asked = _Asked.of(request)
    everywhere = unbilled.rows(site, first=asked.first, last=asked.last)
    stations = unbilled.stations(site, everywhere)
    faults = [*asked.faults, *unbilled.unknown_station(asked.station, stations)]
    found = [row for row in everywhere if asked.station in ("", row.station)]
    chosen = [row for row in found if asked.kind in ("", row.kind)]
    begin = min(asked.begin, max(len(chosen) - 1, 0) // MAX_SHOWN * MAX_SHOWN)
    rows = chosen[begin : begin + MAX_SHOWN]
    of_kind = {key: [row for row in found if row.kind == key] for key in KINDS}
    may_edit = allowed(request.user, "charges.edit")
    context = {
        "tabs": [("", "All", len(found), asked.address(kind=""))]
        + [(one.key, one.title, len(of_kind[one.key]), asked.address(kind=one.key)) for one in KINDS.values()],
        "tab": asked.kind,
        "parts": [_part("At risk", found), *(_part(one.title, of_kind[one.key]) for one in KINDS.values())],
        "kinds": KINDS.values(),
        "rows": _shown(rows, site, may_edit),
        "total": len(chosen),
        "shown_from": begin + 1,
        "shown_to": begin + len(rows),
        "before": asked.address(begin=begin - MAX_SHOWN) if begin else "",
        "after": asked.address(begin=begin + MAX_SHOWN) if begin + MAX_SHOWN < len(chosen) else "",
        "stations": [("", "All stations"), *((one, one) for one in stations)],
        "asked": asked,
        "faults": faults,
        "may_edit": may_edit,
    }
    disclose(request, audit.LIST, *_people(site, rows), total=len(chosen), asked=asked.narrowed)
    url = asked.address(begin=begin)
    parts = ("billing/unbilled.html", "billing/unbilled_live.html")
    return live.live_page(request, *parts, context, url=url, present=present, status=422 if faults else 200)


@dataclass(frozen=True)
class _Asked:
    """What the address narrows the list to; what it cannot mean does not narrow and is said in `faults`. `begin` counts rows."""

    kind: str
    station: str
    first: date | None
    last: date | None
    begin: int
    faults: tuple[str, ...]

    @classmethod
    def of(cls, request: HttpRequest) -> "_Asked":
        kind, begin = (filters.asked(request, name) for name in ("kind", "begin"))
        faults = [] if kind in ("", *KINDS) else [f"“{kind}” is no kind of unbilled work; all kinds are shown."]
        first, last = _day(request, "from", faults), _day(request, "to", faults)
        if first and last and first > last:
            faults.append(f"It ends on {last:%d-%b-%Y}, before it begins on {first:%d-%b-%Y}: nothing can be between.")
        return cls(
            kind=kind if kind in KINDS else "",
            station=filters.asked(request, "station"),
            first=first,
            last=last,
            begin=(whole_number(begin) or 0) // MAX_SHOWN * MAX_SHOWN,
            faults=tuple(faults),
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.kind or self.station or self.first or self.last)

    @property
    def narrowed(self) -> dict[str, str | None]:
        """What the audit trail says of it."""
        days = {name: str(day) if day else None for name, day in (("from", self.first), ("to", self.last))}
        return {"kind": self.kind, "station": self.station, **days}

    def address(self, *, kind: str | None = None, begin: int = 0) -> str:
        """Of the same narrowing, from another row or of another kind."""
        values = {
            "kind": self.kind if kind is None else kind,
            "station": self.station,
            "from": self.first.isoformat() if self.first else "",
            "to": self.last.isoformat() if self.last else "",
            "begin": begin or "",
        }
        given = [(name, value) for name, value in values.items() if value]
        return reverse("unbilled") + (f"?{urlencode(given)}" if given else "")


def _day(request: HttpRequest, name: str, faults: list[str]) -> date | None:
    """The day under this name; None when there is none, or when it cannot be read, which `faults` then says."""
    text = filters.asked(request, name)
    try:
        return read_day(text) if text else None
    except ValueError as error:
        faults.append(f"The list is not narrowed by “{name}”: {error}.")
        return None


def _people(site: Site, rows: Iterable[Row]) -> list[audit.Subject]:
    return audit.of_numbers(site, ((row.patient_id, row.accession_number) for row in rows))


def _part(label: str, rows: list[Row]) -> dict[str, Any]:
    known, unknown = unbilled.at_risk(rows)
    amount = web.money(known) if known or not unknown else ""
    return {"label": label, "count": len(rows), "amount": amount, "unknown": unknown}


def _shown(rows: list[Row], site: Site, may_edit: bool) -> list[Shown]:
    refused = [row.pk for row in rows if row.action == unbilled.SEND_AGAIN]
    charges = {one.pk: web.shown(one) for one in queries.charges(site).filter(pk__in=refused)}
    return [
        Shown(
            row=row,
            title=KINDS[row.kind].title,
            age=times.duration_minutes(row.age_minutes(clock.now(site))),
            amount="Not known" if row.amount is None else web.money(row.amount),
            address=reverse(row.url_name, args=[row.pk]),
            refused=charges.get(row.pk) if row.action == unbilled.SEND_AGAIN else None,
            can_capture=may_edit and row.action == unbilled.CAPTURE_NOW,
            decide=reverse(row.decide, args=[row.pk]) if row.decide and may_edit else "",
        )
        for row in rows
    ]
