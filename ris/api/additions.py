"""What becomes of an order afterwards: more procedures, more steps, or none of it.

These addresses lie below that of an order, whose accession number may hold slashes itself: a GET of one is a GET of the order that is
called so.
"""

from typing import Any

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status
from pydantic import StrictInt

from ris import queries
from ris.actions import additions, orders
from ris.actions.catalogue import StepData
from ris.actions.orders import Booking
from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Line, Moment, refusals
from ris.api.orders import OrderOut, shown
from ris.errors import NotFound
from ris.models import Order, RequestedProcedure, Site

router = Router(tags=["orders"])


class Booked(Body):
    """Without station and start what is added waits in the tray. `station_ae_title` may be the code of a pool."""

    station_ae_title: Line | None = None
    start: Moment | None = None
    end: Moment | None = None
    reason: str | None = None

    def booking(self) -> Booking:
        return Booking(station_ae_title=self.station_ae_title or "", start=self.start, end=self.end)


class ProcedureIn(Booked):
    procedure_code: Line


class StepIn(Booked):
    """A step as the catalogue would describe it. A protocol code needs its scheme."""

    description: str
    modality: str
    duration_minutes: StrictInt
    protocol_code: str = ""
    protocol_scheme: str = ""
    protocol_meaning: str = ""
    pre_medication: str = ""
    requested_contrast_agent: str = ""

    def step(self) -> StepData:
        return StepData(**self.model_dump(exclude=set(Booked.model_fields)))


class Cancellation(Body):
    reason: str


_CHANGED = {200: OrderOut, **refusals(404, 409, 422)}
_ADDED = {201: OrderOut, **refusals(404, 409, 422)}


@router.post("/orders/{path:accession_number}/procedures/{requested_procedure_id}/steps", auth=Bearer("orders.change"), response=_ADDED)
def add_step(request: HttpRequest, accession_number: Line, requested_procedure_id: Line, body: StepIn) -> Status[dict[str, Any]]:
    """Add a step to a procedure that is not over: same study, same charge."""
    site = base.site_of(request)
    procedure = _procedure(site, accession_number, requested_procedure_id)
    additions.add_step(procedure, body.step(), caller(request).actor, body.booking(), reason=body.reason or "")
    return Status(201, _again(request, site, accession_number))


@router.post("/orders/{path:accession_number}/procedures/{requested_procedure_id}/cancel", auth=Bearer("steps.cancel"), response=_CHANGED)
def cancel_procedure(request: HttpRequest, accession_number: Line, requested_procedure_id: Line, body: Cancellation) -> dict[str, Any]:
    """Cancel what has not begun of one procedure."""
    site = base.site_of(request)
    orders.cancel_procedure(_procedure(site, accession_number, requested_procedure_id), caller(request).actor, body.reason)
    return _again(request, site, accession_number)


@router.post("/orders/{path:accession_number}/procedures", auth=Bearer("orders.change"), response=_ADDED)
def add_procedure(request: HttpRequest, accession_number: Line, body: ProcedureIn) -> Status[dict[str, Any]]:
    """Add a procedure of the catalogue to an order that is not over: same accession number, a study and a charge of its own."""
    site = base.site_of(request)
    order = queries.order(site, accession_number)
    additions.add_procedure(order, body.procedure_code, caller(request).actor, body.booking(), reason=body.reason or "")
    return Status(201, _again(request, site, accession_number))


@router.post("/orders/{path:accession_number}/cancel", auth=Bearer("steps.cancel"), response=_CHANGED)
def cancel_order(request: HttpRequest, accession_number: Line, body: Cancellation) -> dict[str, Any]:
    """Cancel what has not begun of an order."""
    site = base.site_of(request)
    orders.cancel_order(queries.order(site, accession_number), caller(request).actor, body.reason)
    return _again(request, site, accession_number)


def _get_order(request: HttpRequest, accession_number: str, below: str) -> dict[str, Any]:
    return shown(request, queries.order(base.site_of(request), f"{accession_number}/{below}"))


@router.get("/orders/{path:accession_number}/procedures", auth=Bearer("orders.view"), response={200: OrderOut}, include_in_schema=False)
def get_order_called_procedures(request: HttpRequest, accession_number: Line) -> dict[str, Any]:
    """The order whose accession number ends like the address of its procedures."""
    return _get_order(request, accession_number, "procedures")


@router.get("/orders/{path:accession_number}/cancel", auth=Bearer("orders.view"), response={200: OrderOut}, include_in_schema=False)
def get_order_called_cancel(request: HttpRequest, accession_number: Line) -> dict[str, Any]:
    """The order whose accession number ends like the address of its cancellation."""
    return _get_order(request, accession_number, "cancel")


def _procedure(site: Site, accession_number: str, requested_procedure_id: str) -> RequestedProcedure:
    order: Order = queries.order(site, accession_number)
    found = order.requested_procedures.filter(requested_procedure_id=requested_procedure_id).first()
    if found is None:
        raise NotFound(f"Order {accession_number} has no procedure {requested_procedure_id!r}; GET of the order lists them.")
    return found


def _again(request: HttpRequest, site: Site, accession_number: str) -> dict[str, Any]:
    """The order as a GET shows it now."""
    return shown(request, queries.order(site, accession_number))
