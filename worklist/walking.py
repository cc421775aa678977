"""One walk over the element headers of an encoded item, copying what is asked of it: an answer without reading the item into objects.

Items are Explicit VR Little Endian with text in UTF-8 and sequences of defined length (`worklist.item.encode`). What a walk is not sure of
is a `Doubt`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from pydicom.datadict import keyword_for_tag

from dimse.charsets import NONE, CharacterSet
from worklist import keys


def _vrs(*names: str) -> frozenset[int]:
    return frozenset(int.from_bytes(name.encode(), "little") for name in names)


# VRs as the number that their two letters are in little endian, which is what a header is read as.
_TEXT: Final = _vrs("LO", "LT", "PN", "SH", "ST", "UC", "UT")  # in the declared character set (PS3.5 6.1.2.2)
_CODED: Final = _vrs("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR")
_BINARY: Final = _vrs("AT", "FD", "FL", "OB", "OW", "SL", "SS", "UL", "US")
_LONG: Final = _vrs("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")  # length in 32 bits (PS3.5 7.1.2)
(SQ,) = _vrs("SQ")
_header = Struct("<IHH").unpack_from
_long = Struct("<I").unpack_from
pack_long = Struct("<I").pack
_pack_header = Struct("<IHH").pack
_pack_long_header = Struct("<IHHI").pack
_ITEM: Final = 0xE000FFFE
_UNDEFINED: Final = 0xFFFFFFFF
_SPACE: Final = 0x20


def swapped(tag: int) -> int:
    """A tag as its four bytes in little endian are read as one number, and back."""
    return (tag & 0xFFFF) << 16 | tag >> 16


CHARACTER_SET: Final = swapped(keys.CHARACTER_SET)
ITEM_TAG: Final = pack_long(_ITEM)


class Doubt(Exception):
    """An item that the plan does not copy by itself."""


@dataclass(frozen=True, slots=True)
class Level:
    """What is asked of a data set or of the items of a sequence. Tags are numbers as `swapped` makes them.

    `blank` is the answer of an empty data set, encoded element by element in order of tag, b"" for what is then left out. `places` gives
    the index of a tag in it and, when it is a sequence, the level of its items. `whole` copies everything; then `blank` is what must
    not be lacking. `only_first` takes one item.
    """

    tags: tuple[int, ...] = ()
    blank: tuple[bytes, ...] = ()
    places: "dict[int, tuple[int, Level | None]]" = field(default_factory=dict)
    whole: bool = False
    only_first: bool = False


@dataclass(slots=True)
class Walk:
    """One item on its way into an answer. `encode` re-encodes its text; `foreign` turns true when text is not all ASCII."""

    data: bytes
    implicit: bool
    encode: Callable[[bytes, int], bytes] | None
    foreign: bool = False

    def fill(self, level: Level, position: int, end: int) -> bytes:
        """The elements from `position` to `end` as the level asks for them."""
        if level.whole:
            return self._whole(level, position, end)
        slots, find, data, implicit = list(level.blank), level.places.get, self.data, self.implicit
        while position < end:
            tag, vr, length = _header(data, position)
            value = position + 8
            if vr in _LONG:
                (length,) = _long(data, value)
                value += 4
            after = value + length
            place = find(tag)
            if place is not None:
                index, below = place
                if below is not None:
                    if vr == SQ:
                        slots[index] = self._items(below, tag, value, after) or slots[index]
                elif value - position == 8 and vr not in _BINARY and (text := data[value:after]).isascii() and text[:1] > b" ":
                    slots[index] = data[position : value - 4] + pack_long(length) + text if implicit else data[position:after]
                else:
                    slots[index] = self._element(tag, vr, value, after) or slots[index]
            position = after
        if position != end:
            raise Doubt
        return b"".join(slots)

    def _whole(self, level: Level, position: int, end: int) -> bytes:
        """Everything, and what must not be lacking."""
        found = dict(zip(level.tags, level.blank, strict=True))
        while position < end:
            tag, vr, length = _header(self.data, position)
            value = position + 8
            if vr in _LONG:
                (length,) = _long(self.data, value)
                value += 4
            if tag == CHARACTER_SET:
                raise Doubt
            after = value + length
            copied = self._items(EVERYTHING, tag, value, after) if vr == SQ else self._element(tag, vr, value, after)
            found[tag] = copied or head(tag, vr, 0, self.implicit)
            position = after
        if position != end:
            raise Doubt
        return b"".join(found[tag] for tag in sorted(found, key=swapped))

    def _element(self, tag: int, vr: int, value: int, after: int) -> bytes:
        """An element that is no sequence; b"" when it has no value."""
        content = self.data[value:after]
        if vr not in _BINARY:
            if not content or (content[0] <= _SPACE and not content.strip(b" \0")):
                return b""
            if not content.isascii() and vr in _TEXT:
                self.foreign = True
                if self.encode is not None:
                    content = self.encode(content, vr)
            elif vr not in _TEXT and (vr not in _CODED or not content.isascii()):
                raise Doubt
        return head(tag, vr, len(content), self.implicit) + content if content else b""

    def _items(self, level: Level, sequence: int, position: int, end: int) -> bytes:
        """A sequence, each item as the level asks for it; b"" when there is none."""
        data, parts = self.data, [b""]
        while position < end and not (level.only_first and len(parts) > 1):
            tag, _, _ = _header(data, position)
            (length,) = _long(data, position + 4)
            if tag != _ITEM or length == _UNDEFINED:
                raise Doubt
            content = self.fill(level, position + 8, position + 8 + length)
            parts += (ITEM_TAG, pack_long(len(content)), content)
            position += 8 + length
        if len(parts) == 1:
            return b""
        content = b"".join(parts)
        return head(sequence, SQ, len(content), self.implicit) + content


def head(tag: int, vr: int, length: int, implicit: bool) -> bytes:
    """The header of an element (PS3.5 7.1.2, 7.1.3)."""
    if implicit:
        return pack_long(tag) + pack_long(length)
    if vr in _LONG:
        return _pack_long_header(tag, vr, 0, length)
    if length > 0xFFFF:
        raise Doubt
    return _pack_header(tag, vr, length)


EVERYTHING = Level(whole=True)


@dataclass(slots=True)
class Collector(Walk):
    """A walk that notes the text that `wanted` does not have: the characters by the path of keywords."""

    wanted: CharacterSet = NONE
    found: dict[str, str] = field(default_factory=dict)
    path: str = ""

    def _element(self, tag: int, vr: int, value: int, after: int) -> bytes:
        if vr in _TEXT and (lacking := self.wanted.lacks(self.data[value:after].decode())):
            name = self.path + keyword_of(swapped(tag))
            self.found[name] = "".join(dict.fromkeys(self.found.get(name, "") + lacking))
        return Walk._element(self, tag, vr, value, after)

    def _items(self, level: Level, sequence: int, position: int, end: int) -> bytes:
        before, self.path = self.path, f"{self.path}{keyword_of(swapped(sequence))}."
        content = Walk._items(self, level, sequence, position, end)
        self.path = before
        return content


def keyword_of(tag: int) -> str:
    """The keyword of an attribute, or its tag when it has none."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
