"""The item of a step straight from the columns to bytes: what `item.encode(item.build(step))` gives, in a twentieth of the time.

Both follow the table of `worklist.keys`. What was received for a step comes as elements that stand over the columns.

Explicit VR Little Endian (PS3.5 7.1.2): tag, VR, length and value; sequences and items of defined length (PS3.5 7.5).
"""

import struct
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from worklist import keys, values
from worklist.item import READERS, Item, Source
from worklist.keys import Key

_LONG = frozenset({"SQ", "UC", "UN", "UR", "UT"})  # length in 32 bits behind two reserved bytes (PS3.5 Table 7.1-1)
_DEFAULT_REPERTOIRE = frozenset({"AE", "CS", "DA", "DS", "DT", "IS", "TM", "UI"})  # not affected by SpecificCharacterSet
_LONGEST_SHORT = 0xFFFF
_ITEM = struct.pack("<HH", 0xFFFE, 0xE000)
_LENGTH = struct.Struct("<I").pack
_SHORT_LENGTH = struct.Struct("<H").pack
_REMEMBERED = 256  # encoded elements of an attribute: rooms, codes, dates and physicians come again and again

_Encoder = tuple[Callable[[Source], Any], Callable[[Any], bytes]]  # what reads a value from the records, what makes the element of one


@dataclass(frozen=True, slots=True)
class _Table:
    """The encoders of a level in order of tags, as elements travel; those of what records keep by keyword apart, by record."""

    columns: dict[int, _Encoder]
    details: dict[str, dict[int, _Encoder]]


Elements = Mapping[int, tuple[str, Any] | None]
"""VR and value by tag: a text or a list of texts, a number for US, a list of items for SQ. None takes an element away."""


def encode(source: Source) -> bytes:
    """The item's bytes; elements without a value are left out. Raises UnicodeEncodeError for letters in a code or an AE title."""
    return b"".join(_elements(_ROOT, source).values())


def encode_over(source: Source, root: Elements, step: Elements) -> bytes:
    """`encode` with the elements of `root` and, in the item of the step sequence, those of `step` in place of the columns' own."""
    sequence = keys.STEP_SEQUENCE.tag
    parts = _laid_over(_ROOT, source, {**root, sequence: None})
    return _joined(parts | {sequence: _sequence_of(_joined(_laid_over(_STEP, source, step)))})


def _elements(table: _Table, source: Source, leave: Container[int] = ()) -> dict[int, bytes]:
    """By tag, in the order of tags."""
    found = {}
    for tag, (read, element) in table.columns.items():
        value = None if tag in leave else read(source)
        if value or value == 0:
            found[tag] = element(tuple(value) if type(value) is list else value)
    further = _further(table, source, leave)
    return dict(sorted((found | further).items())) if further else found


def _further(table: _Table, source: Source, leave: Container[int]) -> dict[int, bytes]:
    """What records keep by keyword; most of them keep nothing."""
    found = {}
    for record, encoders in table.details.items():
        holder = getattr(source, record)
        if holder is not None and holder.details:
            for tag, (read, element) in encoders.items():
                value = None if tag in leave else read(source)
                if value:
                    found[tag] = element(tuple(value) if type(value) is list else value)
    return found


def _laid_over(table: _Table, source: Source, over: Elements) -> dict[int, bytes]:
    parts = _elements(table, source, over)
    return parts | {tag: _element(_tag(tag), *one) for tag, one in over.items() if one is not None}


def _joined(parts: Mapping[int, bytes]) -> bytes:
    return b"".join([parts[tag] for tag in sorted(parts)])


def texts(key: Key, source: Source) -> tuple[str, ...]:
    """The values of a textual attribute without padding, empty ones left out: as `values.texts` of its element."""
    value = READERS[key.source](source)
    if not value:
        return ()
    return _split(key.vr, value) if isinstance(value, str) else _stripped(key.vr, value)


@lru_cache(2048)
def _split(vr: str, text: str) -> tuple[str, ...]:
    return _stripped(vr, [text] if vr in values.ONE_VALUE else text.split("\\"))


def _stripped(vr: str, parts: list[str]) -> tuple[str, ...]:
    if vr == "PN":
        parts = [part.rstrip("=") for part in parts]
    return tuple(filter(None, [values.strip(part, vr) for part in parts]))


def _value(vr: str, value: Any) -> bytes:
    """A value, or several, padded to an even length (PS3.5 6.2)."""
    if vr == "US":
        return _SHORT_LENGTH(value)
    if vr == "SQ":
        return b"".join(map(_item, value))
    text = value if isinstance(value, str) else "\\".join(value)
    if vr == "PN":
        text = "\\".join(name.rstrip("=") for name in text.split("\\"))
    encoded: bytes = text.encode("latin-1" if vr in _DEFAULT_REPERTOIRE else "utf-8")
    return encoded if len(encoded) % 2 == 0 else encoded + (b"\0" if vr == "UI" else b" ")


def _item(elements: Item) -> bytes:
    content = b"".join([_element(_tag(tag), vr, value) for tag, vr, value in elements])
    return _ITEM + _LENGTH(len(content)) + content


def _tag(tag: int) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)


def _element(tag: bytes, vr: str, value: Any) -> bytes:
    encoded = _value(vr, value)
    if vr in _LONG:
        return tag + vr.encode() + b"\0\0" + _LENGTH(len(encoded)) + encoded
    if len(encoded) > _LONGEST_SHORT:
        return tag + b"UN\0\0" + _LENGTH(len(encoded)) + encoded  # PS3.5 6.2.2: a value too long for its VR travels as UN
    return tag + vr.encode() + _SHORT_LENGTH(len(encoded)) + encoded


def _encoder(key: Key) -> _Encoder:
    """What does not change of an attribute looked up once; elements that were encoded lately are at hand."""
    if key.tag == keys.STEP_SEQUENCE.tag:
        return (lambda source: source), (lambda source: _sequence_of(b"".join(_elements(_STEP, source).values())))
    return READERS[key.source], lru_cache(_REMEMBERED)(partial(_element, _tag(key.tag), key.vr))


def _sequence_of(content: bytes) -> bytes:
    """The step sequence with this in its one item."""
    return _SEQUENCE + _LENGTH(len(content) + 8) + _ITEM + _LENGTH(len(content)) + content


def _encoders(table: dict[int, Key]) -> _Table:
    columns: dict[int, _Encoder] = {}
    details: dict[str, dict[int, _Encoder]] = {}
    for tag, key in sorted(table.items()):
        if ":" in key.source:
            details.setdefault(key.source.partition(":")[0], {})[tag] = _encoder(key)
        elif key.source or tag == keys.STEP_SEQUENCE.tag:
            columns[tag] = _encoder(key)
    return _Table(columns, details)


_SEQUENCE = _tag(keys.STEP_SEQUENCE.tag) + b"SQ\0\0"
_STEP = _encoders(keys.STEP)
_ROOT = _encoders(keys.ROOT)
