"""The status within an encoded worklist item, the one thing that changes while an exam is performed, and the AE titles of its stations.

Exchanged in place, since they say nothing about the rest of the item; what follows is what encoding it all anew gives
(Explicit VR Little Endian, sequences and items of defined length: PS3.5 7.1.2, 7.5).
"""

import struct
from collections.abc import Iterator

from worklist import keys
from worklist.item import STATUS_TAG

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")  # 32-bit length (PS3.5 Table 7.1-1)
_STATION_TAG = keys.Key("ScheduledStationAETitle").tag
HEADER = 8  # bytes of an item's tag and length
_LENGTH = struct.Struct("<I")


def with_status(item: bytes, status: str) -> bytes | None:
    """The item of a step whose status is `status` now; None for an item without a status to exchange."""
    return _with(item, STATUS_TAG, status)


def with_station_titles(item: bytes, titles: str) -> bytes | None:
    """The item of a step on these stations, with backslashes between them; None for one without such titles."""
    return _with(item, _STATION_TAG, titles)


def _with(item: bytes, tag: int, text: str) -> bytes | None:
    """The item with another value of an element of its step."""
    sequence = find(item, keys.STEP_SEQUENCE.tag, 0, len(item))
    if sequence is None:
        return None
    inside = sequence[1] + HEADER
    found = find(item, tag, inside, inside + _length(item, inside - 4))
    if found is None:
        return None
    value = text.encode("ascii")
    value += b" " * (len(value) % 2)
    start, at, end = found
    longer = len(value) - (end - at)
    return b"".join(
        [
            item[: sequence[1] - 4],
            _LENGTH.pack(_length(item, sequence[1] - 4) + longer),
            item[sequence[1] : inside - 4],
            _LENGTH.pack(_length(item, inside - 4) + longer),
            item[inside : start + 6],
            struct.pack("<H", len(value)),
            value,
            item[end:],
        ]
    )


def find(item: bytes, tag: int, position: int, end: int) -> tuple[int, int, int] | None:
    """Where the element begins, and where its value begins and ends."""
    return next(((begin, value, after) for found, begin, value, after in elements(item, position, end) if found == tag), None)


def elements(item: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The tag of each element of a level, where the element begins, and where its value begins and ends; in order of their tags."""
    while position < end:
        group, element = struct.unpack_from("<HH", item, position)
        if item[position + 4 : position + 6] in _LONG:
            value = position + 12
            after = value + _length(item, position + 8)
        else:
            value = position + 8
            (length,) = struct.unpack_from("<H", item, position + 6)
            after = value + length
        yield group << 16 | element, position, value, after
        position = after


def _length(item: bytes, position: int) -> int:
    (length,) = _LENGTH.unpack_from(item, position)
    return int(length)
