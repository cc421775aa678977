"""The message journal: which associations there were and what was said, in a store of its own (`JournalRouter`)."""

import re
import struct
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final, Self, TypeVar

from django.db import models
from django.db.models import F
from django.db.models.lookups import GreaterThan

from dimse import readable, statuses
from dimse.entries import Ending
from dimse.summaries import Came

LEFT_OUT: Final = "data set of {} bytes not kept"
"""The remark of a message whose data set is too large to be kept here."""
_LEFT_OUT: Final = re.compile(LEFT_OUT.format(r"(\d+)"))

REASON_LENGTH: Final = 250
"""Characters of why a request was refused that are kept."""

Row = TypeVar("Row", bound=models.Model, covariant=True)


class TimedQuerySet(models.QuerySet[Row]):
    """Rows with a time, in the column that `time_column` names."""

    time_column: ClassVar = "time"

    def between(self, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Those at or after `start` and before `end`."""
        after = {} if start is None else {f"{self.time_column}__gte": start}
        before = {} if end is None else {f"{self.time_column}__lt": end}
        return self.filter(**after, **before)


def has(column: str, flags: int) -> GreaterThan:
    """Rows in whose column a flag of these is set."""
    return GreaterThan(F(column).bitand(flags), 0)


class AssociationQuerySet(TimedQuerySet["Association"]):
    """Associations by who asked and when they started."""

    time_column: ClassVar = "started"

    def calling(self, ae_title: str) -> Self:
        return self.filter(calling=ae_title)


class Association(models.Model):
    """One association request, or a connection that made none (no AE titles); `ended` is empty while it lives, `rejection` empty
    when it was accepted. `note` says what else went wrong. The columns of TLS are empty for a plain connection, `tls_subject` also where
    the peer showed no certificate.

    `asked` and `came` sum up its messages (`dimse.summaries.Asked`, `Came`): the log is filtered by one index that holds them.
    """

    class End(models.TextChoices):
        RELEASED = Ending.RELEASED.value
        ABORTED = Ending.ABORTED.value
        CLOSED = Ending.CLOSED.value
        ABORTED_HERE = Ending.ABORTED_HERE.value
        REJECTED = Ending.REJECTED.value

    id = models.UUIDField(primary_key=True)
    started = models.DateTimeField(db_index=True)
    ended = models.DateTimeField(null=True)
    end = models.CharField(max_length=16, choices=End.choices, blank=True)
    calling = models.CharField(max_length=16, db_index=True)
    called = models.CharField(max_length=16)
    address = models.CharField(max_length=64)
    port = models.PositiveIntegerField()
    implementation = models.CharField(max_length=128, blank=True)
    rejection = models.CharField(max_length=255, blank=True)
    note = models.CharField(max_length=255, blank=True, default="")
    taken_for = models.CharField(max_length=32, blank=True, default="", db_default="", help_text="dimse.strangers.NoDicom")
    tls_version = models.CharField(max_length=16, blank=True, default="", db_default="")
    tls_cipher = models.CharField(max_length=64, blank=True, default="", db_default="")
    tls_subject = models.CharField(max_length=255, blank=True, default="", db_default="")
    contexts = models.JSONField(
        default=list
    )  # [{"abstract_syntax": UID, "transfer_syntax": UID or "", "result": words, "extended": hex}, …]
    asked = models.PositiveSmallIntegerField(default=0)
    came = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar = AssociationQuerySet.as_manager()

    class Meta:
        ordering = ["-started"]
        indexes = [
            models.Index(fields=["calling", "started"], name="association_of_caller"),
            models.Index(fields=["calling", "started"], condition=models.Q(ended=None), name="open_association_of_caller"),
            models.Index(fields=["started", "id", "calling", "called", "address", "end", "asked", "came"], name="association_log"),
        ]

    @property
    def secured(self) -> str:
        """`TLSv1.3, TLS_AES_256_GCM_SHA384, certificate CN=CT01`; empty for any other than over TLS."""
        if not self.tls_version:
            return ""
        shown = f"certificate {self.tls_subject}" if self.tls_subject else "no certificate of the peer"
        return f"{self.tls_version}, {self.tls_cipher}, {shown}"

    @property
    def is_plain(self) -> bool:
        """Whether it came on the port without TLS. Not known of rows of before that was kept."""
        return bool(self.came & Came.PLAIN)

    @property
    def transport(self) -> str:
        """What it was secured by, in words whatever that was."""
        if self.secured or self.is_plain:
            return self.secured or "None"
        return "None came about" if self.came & Came.NOT_SECURED else "Not known"

    def __str__(self) -> str:
        return f"{self.calling} → {self.called} at {self.started:%Y-%m-%d %H:%M:%S}"


class MessageQuerySet(TimedQuerySet["Message"]):
    """Messages by when, who, what and how it went. Filters can be chained."""

    def calling(self, ae_title: str) -> Self:
        return self.filter(association__calling=ae_title)

    def service(self, verb: str) -> Self:
        """Those of one DIMSE operation, e.g. "C-FIND"."""
        return self.filter(service=verb)

    def status(self, status: int) -> Self:
        return self.filter(status=status)


class Message(models.Model):
    """One DIMSE message: a request as it came in, or the final response to one.

    Kept as it travelled, and decoded when somebody looks: `dataset` is DICOM JSON (PS3.18 F), cut at whole elements when it is long;
    `note` tells what was odd, cut or could not be read. The response to a C-FIND counts its answers and holds the first of them.
    """

    class Direction(models.TextChoices):
        IN = "in", "received"
        OUT = "out", "sent"

    # The association's row may have been dropped when the journal could not keep up, and the message is still worth reading.
    association = models.ForeignKey(Association, on_delete=models.CASCADE, related_name="messages", db_constraint=False)
    time = models.DateTimeField(db_index=True)
    direction = models.CharField(max_length=3, choices=Direction.choices)
    service = models.CharField(max_length=16, db_index=True)
    message_id = models.PositiveIntegerField()
    status = models.PositiveIntegerField(null=True, db_index=True)
    comment = models.CharField(max_length=REASON_LENGTH, blank=True, help_text="Why, in whole; the wire has the beginning.")
    sop_class_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64, blank=True, db_index=True)
    transfer_syntax = models.CharField(max_length=64)
    size = models.PositiveIntegerField()  # bytes of the data set as it travelled
    data = models.BinaryField(default=b"")  # the data set, in `transfer_syntax`
    first_answers = models.BinaryField(default=b"")  # identifiers in `transfer_syntax`, as `packed` joins them
    remark = models.TextField(blank=True)  # what was odd when it came
    answer_count = models.PositiveIntegerField(null=True)
    duration_ms = models.FloatField(null=True)

    objects: ClassVar = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-time", "-id"]

    def __str__(self) -> str:
        return f"{self.service} {self.direction} at {self.time:%Y-%m-%d %H:%M:%S}"

    @property
    def status_name(self) -> str:
        """The status in words; empty for a request."""
        return "" if self.status is None else statuses.name_of(self.status)

    @property
    def left_out(self) -> int:
        """Bytes of a data set that was too large for the journal; 0 for one that is here, or none."""
        found = _LEFT_OUT.match(self.remark)
        return int(found[1]) if found and not self.data else 0

    @property
    def dataset(self) -> dict[str, Any] | None:
        """The data set as DICOM JSON; None when there is none, or none that can be decoded."""
        return self._read[0]

    @property
    def note(self) -> str:
        remark, missing = str(self.remark), self._read[1]
        return "; ".join(part for part in (remark, "" if remark and remark in missing else missing) if part)

    @cached_property
    def answers(self) -> list[dict[str, Any] | None]:
        """The first answers to a C-FIND as DICOM JSON."""
        return [readable.as_json(answer, self.transfer_syntax)[0] for answer in unpacked(bytes(self.first_answers))]

    @cached_property
    def _read(self) -> tuple[dict[str, Any] | None, str]:
        return readable.as_json(bytes(self.data), self.transfer_syntax) if self.data else (None, "")


class Mention(models.Model):
    """An accession number that a query or an N-CREATE named, so that it is found without a look at data sets (`dimse.summaries`)."""

    association_id = models.UUIDField()
    time = models.DateTimeField(db_index=True)
    accession_number = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64, blank=True)  # of the N-CREATE: its N-SETs do not repeat the number

    class Meta:
        indexes = [models.Index(fields=["accession_number", "time"], name="mention_of_accession")]

    def __str__(self) -> str:
        return self.accession_number


def packed(answers: Iterable[bytes]) -> bytes:
    """Identifiers in one value, each behind its length (32 bits, little endian)."""
    return b"".join(struct.pack("<L", len(answer)) + answer for answer in answers)


def unpacked(joined: bytes) -> list[bytes]:
    """What `packed` joined."""
    answers, position = [], 0
    while position < len(joined):
        (length,) = struct.unpack_from("<L", joined, position)
        answers.append(joined[position + 4 : position + 4 + length])
        position += 4 + length
    return answers
