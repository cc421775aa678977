"""Answers from the bytes of an item: what `answers.compose` says, without reading the item into objects.

A plan is made once for a query, a transfer syntax and a character set. It knows what each answer holds in which order;
an item is then one walk over its element headers (`worklist.walking`). What a walk is not sure of is left to `answers.compose`, with which
a plan always agrees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from dimse import charsets
from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from worklist import answers, keys
from worklist import item as worklist_item
from worklist.keys import Key
from worklist.query import Asked, Query
from worklist.recent import Recent
from worklist.walking import CHARACTER_SET, ITEM_TAG, SQ, Collector, Doubt, Level, Walk, head, pack_long, swapped

_COMPOSED_BYTES: Final = 4 * 2**20  # items and answers kept of a generation
_TEXTS: Final = 1024  # texts of a plan at hand in its character set: physicians, rooms and descriptions come again and again
_MISFITS: Final = 1024  # items of a plan that are remembered not to fit
_ESCAPE: Final = b"\x1b"


@dataclass(frozen=True, slots=True)
class Misfit:
    """Text of an answer that the preferred character set does not have: a path of keywords, and the characters."""

    attribute: str
    characters: str


class Plan:
    """How the items that answer one query are written in one transfer syntax, in the preferred character set when they fit it."""

    def __init__(self, query: Query, transfer_syntax: str, preferred: Sequence[str]) -> None:
        known = charsets.read("\\".join(preferred))
        self.query, self._empties = query, query.scope.empty_sequences
        self.character_set = known if known.terms and not known.unknown else charsets.read(*charsets.UTF_8)
        self._transfer_syntax = transfer_syntax
        self._implicit = transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN
        self._encode = None if self.character_set.terms == charsets.UTF_8 else lru_cache(_TEXTS)(self._encoded)
        self._declared, self._declared_utf_8 = map(self._declaration, (self.character_set.terms, charsets.UTF_8))
        is_little = self._implicit or transfer_syntax == EXPLICIT_VR_LITTLE_ENDIAN
        self._level = self._root() if is_little and not any(map(_selects_items, (*query.root, *query.step))) else None
        self._misfits: Recent[bytes, tuple[Misfit, ...]] = Recent(_MISFITS)
        self.has_misfits = False

    def compose(self, item: bytes) -> bytes:
        """The encoded identifier of a pending response for `item` (the bytes of `worklist.item.encode`)."""
        answer = _composed.get((self, item))
        if answer is None:
            answer = self._compose(item)
            _composed.put((self, item), answer, len(item) + len(answer))
        return answer

    def misfits(self, item: bytes) -> tuple[Misfit, ...]:
        """What made the answer for `item`, composed lately, UTF-8 instead of the preferred set; nothing when nothing did."""
        return self._misfits.get(item) or ()

    def _compose(self, item: bytes) -> bytes:
        if self._level is None or _ESCAPE in item:
            return self._by_objects(item)
        try:
            try:
                return self._walked(Walk(item, self._implicit, self._encode), self._level, self._declared)
            except charsets.Unfit:  # a character that the preferred set does not have makes the whole answer UTF-8
                collector = Collector(item, self._implicit, None, wanted=self.character_set)
                answer = self._walked(collector, self._level, self._declared_utf_8)
                self._note(item, collector.found)
                return answer
        except (Doubt, UnicodeError):
            return self._by_objects(item)

    def _walked(self, walk: Walk, level: Level, declared: bytes) -> bytes:
        answer = walk.fill(level, 0, len(walk.data))
        return declared + answer if walk.foreign else answer

    def _encoded(self, content: bytes, vr: int) -> bytes:
        """The value of a text in the preferred set."""
        return _padded(self.character_set.encode(content.decode().rstrip(" \0"), vr.to_bytes(2, "little").decode()))

    def _declaration(self, terms: tuple[str, ...]) -> bytes:
        declared = _padded("\\".join(terms).encode())
        return head(CHARACTER_SET, int.from_bytes(b"CS", "little"), len(declared), self._implicit) + declared

    def _by_objects(self, item: bytes) -> bytes:
        answer = answers.compose(self.query, worklist_item.decode(item), self.character_set.terms)
        self._note(item, answers.misfits(answer, self.character_set))
        return encode(answer, self._transfer_syntax)

    def _note(self, item: bytes, lacking: Mapping[str, str]) -> None:
        if lacking:
            self._misfits.put(item, tuple(Misfit(attribute, characters) for attribute, characters in lacking.items()))
            self.has_misfits = True

    def _root(self) -> Level:
        step = self.query.sequence
        return self._level_of(tuple(sorted((*self.query.root, *((step,) if step else ())), key=lambda one: one.key.tag)))

    def _level_of(self, asked: tuple[Asked, ...]) -> Level:
        blank: list[bytes] = []
        places: dict[int, tuple[int, Level | None]] = {}
        for index, one in enumerate(asked):
            below = self._below(one) if one.key.vr == "SQ" else None
            places[swapped(one.key.tag)] = index, below
            blank.append(self._blank(one.key) if one.key is not keys.STEP_SEQUENCE or below is None else self._blank_step(below))
        return Level(tuple(places), tuple(blank), places)

    def _below(self, asked: Asked) -> Level:
        is_step = asked.key is keys.STEP_SEQUENCE
        if not asked.whole:
            return replace(self._level_of(asked.children), only_first=is_step)
        needed = answers.needed(asked.key, self._empties)
        tags = tuple(swapped(child.tag) for child in needed)
        return Level(tags, tuple(map(self._empty, needed)), whole=True, only_first=is_step)

    def _blank(self, key: Key) -> bytes:
        return b"" if answers.is_left_out(key, self._empties) else self._empty(key)

    def _empty(self, key: Key) -> bytes:
        """The element without a value (for little endian, as all that a plan writes by itself)."""
        return head(swapped(key.tag), int.from_bytes(key.vr.encode(), "little"), 0, self._implicit)

    def _blank_step(self, level: Level) -> bytes:
        """The step sequence, which always has one item."""
        content = b"".join(blank for _, blank in sorted(zip(map(swapped, level.tags), level.blank, strict=True)))
        item = ITEM_TAG + pack_long(len(content)) + content
        return head(swapped(keys.STEP_SEQUENCE.tag), SQ, len(item), self._implicit) + item


_composed: Recent[tuple[Plan, bytes], bytes] = Recent(_COMPOSED_BYTES)


def _selects_items(asked: Asked) -> bool:
    """Whether a sequence is to come back with the items that match only."""
    return asked.key.vr == "SQ" and (asked.filters or any(map(_selects_items, asked.children)))


def _padded(text: bytes) -> bytes:
    return text + b" " if len(text) % 2 else text
