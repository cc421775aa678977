"""Protocol data units of the upper layer (PS3.8 9.3): cutting a stream of bytes into them, P-DATA-TF, and the short ones.

Nothing is believed before it is checked: a header that cannot be one is refused before its body is waited for.
"""

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from dimse.strangers import NoDicom, complaint, is_undecided, taken_for

MAXIMUM_ASSOCIATE: Final = 2**17
"""Bytes of the longest A-ASSOCIATE PDU that is read; 128 presentation contexts with ten transfer syntaxes each take 40,000."""

_HEADER_LENGTH: Final = 6  # PDU type, a reserved byte, length of the rest
_SHORT_LENGTH: Final = 4  # of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT
_PDV_OVERHEAD: Final = 6  # item length, presentation context ID, message control header (PS3.8 9.3.5)
_LARGEST_SENT: Final = 2**17  # to a peer that sets no limit
_JOINED: Final = 2**16  # bytes of small PDUs that are sent together
_SHOWN: Final = 64  # bytes that are looked at to say what came instead of a PDU

COMMAND: Final = 0x01
LAST: Final = 0x02
"""Bits of the message control header (PS3.8 E.2)."""

_HEADER = struct.Struct(">BxL")
_PDV = struct.Struct(">LBB")


class Kind(IntEnum):
    """PDU types."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class AbortReason(IntEnum):
    """Why the service provider aborts (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class InvalidPdu(Exception):
    """What came cannot be a PDU, or not this one; the message says why, for the journal and the log. `taken_for`: no DICOM at all."""

    def __init__(self, problem: str, reason: AbortReason = AbortReason.INVALID_PARAMETER, taken_for: "NoDicom | None" = None) -> None:
        super().__init__(problem)
        self.reason = reason
        self.taken_for = taken_for


class Pdv(NamedTuple):
    """A presentation data value: one fragment of a command or data set."""

    context_id: int
    control: int
    fragment: memoryview


class Framer:
    """Cuts received bytes into PDUs; keeps at most one PDU and one read. `max_data` is the Maximum Length announced to the peer."""

    def __init__(self, max_data: int) -> None:
        self._limits: dict[int, int] = dict.fromkeys(Kind, _SHORT_LENGTH)
        self._limits |= {Kind.ASSOCIATE_RQ: MAXIMUM_ASSOCIATE, Kind.ASSOCIATE_AC: MAXIMUM_ASSOCIATE, Kind.P_DATA_TF: max_data}
        self._buffer = bytearray()
        self.received = 0

    def feed(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data

    @property
    def incomplete(self) -> tuple[int, int] | None:
        """How many bytes of a PDU's body are there and how many it has; None between two PDUs."""
        if not self._buffer:
            return None
        length = _HEADER.unpack_from(self._buffer)[1] if len(self._buffer) >= _HEADER_LENGTH else 0
        return max(len(self._buffer) - _HEADER_LENGTH, 0), length

    def next(self) -> tuple[Kind, bytes] | None:
        """The next whole PDU: its type and what follows its header; None when more bytes are needed. Raises InvalidPdu."""
        buffer = self._buffer
        if not buffer:
            return None
        is_first = self.received == len(buffer)
        limit = self._limits.get(buffer[0], 0)
        if not limit:
            start = bytes(buffer[:_SHOWN])
            if is_first and is_undecided(start):
                return None
            raise InvalidPdu(complaint(start, is_first, limit), AbortReason.UNRECOGNIZED_PDU, taken_for(start) if is_first else None)
        if len(buffer) < _HEADER_LENGTH:
            return None
        number, length = _HEADER.unpack_from(buffer)
        if length > limit:
            raise InvalidPdu(complaint(bytes(buffer[:_SHOWN]), is_first, limit))
        if limit == _SHORT_LENGTH != length:
            raise InvalidPdu(f"a PDU of type {number:02X}H has {length} bytes instead of {limit}")
        end = _HEADER_LENGTH + length
        if len(buffer) < end:
            return None
        with memoryview(buffer) as view:
            body = bytes(view[_HEADER_LENGTH:end])
        del buffer[:end]
        return Kind(number), body


def pdvs(body: bytes) -> list[Pdv]:
    """The presentation data values of a P-DATA-TF PDU (PS3.8 9.3.5), copied nowhere. Raises InvalidPdu."""
    view, position, found = memoryview(body), 0, []
    while position < len(view):
        left = len(view) - position - 4
        if left < 2:
            raise InvalidPdu("a presentation data value is cut")
        length, context_id, control = _PDV.unpack_from(view, position)
        if not 2 <= length <= left:
            raise InvalidPdu(f"a presentation data value of {length} bytes stands where {left} are left")
        if length % 2 and not control & LAST:
            raise InvalidPdu(f"a fragment that others follow has {length - 2} bytes, an odd number")
        found.append(Pdv(context_id, control, view[position + _PDV_OVERHEAD : position + 4 + length]))
        position += 4 + length
    if not found:
        raise InvalidPdu("a P-DATA-TF has no presentation data value")
    return found


class Packer:
    """Makes P-DATA-TF PDUs for one presentation context that respect the peer's Maximum Length (0: it sets none)."""

    def __init__(self, context_id: int, maximum: int) -> None:
        self._context_id = context_id
        self._maximum = maximum or _LARGEST_SENT
        self._fragment = max(self._maximum - _PDV_OVERHEAD, 2) & ~1

    def message(self, command: bytes, data: bytes | None) -> bytes:
        """One message: its command set and data set in one PDU where they fit, else in fragments, a PDU each."""
        if data is None:
            return b"".join(self._fragmented(command, COMMAND))
        if self._fit(command, data):
            return b"".join(self._together(command, data))
        return b"".join((*self._fragmented(command, COMMAND), *self._fragmented(data, 0)))

    def messages(self, command: bytes, data_sets: Iterable[bytes]) -> Iterator[bytes]:
        """A message for each data set, all with the same command set, joined to pieces that are worth a system call."""
        parts: list[bytes] = []
        size = 0
        for data in data_sets:
            if self._fit(command, data):
                parts += self._together(command, data)
            else:
                parts.append(self.message(command, data))
            size += len(command) + len(data)
            if size >= _JOINED:
                yield b"".join(parts)
                parts.clear()
                size = 0
        if parts:
            yield b"".join(parts)

    def _fit(self, command: bytes, data: bytes) -> bool:
        return len(command) + len(data) + 2 * _PDV_OVERHEAD <= self._maximum

    def _together(self, command: bytes, data: bytes) -> tuple[bytes, ...]:
        return (
            _HEADER.pack(Kind.P_DATA_TF, len(command) + len(data) + 2 * _PDV_OVERHEAD),
            _PDV.pack(len(command) + 2, self._context_id, COMMAND | LAST),
            command,
            _PDV.pack(len(data) + 2, self._context_id, LAST),
            data,
        )

    def _fragmented(self, data: bytes, kind: int) -> Iterator[bytes]:
        for start in range(0, max(len(data), 1), self._fragment):
            fragment = data[start : start + self._fragment]
            last = LAST if start + self._fragment >= len(data) else 0
            yield _HEADER.pack(Kind.P_DATA_TF, len(fragment) + _PDV_OVERHEAD)
            yield _PDV.pack(len(fragment) + 2, self._context_id, kind | last)
            yield fragment


def framed(kind: Kind, body: bytes) -> bytes:
    """A PDU with its header."""
    return _HEADER.pack(kind, len(body)) + body


def reject(result: int, source: int, reason: int) -> bytes:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return framed(Kind.ASSOCIATE_RJ, bytes((0, result, source, reason)))


def abort(source: int, reason: int) -> bytes:
    """A-ABORT (PS3.8 9.3.8); source 0 is the service user, 2 the service provider."""
    return framed(Kind.ABORT, bytes((0, 0, source, reason)))


RELEASE_RQ: Final = framed(Kind.RELEASE_RQ, bytes(4))
RELEASE_RP: Final = framed(Kind.RELEASE_RP, bytes(4))
