"""Answers from the bytes of an item: what `answers.compose` says, without reading the item into objects.

A plan is made once for a query, a transfer syntax and a character set. It knows what each answer holds in which order;
an item is then one walk over its element headers, and what was asked is copied. What a plan is not sure of (`_Doubt`) is
left to `answers.compose`, with which it always agrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from struct import Struct
from typing import Final

from dimse import charsets
from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from worklist import answers, keys
from worklist import item as worklist_item
from worklist.keys import Key
from worklist.query import Asked, Query
from worklist.recent import Recent


def _vrs(*names: str) -> frozenset[int]:
    return frozenset(int.from_bytes(name.encode(), "little") for name in names)


# VRs as the number that their two letters are in little endian, which is what a header is read as.
_TEXT: Final = _vrs("LO", "LT", "PN", "SH", "ST", "UC", "UT")  # in the declared character set (PS3.5 6.1.2.2)
_CODED: Final = _vrs("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR")
_BINARY: Final = _vrs("AT", "FD", "FL", "OB", "OW", "SL", "SS", "UL", "US")
_LONG: Final = _vrs("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")  # length in 32 bits (PS3.5 7.1.2)
(_SQ,) = _vrs("SQ")
_PLAIN_SETS: Final = (*(f"ISO_IR {number}" for number in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166)), "GB18030", "GBK")
"""Character sets where the codec alone says what fits and how it is written: no escape sequences, no half of a larger codec."""

_header = Struct("<IHH").unpack_from
_long = Struct("<I").unpack_from
_pack_long = Struct("<I").pack
_pack_header = Struct("<IHH").pack
_pack_long_header = Struct("<IHHI").pack
_ITEM: Final = 0xE000FFFE
_UNDEFINED: Final = 0xFFFFFFFF
_COMPOSED_BYTES: Final = 4 * 2**20  # items and answers kept of a generation
_ESCAPE: Final = b"\x1b"
_SPACE: Final = 0x20


def _swapped(tag: int) -> int:
    """A tag as its four bytes in little endian are read as one number, and back."""
    return (tag & 0xFFFF) << 16 | tag >> 16


_CHARACTER_SET: Final = _swapped(keys.CHARACTER_SET)
_ITEM_TAG: Final = _pack_long(_ITEM)


class _Doubt(Exception):
    """An item that the plan does not copy by itself."""


@dataclass(frozen=True, slots=True)
class _Level:
    """What is asked of a data set or of the items of a sequence. Tags are numbers as `_swapped` makes them.

    `blank` is the answer of an empty data set, encoded element by element in order of tag, b"" for what is then left out. `places` gives
    the index of a tag in it and, when it is a sequence, the level of its items. `whole` copies everything; then `blank` is what must
    not be lacking. `only_first` takes one item.
    """

    tags: tuple[int, ...] = ()
    blank: tuple[bytes, ...] = ()
    places: "dict[int, tuple[int, _Level | None]]" = field(default_factory=dict)
    whole: bool = False
    only_first: bool = False


@dataclass(slots=True)
class _Walk:
    """One item on its way into an answer. `codec` re-encodes its text; `foreign` turns true when text is not all ASCII."""

    data: bytes
    implicit: bool
    codec: str | None
    foreign: bool = False

    def fill(self, level: _Level, position: int, end: int) -> bytes:
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
                    if vr == _SQ:
                        slots[index] = self._items(below, tag, value, after) or slots[index]
                elif value - position == 8 and vr not in _BINARY and (text := data[value:after]).isascii() and text[:1] > b" ":
                    slots[index] = data[position : value - 4] + _pack_long(length) + text if implicit else data[position:after]
                else:
                    slots[index] = self._element(tag, vr, value, after) or slots[index]
            position = after
        if position != end:
            raise _Doubt
        return b"".join(slots)

    def _whole(self, level: _Level, position: int, end: int) -> bytes:
        """Everything, and what must not be lacking."""
        found = dict(zip(level.tags, level.blank, strict=True))
        while position < end:
            tag, vr, length = _header(self.data, position)
            value = position + 8
            if vr in _LONG:
                (length,) = _long(self.data, value)
                value += 4
            if tag == _CHARACTER_SET:
                raise _Doubt
            after = value + length
            copied = self._items(_EVERYTHING, tag, value, after) if vr == _SQ else self._element(tag, vr, value, after)
            found[tag] = copied or _head(tag, vr, 0, self.implicit)
            position = after
        if position != end:
            raise _Doubt
        return b"".join(found[tag] for tag in sorted(found, key=_swapped))

    def _element(self, tag: int, vr: int, value: int, after: int) -> bytes:
        """An element that is no sequence; b"" when it has no value."""
        content = self.data[value:after]
        if vr not in _BINARY:
            if not content or (content[0] <= _SPACE and not content.strip(b" \0")):
                return b""
            if not content.isascii() and vr in _TEXT:
                self.foreign = True
                if self.codec:
                    content = _padded(content.decode().rstrip(" \0").encode(self.codec))
            elif vr not in _TEXT and (vr not in _CODED or not content.isascii()):
                raise _Doubt
        return _head(tag, vr, len(content), self.implicit) + content if content else b""

    def _items(self, level: _Level, sequence: int, position: int, end: int) -> bytes:
        """A sequence, each item as the level asks for it; b"" when there is none."""
        data, parts = self.data, [b""]
        while position < end and not (level.only_first and len(parts) > 1):
            tag, _, _ = _header(data, position)
            (length,) = _long(data, position + 4)
            if tag != _ITEM or length == _UNDEFINED:
                raise _Doubt
            content = self.fill(level, position + 8, position + 8 + length)
            parts += (_ITEM_TAG, _pack_long(len(content)), content)
            position += 8 + length
        if len(parts) == 1:
            return b""
        content = b"".join(parts)
        return _head(sequence, _SQ, len(content), self.implicit) + content


def _head(tag: int, vr: int, length: int, implicit: bool) -> bytes:
    """The header of an element (PS3.5 7.1.2, 7.1.3)."""
    if implicit:
        return _pack_long(tag) + _pack_long(length)
    if vr in _LONG:
        return _pack_long_header(tag, vr, 0, length)
    if length > 0xFFFF:
        raise _Doubt
    return _pack_header(tag, vr, length)


_EVERYTHING = _Level(whole=True)


class Plan:
    """How the items that answer one query are written in one transfer syntax, in the preferred character set when they fit it."""

    def __init__(self, query: Query, transfer_syntax: str, preferred: Sequence[str]) -> None:
        self.query, self._empties = query, query.scope.empty_sequences
        self._transfer_syntax, self._preferred = transfer_syntax, tuple(preferred)
        self._implicit = transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN
        self._codec, self._declared = self._character_set()
        is_little = self._implicit or transfer_syntax == EXPLICIT_VR_LITTLE_ENDIAN
        self._level = self._root() if is_little and not any(map(_selects_items, (*query.root, *query.step))) else None

    def compose(self, item: bytes) -> bytes:
        """The encoded identifier of a pending response for `item` (the bytes of `worklist.item.encode`)."""
        answer = _composed.get((self, item))
        if answer is None:
            answer = self._compose(item)
            _composed.put((self, item), answer, len(item) + len(answer))
        return answer

    def _compose(self, item: bytes) -> bytes:
        if self._level is None or _ESCAPE in item:
            return self._by_objects(item)
        walk = _Walk(item, self._implicit, self._codec)
        try:
            answer = walk.fill(self._level, 0, len(item))
        except (_Doubt, UnicodeError):  # a character that the preferred set does not have makes the whole answer UTF-8
            return self._by_objects(item)
        if not walk.foreign:
            return answer
        return self._by_objects(item) if self._declared is None else self._declared + answer

    def _character_set(self) -> tuple[str | None, bytes | None]:
        """The codec that text is written with, None as it is, and the declaration of it, None when only objects can tell."""
        known = charsets.read("\\".join(self._preferred))
        terms = known.terms if known.terms and not known.unknown else charsets.UTF_8
        is_plain = len(terms) == 1 and terms[0] in _PLAIN_SETS
        if terms != charsets.UTF_8 and not is_plain:
            return None, None
        declared = _padded(terms[0].encode())
        head = _head(_CHARACTER_SET, int.from_bytes(b"CS", "little"), len(declared), self._implicit)
        return (known.encodings[0] if is_plain else None), head + declared

    def _by_objects(self, item: bytes) -> bytes:
        return encode(answers.compose(self.query, worklist_item.decode(item), self._preferred), self._transfer_syntax)

    def _root(self) -> _Level:
        step = self.query.sequence
        return self._level_of(tuple(sorted((*self.query.root, *((step,) if step else ())), key=lambda one: one.key.tag)))

    def _level_of(self, asked: tuple[Asked, ...]) -> _Level:
        blank: list[bytes] = []
        places: dict[int, tuple[int, _Level | None]] = {}
        for index, one in enumerate(asked):
            below = self._below(one) if one.key.vr == "SQ" else None
            places[_swapped(one.key.tag)] = index, below
            blank.append(self._blank(one.key) if one.key is not keys.STEP_SEQUENCE or below is None else self._blank_step(below))
        return _Level(tuple(places), tuple(blank), places)

    def _below(self, asked: Asked) -> _Level:
        is_step = asked.key is keys.STEP_SEQUENCE
        if not asked.whole:
            return replace(self._level_of(asked.children), only_first=is_step)
        needed = answers.needed(asked.key, self._empties)
        tags = tuple(_swapped(child.tag) for child in needed)
        return _Level(tags, tuple(map(self._empty, needed)), whole=True, only_first=is_step)

    def _blank(self, key: Key) -> bytes:
        return b"" if answers.is_left_out(key, self._empties) else self._empty(key)

    def _empty(self, key: Key) -> bytes:
        """The element without a value (for little endian, as all that a plan writes by itself)."""
        return _head(_swapped(key.tag), int.from_bytes(key.vr.encode(), "little"), 0, self._implicit)

    def _blank_step(self, level: _Level) -> bytes:
        """The step sequence, which always has one item."""
        content = b"".join(blank for _, blank in sorted(zip(map(_swapped, level.tags), level.blank, strict=True)))
        item = _ITEM_TAG + _pack_long(len(content)) + content
        return _head(_swapped(keys.STEP_SEQUENCE.tag), _SQ, len(item), self._implicit) + item


_composed: Recent[tuple[Plan, bytes], bytes] = Recent(_COMPOSED_BYTES)


def _selects_items(asked: Asked) -> bool:
    """Whether a sequence is to come back with the items that match only."""
    return asked.key.vr == "SQ" and (asked.filters or any(map(_selects_items, asked.children)))


def _padded(text: bytes) -> bytes:
    return text + b" " if len(text) % 2 else text
