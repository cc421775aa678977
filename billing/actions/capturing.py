"""From the work that ended to its charge, and what becomes of a charge when more is performed."""

from dataclasses import replace
from typing import Final

from billing import capture
from billing.actions import correcting
from billing.actions.history import nudge_when_committed, record_change
from billing.actions.writing import write
from billing.models import Charge, NoCharge
from billing.transitions import CAPTURE
from billing.works import CAPTURER
from mpps.models import PerformedProcedureStep, StepLink
from ris import clock
from ris.actor import Actor
from ris.db import action, locking, part
from ris.insertion import insert_one
from ris.models import RequestedProcedure
from ris.prepared import Prepared
from ris.transitions import COMPLETED, DISCONTINUED

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
_decided_by_hand = Prepared(
    lambda procedure: NoCharge.objects.filter(requested_procedure=procedure, by_hand=True).order_by("-pk"), "procedure"
)
_latest = Prepared(
    lambda procedure: Charge.objects.filter(requested_procedure=procedure, kind=Charge.Kind.TECHNICAL).order_by("-revision"), "procedure"
)


@action
def capture_charge(requested_procedure_id: int) -> Charge | None:
    """Charge the procedure once all its steps are final; return its charge, also one made before, or None.

    What a person decided to be free is not charged; what was performed since is, when a person has looked at it.

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
    decided = _decided_by_hand.first(procedure.pk)
    if decided is not None and _is_same_work(procedure, draft, decided):
        return None
    if decided is not None:
        doubt = f"A person decided that nothing is charged for it ({decided.reason}), and more was performed since; check what is charged."
        draft = replace(draft, decision=replace(draft.decision, hold=" ".join(filter(None, (draft.decision.hold, doubt)))))
    charge = begin(procedure, draft, CAPTURER)
    if procedure.is_test:
        correcting.void(charge, TEST, CAPTURER, by_hand=True)
    return charge


def begin(procedure: RequestedProcedure, draft: capture.Draft, actor: Actor) -> Charge:
    """Write the first charge of a procedure, whose row is locked."""
    charge = write(draft.charge(procedure.site, procedure.pk, clock.now(procedure.site)), draft.lines)
    record_change(charge, CAPTURE, actor, draft.decision.reason)
    if not procedure.is_test and not charge.on_hold:
        nudge_when_committed(charge)
    return charge


def _is_same_work(procedure: RequestedProcedure, draft: capture.Draft, decided: NoCharge) -> bool:
    """Whether nothing was performed since a person decided that nothing is charged for it."""
    performed = [one.updated_at for one in draft.performed]
    ended = procedure.steps.filter(status__in=(COMPLETED, DISCONTINUED)).values_list("status_at", flat=True)
    return max([*performed, *ended], default=decided.decided_at) <= decided.decided_at


@action
def capture_after_change_by_hand(requested_procedure_id: int) -> Charge | None:
    """As `capture_charge`, with the row locked here: somebody ended or canceled the last open step by a verb of ours.

    The verb has locked the row already, before the step's: this only makes sure of it.
    """
    _lock_procedure(requested_procedure_id)
    return capture_charge(requested_procedure_id)
