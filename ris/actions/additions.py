"""Adding to an order that is open: a procedure of the catalogue, or one more step of a procedure.

What is added has the order's accession number. A procedure has a Study Instance UID, an ID and a charge of its own. A step belongs to
its procedure's study and charge, which waits for it: a procedure is charged when all its steps have ended, so one that has ended takes
no more. A discontinued step that is reopened opens its procedure again; the charge then follows what is performed.
"""

from ris.actions import orders
from ris.actions.catalogue import StepData, check_step
from ris.actions.orders import Booking
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, InvalidInput
from ris.models import Order, RequestedProcedure, ScheduledProcedureStep
from ris.transitions import CANCELED, FINAL
from ris.validation import Checker, reason_text

_IN_TRAY = Booking()


@action
def add_procedure(
    order: Order, code: str, actor: Actor, booking: Booking = _IN_TRAY, *, reason: str = "", expected_version: int | None = None
) -> RequestedProcedure:
    """Add a procedure of the catalogue, with its steps, booked or in the tray.

    Raises InvalidInput, NotFound (procedure, station), Conflict (the order is canceled or over), ChangedMeanwhile or SlotTaken.
    """
    booking.check()
    why = reason_text(reason)
    procedure = orders.catalogue_procedure(order.site, code)
    order = orders.lock_order(order.pk, expected_version)
    _refuse_unless_open(
        list(ScheduledProcedureStep.objects.filter(requested_procedure__order=order).values_list("status", flat=True)),
        f"Order {orders.named(order)}",
        "place a new order for the patient",
    )
    made = orders.request_procedure(order, procedure, actor)
    if not made:
        raise InvalidInput({"procedure_code": f"names {procedure.meaning}, which has no steps in the catalogue; give it one there first"})
    requested = made[0].requested_procedure
    orders.record(order, actor, "add_procedure", why, {"procedure": ["", f"{requested.requested_procedure_id} {procedure.meaning}"]})
    orders.book_in_a_row(made, booking, actor)
    return requested


@action
def add_step(
    procedure: RequestedProcedure,
    data: StepData,
    actor: Actor,
    booking: Booking = _IN_TRAY,
    *,
    reason: str = "",
    expected_version: int | None = None,
) -> ScheduledProcedureStep:
    """Add a step behind the others of the procedure, booked or in the tray.

    Raises InvalidInput, NotFound (station), Conflict (the procedure is canceled or over), ChangedMeanwhile or SlotTaken.
    `expected_version` is that of the order.
    """
    booking.check()
    why = reason_text(reason)
    checked = Checker()
    template = check_step(1, data, checked)
    checked.done()
    order = orders.lock_order(procedure.order_id, expected_version)
    known = list(ScheduledProcedureStep.objects.filter(requested_procedure=procedure))
    name = f"Procedure {procedure.requested_procedure_id} of order {orders.named(order)}"
    _refuse_unless_open([step.status for step in known], name, "add a procedure to the order, or place a new one")
    template.position = max(step.position for step in known) + 1
    step = orders.make_step(procedure, template, actor, verb="add", reason=why)
    orders.record(order, actor, "add_step", why, {"step": ["", f"{step.scheduled_procedure_step_id} {step.description}"]})
    orders.book_in_a_row([step], booking, actor)
    return step


def _refuse_unless_open(statuses: list[str], name: str, instead: str) -> None:
    """Conflict when no step is left that waits or is under way."""
    if any(status not in FINAL for status in statuses):
        return
    if set(statuses) == {CANCELED}:
        raise Conflict(f"{name} is canceled; restore an exam of it first, or {instead}.")
    raise Conflict(f"{name} is over: each of its exams has ended. To have more done, {instead}.")
