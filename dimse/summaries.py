"""What an association's row says of its messages, so that a log of a million is filtered without looking at them: which operations were
asked for, how they were answered, which accession numbers they named.

Made of entries on their way into the journal, beside the hot path.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from enum import IntFlag
from functools import lru_cache
from typing import Final
from uuid import UUID

from dimse.entries import AssociationStarted, Entry, MessageEntry
from dimse.services import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, Verb
from dimse.statuses import StatusClass, class_of
from dimse.strangers import ON_THE_PLAIN_PORT

_REMEMBERED: Final = 10_000  # associations
_LONGEST: Final = 64  # bytes of an accession number, whose VR allows 16 characters
ACCESSION_NUMBER: Final = 0x00080050


class Asked(IntFlag):
    """Operations that were asked for in an association."""

    C_ECHO = 1
    C_FIND = 2
    N_CREATE = 4
    N_SET = 8
    N_GET = 16
    OTHER = 32


class Came(IntFlag):
    """What came of an association and its messages."""

    SUCCESS = 1
    NOTHING = 2  # a C-FIND that found nothing
    WARNING = 4
    CANCELED = 8
    FAILURE = 16
    TIMED_OUT = 32
    NOTED = 64  # something went wrong with the association itself
    SECURED = 128  # by TLS
    PLAIN = 256  # on the port without TLS; rows of before that was kept have neither
    NOT_SECURED = 512  # on the port for TLS, where no TLS came about


TRANSPORTS: Final = {"tls": Came.SECURED, "plain": Came.PLAIN, "failed": Came.NOT_SECURED}
"""What was spoken on, as filters name it. What was journalled before that was kept is in none of them."""

# Plain numbers from here on: flags of an enumeration cost a microsecond each time they are put together.
_VERBS: Final[dict[str, int]] = {verb.value: int(Asked[verb.name]) for verb in Verb}
_OTHER, _NOTED, _TIMED_OUT, _NOTHING = int(Asked.OTHER), int(Came.NOTED), int(Came.TIMED_OUT), int(Came.NOTHING)
_SECURED, _PLAIN, _NOT_SECURED = int(Came.SECURED), int(Came.PLAIN), int(Came.NOT_SECURED)
_CLASSES: Final[dict[StatusClass, int]] = {
    StatusClass.SUCCESS: int(Came.SUCCESS),
    StatusClass.WARNING: int(Came.WARNING),
    StatusClass.CANCEL: int(Came.CANCELED),
    StatusClass.FAILURE: int(Came.FAILURE),
}

Marks = tuple[int, int]
"""`Asked` and `Came`."""
NO_MARKS: Final[Marks] = (0, 0)


def asked_by(verb: str) -> int:
    """The flag of `Asked` of an operation."""
    return _VERBS.get(verb, _OTHER)


def came_of(status: int | None, answer_count: int | None) -> int:
    """The flags of `Came` of a response; none of a request."""
    return 0 if status is None else _came(status, answer_count == 0)


@lru_cache(maxsize=256)
def _came(status: int, is_empty: bool) -> int:
    kind = class_of(status)
    return _CLASSES.get(kind, 0) | (_NOTHING if is_empty and kind is StatusClass.SUCCESS else 0)


def marks_of(entries: Iterable[Entry]) -> dict[UUID, Marks]:
    """What these entries say of each association."""
    found: dict[UUID, Marks] = {}
    for entry in entries:
        key, asked, came = _said(entry)
        before = found.get(key, NO_MARKS)
        found[key] = before[0] | asked, before[1] | came
    return found


def _said(entry: Entry) -> tuple[UUID, int, int]:
    if isinstance(entry, MessageEntry):
        if entry.incoming:
            return entry.association_id, asked_by(entry.verb), 0
        return entry.association_id, 0, came_of(entry.status, entry.answer_count)
    if isinstance(entry, AssociationStarted):
        return entry.association.id, 0, (_NOTED if entry.note else 0) | _transport(entry)
    return entry.association_id, 0, (_TIMED_OUT if entry.timed_out else 0) | (_NOTED if entry.note else 0)


def _transport(entry: AssociationStarted) -> int:
    if entry.association.secured:
        return _SECURED
    return _PLAIN if entry.taken_for is None or entry.taken_for in ON_THE_PLAIN_PORT else _NOT_SECURED


class Remembered:
    """What the rows of the latest associations say already: a modality that asks the same all day changes nothing."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, Marks] = OrderedDict()

    def news(self, marks: dict[UUID, Marks]) -> dict[UUID, Marks]:
        """Those that say more than their rows."""
        known = self._known
        return {
            key: (asked, came)
            for key, (asked, came) in marks.items()
            if (asked & ~known.get(key, NO_MARKS)[0]) or (came & ~known.get(key, NO_MARKS)[1])
        }

    def learn(self, marks: dict[UUID, Marks]) -> None:
        """The rows say this now."""
        for key, (asked, came) in marks.items():
            before = self._known.pop(key, NO_MARKS)
            self._known[key] = before[0] | asked, before[1] | came
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def accession_numbers(data: bytes, transfer_syntax: str) -> Iterator[str]:
    """The accession numbers in a data set, at whatever level, each once, by their bytes: decoding would cost a hundred times as much.

    Bytes that only look like an element are found as well; whoever searches for a number finds a message too many then.
    """
    is_implicit, little = transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN, transfer_syntax != EXPLICIT_VR_BIG_ENDIAN
    order = "<" if little else ">"
    header = struct.pack(f"{order}HH", ACCESSION_NUMBER >> 16, ACCESSION_NUMBER & 0xFFFF) + (b"" if is_implicit else b"SH")
    length = struct.Struct(f"{order}L" if is_implicit else f"{order}H")
    seen = set()
    position = data.find(header)
    while position >= 0:
        start = position + len(header) + length.size
        if start <= len(data):
            (size,) = length.unpack_from(data, start - length.size)
            text = data[start : start + size].decode("utf-8", "replace").strip(" \0") if size <= _LONGEST else ""
            if text and text.isprintable() and text not in seen:
                seen.add(text)
                yield text
        position = data.find(header, position + 4)
