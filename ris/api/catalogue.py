"""What can be ordered, where, and when there is room."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from ris import clock, queries
from ris.actions import booking
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, Line, ListQuery, Moment, Page, refusals
from ris.models import Procedure, Station

router = Router(tags=["catalogue"])


class ProcedureStepOut(Schema):
    description: str
    modality: str
    duration_minutes: int


class ProcedureOut(Schema):
    code: str
    scheme: str
    meaning: str
    modality: str
    duration_minutes: int
    steps: list[ProcedureStepOut]


class StationOut(Schema):
    ae_title: str
    name: str
    modalities: list[str]
    room: str
    enabled: bool


class FreeSlotsQuery(Schema):
    """`from` is the first moment asked for, now when left out."""

    procedure: Line
    from_: Moment | None = Field(None, alias="from")
    limit: int = Field(100, ge=1, le=1000)


class Slot(Schema):
    start: Instant
    end: Instant


class Slots(Schema):
    items: list[Slot]
    count: int


@router.get("/procedures", auth=Bearer("catalogue.view"), response={200: Page[ProcedureOut], **refusals(422)})
def list_procedures(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """The procedures that can be ordered, by modality and meaning."""
    return base.page(request, query, queries.catalogue(base.site_of(request)), _procedure)


@router.get("/stations", auth=Bearer("stations.view"), response={200: Page[StationOut], **refusals(422)})
def list_stations(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """The stations by AE title."""
    rows = Station.objects.filter(site=base.site_of(request)).prefetch_related("modalities")
    return base.page(request, query, rows, _station)


@router.get("/stations/{path:ae_title}/free-slots", auth=Bearer("stations.view"), response={200: Slots, **refusals(404, 422)})
def free_slots(request: HttpRequest, ae_title: Line, query: Query[FreeSlotsQuery]) -> dict[str, Any]:
    """Free times of a station (or of a pool, by its code) for a procedure, on quarter hours within the opening hours, two weeks ahead.

    A slot holds the steps of the procedure that follow each other on the station of the first one.
    """
    base.known_parameters(request, query)
    site = base.site_of(request)
    place = booking.find_place(site, ae_title)
    procedure = queries.procedure(site, query.procedure)
    steps = list(procedure.steps.all())
    modality = steps[0].modality if steps else procedure.modality
    minutes = sum(step.duration_minutes for step in booking.in_a_row(place, steps)) or procedure.duration_minutes
    slots = booking.free_slots(place, modality, minutes, query.from_ or clock.now(site), query.limit)

    def written(moment: datetime) -> str | None:
        return base.written(moment, site)

    return {"items": [{"start": written(start), "end": written(end)} for start, end in slots], "count": len(slots)}


def _procedure(procedure: Procedure) -> dict[str, Any]:
    return {
        "code": procedure.code,
        "scheme": procedure.scheme,
        "meaning": procedure.meaning,
        "modality": procedure.modality,
        "duration_minutes": procedure.duration_minutes,
        "steps": [
            {"description": step.description, "modality": step.modality, "duration_minutes": step.duration_minutes}
            for step in procedure.steps.all()
        ],
    }


def _station(station: Station) -> dict[str, Any]:
    return {
        "ae_title": station.ae_title,
        "name": station.name,
        "modalities": [row.modality for row in station.modalities.all()],
        "room": station.room,
        "enabled": station.enabled,
    }
