"""Writing the message journal off the hot path: a bounded queue, one thread, batches; what does not fit is dropped and counted."""

import logging
import queue
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import Sum, Value
from django.db.models.functions import Length

from dimse import summaries
from dimse.dispatch import without_values
from dimse.entries import AssociationEnded, AssociationStarted, Ending, Entry, MessageEntry
from dimse.models import LEFT_OUT, REASON_LENGTH, Association, Mention, Message, packed
from dimse.routers import JOURNAL_DATABASE
from dimse.rows import Rows, mark
from dimse.services import Verb
from dimse.tls import Secured

logger = logging.getLogger(__name__)

KEPT_BYTES = 512 * 1024  # bytes of one data set that wait in the queue; a longer one is only counted
_BATCH = 500
_ROW_BYTES = 500  # of a message beside its data sets, about
_NAMING = (Verb.C_FIND.value, Verb.N_CREATE.value)  # requests that say which order they are about
_PLAIN = Secured("", "")
_remembered = summaries.Remembered()


class DatabaseJournal:
    """A Journal that ends in the `journal` database. `put` costs a queue operation and never blocks; `start` and `stop` frame its use."""

    def __init__(self, capacity: int = 10_000, interval: float = 0.25) -> None:
        self._queue: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()  # None: the journal stops
        self._capacity = capacity
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
            entry = replace(entry, data=b"", note=f"{LEFT_OUT.format(len(entry.data))}; {entry.note}".rstrip("; "))
        if self._queue.qsize() < self._capacity:
            self._queue.put(entry)
        else:
            self._dropped += 1

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Write what is waiting, for at most `timeout` seconds."""
        self._stopping.set()
        self._queue.put(None)
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
        """Sleep until there is something, then for the interval: whoever serves is not to wake this thread by each entry."""
        batch = [self._queue.get()]
        if self._queue.qsize() < _BATCH:
            self._stopping.wait(self._interval)
        with suppress(queue.Empty):
            while len(batch) < _BATCH:
                batch.append(self._queue.get_nowait())
        return [entry for entry in batch if entry is not None]

    def _write(self, batch: list[Entry]) -> None:
        """Of a batch with an odd entry the others are written: it is halved until that one is alone."""
        try:
            write(batch)
        except (OperationalError, InterfaceError) as error:
            self._dropped += len(batch)
            logger.error("The message journal could not be written: %s", error)
            connections[JOURNAL_DATABASE].close()
            return
        except Exception as error:  # noqa: BLE001  (one odd entry must not end the journal)
            if len(batch) == 1:
                self._dropped += 1
                logger.error("A journal entry (%s) is lost: %s", type(batch[0]).__name__, without_values(error))
                return
        else:
            return
        half = len(batch) // 2
        self._write(batch[:half])
        self._write(batch[half:])

    def _report_drops(self) -> None:
        if self._dropped > self._reported:
            logger.warning("The message journal lost %d entries (%d in all)", self._dropped - self._reported, self._dropped)
            self._reported = self._dropped


def write(entries: Iterable[Entry]) -> None:
    """Store entries in one transaction. Raises DatabaseError."""
    batch = list(entries)
    marks = summaries.marks_of(batch)
    associations: dict[UUID, dict[str, Any]] = {}
    messages: list[dict[str, Any]] = []
    mentions: list[dict[str, Any]] = []
    ends: list[AssociationEnded] = []
    for entry in batch:
        match entry:
            case AssociationStarted():
                associations[entry.association.id] = _association(entry, *marks[entry.association.id])
            case MessageEntry():
                messages.append(_message(entry))
                mentions.extend(_mentions(entry))
            case AssociationEnded() if entry.association_id in associations:  # most associations are short: one row, written once
                associations[entry.association_id].update(_end(entry))
            case AssociationEnded():
                ends.append(entry)
    with transaction.atomic(using=JOURNAL_DATABASE):
        _rows_of(Association).insert(associations.values())
        _rows_of(Message).insert(messages)
        _rows_of(Mention).insert(mentions)
        mark(_remembered.news({key: value for key, value in marks.items() if key not in associations}))
        for end in ends:
            Association.objects.filter(pk=end.association_id).update(**_end(end))
    _remembered.learn(marks)


_rows_of = lru_cache(Rows)


def _end(entry: AssociationEnded) -> dict[str, Any]:
    noted = {"note": entry.note[:255]} if entry.note else {}
    return {"ended": entry.time, "end": entry.ending.value, **noted}


def prune(before: datetime) -> int:
    """Forget associations that started before, and their messages; returns how many associations."""
    with transaction.atomic(using=JOURNAL_DATABASE):
        Message.objects.filter(time__lt=before).delete()
        Mention.objects.filter(time__lt=before).delete()
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
    if forgotten:
        kept = Message.objects.order_by("time").values_list("time", flat=True).first()
        Mention.objects.filter(**({"time__lt": kept} if kept else {})).delete()
    return forgotten


def _mentions(entry: MessageEntry) -> list[dict[str, Any]]:
    """The accession numbers that a request names."""
    if not entry.incoming or entry.verb not in _NAMING:
        return []
    about = {"association_id": entry.association_id, "time": entry.time, "sop_instance_uid": entry.sop_instance_uid[:64]}
    return [about | {"accession_number": number} for number in summaries.accession_numbers(entry.data, entry.transfer_syntax)]


def _association(entry: AssociationStarted, asked: int, came: int) -> dict[str, Any]:
    info = entry.association
    secured = info.secured or _PLAIN
    return {
        "id": info.id,
        "started": entry.time,
        "ended": entry.time if entry.rejection else None,
        "end": Ending.REJECTED.value if entry.rejection else "",
        "calling": info.calling_ae_title[:16],
        "called": info.called_ae_title[:16],
        "address": info.address,
        "port": info.port,
        "implementation": entry.implementation[:128],
        "rejection": entry.rejection[:255],
        "note": entry.note[:255],
        "taken_for": entry.taken_for or "",
        "tls_version": secured.version[:16],
        "tls_cipher": secured.cipher[:64],
        "tls_subject": secured.subject[:255],
        "contexts": [_context(context, info.extended) for context in entry.contexts],
        "asked": asked,
        "came": came,
    }


def _context(context: tuple[str, str, str], extended: Mapping[str, bytes]) -> dict[str, str]:
    """With `extended` where something was agreed on beyond the context (PS3.7 D.3.3.5), in hexadecimal."""
    named = dict(zip(("abstract_syntax", "transfer_syntax", "result"), context, strict=True))
    agreed = extended.get(context[0])
    return named if agreed is None else named | {"extended": agreed.hex()}


def _message(entry: MessageEntry) -> dict[str, Any]:
    return {
        "association_id": entry.association_id,
        "time": entry.time,
        "direction": Message.Direction.IN if entry.incoming else Message.Direction.OUT,
        "service": entry.verb,
        "message_id": entry.message_id,
        "status": entry.status,
        "comment": entry.comment if len(entry.comment) <= REASON_LENGTH else f"{entry.comment[: REASON_LENGTH - 2]}..",
        "sop_class_uid": entry.sop_class_uid[:64],
        "sop_instance_uid": entry.sop_instance_uid[:64],
        "transfer_syntax": entry.transfer_syntax,
        "size": len(entry.data),
        "data": entry.data,
        "first_answers": packed(entry.answers),
        "remark": entry.note,
        "answer_count": entry.answer_count,
        "duration_ms": entry.duration_ms,
    }
