"""Taking steps off for good. Only an import that replaces everything does so; people cancel."""

from collections.abc import Callable
from typing import NamedTuple

from django.db.models import Q, QuerySet

from ris import clock, events
from ris.actor import Actor
from ris.db import action
from ris.models import Order, RecordChange, RequestedProcedure, ScheduledProcedureStep, Site, StepChange
from ris.transitions import CANCELED, STARTED, WAITING

_LOT = 200


class Removal(NamedTuple):
    """`kept` steps wait as well, but work was begun on their requested procedure, and its charge waits for all of them."""

    removed: int
    kept: int


def remove_steps(site: Site, actor: Actor, on_progress: Callable[[int], None] = lambda removed: None) -> Removal:
    """Delete the waiting steps of every requested procedure that was never begun, with orders that are left without any.

    Some hundred procedures at a time, each lot in a transaction of its own; `on_progress` is told after each how many steps went,
    and what it raises ends the removal.
    """
    removed = 0
    while (lot := _remove_lot(site, actor)) is not None:
        removed += lot
        on_progress(removed)
    return Removal(removed, ScheduledProcedureStep.objects.filter(site=site, status__in=WAITING).count())


def _begun(site: Site) -> QuerySet[ScheduledProcedureStep]:
    """Steps that somebody started at some time, or that came with a status that says so."""
    started = StepChange.objects.filter(step__site=site, to_status=STARTED).values("step")
    return ScheduledProcedureStep.objects.filter(Q(pk__in=started) | ~Q(status__in=(*WAITING, CANCELED)), site=site)


@action
def _remove_lot(site: Site, actor: Actor) -> int | None:
    """How many steps went; None when there is nothing left to remove.

    What is found without a lock is looked at again when it is locked: a modality may have begun it meanwhile.
    """
    waiting = ScheduledProcedureStep.objects.filter(site=site, status__in=WAITING)
    never_begun = waiting.exclude(requested_procedure__in=_begun(site).values("requested_procedure"))
    found = never_begun.order_by("requested_procedure").values_list("requested_procedure", flat=True).distinct()[:_LOT]
    procedures = RequestedProcedure.objects.filter(pk__in=list(found)).order_by("pk")
    locked = dict(procedures.select_for_update().values_list("pk", "order_id"))
    if not locked:
        return None
    list(ScheduledProcedureStep.objects.select_for_update().filter(requested_procedure__in=locked).order_by("pk").values_list("pk"))
    step_ids = tuple(never_begun.filter(requested_procedure__in=locked).order_by("pk").values_list("pk", flat=True))
    events.publish(events.StepsRemoved(step_ids))
    ScheduledProcedureStep.objects.filter(pk__in=step_ids).delete()
    RequestedProcedure.objects.filter(pk__in=locked, steps=None).delete()
    emptied = Order.objects.filter(pk__in=set(locked.values()), requested_procedures=None)
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
