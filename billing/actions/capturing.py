"""From the work that ended to its charge, and what becomes of a charge when more is performed."""

from django.db.models import Q
from django.db.models.functions import Now

from billing import capture
from billing.actions.history import MAX_TEXT, nudge_when_committed, record_change
from billing.models import Charge, ChargeLine
from billing.transitions import CAPTURE, FAILED, PENDING, question, redraft
from mpps.models import PerformedProcedureStep, StepLink
from ris import clock
from ris.actor import Actor
from ris.db import action, locking, part
from ris.insertion import insert_few, insert_one
from ris.models import RequestedProcedure
from ris.prepared import Prepared, PreparedUpdate

CAPTURER = Actor.system("charge capture")

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
_name = PreparedUpdate(lambda pk: Charge.objects.filter(pk=pk), "pk", columns=("control_id",), next_attempt_at=Now())


@action
def capture_charge(requested_procedure_id: int) -> Charge | None:
    """Charge the procedure once all its steps are final; return its charge, also one made before, or None.

    A charge made before follows what was performed since: it is written anew while nothing of it was sent, and says that it needs
    a correction afterwards.
    Call it with the row of the requested procedure locked, so that of two steps that end at once the later sees both.
    """
    return _capture(RequestedProcedure.objects.select_related("site").get(pk=requested_procedure_id))


@part
def capture_performed(performed: PerformedProcedureStep) -> None:
    """`capture_charge` of the requested procedures that the performed step, as just written, is about, in order of their ids."""
    for procedure in _performed_for(performed.pk):
        _capture(procedure, performed)


def _capture(procedure: RequestedProcedure, *at_hand: PerformedProcedureStep) -> Charge | None:
    made, draft = _made(procedure), capture.draft(procedure, *at_hand)
    if draft is None or made is not None:
        return _follow(made, draft) if made and draft else made
    charge = _create(procedure, draft)
    record_change(charge, CAPTURE, CAPTURER, draft.decision.reason)
    if not charge.on_hold:
        nudge_when_committed(charge)
    return charge


@action
def capture_after_change_by_hand(requested_procedure_id: int) -> Charge | None:
    """As `capture_charge`, with the row locked here: somebody ended or canceled the last open step by a verb of ours.

    The verb has locked the row already, before the step's: this only makes sure of it.
    """
    _lock_procedure(requested_procedure_id)
    return capture_charge(requested_procedure_id)


def _made(procedure: RequestedProcedure) -> Charge | None:
    return _latest.first(procedure.pk)


def _follow(charge: Charge, draft: capture.Draft) -> Charge:
    """Make the charge what the draft says, if that is still possible; else say that it differs. The same lines change nothing."""
    before, after = ([_facts(line) for line in lines] for lines in (charge.lines.all(), draft.lines))
    if before == after:
        return charge
    unsent = Charge.objects.filter(Q(status=FAILED) | Q(status=PENDING, message=""), pk=charge.pk)  # a claim writes the message
    first = draft.performed[0] if draft.performed else None
    reason, hold = draft.decision.reason[:MAX_TEXT], draft.decision.hold[:MAX_TEXT]
    if unsent.update(amount=draft.amount, reason=reason, on_hold=hold, service_at=draft.service_at, performed_step=first, message=""):
        charge.lines.all().delete()
        _write_lines(charge, draft)
        charge.refresh_from_db()
        record_change(charge, redraft(charge.status), CAPTURER, reason)
        if charge.status == PENDING and not hold:
            nudge_when_committed(charge)
        return charge
    charged_as = " Charged as: "
    worth = f"{Charge.NEEDS_CORRECTION}: {draft.decision.reason}, {draft.amount:.2f} {charge.currency}."[: MAX_TEXT - 80]
    note = f"{worth}{charged_as}{charge.reason.rpartition(charged_as)[2]}"[:MAX_TEXT]
    if Charge.objects.filter(pk=charge.pk).exclude(reason=note).update(reason=note):
        charge.refresh_from_db()
        record_change(charge, question(charge.status), CAPTURER, note)
    return charge


def _facts(line: ChargeLine) -> tuple[object, ...]:
    return line.code, line.scheme, line.modifier, line.quantity, line.unit_amount


def _create(procedure: RequestedProcedure, draft: capture.Draft) -> Charge:
    now = clock.now(procedure.site)
    charge = insert_one(
        Charge(
            site=procedure.site,
            requested_procedure=procedure,
            performed_step=draft.performed[0] if draft.performed else None,
            amount=draft.amount,
            reason=draft.decision.reason[:MAX_TEXT],
            on_hold=draft.decision.hold[:MAX_TEXT],
            service_at=draft.service_at,
            created_at=now,
            next_attempt_at=now,  # until it has its control ID; then the database's wall time
        )
    )
    charge.control_id = f"C{charge.pk:08d}"
    _name(charge.pk, control_id=charge.control_id)
    _write_lines(charge, draft)
    return charge


def _write_lines(charge: Charge, draft: capture.Draft) -> None:
    for line in draft.lines:
        line.charge = charge
    insert_few(draft.lines)
