"""Data sets with something wrong in one of their elements, at any depth, in any transfer syntax: written down to the byte."""

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset

from tests.support import dicom

_SEQUENCE, _ITEM = "SQ", 0xFFFEE000
_LONG = frozenset(("OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"))
_VRS = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "IS", "LO", "LT", "OB", "PN", "SH", "SQ", "SS", "TM", "UI", "UL", "UN", "US", "UT")
_DEEP = 60

_VALUES = (
    *(b"", b" ", b"*", b"?*", b"\\", b"\\\\\\", b"-", b"^", b"=", b"^^^^^=^=", b"*^*", b"NAME^", b"\0\0\0\0", b"\n\r\t", b"%s%n", b"'; --"),
    *(b"20260101-", b"-20260101", b"20261301", b"99999999", b"2026.01.01", b"20260101-20250101", b"250000", b"10:30:00", b"-", b"1e400"),
    *(b"1.2.abc", b"1.02.3", b"1..2", b"9" * 65, b"2.25." + b"9" * 60, b"IN PROGRESS", b"in progress", b"COMPLETED", b"DISCONTINUED"),
    *(b"ISO_IR 192", b"ISO_IR 1000", b"\\ISO 2022 IR 87", b"ISO 2022 IR 149", b"GB18030", b"\xff\xfe\x80", b"\x1b$B", b"\x1b$)C\xb1"),
    *(b"A" * 70, b"B" * 2000, b"C" * 70_000, b"\xe4\xc4" * 40, b"\xf0\x9f\xa9\xbb", b"Y\\N", b"1\\2\\3\\4\\5\\6"),
)


class Element(NamedTuple):
    """A tag, its VR, and its value as bytes, or as items."""

    tag: int
    vr: str
    value: bytes | Sequence["Elements"]


Elements = Sequence[Element]


def elements_of(dataset: Dataset) -> Elements:
    """What a good data set holds. Its values are text, so that they are the same in any byte order."""
    return _read(dicom.encoded(dataset))


def _read(data: bytes) -> Elements:
    """From Implicit VR Little Endian with lengths everywhere."""
    found, at = [], 0
    while at < len(data):
        group, number, length = struct.unpack_from("<HHL", data, at)
        tag, body = group << 16 | number, data[at + 8 : at + 8 + length]
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
        items = [item.value for item in _read(body)] if vr == _SEQUENCE else []
        found.append(Element(tag, vr, [_read(item) for item in items if isinstance(item, bytes)] if vr == _SEQUENCE else body))
        at += 8 + length
    return found


def encoded(elements: Elements, transfer_syntax: str) -> bytes:
    return b"".join(_written(element, transfer_syntax) for element in elements)


def _written(element: Element, transfer_syntax: str) -> bytes:
    order = ">" if transfer_syntax == dicom.BIG_ENDIAN else "<"
    value = element.value
    if not isinstance(value, bytes):
        parts = [encoded(item, transfer_syntax) for item in value]
        value = b"".join(struct.pack(order + "HHL", _ITEM >> 16, _ITEM & 0xFFFF, len(part)) + part for part in parts)
    value += (b"\0" if element.vr == "UI" else b" ") * (len(value) % 2)
    head = struct.pack(order + "HH", element.tag >> 16, element.tag & 0xFFFF)
    if transfer_syntax == dicom.IMPLICIT:
        return head + struct.pack("<L", len(value)) + value
    if element.vr in _LONG:
        return head + element.vr.encode() + struct.pack(order + "HL", 0, len(value)) + value
    return head + element.vr.encode() + struct.pack(order + "H", len(value) & 0xFFFF) + value


def spoiled(elements: Elements, random: Random) -> Elements:
    """The same with one element wrong, missing, doubled, misplaced or never heard of; often one within a sequence."""
    if not elements:
        return [_foreign(random)]
    at = random.randrange(len(elements))
    element = elements[at]
    if not isinstance(element.value, bytes) and element.value and random.random() < 0.7:
        which = random.randrange(len(element.value))
        items = [spoiled(item, random) if number == which else item for number, item in enumerate(element.value)]
        return [*elements[:at], element._replace(value=items), *elements[at + 1 :]]
    return [*elements[:at], *random.choice(_WAYS)(element, random), *elements[at + 1 :]]


def _foreign(random: Random) -> Element:
    tag = random.choice((0x00080000, 0x00090010, 0x00091001, 0x00400000, 0x00204000, 0xFFFEE000, 0xFFFEE00D, random.getrandbits(32)))
    return Element(tag, random.choice(_VRS), random.randbytes(random.randrange(12)))


def _nested(element: Element, depth: int) -> Element:
    value: bytes | Sequence[Elements] = b""
    for _ in range(depth):
        value = [[Element(element.tag, _SEQUENCE, value)]]
    return Element(element.tag, _SEQUENCE, value)


_WAYS: tuple[Callable[[Element, Random], Elements], ...] = (
    lambda element, random: [element._replace(value=random.choice(_VALUES))],
    lambda element, random: [element._replace(value=random.choice(_VALUES))],
    lambda element, random: [element._replace(value=random.choice(_VALUES))],
    lambda element, random: [element._replace(value=random.randbytes(random.randrange(20)))],
    lambda element, random: [element._replace(vr=random.choice(_VRS))],
    lambda element, random: [element._replace(tag=element.tag ^ 1 << random.randrange(32))],
    lambda element, random: [],
    lambda element, random: [element, element],
    lambda element, random: [_foreign(random), element],
    lambda element, random: [element._replace(vr=_SEQUENCE, value=[[element]] * random.randrange(4))],
    lambda element, random: [_nested(element, random.randrange(_DEEP))],
)
