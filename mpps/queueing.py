"""What is for whom: the rows that an accepted message gets, in its transaction, and those of a destination that is switched on again."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Final

from django.db import connection, transaction

from dimse import statuses
from dimse.services import Verb
from mpps import listeners
from mpps.models import Delivery, Destination, MppsMessage, PerformedProcedureStep
from mpps.nudge import nudge
from mpps.received import Received
from ris import clock, profiles
from ris.db import action, lock
from ris.statements import run

MISSED_DAYS: Final = 14
"""So far back goes what a destination gets of the time for which it was switched off."""
MOST_MISSED: Final = 5000
"""Performed steps of that time, the latest ones; each whole."""
CAME_BACK: Final = "Not sent: it came back from somebody whom the same message reached through us."
_AT_ONCE: Final = 500
_ROW, _TO, _MESSAGE = (f'"{model._meta.db_table}"' for model in (Delivery, Destination, MppsMessage))
_DONE: Final = ", ".join(map(str, statuses.DONE))
_INSERT: Final = (
    f"INSERT INTO {_ROW} (destination_id, performed_step_id, message_id, state, attempts, may_have_arrived, text) "
    f"SELECT d.id, m.performed_step_id, m.id, '{Delivery.State.WAITING.value}', 0, FALSE, '' "
    f"FROM {_TO} d JOIN {_MESSAGE} m ON m.status IN ({_DONE}) AND TRIM(m.calling_ae_title) <> d.called_ae_title"
)
_LACKS: Final = (
    f"d.kind = '{Destination.Kind.MESSAGES.value}' AND m.id > COALESCE((SELECT MAX(x.message_id) FROM {_ROW} x "
    "WHERE x.destination_id = d.id AND x.performed_step_id = m.performed_step_id), 0)"
)


def enqueue(performed: PerformedProcedureStep, message: Received, kept: MppsMessage) -> None:
    """For an accepted message, in its transaction: no statement when nobody is concerned, else one for all who are.

    A destination of messages that has not had all that came for the step (it is new, or was switched off) gets what it lacks first,
    less what it sent itself. What came back in a ring of systems goes round no second time.
    """
    ids = listeners.concerned(message.site, performed, message.calling_ae_title.strip())
    if not ids:
        return
    run(_insertion(len(ids), connection.features.has_select_for_update), [performed.pk, *ids, kept.pk])
    if _came_back(performed, message, kept):
        Delivery.objects.filter(message=kept).update(state=Delivery.State.REFUSED, text=CAME_BACK, changed_at=message.received_at)
    transaction.on_commit(lambda: _nudge(ids), robust=True)


def _came_back(performed: PerformedProcedureStep, message: Received, kept: MppsMessage) -> bool:
    """Whether an N-SET is the echo of one that was accepted before from another AE title. Who began the step repeats what it likes."""
    sender = message.calling_ae_title.strip()
    if message.verb != Verb.N_SET or sender == performed.calling_ae_title:
        return False
    before = MppsMessage.objects.filter(performed_step=performed, verb=Verb.N_SET, status__in=statuses.DONE, pk__lt=kept.pk)
    earlier = before.values_list("calling_ae_title", "dataset")
    return any(title.strip() != sender and dataset == message.dataset for title, dataset in earlier)


def _nudge(ids: Sequence[int]) -> None:
    for pk in ids:
        nudge(pk)


@cache
def _insertion(count: int, locking: bool) -> str:
    """`locking`: the destinations stay until the transaction ends; one that is being removed is waited for, and then gets nothing."""
    return (
        f"{_INSERT} AND m.performed_step_id = %s WHERE d.id IN ({', '.join(['%s'] * count)}) AND (m.id = %s OR ({_LACKS}))"
        f"{' FOR KEY SHARE OF d' if locking else ''}"
    )


def queue_missed(destination: Destination) -> int:
    """For one that was switched off: what came meanwhile, in order, within MISSED_DAYS and MOST_MISSED; how many messages that is.

    Of each step that it is for, a destination of messages gets all that it lacks; a subscriber what happened since.
    """
    site = destination.site
    oldest = clock.now(site) - timedelta(days=MISSED_DAYS)
    since = max(destination.off_since or oldest, oldest)
    hearer, known = listeners.listener(destination), profiles.of(site)
    touched = PerformedProcedureStep.objects.filter(site=site, updated_at__gte=since).order_by("-updated_at", "-pk")
    latest = touched.only("station_ae_title", "calling_ae_title", "modality")[:MOST_MISSED]
    steps = [performed.pk for performed in latest if hearer.hears_of(performed, known)]
    moment = connection.ops.adapt_datetimefield_value(since)
    pieces = [steps[start : start + _AT_ONCE] for start in range(0, len(steps), _AT_ONCE)]
    count = sum(run(_missed(len(piece)), [*piece, destination.pk, moment]).row_count for piece in pieces)
    if count:
        transaction.on_commit(lambda: nudge(destination.pk), robust=True)
    return count


@cache
def _missed(count: int) -> str:
    has = f"SELECT 1 FROM {_ROW} x WHERE x.destination_id = d.id AND x.performed_step_id = m.performed_step_id AND x.message_id = m.id"
    happened = f"d.kind = '{Destination.Kind.EVENTS.value}' AND m.received_at >= %s AND NOT EXISTS ({has})"
    return f"{_INSERT} AND m.performed_step_id IN ({', '.join(['%s'] * count)}) WHERE d.id = %s AND (({happened}) OR ({_LACKS}))"


@action
def settle_switched_on() -> None:
    """Look once more for those that were switched on: messages that were being taken at that moment may have known them as off."""
    switched_on = Destination.objects.filter(enabled=True, off_since__isnull=False)
    if not switched_on.exists():
        return
    lock(lambda: switched_on.order_by("pk"))
    for destination in switched_on.select_related("site").order_by("pk"):
        queue_missed(destination)
        Destination.objects.filter(pk=destination.pk).update(off_since=None)
