"""Changing what staff set of an exam (`ris.attributes`): of the step, its procedure, its order and the visit."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from ris import attributes, clock, events
from ris.actions import orders, received, visits
from ris.actions.orders import Further
from ris.actions.steps import lock_step
from ris.actor import Actor
from ris.crossing import CHANGE_AGAIN, crossed
from ris.db import action, lock
from ris.models import Order, RecordChange, RequestedProcedure, ScheduledProcedureStep, StepChange, Visit
from ris.validation import Checker, reason_text

RECORDS = ("step", "procedure", "order", "visit")


@action
def edit_exam(
    step_id: int,
    typed: Further,
    actor: Actor,
    *,
    reason: str = "",
    expected_versions: tuple[int, int] | None = None,
    expected_visit: str = "",
) -> ScheduledProcedureStep:
    """Set attributes by record and keyword, those not named stay; the worklists follow in the same transaction.

    What is set replaces what an import received for it. `expected_versions` are those of the step and of the order, which stands for its
    procedures too; `expected_visit` is `ris.actions.visits.mark` of the visit as it was seen.
    Raises InvalidInput by keyword, Conflict (the admission ID) or ChangedMeanwhile.
    """
    why = reason_text(reason)
    checked = Checker()
    values = {name: attributes.check(attributes.RECORDS[name], typed.get(name, {}), checked) for name in RECORDS}
    checked.done()
    of_step, of_order = expected_versions or (None, None)
    seen = ScheduledProcedureStep.objects.select_related("requested_procedure").get(pk=step_id)
    order = orders.lock_order(seen.requested_procedure.order_id, of_order)
    among = _sharing(order)
    lock(lambda: among.order_by("pk"))
    step = lock_step(step_id, of_step)
    if expected_visit and expected_visit != visits.mark(Visit.objects.filter(orders=order).first()):
        of_visit = RecordChange.objects.filter(subject="order", subject_id__in=Order.objects.filter(visit=order.visit_id).values("pk"))
        raise crossed("the visit", order.site, of_visit.order_by("-pk")[:1], CHANGE_AGAIN)
    touched = {step.pk} if _edit_step(step, values["step"], actor, why) else set[int]()
    touched |= _edit_order(order, step.requested_procedure, values, actor, why)
    for pk in sorted(touched):
        events.publish(events.StepChanged(pk))
    return lock_step(step_id)


def _sharing(order: Order) -> QuerySet[ScheduledProcedureStep]:
    """The steps of the order and of the other orders of its visit."""
    steps = ScheduledProcedureStep.objects.all()
    if order.visit_id is None:
        return steps.filter(requested_procedure__order=order.pk)
    return steps.filter(requested_procedure__order__in=Order.objects.filter(visit=order.visit_id))


def _edit_step(step: ScheduledProcedureStep, values: Mapping[str, Any], actor: Actor, reason: str) -> bool:
    detail, names = attributes.put(step, attributes.STEP, values)
    if not detail:
        return False
    step.received_item = received.without(step.received_item, step=attributes.tags(attributes.STEP, detail))
    step.version += 1
    step.save(update_fields=[*names, "received_item", "version"])
    status = {"from_status": step.status, "to_status": step.status}
    StepChange.by(actor, step=step, at=clock.now(step.site), verb="edit", reason=reason, detail=detail, **status)
    return True


def _edit_order(order: Order, procedure: RequestedProcedure, values: Further, actor: Actor, reason: str) -> set[int]:
    """Change order, procedure and visit, with one row in the order's history; returns the steps that show it."""
    of_order, names = attributes.put(order, attributes.ORDER, values["order"])
    of_procedure, procedure_names = attributes.put(procedure, attributes.PROCEDURE, values["procedure"])
    visit, of_visit = visits.visit_with(order.patient, order.visit, values["visit"], actor)
    if visit != order.visit:
        of_visit = {"visit": [str(order.visit or ""), str(visit or "")]} | of_visit
        order.visit = visit
        names = [*names, "visit"]
    detail = of_order | of_procedure | of_visit
    if not detail:
        return set()
    order.save(update_fields=names)
    procedure.save(update_fields=procedure_names)
    steps = _sharing(order) if of_visit else ScheduledProcedureStep.objects.filter(requested_procedure__order=order)
    received.take_off(steps, root=attributes.tags(attributes.VISIT, None if "visit" in of_visit else of_visit))
    of_one = ScheduledProcedureStep.objects.filter(requested_procedure__order=order)
    received.take_off(of_one, root=attributes.tags(attributes.ORDER, of_order))
    received.take_off(of_one.filter(requested_procedure=procedure), root=attributes.tags(attributes.PROCEDURE, of_procedure))
    orders.record(order, actor, "edit", reason, detail)
    return set(steps.values_list("pk", flat=True))
