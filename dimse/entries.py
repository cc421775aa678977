"""What the server tells the message journal: plain values, put on a queue by the threads that serve, encoded and stored elsewhere."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from dimse.services import AssociationInfo
from dimse.strangers import NoDicom

HEALTH_AE_TITLE = "STEPWISE-HEALTH"
"""Calling AE title of our own health check: it may only C-ECHO, is asked of no policy, and is not journalled."""


class Ending(StrEnum):
    """How an association came to its end."""

    RELEASED = "released"
    ABORTED = "aborted"  # by the peer
    CLOSED = "closed"  # the connection broke without A-RELEASE or A-ABORT
    ABORTED_HERE = "aborted here"  # idle too long, a protocol error, or the server stops
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class AssociationStarted:
    """An association request and what became of it. `rejection` is empty when it was accepted; `contexts` are the negotiated ones.

    `note` says in words what went wrong without a rejection, `taken_for` what a peer took the port for that spoke no DICOM.
    """

    association: AssociationInfo
    time: datetime
    implementation: str
    rejection: str = ""
    contexts: tuple[tuple[str, str, str], ...] = ()  # abstract syntax, transfer syntax (empty when refused), result in words
    note: str = ""
    taken_for: NoDicom | None = None


@dataclass(frozen=True, slots=True)
class AssociationEnded:
    """`timed_out`: patience ended, with the peer's request, its next one, or its reading."""

    association_id: UUID
    time: datetime
    ending: Ending
    note: str = ""
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEntry:
    """One DIMSE message. `data` is its data set as it travels in `transfer_syntax`; `answers` the first identifiers of a C-FIND."""

    association_id: UUID
    time: datetime
    incoming: bool
    verb: str
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str = ""
    status: int | None = None
    comment: str = ""
    transfer_syntax: str
    data: bytes = b""
    note: str = ""
    answers: tuple[bytes, ...] = ()
    answer_count: int | None = None
    duration_ms: float | None = None


Entry = AssociationStarted | AssociationEnded | MessageEntry


class Journal(Protocol):
    """Where entries go. `put` never blocks and never raises."""

    def put(self, entry: Entry) -> None: ...


class NoJournal:
    """Keeps nothing."""

    def put(self, entry: Entry) -> None:
        """Forget the entry."""


def now() -> datetime:
    """The time of an entry: wall clock, aware UTC."""
    return datetime.now(UTC)
