"""A charge on its way: claimed, what came of each attempt, given up."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from billing import messages, queries
from billing.actions import correcting, undelivered
from billing.actions.history import record_change
from billing.models import MAX_TARGET, MAX_TEXT, Charge, DeliveryAttempt
from billing.transitions import PENDING, POST, POST_LATE, REFUSE, SET_ASIDE
from ris import clock, outbox
from ris.actor import Actor
from ris.db import action

LEASE = timedelta(seconds=30)
SENDER = Actor.system("charge delivery")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to deliver; `code` is MSA-1, `text` may hold what the receiver wrote."""

    result: DeliveryAttempt.Result
    text: str
    duration_ms: int
    target: str = ""
    code: str = ""


@action
def claim(charge_id: int) -> Charge | None:
    """Take a due charge for the length of a lease, with its message written once and for all.

    None when it is not due: posted, failed, on hold, waiting for its next attempt or for what it corrects, or held by another worker.
    A charge that cannot be written as a message, or that ended each worker that took it, has FAILED afterwards.
    """
    free = queries.due().filter(outbox.free(), pk=charge_id)
    if not free.update(attempts=F("attempts") + 1, lease_until=Now() + LEASE, tried_since=Coalesce("tried_since", Now())):
        return None
    charge = (
        Charge.objects.select_related("site", "requested_procedure__order__patient", "requested_procedure__order__visit")
        .prefetch_related("lines")
        .get(pk=charge_id)
    )
    if said := undelivered.set_aside_as_poison(charge):
        record_change(charge, SET_ASIDE, SENDER, said)
        return None
    if not charge.message:
        try:
            charge.message = messages.build(charge)
        except ValueError as error:
            record(charge, Attempt(DeliveryAttempt.Result.UNSENDABLE, str(error), 0))
            Charge.objects.filter(pk=charge_id).update(attempts=F("attempts") - 1)  # it was no try: nothing can have arrived
            return None
        Charge.objects.filter(pk=charge_id).update(message=charge.message)
    return charge


@action
def record(charge: Charge, attempt: Attempt, retry_in: timedelta = timedelta(0)) -> None:
    """Write down what came of the attempt that `charge` was claimed for, and what follows from it.

    An acceptance is a fact whoever hears it; anything else counts only from the latest holder of the lease.
    """
    _attempted(charge, attempt)
    error = _kept(attempt.text)
    held = Charge.objects.filter(pk=charge.pk, status=PENDING, attempts=charge.attempts)
    if attempt.result == DeliveryAttempt.Result.ACCEPTED:
        _post(charge, error)
    elif attempt.result in (DeliveryAttempt.Result.REFUSED, DeliveryAttempt.Result.UNSENDABLE):
        if held.update(status=REFUSE.target, error=error, lease_until=None):
            record_change(charge, REFUSE, SENDER, error)
            charge.refresh_from_db()
            correcting.refused(charge, SENDER)
    elif said := undelivered.set_aside(held, charge, error):
        record_change(charge, SET_ASIDE, SENDER, said)
    else:
        held.update(error=error, lease_until=None, next_attempt_at=Now() + retry_in)


def _post(charge: Charge, said: str) -> None:
    """An acknowledgement is a fact, whatever was heard before it: also of a dead letter, one written off, or one refused at another try."""
    now = clock.now(charge.site)
    posted = {"posted_at": now, "is_dead_letter": False, "written_off_at": None, "error": "", "lease_until": None}
    for change in (POST, POST_LATE):
        if Charge.objects.filter(pk=charge.pk, status=change.source).update(status=change.target, **posted):
            record_change(charge, change, SENDER, said)
            correcting.settled(charge)
            return


@action
def give_up(charge_id: int, attempt: Attempt) -> None:
    """The charge could not even be claimed, for a fault in what is stored: it has FAILED afterwards, and a person looks at it.

    What cannot be read is not read here either. It was no try: nothing of it can have arrived.
    """
    due = Charge.objects.filter(outbox.free(), pk=charge_id, status=REFUSE.source)
    if due.update(status=REFUSE.target, error=_kept(attempt.text), lease_until=None):
        charge = Charge.objects.select_related("site").only("site", "attempts").get(pk=charge_id)
        _attempted(charge, attempt)
        record_change(charge, REFUSE, SENDER, _kept(attempt.text))


def _attempted(charge: Charge, attempt: Attempt) -> None:
    DeliveryAttempt.objects.create(
        charge=charge,
        number=charge.attempts,
        at=clock.now(charge.site),
        target=attempt.target[:MAX_TARGET],
        result=attempt.result,
        text=_kept(attempt.text),
        duration_ms=attempt.duration_ms,
    )


def _kept(text: str) -> str:
    """What a receiver wrote, as a column can hold it: PostgreSQL stores no NUL."""
    return text.replace("\0", "")[:MAX_TEXT]
