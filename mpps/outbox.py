"""Messages on their way to destinations: written down with the message itself, claimed, sent, recorded. The only writer of deliveries.

A destination has one sender at a time, and the messages of a performed step go one after the other: what waits, or waits for a person,
holds back what comes after it in that step for that destination, and nothing else (ADR 20).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from dimse import statuses
from dimse.services import Verb
from mpps import destinations, replies
from mpps.models import Delivery, Destination, MppsMessage, PerformedProcedureStep
from mpps.nudge import nudge
from mpps.received import Received
from mpps.replies import Reply
from ris import clock, outbox
from ris.actor import Actor
from ris.db import action
from ris.errors import IllegalTransition
from ris.models import RecordChange
from ris.statements import run

LEASE: Final = timedelta(seconds=60)  # more than a message can take: to connect, to associate, to be answered
BACKOFF_FIRST: Final = 1.0  # seconds
BACKOFF_CAP: Final = 60.0
MAX_TEXT: Final = 255
_AT_ONCE: Final = 50
_State = Delivery.State
UNDONE: Final = (_State.WAITING, _State.PARKED)


class ClaimLost(Exception):
    """The lease ended and somebody else sends, or the destination was switched off: stop."""


def enqueue(performed: PerformedProcedureStep, message: Received, kept: MppsMessage) -> None:
    """For an accepted message, in its transaction: no statement when nobody is concerned, else one for all who are.

    A destination of messages that has not had all that came for the step (it is new, or was switched off) gets what it lacks first,
    less what it sent itself.
    """
    ids = destinations.concerned(message.site, performed, message.calling_ae_title.strip())
    if ids:
        run(_insertion(len(ids), connection.features.has_select_for_update), [performed.pk, *ids, kept.pk, performed.pk])
        transaction.on_commit(lambda: _nudge(ids), robust=True)


def _nudge(ids: Sequence[int]) -> None:
    for pk in ids:
        nudge(pk)


_DONE = ", ".join(map(str, statuses.DONE))


@cache
def _insertion(count: int, locking: bool) -> str:
    """`locking`: the destinations stay until the transaction ends; one that is being removed is waited for, and then gets nothing."""
    row, to, message = (f'"{model._meta.db_table}"' for model in (Delivery, Destination, MppsMessage))
    had = f"SELECT MAX(x.message_id) FROM {row} x WHERE x.destination_id = d.id AND x.performed_step_id = %s"
    return (
        f"INSERT INTO {row} (destination_id, performed_step_id, message_id, state, attempts, text) "
        f"SELECT d.id, m.performed_step_id, m.id, '{_State.WAITING.value}', 0, '' "
        f"FROM {to} d JOIN {message} m ON m.performed_step_id = %s AND m.status IN ({_DONE}) "
        f"WHERE d.id IN ({', '.join(['%s'] * count)}) AND TRIM(m.calling_ae_title) <> d.called_ae_title "
        f"AND (m.id = %s OR (d.kind = '{Destination.Kind.MESSAGES.value}' AND m.id > COALESCE(({had}), 0)))"
        f"{' FOR KEY SHARE OF d' if locking else ''}"
    )


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
    if reply.outcome == replies.AGAIN and delivery.attempts < replies.MOST_ATTEMPTS:
        wait = outbox.backoff(delivery.attempts, BACKOFF_FIRST, BACKOFF_CAP)
        waiting.update(status=status, text=text, changed_at=now, next_attempt_at=Now() + wait)
        return
    given_up = _State.REFUSED if destination.kind == Destination.Kind.EVENTS else _State.PARKED
    waiting.update(state=given_up if reply.outcome == replies.AGAIN else reply.outcome, status=status, text=text, changed_at=now)


@action
def release(destination: Destination, error: str = "") -> None:
    """Give the way back: the destination was reached, or `error` says what was met and it is tried again after a while."""
    ours = Destination.objects.filter(pk=destination.pk, claims=destination.claims)
    if not error:
        ours.update(lease_until=None, failures=0, next_attempt_at=None, error="", reached_at=clock.now(destination.site))
        return
    wait = outbox.backoff(destination.failures + 1, BACKOFF_FIRST, BACKOFF_CAP)
    text = error.replace("\0", "")[:MAX_TEXT]
    at = clock.now(destination.site)
    ours.update(lease_until=None, failures=F("failures") + 1, next_attempt_at=Now() + wait, error=text, error_at=at)


@action
def send_again(delivery: Delivery, actor: Actor) -> None:
    """Let a parked message go once more; one that the destination answered with 0112H together with all of the step before it."""
    rows = Delivery.objects.filter(pk=delivery.pk, state=_State.PARKED)
    if not rows.update(state=_State.WAITING, attempts=0, next_attempt_at=None):
        raise _not_parked(delivery)
    if delivery.status == statuses.NO_SUCH_SOP_INSTANCE and delivery.message.verb == Verb.N_SET:
        before = Delivery.objects.filter(destination=delivery.destination_id, performed_step=delivery.performed_step_id)
        before.filter(message__lt=delivery.message_id).update(state=_State.WAITING, attempts=0, next_attempt_at=None)
    _decided(delivery, "send_again", actor)


@action
def leave_out(delivery: Delivery, actor: Actor) -> None:
    """Do not send a parked message; those behind it go on."""
    now = clock.now(delivery.destination.site)
    if not Delivery.objects.filter(pk=delivery.pk, state=_State.PARKED).update(state=_State.REFUSED, changed_at=now):
        raise _not_parked(delivery)
    _decided(delivery, "leave_out", actor)


@action
def try_now(destination: Destination) -> None:
    """Do not wait for the next attempt."""
    Destination.objects.filter(pk=destination.pk).update(next_attempt_at=None)
    transaction.on_commit(lambda: nudge(destination.pk), robust=True)


def _not_parked(delivery: Delivery) -> IllegalTransition:
    delivery.refresh_from_db()
    return IllegalTransition(f"The message is {delivery.get_state_display().lower()}; only one that waits for a person is decided on.")


def _decided(delivery: Delivery, verb: str, actor: Actor) -> None:
    destination, message = delivery.destination, delivery.message
    what = f"{message.verb} of {message.sop_instance_uid}"
    now = clock.now(destination.site)
    RecordChange.by(actor, at=now, verb=verb, subject="destination", subject_id=destination.pk, reason=what)
    transaction.on_commit(lambda: nudge(destination.pk), robust=True)
