"""REST of faults: what can be injected, what is on, what was; switching on and off."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.responses import Status

from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Instant, Line, ListQuery, Page, refusals
from training import queries
from training.actions import faults
from training.actions.faults import DEFAULT_MINUTES, FaultData
from training.faults import active
from training.faults.kinds import KINDS, Kind
from training.faults.parameters import Choice, Number
from training.models import Fault

router = Router(tags=["faults"])


class FaultQuery(ListQuery):
    """`active`: those that are on, or those that are over; `station_ae_title`: those that hold for this station, as all of them do
    that name none."""

    active: bool | None = None
    station_ae_title: Line = ""


class FaultIn(Body):
    """`kind` and `parameters` as `GET /fault-kinds` has them; what is left out of `parameters` is as by default. Without a station or
    a service the fault holds for all of them. It ends by itself after `minutes`."""

    kind: Line
    station_ae_title: Line = ""
    service: Line = ""
    minutes: float | None = Field(DEFAULT_MINUTES, description="Of wall time; at most 240.")
    parameters: dict[str, Any] = {}
    reason: str = ""


class EndIn(Body):
    reason: str = ""


class FaultOut(Schema):
    """`what` is what it does in words. `ended` is null unless it was switched off before `until`."""

    id: int
    kind: str
    what: str
    station_ae_title: str | None
    service: str | None
    parameters: dict[str, Any]
    active: bool
    begun: Instant
    until: Instant
    ended: Instant | None
    set_by: str
    ended_by: str | None
    reason: str


class ParameterOut(Schema):
    """`least` and `most` of a number, `choices` (word to meaning) of a choice; else null."""

    name: str
    label: str
    default: Any
    least: int | None = None
    most: int | None = None
    choices: dict[str, str] | None = None


class KindOut(Schema):
    """`holds_for` says what a fault of this kind is chosen by."""

    kind: str
    title: str
    what: str
    holds_for: str
    services: list[str]
    parameters: list[ParameterOut]


@router.get("/fault-kinds", auth=Bearer("journal.view"), response={200: Page[KindOut], **refusals()})
def list_kinds(request: HttpRequest) -> dict[str, Any]:
    """The faults there are, and what each can be told."""
    return {"items": [_kind(kind) for kind in KINDS.values()], "count": len(KINDS)}


@router.get("/faults", auth=Bearer("journal.view"), response={200: Page[FaultOut], **refusals(422)})
def list_faults(request: HttpRequest, query: Query[FaultQuery]) -> dict[str, Any]:
    """Faults that are on and that were, the latest first."""
    found = queries.faults(base.site_of(request), query.station_ae_title, query.active)
    return base.page(request, query, found, _fault)


@router.post("/faults", auth=Bearer("faults.set"), response={201: FaultOut, **refusals(409, 422)})
def create_fault(request: HttpRequest, body: FaultIn) -> Status[dict[str, Any]]:
    """Switch a fault on: at once, in every process within a second."""
    return Status(201, _fault(faults.switch_on(base.site_of(request), FaultData(**body.model_dump()), caller(request).actor)))


@router.get("/faults/{int:fault_id}", auth=Bearer("journal.view"), response={200: FaultOut, **refusals(404)})
def get_fault(request: HttpRequest, fault_id: int) -> dict[str, Any]:
    """One fault."""
    return _fault(queries.fault(base.site_of(request), fault_id))


@router.post("/faults/{int:fault_id}/end", auth=Bearer("faults.set"), response={200: FaultOut, **refusals(404, 409, 422)})
def end_fault(request: HttpRequest, fault_id: int, body: EndIn) -> dict[str, Any]:
    """Switch a fault off before its time."""
    return _fault(faults.switch_off(base.site_of(request), fault_id, caller(request).actor, body.reason))


def _fault(fault: Fault) -> dict[str, Any]:
    site = fault.site
    return {
        "what": active.in_words(fault),
        "station_ae_title": fault.station_ae_title or None,
        "service": fault.service or None,
        "active": active.is_on(fault),
        "begun": base.written(fault.begun, site),
        "until": base.written(fault.until, site),
        "ended": base.written(fault.ended, site),
        "ended_by": faults.ended_by(fault) or None,
        **{name: getattr(fault, name) for name in ("id", "kind", "parameters", "set_by", "reason")},
    }


def _kind(kind: Kind) -> dict[str, Any]:
    told = [_parameter(one) for one in kind.parameters]
    return {
        "kind": kind.name,
        "title": kind.title,
        "what": kind.what,
        "holds_for": kind.place.value,
        "services": kind.services,
        "parameters": told,
    }


def _parameter(one: Any) -> dict[str, Any]:
    told = {"name": one.name, "label": one.label, "default": one.default}
    if isinstance(one, Number):
        return told | {"least": one.least, "most": one.most}
    return told | ({"choices": one.choices} if isinstance(one, Choice) else {})
