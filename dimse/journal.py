"""Writing the message journal off the hot path: a bounded queue, one thread, batches; what does not fit is dropped and counted."""

import logging
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from uuid import UUID

from django.db import DatabaseError, connections, transaction
from django.db.models import Sum, Value
from django.db.models.functions import Length

from dimse.dispatch import without_values
from dimse.entries import AssociationEnded, AssociationStarted, Ending, Entry, MessageEntry
from dimse.models import Association, Message, packed
from dimse.routers import JOURNAL_DATABASE

logger = logging.getLogger(__name__)

KEPT_BYTES = 512 * 1024  # bytes of one data set that wait in the queue; a longer one is only counted
_BATCH = 200
_ROW_BYTES = 500  # of a message beside its data sets, about


class DatabaseJournal:
    """A Journal that ends in the `journal` database. `put` costs a queue operation and never blocks; `start` and `stop` frame its use."""

    def __init__(self, capacity: int = 10_000, interval: float = 0.25) -> None:
        self._queue: queue.Queue[Entry] = queue.Queue(capacity)
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dimse-journal", daemon=True)
        self._dropped = 0
        self._reported = 0

    @property
    def dropped(self) -> int:
        """How many entries were lost since the start."""
        return self._dropped

    def put(self, entry: Entry) -> None:
        if isinstance(entry, MessageEntry) and len(entry.data) > KEPT_BYTES:
            entry = replace(entry, data=b"", note=f"data set of {len(entry.data)} bytes not kept; {entry.note}".rstrip("; "))
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self._dropped += 1

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Write what is waiting, for at most `timeout` seconds."""
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() or not self._queue.empty():
                batch = self._next_batch()
                if batch:
                    self._write(batch)
                self._report_drops()
        finally:
            connections[JOURNAL_DATABASE].close()

    def _next_batch(self) -> list[Entry]:
        """What comes within the interval, at most a batch; at once what is there when the journal stops."""
        batch: list[Entry] = []
        deadline = time.monotonic() + self._interval
        while len(batch) < _BATCH:
            wait = 0.0 if self._stopping.is_set() else deadline - time.monotonic()
            try:
                batch.append(self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, batch: list[Entry]) -> None:
        try:
            write(batch)
        except DatabaseError as error:
            self._dropped += len(batch)
            logger.error("The message journal could not be written: %s", error)
            connections[JOURNAL_DATABASE].close()
        except Exception as error:  # noqa: BLE001  (one odd entry must not end the journal)
            self._dropped += len(batch)
            logger.error("Journal entries are lost: %s", without_values(error))

    def _report_drops(self) -> None:
        if self._dropped > self._reported:
            logger.warning("The message journal lost %d entries (%d in all)", self._dropped - self._reported, self._dropped)
            self._reported = self._dropped


def write(entries: Iterable[Entry]) -> None:
    """Store entries in one transaction. Raises DatabaseError."""
    associations: dict[UUID, Association] = {}
    messages: list[Message] = []
    ends: list[AssociationEnded] = []
    for entry in entries:
        match entry:
            case AssociationStarted():
                associations[entry.association.id] = _association(entry)
            case MessageEntry():
                messages.append(_message(entry))
            case AssociationEnded() if entry.association_id in associations:  # most associations are short: one row, written once
                _end(associations[entry.association_id], entry)
            case AssociationEnded():
                ends.append(entry)
    with transaction.atomic(using=JOURNAL_DATABASE):
        Association.objects.bulk_create(associations.values())
        Message.objects.bulk_create(messages)
        for end in ends:
            noted = {"note": end.note[:255]} if end.note else {}
            Association.objects.filter(pk=end.association_id).update(ended=end.time, end=end.ending.value, **noted)


def _end(association: Association, entry: AssociationEnded) -> None:
    association.ended = entry.time
    association.end = entry.ending.value
    association.note = entry.note[:255] or association.note


def prune(before: datetime) -> int:
    """Forget associations that started before, and their messages; returns how many associations."""
    with transaction.atomic(using=JOURNAL_DATABASE):
        Message.objects.filter(time__lt=before).delete()
        deleted = Association.objects.filter(started__lt=before).delete()[1]
    return deleted.get("dimse.Association", 0)


def prune_to(most: int) -> int:
    """Forget the oldest messages until what is kept takes at most `most` bytes; returns how many messages."""
    weighed = Message.objects.annotate(weight=Length("data") + Length("first_answers") + Value(_ROW_BYTES))
    excess = (weighed.aggregate(all=Sum("weight"))["all"] or 0) - most
    forgotten = 0
    while excess > 0:
        oldest = list(weighed.order_by("time", "pk").values_list("pk", "weight")[:_BATCH])
        if not oldest:
            break
        doomed = [
            pk for (pk, _), before in zip(oldest, accumulate((weight for _, weight in oldest), initial=0), strict=False) if before < excess
        ]
        excess -= sum(weight for _, weight in oldest[: len(doomed)])
        with transaction.atomic(using=JOURNAL_DATABASE):
            Message.objects.filter(pk__in=doomed).delete()
        forgotten += len(doomed)
    return forgotten


def _association(entry: AssociationStarted) -> Association:
    info = entry.association
    return Association(
        id=info.id,
        started=entry.time,
        ended=entry.time if entry.rejection else None,
        end=Ending.REJECTED.value if entry.rejection else "",
        calling=info.calling_ae_title[:16],
        called=info.called_ae_title[:16],
        address=info.address,
        port=info.port,
        implementation=entry.implementation[:128],
        rejection=entry.rejection[:255],
        note=entry.note[:255],
        contexts=[dict(zip(("abstract_syntax", "transfer_syntax", "result"), context, strict=True)) for context in entry.contexts],
    )


def _message(entry: MessageEntry) -> Message:
    return Message(
        association_id=entry.association_id,
        time=entry.time,
        direction=Message.Direction.IN if entry.incoming else Message.Direction.OUT,
        service=entry.verb,
        message_id=entry.message_id,
        status=entry.status,
        comment=entry.comment[:64],
        sop_class_uid=entry.sop_class_uid[:64],
        sop_instance_uid=entry.sop_instance_uid[:64],
        transfer_syntax=entry.transfer_syntax,
        size=len(entry.data),
        data=entry.data,
        first_answers=packed(entry.answers),
        remark=entry.note,
        answer_count=entry.answer_count,
        duration_ms=entry.duration_ms,
    )
