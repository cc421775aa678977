"""Taking steps off for good: an import that replaces everything does so, and who removes a test exam. People cancel."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from ris import clock, events
from ris.actor import Actor
from ris.db import action
from ris.models import Order, RecordChange, RequestedProcedure, ScheduledProcedureStep, Site, StepChange
from ris.transitions import STARTED, WAITING

_LOT = 200
_REASON = "Removed to be replaced by what is imported."
_ALL = Q()


class Removal(NamedTuple):
    """`kept` steps wait as well, but were begun and put back: a performed step belongs to them."""

    removed: int
    kept: int


def remove_steps(
    site: Site,
    actor: Actor,
    on_progress: Callable[[int], None] = lambda removed: None,
    among: Q | Exists = _ALL,
    reason: str = _REASON,
) -> Removal:
    """Delete the waiting steps `among` these that were never begun, with procedures and orders that are left without any.

    Steps of some hundred procedures at a time, each lot in a transaction of its own; `on_progress` is told after each how many
    steps went, and what it raises ends the removal.
    """
    waiting = ScheduledProcedureStep.objects.filter(among, site=site, status__in=WAITING)
    removable = waiting.exclude(Exists(StepChange.objects.filter(step=OuterRef("pk"), to_status=STARTED)))
    procedures = RequestedProcedure.objects.filter(Exists(removable.filter(requested_procedure=OuterRef("pk"))), site=site).order_by("pk")
    removed = last = 0
    while lot := list(procedures.filter(pk__gt=last).values_list("pk", flat=True)[:_LOT]):
        removed += _remove_lot(site, actor, removable, lot, reason)
        last = lot[-1]
        on_progress(removed)
    return Removal(removed, waiting.count())


@action
def _remove_lot(site: Site, actor: Actor, removable: QuerySet[ScheduledProcedureStep], lot: Sequence[int], reason: str) -> int:
    """How many steps of these procedures went.

    What was found without a lock is looked at again when it is locked: a modality may have begun it meanwhile.
    """
    procedures = RequestedProcedure.objects.filter(pk__in=lot).order_by("pk")
    locked = dict(procedures.select_for_update().values_list("pk", "order_id"))
    list(ScheduledProcedureStep.objects.select_for_update().filter(requested_procedure__in=locked).order_by("pk").values_list("pk"))
    steps = list(removable.filter(requested_procedure__in=locked).order_by("pk").select_related("requested_procedure__order__patient"))
    ScheduledProcedureStep.objects.filter(pk__in=[step.pk for step in steps]).delete()
    RequestedProcedure.objects.filter(pk__in=locked, steps=None).delete()
    _record(site, actor, steps, reason)
    Order.objects.filter(pk__in=set(locked.values()), requested_procedures=None).delete()
    left = RequestedProcedure.objects.filter(pk__in=locked).order_by("pk").values_list("pk", flat=True)
    events.publish(events.StepsRemoved(tuple(left)))
    return len(steps)


def _record(site: Site, actor: Actor, removed: Sequence[ScheduledProcedureStep], reason: str) -> None:
    """A row for each order that the steps belonged to: which went with what status, and whose the order was that went with them."""
    steps_of: dict[Order, list[str]] = defaultdict(list)
    for step in removed:
        steps_of[step.requested_procedure.order].append(f"{step.scheduled_procedure_step_id} {step.status}")
    left = set(
        Order.objects.filter(pk__in=[order.pk for order in steps_of]).exclude(requested_procedures=None).values_list("pk", flat=True)
    )
    rows = []
    for order, step_ids in steps_of.items():
        detail: dict[str, Any] = {"steps": [", ".join(step_ids), ""]}
        if order.pk not in left:
            detail |= {"accession_number": [order.accession_number, ""], "patient_key": [order.patient_id, None]}
            detail["patient_id"] = [order.patient.patient_id, ""]
        change = {"verb": "remove", "subject": "order", "subject_id": order.pk, "reason": reason, "detail": detail}
        rows.append(RecordChange.unentered(actor, at=clock.now(site), **change))
    RecordChange.enter(rows)
