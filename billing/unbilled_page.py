"""The page and the REST of what is done and not billed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from ninja import Query, Router, Schema

from billing import unbilled, web
from billing.models import ChargeChange, DeliveryAttempt
from billing.outages import watch
from billing.unbilled import KINDS, Row
from mpps.models import PerformedStepChange
from ris import audit, clock
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, Line, ListQuery, refusals
from ris.models import Site, Station
from ris.permissions import requires
from ris.web import live, times
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import read_day

MAX_SHOWN: Final = 200
"""Rows of a page of the list."""
MAX_DIGITS: Final = 9
_HISTORIES: Final[live.Histories] = (*live.RIS_HISTORIES, PerformedStepChange, ChargeChange, DeliveryAttempt)

router = Router(tags=["charges"])


@dataclass(frozen=True)
class Shown:
    row: Row
    title: str
    age: str
    amount: str
    address: str


@page
@requires("charges.view")
def show(request: HttpRequest) -> HttpResponse:
    """What is unbilled now by kind, the oldest first, with why and where it is mended."""
    present = live.state(request, _HISTORIES)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    asked = _Asked.of(request, site)
    found = unbilled.rows(site, station=asked.station, first=asked.first, last=asked.last)
    chosen = [row for row in found if asked.kind in ("", row.kind)]
    begin = min(asked.begin, max(len(chosen) - 1, 0) // MAX_SHOWN * MAX_SHOWN)
    rows = chosen[begin : begin + MAX_SHOWN]
    of_kind = {key: [row for row in found if row.kind == key] for key in KINDS}
    context = {
        "tabs": [("", "All", len(found), asked.address(kind=""))]
        + [(one.key, one.title, len(of_kind[one.key]), asked.address(kind=one.key)) for one in KINDS.values()],
        "tab": asked.kind,
        "parts": [_part("At risk", found), *(_part(one.title, of_kind[one.key]) for one in KINDS.values())],
        "kinds": KINDS.values(),
        "rows": [_shown(row, site) for row in rows],
        "total": len(chosen),
        "shown_from": begin + 1,
        "shown_to": begin + len(rows),
        "before": asked.address(begin=begin - MAX_SHOWN) if begin else "",
        "after": asked.address(begin=begin + MAX_SHOWN) if begin + MAX_SHOWN < len(chosen) else "",
        "stations": [("", "All stations"), *((one, one) for one in asked.known)],
        "asked": asked,
    }
    narrowed = {
        "kind": asked.kind,
        "station": asked.station,
        "from": asked.first and str(asked.first),
        "to": asked.last and str(asked.last),
    }
    disclose(request, audit.LIST, *_people(site, rows), total=len(chosen), asked=narrowed)
    url = asked.address(begin=begin)
    return live.live_page(request, "billing/unbilled.html", "billing/unbilled_live.html", context, url=url, present=present)


@dataclass(frozen=True)
class _Asked:
    """What the address narrows the list to; what it cannot mean does not narrow. `begin` counts rows, `known` are all stations."""

    known: tuple[str, ...]
    kind: str
    station: str
    first: date | None
    last: date | None
    begin: int

    @classmethod
    def of(cls, request: HttpRequest, site: Site) -> "_Asked":
        known = tuple(Station.objects.filter(site=site).order_by("ae_title").values_list("ae_title", flat=True))
        kind, station, begin = (request.GET.get(name, "") for name in ("kind", "station", "begin"))
        return cls(
            known=known,
            kind=kind if kind in KINDS else "",
            station=station if station in known else "",
            first=_day(request, "from"),
            last=_day(request, "to"),
            begin=int(begin) // MAX_SHOWN * MAX_SHOWN if begin.isascii() and begin.isdigit() and len(begin) < MAX_DIGITS else 0,
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.kind or self.station or self.first or self.last)

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


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        return read_day(request.GET.get(name, ""))
    except ValueError:
        return None


def _people(site: Site, rows: Iterable[Row]) -> list[audit.Subject]:
    return audit.of_numbers(site, ((row.patient_id, row.accession_number) for row in rows))


def _part(label: str, rows: list[Row]) -> dict[str, Any]:
    return {"label": label, "count": len(rows), "amount": web.money(_at_risk(rows), "USD")}


def _at_risk(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows if row.amount is not None), Decimal(0))


def _shown(row: Row, site: Site) -> Shown:
    age = times.duration_minutes(max(int((clock.now(site) - row.since).total_seconds() // 60), 0))
    amount = "Not known" if row.amount is None else web.money(row.amount, "USD")
    return Shown(row, KINDS[row.kind].title, age, amount, reverse(row.url_name, args=[row.pk]))


class UnbilledOut(Schema):
    """`kind` is a key of `kinds`; `amount` is null when nobody knows the price; `causes` come likeliest first."""

    kind: str
    since: Instant
    age_minutes: int
    station_ae_title: str
    patient_id: str
    patient_name: str
    accession_number: str
    what: str
    amount: float | None
    causes: list[str]
    action: str
    address: str


class KindOut(Schema):
    """How many rows of a kind there are and what is at risk by them."""

    kind: str
    title: str
    count: int
    amount: float


class OutageOut(Schema):
    """A station with exams that are due, none of them begun. `interval_minutes` is what is usual between its MPPS at this hour."""

    station_ae_title: str
    due: int
    last_mpps_at: Instant | None
    interval_minutes: int


class UnbilledPage(Schema):
    items: list[UnbilledOut]
    count: int
    kinds: list[KindOut]
    outages: list[OutageOut]


class UnbilledQuery(ListQuery):
    kind: Line = ""
    station_ae_title: Line = ""


@router.get("/unbilled", auth=Bearer("charges.view"), response={200: UnbilledPage, **refusals(422)})
def list_unbilled(request: HttpRequest, query: Query[UnbilledQuery]) -> dict[str, Any]:
    """What was done, or should have been, and is not billed: the oldest first, with the sums of all kinds."""
    base.known_parameters(request, query)
    kind = base.one_of("kind", query.kind, KINDS) or ""
    site = base.site_of(request)
    found = unbilled.rows(site, station=query.station_ae_title)
    chosen = [row for row in found if kind in ("", row.kind)]
    items = chosen[query.offset : query.offset + query.limit]
    disclose(request, audit.LIST, *_people(site, items), total=len(chosen), asked=query.model_dump(exclude_defaults=True))
    kinds = [(one, [row for row in found if row.kind == one.key]) for one in KINDS.values()]
    return {
        "items": [_as_item(row, site) for row in items],
        "count": len(chosen),
        "kinds": [{"kind": one.key, "title": one.title, "count": len(rows), "amount": float(_at_risk(rows))} for one, rows in kinds],
        "outages": [
            {
                "station_ae_title": one.station,
                "due": one.due,
                "last_mpps_at": base.written(one.since, site),
                "interval_minutes": one.interval,
            }
            for one in watch.outages(site)
        ],
    }


def _as_item(row: Row, site: Site) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "since": base.written(row.since, site),
        "age_minutes": max(int((clock.now(site) - row.since).total_seconds() // 60), 0),
        "station_ae_title": row.station,
        "patient_id": row.patient_id,
        "patient_name": row.patient_name,
        "accession_number": row.accession_number,
        "what": row.what,
        "amount": None if row.amount is None else float(row.amount),
        "causes": list(row.causes),
        "action": row.action,
        "address": reverse(row.url_name, args=[row.pk]),
    }
