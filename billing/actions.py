"""Everything that changes a charge; each verb owns its transaction and records who, when, from, to and why."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from billing import capture, messages
from billing.models import Charge, ChargeChange, ChargeLine, DeliveryAttempt
from billing.nudge import nudge
from billing.transitions import CAPTURE, FAILED, PENDING, POST, REFUSE, RELEASE, RETRY, Transition, question, redraft
from mpps.models import PerformedProcedureStep, StepLink
from ris import clock, outbox
from ris.actor import Actor
from ris.db import action, locking, part
from ris.errors import IllegalTransition
from ris.insertion import insert_few, insert_one
from ris.models import RequestedProcedure
from ris.prepared import Prepared, PreparedUpdate

LEASE = timedelta(seconds=30)
CAPTURER = Actor.system("charge capture")
SENDER = Actor.system("charge delivery")
MAX_TEXT = 255


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


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to deliver; `code` is MSA-1, `text` may hold what the receiver wrote."""

    result: DeliveryAttempt.Result
    text: str
    duration_ms: int
    target: str = ""
    code: str = ""


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
    _record(charge, CAPTURE, CAPTURER, draft.decision.reason)
    if not charge.on_hold:
        _nudge_when_committed(charge)
    return charge


@action
def capture_after_change_by_hand(requested_procedure_id: int) -> Charge | None:
    """As `capture_charge`, with the row locked here: somebody ended or canceled the last open step by a verb of ours.

    The verb has locked the row already, before the step's: this only makes sure of it.
    """
    _lock_procedure(requested_procedure_id)
    return capture_charge(requested_procedure_id)


@action
def claim(charge_id: int) -> Charge | None:
    """Take a due charge for the length of a lease, with its message written once and for all.

    None when it is not due: posted, failed, on hold, waiting for its next attempt, or in the hands of another worker.
    A charge that cannot be written as a message has FAILED afterwards.
    """
    due = Charge.objects.filter(pk=charge_id, status=PENDING, on_hold="", next_attempt_at__lte=Now())
    if not due.filter(outbox.free()).update(attempts=F("attempts") + 1, lease_until=Now() + LEASE):
        return None
    charge = (
        Charge.objects.select_related("site", "requested_procedure__order__patient", "requested_procedure__order__visit")
        .prefetch_related("lines")
        .get(pk=charge_id)
    )
    if not charge.message:
        try:
            charge.message = messages.build(charge)
        except ValueError as error:
            record(charge, Attempt(DeliveryAttempt.Result.UNSENDABLE, str(error), 0))
            return None
        Charge.objects.filter(pk=charge_id).update(message=charge.message)
    return charge


@action
def record(charge: Charge, attempt: Attempt, retry_in: timedelta = timedelta(0)) -> None:
    """Write down what came of the attempt that `charge` was claimed for, and what follows from it.

    An acceptance is a fact whoever hears it; anything else counts only from the latest holder of the lease.
    """
    DeliveryAttempt.objects.create(
        charge=charge,
        number=charge.attempts,
        at=clock.now(charge.site),
        target=attempt.target,
        result=attempt.result,
        text=_kept(attempt.text),
        duration_ms=attempt.duration_ms,
    )
    error = _kept(attempt.text)
    pending = Charge.objects.filter(pk=charge.pk, status=PENDING)
    held = pending.filter(attempts=charge.attempts)
    if attempt.result == DeliveryAttempt.Result.ACCEPTED:
        if pending.update(status=POST.target, posted_at=clock.now(charge.site), error="", lease_until=None):
            _record(charge, POST, SENDER, error)
    elif attempt.result in (DeliveryAttempt.Result.REFUSED, DeliveryAttempt.Result.UNSENDABLE):
        if held.update(status=REFUSE.target, error=error, lease_until=None):
            _record(charge, REFUSE, SENDER, error)
    else:
        held.update(error=error, lease_until=None, next_attempt_at=Now() + retry_in)


@action
def give_up(charge_id: int, attempt: Attempt) -> None:
    """The charge could not even be claimed, for a fault in what is stored: it has FAILED afterwards, and a person looks at it."""
    due = Charge.objects.filter(outbox.free(), pk=charge_id, status=PENDING)
    if due.update(attempts=F("attempts") + 1):
        record(Charge.objects.select_related("site").get(pk=charge_id), attempt)


@action
def release_hold(charge: Charge, actor: Actor, reason: str = "") -> Charge:
    """Let a held charge be sent; IllegalTransition when it is not held."""
    held = Charge.objects.filter(pk=charge.pk, status=RELEASE.source).exclude(on_hold="")
    if not held.update(on_hold="", next_attempt_at=Now()):
        raise IllegalTransition(f"Charge {charge} is not on hold; there is nothing to release.")
    _record(charge, RELEASE, actor, reason or f"Released: {charge.on_hold}")
    return _sent_soon(charge)


@action
def retry_failed(charge: Charge, actor: Actor, reason: str = "") -> Charge:
    """Send a refused charge again under its control ID, written anew from what is stored now; IllegalTransition unless FAILED."""
    failed = Charge.objects.filter(pk=charge.pk, status=RETRY.source)
    if not failed.update(status=RETRY.target, error="", message="", lease_until=None, next_attempt_at=Now()):
        charge.refresh_from_db()
        raise IllegalTransition(f"Charge {charge} is {charge.status}; only a failed one is sent again.")
    _record(charge, RETRY, actor, reason or f"After: {charge.error}")
    return _sent_soon(charge)


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
        _record(charge, redraft(charge.status), CAPTURER, reason)
        if charge.status == PENDING and not hold:
            _nudge_when_committed(charge)
        return charge
    charged_as = " Charged as: "
    worth = f"{Charge.NEEDS_CORRECTION}: {draft.decision.reason}, {draft.amount:.2f} {charge.currency}."[: MAX_TEXT - 80]
    note = f"{worth}{charged_as}{charge.reason.rpartition(charged_as)[2]}"[:MAX_TEXT]
    if Charge.objects.filter(pk=charge.pk).exclude(reason=note).update(reason=note):
        charge.refresh_from_db()
        _record(charge, question(charge.status), CAPTURER, note)
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


def _kept(text: str) -> str:
    """What a receiver wrote, as a column can hold it: PostgreSQL stores no NUL."""
    return text.replace("\0", "")[:MAX_TEXT]


def _record(charge: Charge, change: Transition, actor: Actor, reason: str) -> None:
    ChargeChange.by(
        actor,
        charge=charge,
        at=clock.now(charge.site),
        verb=change.verb,
        from_status=change.source,
        to_status=change.target,
        reason=reason[:MAX_TEXT],
    )


def _nudge_when_committed(charge: Charge) -> None:
    """Robust: what is committed is answered as done, even where the nudge cannot start its thread; the sweep finds the charge."""

    def send() -> None:  # a function with a name, which Django logs when it fails
        nudge(charge.pk)

    transaction.on_commit(send, robust=True)


def _sent_soon(charge: Charge) -> Charge:
    charge.refresh_from_db()
    _nudge_when_committed(charge)
    return charge
