"""Messages on their way to destinations: claimed, sent, recorded, decided on by people, forgotten.

A destination has one sender at a time, and the messages of a performed step go one after the other: what waits, or waits for a person,
holds back what comes after it in that step for that destination, and nothing else (ADR 20).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from dimse import statuses
from dimse.services import Verb
from mpps import replies
from mpps.models import Delivery, Destination
from mpps.nudge import nudge
from mpps.replies import Reply
from mpps.transitions import FINAL
from ris import audit, clock, outbox
from ris.actions import auditing
from ris.actor import Actor
from ris.crossing import LOOK_AGAIN, crossed
from ris.db import action
from ris.errors import IllegalTransition
from ris.models import RecordChange, Site

LEASE: Final = timedelta(seconds=60)  # more than a message can take: to connect, to associate, to be answered
BACKOFF_FIRST: Final = 1.0  # seconds
BACKOFF_CAP: Final = 60.0
MAX_TEXT: Final = 255
_AT_ONCE: Final = 50
_FORGOTTEN_AT_ONCE: Final = 500
_State = Delivery.State
UNDONE: Final = (_State.WAITING, _State.PARKED)


class ClaimLost(Exception):
    """The lease ended and somebody else sends, or the destination was switched off: stop."""


def due() -> list[int]:
    """Ids of the destinations that have something to get now, and nobody who brings it."""
    return list(_ready().filter(Exists(_heads(OuterRef("pk")))).order_by("pk").values_list("pk", flat=True))


def is_due(destination_id: int) -> bool:
    """Whether the destination is one of `due`."""
    return _ready().filter(Exists(_heads(OuterRef("pk"))), pk=destination_id).exists()


def _ready() -> QuerySet[Destination]:
    return Destination.objects.filter(outbox.free(), _due_now(), enabled=True)


def _due_now() -> Q:
    return Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now())


def _heads(destination: OuterRef | int) -> QuerySet[Delivery]:
    """What may be sent now: of each performed step the oldest message that is not done, if it waits and its time has come."""
    earlier = Delivery.objects.filter(
        destination=OuterRef("destination"), performed_step=OuterRef("performed_step"), message__lt=OuterRef("message"), state__in=UNDONE
    )
    return Delivery.objects.filter(_due_now(), ~Exists(earlier), destination=destination, state=_State.WAITING)


def heads(destination: Destination) -> list[Delivery]:
    """The messages that go next, one of each performed step, the oldest first; behind them those that failed before, which may again."""
    oldest = _heads(destination.pk).select_related("message").order_by("message_id")[:_AT_ONCE]
    return sorted(oldest, key=lambda delivery: delivery.attempts > 0)


@action
def claim(destination_id: int) -> Destination | None:
    """Take the way to a destination for the length of a lease; None when it is not due, or somebody else has it."""
    if not _ready().filter(pk=destination_id).update(claims=F("claims") + 1, lease_until=Now() + LEASE):
        return None
    return Destination.objects.select_related("site").get(pk=destination_id)


@action
def begin(destination: Destination, delivery: Delivery) -> bool:
    """Before each message: renew the lease and count the attempt. False when the message waits no more. Raises ClaimLost."""
    ours = Destination.objects.filter(pk=destination.pk, claims=destination.claims, enabled=True)
    if not ours.update(lease_until=Now() + LEASE):
        raise ClaimLost
    if not Delivery.objects.filter(pk=delivery.pk, state=_State.WAITING).update(attempts=F("attempts") + 1):
        return False
    delivery.attempts += 1
    return True


@action
def record(destination: Destination, delivery: Delivery, reply: Reply, status: int | None = None) -> None:
    """Write down what came of an attempt. That it arrived is a fact whoever hears it; anything else counts from the holder of the lease."""
    waiting, now = Delivery.objects.filter(pk=delivery.pk, state=_State.WAITING), clock.now(destination.site)
    text = reply.text.replace("\0", "")[:MAX_TEXT]
    if reply.outcome == _State.SENT:
        waiting.update(state=_State.SENT, status=status, text=text, changed_at=now)
        return
    if not Destination.objects.filter(pk=destination.pk, claims=destination.claims).exists():
        return
    if reply.outcome == replies.AGAIN and (reply.most is None or delivery.attempts < reply.most):
        wait = outbox.backoff(delivery.attempts, BACKOFF_FIRST, BACKOFF_CAP)
        waiting.update(status=status, text=text, changed_at=now, next_attempt_at=Now() + wait)
        return
    given_up = _State.REFUSED if destination.kind == Destination.Kind.EVENTS else _State.PARKED
    waiting.update(state=given_up if reply.outcome == replies.AGAIN else reply.outcome, status=status, text=text, changed_at=now)


@action
def release(destination: Destination, error: str = "", *, answered: bool = False) -> None:
    """Give the way back: the destination was reached, or `error` says what was met and it is tried again after a while.

    `answered`: it was met at one message behind others that were answered, which is no reason to let the next ones wait for long.
    """
    ours = Destination.objects.filter(pk=destination.pk, claims=destination.claims)
    if not error:
        ours.update(lease_until=None, failures=0, next_attempt_at=None, error="", reached_at=clock.now(destination.site))
        return
    failures = 1 if answered else destination.failures + 1
    wait = outbox.backoff(failures, BACKOFF_FIRST, BACKOFF_CAP)
    text = error.replace("\0", "")[:MAX_TEXT]
    at = clock.now(destination.site)
    ours.update(lease_until=None, failures=failures, next_attempt_at=Now() + wait, error=text, error_at=at)


@action
def send_again(delivery: Delivery, actor: Actor, seen: str = "") -> None:
    """Let a parked message go once more; one that the destination answered with 0112H together with all of the step before it.

    `seen` is `Delivery.mark` as it was seen: ChangedMeanwhile when it is another one.
    """
    _expect(delivery, seen)
    rows = Delivery.objects.filter(pk=delivery.pk, state=_State.PARKED)
    in_doubt = ExpressionWrapper(Q(may_have_arrived=True) | Q(attempts__gt=1), BooleanField())  # the last attempt was refused
    if not rows.update(state=_State.WAITING, attempts=0, may_have_arrived=in_doubt, text="", next_attempt_at=None):
        raise _not_parked(delivery)
    if delivery.status == statuses.NO_SUCH_SOP_INSTANCE and delivery.message.verb == Verb.N_SET:
        before = Delivery.objects.filter(destination=delivery.destination_id, performed_step=delivery.performed_step_id)
        before.filter(message__lt=delivery.message_id).update(state=_State.WAITING, attempts=0, next_attempt_at=None)
    _decided(delivery, "send_again", actor)


@action
def leave_out(delivery: Delivery, actor: Actor, seen: str = "") -> None:
    """Do not send a message that is parked, or was tried in vain many times; those behind it go on. `seen` as of `send_again`."""
    _expect(delivery, seen)
    now = clock.now(delivery.destination.site)
    stubborn = Q(state=_State.WAITING, attempts__gte=Delivery.MANY_ATTEMPTS)
    if not Delivery.objects.filter(Q(state=_State.PARKED) | stubborn, pk=delivery.pk).update(state=_State.REFUSED, changed_at=now):
        raise _not_parked(delivery)
    _decided(delivery, "leave_out", actor)


def is_told_by_others(delivery: Delivery) -> bool:
    """Whether the destination had the step already when it was first sent there."""
    begun = Delivery.objects.filter(destination=delivery.destination_id, performed_step=delivery.performed_step_id)
    return begun.filter(message__verb=Verb.N_CREATE, status=statuses.DUPLICATE_SOP_INSTANCE, attempts=1, may_have_arrived=False).exists()


def forget_sent(site: Site, before: datetime) -> int:
    """Forget what was sent before then, of performed steps that are over and of which the destination has everything; how many."""
    undone = Delivery.objects.filter(destination=OuterRef("destination"), performed_step=OuterRef("performed_step"), state__in=UNDONE)
    sent = Delivery.objects.filter(destination__site=site, state=_State.SENT, changed_at__lt=before, performed_step__status__in=FINAL)
    count = 0
    while some := list(sent.exclude(Exists(undone)).order_by("pk").values_list("pk", flat=True)[:_FORGOTTEN_AT_ONCE]):
        count += _forget(some)
    return count


@action
def _forget(some: Sequence[int]) -> int:
    return Delivery.objects.filter(pk__in=some, state=_State.SENT).delete()[0]


@action
def try_now(destination: Destination, actor: Actor) -> None:
    """Do not wait for the next attempt."""
    auditing.did(actor, audit.PROBE, audit.EXECUTE, f"Try of {destination.name} at {destination.host}:{destination.port}")
    Destination.objects.filter(pk=destination.pk).update(next_attempt_at=None)
    transaction.on_commit(lambda: nudge(destination.pk), robust=True)


def _expect(delivery: Delivery, seen: str) -> None:
    present = Delivery.objects.select_for_update(of=("self",)).select_related("message", "destination__site").get(pk=delivery.pk)
    if seen in ("", present.mark):
        return
    changes = RecordChange.objects.filter(subject="destination", subject_id=delivery.destination_id, reason=_named(present))
    state = present.get_state_display().lower()
    raise crossed("this message", present.destination.site, changes.order_by("-pk")[:1], f"It is {state} now. {LOOK_AGAIN}")


def _named(delivery: Delivery) -> str:
    """In the history of its destination."""
    return f"{delivery.message.verb} of {delivery.message.sop_instance_uid}"


def _not_parked(delivery: Delivery) -> IllegalTransition:
    delivery.refresh_from_db()
    return IllegalTransition(f"The message is {delivery.get_state_display().lower()}; only one that waits for a person is decided on.")


def _decided(delivery: Delivery, verb: str, actor: Actor) -> None:
    destination = delivery.destination
    now = clock.now(destination.site)
    RecordChange.by(actor, at=now, verb=verb, subject="destination", subject_id=destination.pk, reason=_named(delivery))
    transaction.on_commit(lambda: nudge(destination.pk), robust=True)
