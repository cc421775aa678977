"""Taking steps off for good. Only an import that replaces everything does so; people cancel."""

from collections.abc import Callable

from ris import clock, events
from ris.actor import Actor
from ris.db import action
from ris.models import Order, RecordChange, RequestedProcedure, ScheduledProcedureStep, Site, StepChange
from ris.transitions import STARTED, WAITING

_LOT = 200


def remove_steps(site: Site, actor: Actor, on_progress: Callable[[int], None] = lambda done: None) -> int:
    """Delete every step that waits to be performed and never was begun, with orders that are left without any; returns how many.

    Some hundred at a time, each lot in a transaction of its own.
    """
    removed = 0
    while lot := _remove_lot(site, actor):
        removed += lot
        on_progress(removed)
    return removed


@action
def _remove_lot(site: Site, actor: Actor) -> int:
    begun = StepChange.objects.filter(step__site=site, to_status=STARTED).values("step")
    waiting = ScheduledProcedureStep.objects.filter(site=site, status__in=WAITING).exclude(pk__in=begun).order_by("pk")
    lot = list(waiting.values_list("pk", "requested_procedure_id", "requested_procedure__order_id")[:_LOT])
    if not lot:
        return 0
    step_ids, procedure_ids, order_ids = (tuple(dict.fromkeys(column)) for column in zip(*lot, strict=True))
    events.publish(events.StepsRemoved(step_ids))
    ScheduledProcedureStep.objects.filter(pk__in=step_ids).delete()
    RequestedProcedure.objects.filter(pk__in=procedure_ids, steps=None).delete()
    emptied = Order.objects.filter(pk__in=order_ids, requested_procedures=None)
    for order in emptied:
        RecordChange.by(
            actor,
            at=clock.now(site),
            verb="remove",
            subject="order",
            subject_id=order.pk,
            detail={"accession_number": [order.accession_number, ""]},
        )
    emptied.delete()
    return len(step_ids)
