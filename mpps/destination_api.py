"""REST of destinations: who is told what modalities report, and what waits for them."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import StrictBool, StrictInt

from mpps import destination_queries, destinations, outbox
from mpps.destinations import DestinationData, data_of
from mpps.models import Delivery, Destination
from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Instant, Line, ListQuery, Page, refusals
from ris.models import Site

router = Router(tags=["destinations"])


class DestinationOut(Schema):
    """`kind` is MESSAGES (each N-CREATE and N-SET as received) or EVENTS (MPPS Notification). Empty lists are all stations and modalities.

    `waiting` messages go by themselves, `parked` ones wait for a person, `oldest` is when the first of them came. `error` is what the last
    attempt to reach it met, at `error_at`; empty when it was reached, at `reached_at`.
    """

    id: int
    name: str
    kind: str
    host: str
    port: int
    tls: bool
    called_ae_title: str
    calling_ae_title: str
    enabled: bool
    stations: list[str]
    modalities: list[str]
    version: int
    waiting: int
    parked: int
    oldest: Instant | None
    error: str
    error_at: Instant | None
    reached_at: Instant | None
    next_attempt_at: Instant | None


class DestinationIn(Body):
    """What is left out is as by default (POST) or stays (PATCH). `version`: refused unless it is still that one."""

    name: Line | None = None
    kind: Line | None = None
    host: Line | None = None
    port: StrictInt | None = None
    tls: StrictBool | None = None
    called_ae_title: Line | None = None
    calling_ae_title: Line | None = None
    enabled: StrictBool | None = None
    stations: list[Line] | None = None
    modalities: list[Line] | None = None
    version: StrictInt | None = None

    def over(self, known: DestinationData) -> DestinationData:
        """What is known with what was given."""
        given = self.model_dump(exclude_none=True, exclude={"version"})
        changes: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return replace(known, **changes)


class DeliveryOut(Schema):
    """`state` is WAITING, SENT, REFUSED or PARKED; `status` the DIMSE status that was answered last, in hex; `text` the same in words."""

    id: int
    destination: int
    sop_instance_uid: str
    verb: str
    received_at: Instant
    state: str
    status: str | None
    text: str
    attempts: int


class DeliveryQuery(ListQuery):
    state: Line = ""


_CHANGED = {200: DestinationOut, **refusals(404, 409, 422)}
_DECIDED = {200: DeliveryOut, **refusals(404, 409)}


@router.get("/destinations", auth=Bearer("stations.view"), response={200: Page[DestinationOut], **refusals(422)})
def list_destinations(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """Who is told what modalities report, by name."""
    rows, count = base.cut(request, query, destination_queries.destinations(base.site_of(request)))
    loads = destination_queries.loads(rows)
    return {"items": [_show(row, loads.get(row.pk, destination_queries.Load())) for row in rows], "count": count}


@router.post("/destinations", auth=Bearer("stations.edit"), response={201: DestinationOut, **refusals(409, 422)})
def make_destination(request: HttpRequest, body: DestinationIn) -> Status[dict[str, Any]]:
    """Tell one more; exams that run are sent to it from their beginning on, with their next message."""
    site = base.site_of(request)
    return Status(201, _again(site, destinations.save_destination(site, body.over(DestinationData("")), caller(request).actor).pk))


@router.get("/destinations/{int:pk}", auth=Bearer("stations.view"), response={200: DestinationOut, **refusals(404)})
def get_destination(request: HttpRequest, pk: int) -> dict[str, Any]:
    """A destination and what waits for it."""
    return _again(base.site_of(request), pk)


@router.patch("/destinations/{int:pk}", auth=Bearer("stations.edit"), response=_CHANGED)
def change_destination(request: HttpRequest, pk: int, body: DestinationIn) -> dict[str, Any]:
    """Change some of its settings; what waits goes by them from the next attempt on, which is now."""
    site = base.site_of(request)
    known = destinations.get(site, pk)
    version = known.version if body.version is None else body.version
    destinations.save_destination(site, body.over(data_of(known)), caller(request).actor, known=known, expected_version=version)
    return _again(site, pk)


@router.delete("/destinations/{int:pk}", auth=Bearer("stations.edit"), response={200: DestinationOut, **refusals(404)})
def remove_destination(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Tell it nothing any more; what waits for it is forgotten. The answer is how it stood."""
    site = base.site_of(request)
    removed = _again(site, pk)
    destinations.remove_destination(destinations.get(site, pk), caller(request).actor)
    return removed


@router.post("/destinations/{int:pk}/try-now", auth=Bearer("stations.edit"), response={200: DestinationOut, **refusals(404)})
def try_now(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Do not wait for the next attempt to reach it."""
    site = base.site_of(request)
    outbox.try_now(destinations.get(site, pk), caller(request).actor)
    return _again(site, pk)


@router.get("/destinations/{int:pk}/deliveries", auth=Bearer("performed.view"), response={200: Page[DeliveryOut], **refusals(404, 422)})
def list_deliveries(request: HttpRequest, pk: int, query: Query[DeliveryQuery]) -> dict[str, Any]:
    """What is still to bring, in order; with `state` those in it, sent ones too."""
    state = base.one_of("state", query.state, Delivery.State.values) or ""
    found = destination_queries.undone(destinations.get(base.site_of(request), pk), state)
    return base.page(request, query, found, shown)


@router.post("/deliveries/{int:pk}/send-again", auth=Bearer("stations.edit"), response=_DECIDED)
def send_again(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Let a parked message go once more."""
    outbox.send_again(destination_queries.delivery(base.site_of(request), pk), caller(request).actor)
    return shown(destination_queries.delivery(base.site_of(request), pk))


@router.post("/deliveries/{int:pk}/leave-out", auth=Bearer("stations.edit"), response=_DECIDED)
def leave_out(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Do not send a parked message; those behind it go on."""
    outbox.leave_out(destination_queries.delivery(base.site_of(request), pk), caller(request).actor)
    return shown(destination_queries.delivery(base.site_of(request), pk))


def shown(row: Delivery) -> dict[str, Any]:
    """A delivery as a `DeliveryOut`."""
    return {
        "id": row.pk,
        "destination": row.destination_id,
        "sop_instance_uid": row.message.sop_instance_uid,
        "verb": row.message.verb,
        "received_at": base.written(row.message.received_at, row.destination.site),
        "state": row.state,
        "status": None if row.status is None else f"{row.status:04X}",
        "text": row.text,
        "attempts": row.attempts,
    }


def _again(site: Site, pk: int) -> dict[str, Any]:
    row = destinations.get(site, pk)
    return _show(row, destination_queries.loads([row]).get(pk, destination_queries.Load()))


_MOMENTS = ("error_at", "reached_at", "next_attempt_at")


def _show(row: Destination, load: destination_queries.Load) -> dict[str, Any]:
    settings = {field: getattr(row, field) for field in DestinationOut.model_fields if hasattr(row, field) and field not in _MOMENTS}
    moments = {name: base.written(getattr(row, name), row.site) for name in _MOMENTS}
    return settings | moments | {"waiting": load.waiting, "parked": load.parked, "oldest": base.written(load.oldest, row.site)}
