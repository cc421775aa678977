"""The page and the REST of what is done and not billed."""

from collections.abc import Iterable
from dataclasses import dataclass
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

MAX_SHOWN: Final = 200
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
    kind = request.GET.get("kind", "") if request.GET.get("kind", "") in KINDS else ""
    known = list(Station.objects.filter(site=site).order_by("ae_title").values_list("ae_title", flat=True))
    station = request.GET.get("station", "") if request.GET.get("station", "") in known else ""
    found = unbilled.rows(site, station=station)
    chosen = [row for row in found if kind in ("", row.kind)]
    context = {
        "tabs": [("", "All", len(found), _address("", station))]
        + [(one.key, one.title, sum(row.kind == one.key for row in found), _address(one.key, station)) for one in KINDS.values()],
        "tab": kind,
        "parts": [_part("At risk", found), *(_part(one.title, [row for row in found if row.kind == one.key]) for one in KINDS.values())],
        "kinds": KINDS.values(),
        "rows": [_shown(row, site) for row in chosen[:MAX_SHOWN]],
        "total": len(chosen),
        "is_capped": len(chosen) > MAX_SHOWN,
        "stations": [("", "All stations"), *((one, one) for one in known)],
        "station": station,
    }
    disclose(request, audit.LIST, *_people(site, chosen[:MAX_SHOWN]), total=len(chosen), asked={"kind": kind, "station": station})
    return live.live_page(
        request, "billing/unbilled.html", "billing/unbilled_live.html", context, url=_address(kind, station), present=present
    )


def _people(site: Site, rows: Iterable[Row]) -> list[audit.Subject]:
    return audit.of_numbers(site, ((row.patient_id, row.accession_number) for row in rows))


def _address(kind: str, station: str) -> str:
    asked = [(name, value) for name, value in (("kind", kind), ("station", station)) if value]
    return reverse("unbilled") + (f"?{urlencode(asked)}" if asked else "")


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
