"""What the performed steps tell the rooms above (published through `ris.events`, inside the transaction of the message)."""

from dataclasses import dataclass

from mpps.models import PerformedProcedureStep


@dataclass(frozen=True)
class PerformedStepCreated:
    """An N-CREATE was accepted; links to scheduled steps are made and those steps are started."""

    performed_step_id: int


@dataclass(frozen=True)
class PerformedStepUpdated:
    """An N-SET was accepted that left the step in progress."""

    performed_step_id: int


@dataclass(frozen=True)
class PerformedStepEnded:
    """An N-SET made the step final; `status` is COMPLETED or DISCONTINUED. Its scheduled steps have been ended already.

    `performed_step` is the row as just written: whoever follows need not read it again. The requested procedures of the linked
    steps are locked, so that a subscriber may count what is still open.
    """

    performed_step: PerformedProcedureStep
    status: str

    @property
    def performed_step_id(self) -> int:
        return self.performed_step.pk
