"""From the work that ended to its charge, and what becomes of a charge when more is performed."""

from typing import Final

from billing import capture
from billing.actions import correcting
from billing.actions.history import nudge_when_committed, record_change
from billing.actions.writing import write
from billing.models import Charge
from billing.transitions import CAPTURE
from billing.works import CAPTURER
from mpps.models import PerformedProcedureStep, StepLink
from ris import clock
from ris.db import action, locking, part
from ris.insertion import insert_one
from ris.models import RequestedProcedure
from ris.prepared import Prepared

TEST: Final = "A test exam to connect a modality: it is never charged."
"""Why a charge is voided in the transaction that captures it. No sender ever sees it, and what is void is left by nothing."""

_performed_for = Prepared(
    lambda performed: (
        RequestedProcedure.objects.filter(pk__in=StepLink.objects.filter(performed_step=performed).values("step__requested_procedure"))
        .select_related("site")
        .order_by("pk")
    ),
    "performed",
)
_lock_procedure = locking(lambda pk: RequestedProcedure.objects.filter(pk=pk), "pk")
_latest = Prepared(
    lambda procedure: Charge.objects.filter(requested_procedure=procedure, kind=Charge.Kind.TECHNICAL).order_by("-revision"), "procedure"
)


@action
def capture_charge(requested_procedure_id: int) -> Charge | None:
    """Charge the procedure once all its steps are final; return its charge, also one made before, or None.

    That it is worth nothing is written down too, with the reason, and stands whatever the rules become. A charge made before follows
    what was performed since (`billing.actions.correcting`).
    Call it with the row of the requested procedure locked, so that of two steps that end at once the later sees both.
    """
    return _capture(RequestedProcedure.objects.select_related("site").get(pk=requested_procedure_id))


@part
def capture_performed(performed: PerformedProcedureStep) -> None:
    """`capture_charge` of the requested procedures that the performed step, as just written, is about, in order of their ids."""
    for procedure in _performed_for(performed.pk):
        _capture(procedure, performed)


def _capture(procedure: RequestedProcedure, *at_hand: PerformedProcedureStep) -> Charge | None:
    made, draft = _latest.first(procedure.pk), capture.draft(procedure, *at_hand)
    if draft is None:
        return made
    if made is not None and procedure.is_test:
        return made
    if made is not None:
        return correcting.follow(made, draft, CAPTURER)
    if draft.is_nothing:
        insert_one(draft.no_charge(procedure.site, procedure.pk, clock.now(procedure.site)))
        return None
    charge = write(draft.charge(procedure.site, procedure.pk, clock.now(procedure.site)), draft.lines)
    record_change(charge, CAPTURE, CAPTURER, draft.decision.reason)
    if procedure.is_test:
        correcting.void(charge, TEST, CAPTURER, by_hand=True)
    elif not charge.on_hold:
        nudge_when_committed(charge)
    return charge


@action
def capture_after_change_by_hand(requested_procedure_id: int) -> Charge | None:
    """As `capture_charge`, with the row locked here: somebody ended or canceled the last open step by a verb of ours.

    The verb has locked the row already, before the step's: this only makes sure of it.
    """
    _lock_procedure(requested_procedure_id)
    return capture_charge(requested_procedure_id)
