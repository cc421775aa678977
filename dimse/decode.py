"""From the bytes of a data set to a pydicom Dataset, trusting nothing: every length, tag and delimiter is checked on the way.

pydicom reads what it can and cuts what does not fit, without a word. Here a data set is refused when it breaks PS3.5 7: an element
that is longer than what is left, an odd length, tags that are not in ascending order (which includes an element given twice), a
command or file meta element, an unknown VR, a delimiter in the wrong place, sequences nested too deep. Tolerated, with a note: NUL
bytes behind the last element, a character set nobody knows (the default repertoire is taken), bytes outside the declared set (they
become "?"), Latin-1 where no set is declared, escape sequences to a set that is not, numbers that are none; where the caller asks for it,
an element that is given twice (the first counts). Group lengths, private and unknown elements are ordinary.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from dimse import charsets, services, values
from dimse.charsets import CharacterSet

DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
MAXIMUM_DEPTH = 16
MAXIMUM_INFLATED = 64 * 2**20

UNDEFINED = 0xFFFFFFFF
_ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})  # 32-bit length, PS3.5 7.1.2
_SHORT_VRS = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"}
)


class UndecodableDataSet(Exception):
    """The bytes are no data set. `offset` counts bytes from the start of the data set; `tag` is the element it broke at, if any."""

    def __init__(self, problem: str, offset: int, tag: int | None = None) -> None:
        element = f"{values.name_of_tag(tag)}: " if tag is not None else ""
        super().__init__(f"{element}{problem} (byte {offset})")
        self.problem = problem
        self.offset = offset
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Decoded:
    """A data set that follows the rules, and what was tolerated on the way, in words."""

    dataset: Dataset
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Walk:
    """The bytes, how they are encoded, and the notes taken so far."""

    data: bytes
    implicit: bool
    little: bool
    first_of_duplicates: bool = False
    notes: list[str] = field(default_factory=list)
    tag: struct.Struct = field(init=False)
    long: struct.Struct = field(init=False)
    short: struct.Struct = field(init=False)

    def __post_init__(self) -> None:
        endian = "<" if self.little else ">"
        self.tag, self.long, self.short = struct.Struct(f"{endian}HH"), struct.Struct(f"{endian}L"), struct.Struct(f"{endian}H")

    def of_unknown(self) -> "Walk":
        """UN of undefined length is a sequence in Implicit VR Little Endian, whatever the transfer syntax (PS3.5 6.2.2)."""
        return Walk(self.data, implicit=True, little=True, first_of_duplicates=self.first_of_duplicates, notes=self.notes)


class Header(NamedTuple):
    tag: int
    vr: str
    length: int
    start: int
    value: int  # offset of the value


def decode(data: bytes, transfer_syntax: str, *, first_of_duplicates: bool = False) -> Decoded:
    """The data set in `data`. Raises UndecodableDataSet; values convert later without exceptions or warnings.

    With `first_of_duplicates` an element that is given again is passed over with a note, wherever it stands.
    """
    walk = walk_of(data, transfer_syntax, first_of_duplicates=first_of_duplicates)
    dataset, _ = _read_dataset(walk, 0, len(walk.data), charsets.NONE, depth=0, delimited=False)
    return Decoded(dataset, tuple(walk.notes))


def walk_of(data: bytes, transfer_syntax: str, *, first_of_duplicates: bool = False) -> Walk:
    """The bytes, inflated where they were deflated, before the first step. Raises UndecodableDataSet."""
    if transfer_syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        data = _inflated(data)
    implicit = transfer_syntax == services.IMPLICIT_VR_LITTLE_ENDIAN
    return Walk(data, implicit, little=transfer_syntax != services.EXPLICIT_VR_BIG_ENDIAN, first_of_duplicates=first_of_duplicates)


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, MAXIMUM_INFLATED)
    except zlib.error as error:
        raise UndecodableDataSet(f"the deflated bytes cannot be inflated ({error})", 0) from error
    if not inflater.eof:
        raise UndecodableDataSet("the deflated bytes are cut short, or too many", len(plain))
    return plain


def _read_dataset(walk: Walk, position: int, end: int, declared: CharacterSet, depth: int, delimited: bool) -> tuple[Dataset, int]:
    """The elements from `position` to `end`, or to the item delimiter when `delimited`, and the offset where they stopped."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    coding = values.Coding(walk.implicit, walk.little, declared)
    previous = -1
    while delimited or position < end:
        if depth == 0 and end - position < 8 and _is_padding(walk, position, end):
            break
        header = read_header(walk, position, end)
        if delimited and header.tag == ITEM_END:
            return _finish(walk, elements), _closed(header, "the item delimiter")
        if depth == 0 and header.tag == 0 and _is_padding(walk, position, end):
            break
        is_new = _is_new(walk, header, elements, previous)
        previous = max(previous, header.tag)
        if header.vr == "SQ" or header.length == UNDEFINED:
            items, position = _read_sequence(walk, header, end, declared, depth + 1)
            if is_new:
                elements[BaseTag(header.tag)] = DataElement(
                    header.tag, "SQ", Sequence(items), header.value, is_undefined_length=header.length == UNDEFINED
                )
            continue
        position = header.value + header.length
        if not is_new:
            continue
        raw = walk.data[header.value : position]
        element: DataElement | RawDataElement | None
        if header.tag == values.CHARACTER_SET:
            declared, element = values.character_set(raw, walk.notes)
            coding = values.Coding(walk.implicit, walk.little, declared)
        else:
            element = values.element(header.tag, header.vr, raw, header.value, coding, walk.notes)
        if element is not None:
            elements[BaseTag(header.tag)] = element
    return _finish(walk, elements), end


def _finish(walk: Walk, elements: dict[BaseTag, DataElement | RawDataElement]) -> Dataset:
    """Whatever is declared, text is UTF-8 by now (`values.element`)."""
    dataset = Dataset(elements, parent_encoding=[values.TEXT_CODEC])
    dataset.set_original_encoding(walk.implicit, walk.little, [values.TEXT_CODEC])
    return dataset


def _is_padding(walk: Walk, position: int, end: int) -> bool:
    """NUL bytes up to the end are padding behind the data set; an odd number of them would be a cut element."""
    if (end - position) % 2 or walk.data.count(0, position, end) != end - position:
        return False
    walk.notes.append(f"{end - position} NUL bytes behind the last element")
    return True


def read_header(walk: Walk, position: int, end: int) -> Header:
    if end - position < 8:
        raise UndecodableDataSet(f"{max(end - position, 0)} bytes are left where an element of at least 8 must begin", position)
    group, number = walk.tag.unpack_from(walk.data, position)
    tag = group << 16 | number
    value = position + 8
    if walk.implicit or group == 0xFFFE:
        (length,) = walk.long.unpack_from(walk.data, position + 4)
        vr = _implicit_vr(tag, length)
    else:
        vr = walk.data[position + 4 : position + 6].decode("latin-1")
        if vr in _SHORT_VRS:
            (length,) = walk.short.unpack_from(walk.data, position + 6)
        elif vr in _LONG_VRS:
            if end - position < 12:
                raise UndecodableDataSet("the element's header is cut", position, tag)
            (length,) = walk.long.unpack_from(walk.data, position + 8)
            value = position + 12
        else:
            raise UndecodableDataSet(f"{vr.encode('unicode_escape').decode()!r} is no VR", position, tag)
    if length == UNDEFINED:
        if vr not in ("SQ", "UN"):
            raise UndecodableDataSet(f"undefined length is not allowed for VR {vr}", position, tag)
    elif value + length > end:
        raise UndecodableDataSet(f"{length} bytes announced, {end - value} left", position, tag)
    elif length % 2:
        raise UndecodableDataSet(f"the value's length {length} is odd", position, tag)
    return Header(tag, vr, length, position, value)


def _implicit_vr(tag: int, length: int) -> str:
    """The VR that the data dictionary gives, UN when it knows none; a private creator is LO, a group length UL (PS3.5 7.2, 7.8)."""
    group, number = tag >> 16, tag & 0xFFFF
    if group == 0xFFFE:
        return "SQ"
    if known := values.dictionary_vr(tag):
        return known
    if length == UNDEFINED:
        return "SQ"
    if number == 0:
        return "UL"
    return "LO" if group % 2 and 0x10 <= number <= 0xFF else "UN"


def _is_new(walk: Walk, header: Header, elements: Mapping[BaseTag, object], previous: int) -> bool:
    """False for an element that is given again where that is tolerated; one that breaks the order raises UndecodableDataSet."""
    if walk.first_of_duplicates and header.tag in elements:
        walk.notes.append(f"{values.name_of_tag(header.tag)} is given again; the first counts")
        return False
    _check_order(header, previous)
    return True


def _check_order(header: Header, previous: int) -> None:
    if header.tag >> 16 == 0xFFFE:
        raise UndecodableDataSet("a delimiter or item stands outside of a sequence", header.start, header.tag)
    if header.tag >> 16 in (0x0000, 0x0002):
        raise UndecodableDataSet("an element of this group does not belong in a data set", header.start, header.tag)
    if header.tag == previous:
        raise UndecodableDataSet("the element is given twice", header.start, header.tag)
    if header.tag < previous:
        raise UndecodableDataSet(f"the element comes after {values.name_of_tag(previous)}, out of order", header.start, header.tag)


def _closed(header: Header, what: str) -> int:
    if header.length != 0:
        raise UndecodableDataSet(f"{what} has a length of {header.length}", header.start, header.tag)
    return header.value


def _read_sequence(walk: Walk, header: Header, end: int, declared: CharacterSet, depth: int) -> tuple[list[Dataset], int]:
    """The items of the sequence that `header` opens, and the offset behind it (PS3.5 7.5)."""
    if depth > MAXIMUM_DEPTH:
        raise UndecodableDataSet(f"sequences are nested deeper than {MAXIMUM_DEPTH}", header.start, header.tag)
    if header.vr == "UN" and not walk.implicit:
        walk = walk.of_unknown()
    return _read_items(walk, header, end, declared, depth)


def _read_items(walk: Walk, header: Header, end: int, declared: CharacterSet, depth: int) -> tuple[list[Dataset], int]:
    undefined = header.length == UNDEFINED
    position, stop = header.value, end if undefined else header.value + header.length
    items: list[Dataset] = []
    while undefined or position < stop:
        if stop - position < 8:
            raise UndecodableDataSet("the sequence is cut", position, header.tag)
        group, number = walk.tag.unpack_from(walk.data, position)
        (length,) = walk.long.unpack_from(walk.data, position + 4)
        tag, content = group << 16 | number, position + 8
        if undefined and tag == SEQUENCE_END:
            return items, _closed(Header(tag, "", length, position, content), "the sequence delimiter")
        if tag != _ITEM:
            raise UndecodableDataSet(f"{values.name_of_tag(tag)} stands where an item must begin", position, header.tag)
        if length == UNDEFINED:
            item, position = _read_dataset(walk, content, stop, declared, depth, delimited=True)
            item.is_undefined_length_sequence_item = True
        elif content + length > stop:
            raise UndecodableDataSet(f"an item of {length} bytes announced, {stop - content} left", position, header.tag)
        else:
            item, position = _read_dataset(walk, content, content + length, declared, depth, delimited=False)
        items.append(item)
    return items, position
