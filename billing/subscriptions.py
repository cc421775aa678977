"""What makes the billing look at a requested procedure: events of the rooms below, inside their transactions."""

from billing.actions import capturing
from mpps.events import PerformedStepEnded
from ris import events
from ris.actor import MODALITY
from ris.transitions import FINAL


def subscribe() -> None:
    events.subscribe(PerformedStepEnded, capture_performed)
    events.subscribe(events.StepStatusChanged, capture_ended_by_hand)
    events.subscribe(events.StepsRemoved, capture_what_is_left)


def capture_performed(event: PerformedStepEnded) -> None:
    """Capture the charges of the requested procedures that the performed step is about; their rows are locked."""
    capturing.capture_performed(event.performed_step)


def capture_ended_by_hand(event: events.StepStatusChanged) -> None:
    """A person or a program completed, discontinued or canceled a step: it may have been the last open one of its procedure.

    What a modality ends comes as PerformedStepEnded, when all of its message has been stored. A step that was imported in a
    final status was ended by no verb of ours, and is not charged here.
    """
    if event.status in FINAL and event.actor_kind != MODALITY:
        capturing.capture_after_change_by_hand(event.requested_procedure_id)


def capture_what_is_left(event: events.StepsRemoved) -> None:
    """Steps were taken off for good: they may have been the last open ones of their procedures, as if they had been canceled."""
    for procedure_id in event.requested_procedure_ids:
        capturing.capture_after_change_by_hand(procedure_id)
