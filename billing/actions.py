"""Everything that changes a charge; each verb owns its transaction and records who, when, from, to and why."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from billing import capture, messages
from billing.models import Charge, ChargeChange, ChargeLine, DeliveryAttempt
from billing.nudge import nudge
from billing.transitions import CAPTURE, PENDING, POST, REFUSE, RELEASE, RETRY, Transition
from ris import clock
from ris.actor import Actor
from ris.db import action
from ris.errors import IllegalTransition
from ris.models import RequestedProcedure

LEASE = timedelta(seconds=30)
CAPTURER = Actor.system("charge capture")
SENDER = Actor.system("charge delivery")
MAX_TEXT = 255


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to deliver."""

    result: DeliveryAttempt.Result
    text: str
    duration_ms: int
    target: str = ""


@action
def capture_charge(requested_procedure_id: int) -> Charge | None:
    """Charge the procedure once all its steps are final; return its charge, also one made before, or None.

    Call it with the row of the requested procedure locked, so that of two steps that end at once the later sees both.
    """
    procedure = RequestedProcedure.objects.select_related("site", "order").get(pk=requested_procedure_id)
    if made := _made(procedure):
        return made
    draft = capture.draft(procedure)
    if draft is None:
        return None
    try:
        with transaction.atomic():
            charge = _create(procedure, draft)
    except IntegrityError:
        return Charge.objects.get(requested_procedure=procedure, kind=Charge.Kind.TECHNICAL, revision=1)
    _record(charge, CAPTURE, CAPTURER, draft.decision.reason)
    if not charge.on_hold:
        transaction.on_commit(partial(nudge, charge.pk))
    return charge


@action
def capture_after_change_by_hand(requested_procedure_id: int) -> Charge | None:
    """As `capture_charge`, with the row locked here: a person ended or canceled the last open step."""
    RequestedProcedure.objects.select_for_update().get(pk=requested_procedure_id)
    return capture_charge(requested_procedure_id)


@action
def claim(charge_id: int) -> Charge | None:
    """Take a due charge for the length of a lease, with its message written once and for all.

    None when it is not due: posted, failed, on hold, waiting for its next attempt, or in the hands of another worker.
    A charge that cannot be written as a message has FAILED afterwards.
    """
    due = Charge.objects.filter(pk=charge_id, status=PENDING, on_hold="", next_attempt_at__lte=Now())
    free = due.filter(Q(lease_until=None) | Q(lease_until__lte=Now()))
    if not free.update(attempts=F("attempts") + 1, lease_until=Now() + LEASE):
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
        text=attempt.text[:MAX_TEXT],
        duration_ms=attempt.duration_ms,
    )
    error = attempt.text[:MAX_TEXT]
    pending = Charge.objects.filter(pk=charge.pk, status=PENDING)
    held = pending.filter(attempts=charge.attempts)
    if attempt.result == DeliveryAttempt.Result.ACCEPTED:
        if pending.update(status=POST.target, posted_at=clock.now(charge.site), error="", lease_until=None):
            _record(charge, POST, SENDER, attempt.text)
    elif attempt.result in (DeliveryAttempt.Result.REFUSED, DeliveryAttempt.Result.UNSENDABLE):
        if held.update(status=REFUSE.target, error=error, lease_until=None):
            _record(charge, REFUSE, SENDER, error)
    else:
        held.update(error=error, lease_until=None, next_attempt_at=Now() + retry_in)


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
    return Charge.objects.filter(requested_procedure=procedure, kind=Charge.Kind.TECHNICAL).order_by("revision").last()


def _create(procedure: RequestedProcedure, draft: capture.Draft) -> Charge:
    charge = Charge.objects.create(
        site=procedure.site,
        requested_procedure=procedure,
        performed_step=draft.performed[0] if draft.performed else None,
        amount=draft.amount,
        reason=draft.decision.reason[:MAX_TEXT],
        on_hold=draft.decision.hold[:MAX_TEXT],
        service_at=draft.service_at,
        created_at=clock.now(procedure.site),
        next_attempt_at=Now(),
    )
    charge.control_id = f"C{charge.pk:08d}"
    Charge.objects.filter(pk=charge.pk).update(control_id=charge.control_id)
    for line in draft.lines:
        line.charge = charge
    ChargeLine.objects.bulk_create(draft.lines)
    return charge


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


def _sent_soon(charge: Charge) -> Charge:
    charge.refresh_from_db()
    transaction.on_commit(partial(nudge, charge.pk))
    return charge
