"""REST of what is done and not billed."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Schema

from billing import unbilled
from billing.outages import watch
from billing.unbilled import KINDS, Kind, Row
from ris import audit, clock
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, Line, ListQuery, refusals
from ris.errors import InvalidInput
from ris.models import Site
from ris.web.disclosure import disclose

router = Router(tags=["charges"])


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
    """How many rows of a kind there are and what is at risk by them, but for the `unknown` of which nobody knows the price."""

    kind: str
    title: str
    count: int
    amount: float
    unknown: int


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
    everywhere = unbilled.rows(site)
    if said := unbilled.unknown_station(query.station_ae_title, unbilled.stations(site, everywhere)):
        raise InvalidInput({"station_ae_title": said[0]})
    found = [row for row in everywhere if query.station_ae_title in ("", row.station)]
    chosen = [row for row in found if kind in ("", row.kind)]
    items = chosen[query.offset : query.offset + query.limit]
    people = audit.of_numbers(site, ((row.patient_id, row.accession_number) for row in items))
    disclose(request, audit.LIST, *people, total=len(chosen), asked=query.model_dump(exclude_defaults=True))
    return {
        "items": [_as_item(row, site) for row in items],
        "count": len(chosen),
        "kinds": [_as_kind(one, [row for row in found if row.kind == one.key]) for one in KINDS.values()],
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


def _as_kind(kind: Kind, rows: list[Row]) -> dict[str, Any]:
    known, unknown = unbilled.at_risk(rows)
    return {"kind": kind.key, "title": kind.title, "count": len(rows), "amount": float(known), "unknown": unknown}


def _as_item(row: Row, site: Site) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "since": base.written(row.since, site),
        "age_minutes": row.age_minutes(clock.now(site)),
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
