"""Two data sets attribute by attribute, to the byte."""

import struct

import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from dimse.decode import decode
from dimse.services import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN
from stepwise.inspector.comparing import State, compare


def received(keyword: str, vr: bytes, value: bytes, order: str = "<") -> Dataset:
    tag = tag_for_keyword(keyword) or 0x00091010
    length = struct.pack(f"{order}HI", 0, len(value)) if vr == b"OB" else struct.pack(f"{order}H", len(value))
    data = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr + length + value
    return decode(data, EXPLICIT_VR_LITTLE_ENDIAN if order == "<" else EXPLICIT_VR_BIG_ENDIAN).dataset


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        (("ImageComments", b"LT", b"x" * 1025 + b"A"), ("ImageComments", b"LT", b"x" * 1025 + b"B"), "from character 1026 on"),
        (("private", b"OB", bytes(40)), ("private", b"OB", bytes(39) + b"1"), "from byte 40 on"),
        (("PatientState", b"LO", b"IN"), ("PatientState", b"CS", b"IN"), "VR LO, then CS"),
        (("PatientID", b"LO", b"A1C\0"), ("PatientID", b"LO", b"A1C "), "in padding: 00H, then 20H"),
        (("PatientID", b"LO", b"A1"), ("PatientID", b"LO", b"A1  "), "in padding: none, then 20H 20H"),
        (("PatientID", b"LO", b"A1"), ("PatientID", b"LO", b"A2"), ""),
    ],
)
def test_what_cannot_be_seen_is_found_and_named(first: tuple[str, bytes, bytes], second: tuple[str, bytes, bytes], how: str) -> None:
    (line,) = compare(received(*first), received(*second)).lines
    assert (line.state, line.how) == (State.CHANGED, how)


def test_a_number_in_another_byte_order_is_the_same() -> None:
    (line,) = compare(received("Rows", b"US", b"\1\0"), received("Rows", b"US", b"\0\1", ">")).lines
    assert line.state is State.SAME


def test_items_are_compared_by_their_place_and_empty_sequences_are_told() -> None:
    item, other = Dataset(), Dataset()
    item.Modality, other.Modality = "CT", "MR"
    first, second, empty = Dataset(), Dataset(), Dataset()
    first.ScheduledProcedureStepSequence, second.ScheduledProcedureStepSequence = [item], [item, other]
    empty.ScheduledProcedureStepSequence = []
    assert [line.state for line in compare(first, second).lines] == [State.SAME, State.ADDED]
    assert [(line.names, line.first, line.second) for line in compare(empty, first).lines] == [
        ("", "no items", None),
        ("ScheduledProcedureStepSequence, item 1 › ", None, "CT"),
    ]
