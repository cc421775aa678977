"""Work that ended and nobody charged: what it is worth by the rules of when it ended, and what a person saw who decides. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from billing import capture
from billing.capture import Draft
from billing.models import Charge, NoCharge
from billing.ruling import Rulebook
from mpps.models import PerformedProcedureStep
from ris.models import RequestedProcedure
from ris.transitions import COMPLETED, DISCONTINUED, FINAL

SETTLED = "settled"
"""The mark of work of which nothing is left to be decided."""


@dataclass(frozen=True)
class Late:
    """A requested procedure that ended and was not captured. `draft` is None while the modality has not said that its work ended."""

    procedure: RequestedProcedure
    ended_at: datetime
    draft: Draft | None

    @property
    def mark(self) -> str:
        """What a person who decides about it has seen of it, in short."""
        worth = (self.draft.amount, self.draft.decision, self.draft.service_at) if self.draft else ()
        return _marked(self.procedure.pk, self.ended_at, *worth)


def of_procedure(procedure: RequestedProcedure, rulebook: Rulebook | None = None) -> Late | None:
    """The procedure when it ended, is worth something, and is neither charged nor decided to be free; None otherwise.

    `rulebook` is that of its hospital, for those who ask for many.
    """
    charged = Charge.objects.filter(requested_procedure=procedure).exists()
    if procedure.is_test or charged or NoCharge.objects.filter(requested_procedure=procedure).exists():
        return None
    steps = list(procedure.steps.values_list("status", "status_at"))
    ended = [at for status, at in steps if status in (COMPLETED, DISCONTINUED)]
    if not ended or any(status not in FINAL for status, _ in steps):
        return None
    draft = capture.draft(procedure, by=(rulebook or Rulebook(procedure.site)).at(max(ended)))
    return None if draft is not None and draft.is_nothing else Late(procedure, max(ended), draft)


def mark_of(procedure: RequestedProcedure) -> str:
    """What a person has seen of a procedure, whether anything is left to be decided of it or not."""
    late = of_procedure(procedure)
    return late.mark if late else SETTLED


def mark_of_performed(performed: PerformedProcedureStep) -> str:
    """The same of a step that was performed without an order."""
    return _marked(performed.pk, performed.updated_at) if is_undecided(performed) else SETTLED


def is_undecided(performed: PerformedProcedureStep) -> bool:
    """Whether the step is of no order known here, and neither charged nor decided to be free."""
    decided = NoCharge.objects.filter(performed_step=performed, requested_procedure=None)
    return performed.unscheduled and not decided.exists() and not Charge.objects.filter(performed_step=performed).exists()


def _marked(*facts: object) -> str:
    return sha256(repr(facts).encode()).hexdigest()[:16]
