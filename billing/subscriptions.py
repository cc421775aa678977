"""What makes the billing look at a requested procedure: events of the rooms below, inside their transactions."""

from billing import actions
from mpps.events import PerformedStepEnded
from mpps.models import StepLink
from ris import events
from ris.actor import MODALITY
from ris.models import RequestedProcedure, ScheduledProcedureStep
from ris.transitions import FINAL, TRANSITIONS


def subscribe() -> None:
    events.subscribe(PerformedStepEnded, capture_performed)
    events.subscribe(events.StepChanged, capture_ended_by_hand)


def capture_performed(event: PerformedStepEnded) -> None:
    """Capture the charges of the requested procedures that the performed step is about; their rows are locked."""
    steps = StepLink.objects.filter(performed_step=event.performed_step_id, step__isnull=False).values("step__requested_procedure")
    for procedure_id in RequestedProcedure.objects.filter(pk__in=steps).order_by("pk").values_list("pk", flat=True):
        actions.capture_charge(procedure_id)


def capture_ended_by_hand(event: events.StepChanged) -> None:
    """A person or a program completed, discontinued or canceled a step: it may have been the last open one of its procedure.

    What a modality ends comes as PerformedStepEnded, when all of its message has been stored. A step that was imported in a
    final status was ended by no verb of ours, and is not charged here.
    """
    step = ScheduledProcedureStep.objects.get(pk=event.step_id)
    if step.status not in FINAL:
        return
    last = step.changes.last()
    if last is not None and last.actor_kind != MODALITY and last.verb in TRANSITIONS and last.to_status == step.status:
        actions.capture_after_change_by_hand(step.requested_procedure_id)
