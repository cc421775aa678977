"""The walk over the raw bytes of a data set: what follows PS3.5 is decoded, what does not is refused with where and why."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dimse.decode import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, MAXIMUM_DEPTH, UndecodableDataSet, decode
from tests.support.dicom import BIG_ENDIAN, EXPLICIT, IMPLICIT, encoded, worklist_query

SYNTAXES = [IMPLICIT, EXPLICIT, BIG_ENDIAN]


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def refusal(data: bytes, transfer_syntax: str = IMPLICIT) -> UndecodableDataSet:
    with pytest.raises(UndecodableDataSet) as caught:
        decode(data, transfer_syntax)
    return caught.value


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_worklist_query_comes_back_as_it_was_sent(syntax: str) -> None:
    query = worklist_query(PatientName="DOE^J*", AccessionNumber="")
    decoded = decode(encoded(query, syntax), syntax)
    assert decoded.dataset == query
    assert decoded.notes == ()
    assert decoded.dataset.ScheduledProcedureStepSequence[0].Modality == "CT"


def test_a_deflated_data_set_is_inflated_first() -> None:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(encoded(worklist_query(), EXPLICIT)) + deflater.flush()
    assert decode(data, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).dataset == worklist_query()
    assert "inflated" in refusal(b"\xff" * 12, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).problem
    assert "cut" in refusal(data[:-4], DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).problem


def test_nothing_is_an_empty_data_set() -> None:
    assert len(decode(b"", IMPLICIT).dataset) == 0


def test_undefined_lengths_of_sequence_and_item_are_followed_to_their_delimiters() -> None:
    query = worklist_query()
    query["ScheduledProcedureStepSequence"].is_undefined_length = True
    query.ScheduledProcedureStepSequence[0].is_undefined_length_sequence_item = True
    for syntax in SYNTAXES:
        assert decode(encoded(query, syntax), syntax).dataset.ScheduledProcedureStepSequence[0].Modality == "CT"


def test_a_sequence_of_vr_un_and_undefined_length_is_implicit_inside() -> None:
    item = implicit(0xFFFEE000, implicit(0x00080060, b"CT"))
    data = struct.pack("<HH2sHL", 0x0009, 0x1010, b"UN", 0, 0xFFFFFFFF) + item + implicit(0xFFFEE0DD, b"")
    assert decode(data, EXPLICIT).dataset[0x00091010].value[0].Modality == "CT"


def test_group_lengths_private_and_unknown_elements_are_ordinary() -> None:
    data = b"".join(
        [
            implicit(0x00080000, struct.pack("<L", 10)),
            implicit(0x00080060, b"CT"),
            implicit(0x00090010, b"ACME"),
            implicit(0x00091001, b"what only ACME knows"),
            implicit(0x00100010, b"DOE^JANE"),
            implicit(0x0010FFF0, b"??"),
        ]
    )
    decoded = decode(data, IMPLICIT)
    assert decoded.dataset.PatientName == "DOE^JANE"
    assert decoded.dataset[0x00080000].value == 10
    assert decoded.dataset[0x00091001].value == b"what only ACME knows"
    assert encoded(decoded.dataset) == data[12:], "only the group length, which pydicom never writes, is missing"
    assert decoded.notes == ()


def test_nul_bytes_behind_the_last_element_are_tolerated_with_a_note() -> None:
    for padding in (2, 8, 10):
        decoded = decode(implicit(0x00100020, b"P1") + b"\0" * padding, IMPLICIT)
        assert decoded.dataset.PatientID == "P1"
        assert decoded.notes == (f"{padding} NUL bytes behind the last element",)


def test_trailing_nuls_of_a_value_are_padding() -> None:
    decoded = decode(implicit(0x00100010, b"DOE^J\0") + implicit(0x00100020, b"P1\0\0"), IMPLICIT)
    assert decoded.dataset.PatientName == "DOE^J"
    assert decoded.dataset.PatientID == "P1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (implicit(0x00100010, b"DOE", length=8), "PatientName (0010,0010): 8 bytes announced, 3 left (byte 0)"),
        (implicit(0x00100010, b"DOE"), "PatientName (0010,0010): the value's length 3 is odd"),
        (implicit(0x00100020, b"P1") + implicit(0x00100010, b"DOE^"), "comes after PatientID (0010,0020), out of order"),
        (implicit(0x00100020, b"P1") * 2, "PatientID (0010,0020): the element is given twice (byte 10)"),
        (implicit(0x00100020, b"P1") + b"\x10\x00\x30\x00", "4 bytes are left where an element of at least 8 must begin (byte 10)"),
        (implicit(0x00000002, b"1.2\0"), "does not belong in a data set"),
        (implicit(0x00020010, b"1.2\0"), "does not belong in a data set"),
        (implicit(0xFFFEE000, b""), "outside of a sequence"),
        (implicit(0xFFFEE00D, b""), "outside of a sequence"),
        (implicit(0x00100010, b"", length=0xFFFFFFFF), "undefined length is not allowed for VR PN"),
        (implicit(0x00400100, b"", length=0xFFFFFFFF), "ScheduledProcedureStepSequence (0040,0100): the sequence is cut"),
        (implicit(0x00400100, implicit(0x00080060, b"CT")), "Modality (0008,0060) stands where an item must begin"),
        (implicit(0x00400100, implicit(0xFFFEE000, b"", length=20)), "an item of 20 bytes announced, 0 left"),
        (implicit(0x00400100, implicit(0xFFFEE000, b"", length=0xFFFFFFFF)), "0 bytes are left where an element"),
        (implicit(0x00400100, implicit(0xFFFEE0DD, b"")), "stands where an item must begin"),
        (implicit(0x00400100, implicit(0xFFFEE0DD, b"\0\0"), length=0xFFFFFFFF), "the sequence delimiter has a length of 2"),
        (b"\x08\x00\x60", "3 bytes are left"),
    ],
)
def test_broken_bytes_are_refused_with_what_and_where(data: bytes, words: str) -> None:
    assert words in str(refusal(data))


def test_explicit_bytes_in_an_implicit_context_are_refused_and_the_other_way_round() -> None:
    query = worklist_query(PatientName="DOE^JANE")
    assert "announced" in refusal(encoded(query, EXPLICIT), IMPLICIT).problem
    assert "is no VR" in refusal(encoded(query, IMPLICIT), EXPLICIT).problem
    assert refusal(encoded(query, BIG_ENDIAN), EXPLICIT).tag is not None


def test_an_unknown_vr_is_refused() -> None:
    assert "'ZZ' is no VR" in str(refusal(explicit(0x00100010, b"ZZ", b"DOE^"), EXPLICIT))


def test_sequences_nested_too_deep_are_refused() -> None:
    dataset = Dataset()
    dataset.PatientID = "P1"
    for _ in range(MAXIMUM_DEPTH):
        outer = Dataset()
        outer.ReferencedStudySequence = [dataset]
        dataset = outer
    assert decode(encoded(dataset), IMPLICIT).dataset == dataset
    outer = Dataset()
    outer.ReferencedStudySequence = [dataset]
    assert f"deeper than {MAXIMUM_DEPTH}" in str(refusal(encoded(outer)))


@pytest.mark.parametrize(
    ("declared", "name", "expected"),
    [
        ("ISO_IR 192", "Müller^Jürgen", "Müller^Jürgen"),
        ("ISO_IR 100", "Müller^Jürgen", "Müller^Jürgen"),
        ("ISO_IR 144", "Люкceмбypг", "Люкceмбypг"),
        ("GB18030", "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^太郎"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞", "Hong^Gildong=洪^吉洞"),
    ],
)
def test_names_are_read_in_the_declared_character_set(declared: str | list[str], name: str, expected: str) -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = declared
    dataset.PatientName = name
    decoded = decode(encoded(dataset), IMPLICIT)
    assert decoded.dataset.PatientName == expected
    assert decoded.notes == ()


def test_a_character_set_nobody_knows_is_noted_and_trips_nobody() -> None:
    data = implicit(0x00080005, b"KLINGON ") + implicit(0x00100010, "Müller".encode("latin-1"))
    decoded = decode(data, IMPLICIT)
    assert decoded.notes == (
        "SpecificCharacterSet 'KLINGON' is unknown; the default repertoire was taken for it",
        "PatientName (0010,0010): bytes outside the declared character set became '?'",
    )
    assert decoded.dataset.PatientName == "M?ller"
    assert "SpecificCharacterSet" not in decoded.dataset
    assert encoded(decoded.dataset)


def test_without_a_declared_set_latin_1_is_understood_and_noted() -> None:
    decoded = decode(implicit(0x00100010, "Müller".encode("latin-1")), IMPLICIT)
    assert decoded.dataset.PatientName == "Müller"
    assert decoded.notes == (
        "PatientName (0010,0010): characters beyond ASCII, but no character set is declared; Latin-1 was taken for it",
    )


def test_escape_sequences_to_a_set_that_is_not_declared_are_followed_and_noted() -> None:
    decoded = decode(implicit(0x00080005, b"ISO_IR 13 ") + implicit(0x00100010, b"\xd4\xcf=\x1b$B;3ED\x1b(J "), IMPLICIT)
    assert decoded.dataset.PatientName == "ﾔﾏ=山田"
    assert decoded.notes == ("PatientName (0010,0010): escape sequences to ISO 2022 IR 87, which is not declared; they were followed",)


@pytest.mark.parametrize("declared", [b"ISO-IR 192", b"iso_ir 192", b"UTF-8 ", b"ISO IR192"])
def test_a_misspelled_character_set_is_understood(declared: bytes) -> None:
    name = "Müller^Jü".encode()
    data = implicit(0x00080005, declared + b" " * (len(declared) % 2)) + implicit(0x00100010, name + b" " * (len(name) % 2))
    decoded = decode(data, IMPLICIT)
    assert decoded.dataset.PatientName == "Müller^Jü"
    assert decoded.dataset.SpecificCharacterSet == "ISO_IR 192"


def test_an_empty_character_set_is_the_default_repertoire() -> None:
    assert decode(implicit(0x00080005, b"") + implicit(0x00100020, b"P1"), IMPLICIT).dataset.PatientID == "P1"


def test_an_item_may_declare_a_character_set_of_its_own() -> None:
    item = implicit(0x00080005, b"ISO_IR 100") + implicit(0x00400006, "Jörg".encode("latin-1"))
    data = implicit(0x00080005, b"ISO_IR 192") + implicit(0x00400100, implicit(0xFFFEE000, item))
    assert decode(data, IMPLICIT).dataset.ScheduledProcedureStepSequence[0].ScheduledPerformingPhysicianName == "Jörg"


@pytest.mark.parametrize(
    ("declared", "name"), [(b"ISO_IR 192", b"M\xfcller"), (b"\\ISO 2022 IR 87 ", b"\x1b$X12"), (b"ISO_IR 13 ", b"\xfc\xff")]
)
def test_bytes_outside_the_declared_set_become_question_marks(declared: bytes, name: bytes) -> None:
    decoded = decode(
        implicit(0x00080005, declared + b" " * (len(declared) % 2)) + implicit(0x00100010, name + b" " * (len(name) % 2)), IMPLICIT
    )
    assert "?" in str(decoded.dataset.PatientName)
    assert decoded.notes == ("PatientName (0010,0010): bytes outside the declared character set became '?'",)


def test_numbers_that_are_none_stay_readable() -> None:
    data = b"".join(
        [
            implicit(0x00101020, b"1,80"),
            implicit(0x00101030, b"70.5"),
            implicit(0x001021C0, b"\1\0\2"[:3] + b"\0"),
            implicit(0x00200013, b"1.5 "),
            implicit(0x00280010, b"\1\0\2\0"),
            implicit(0x00280030, b"1\\x "),
        ]
    )
    decoded = decode(data, IMPLICIT)
    assert [str(element.value) for element in decoded.dataset][:2] == ["1,80", "70.5"]
    assert decoded.dataset.InstanceNumber == 1.5
    assert [note.split(": ")[0] for note in decoded.notes] == ["PatientSize (0010,1020)", "PixelSpacing (0028,0030)"]
    assert decoded.notes[0] == "PatientSize (0010,1020): '1,80' is no number"


@pytest.mark.parametrize("value", [b"\x1b$B;3", b"7\x1b(B0"])
def test_a_number_with_an_escape_sequence_is_none_and_nobody_is_warned(value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    decoded = decode(implicit(0x00080005, b"\\ISO 2022 IR 87 ") + implicit(0x00101030, value + b" " * (len(value) % 2)), IMPLICIT)
    assert decoded.dataset.PatientWeight == value.decode("latin-1")
    assert "PatientWeight (0010,1030)" in decoded.notes[0] and "is no number" in decoded.notes[0]
    assert caplog.records == []


def test_a_number_of_the_wrong_size_becomes_bytes_with_a_note() -> None:
    decoded = decode(explicit(0x00280010, b"UL", b"\1\0"), EXPLICIT)
    assert decoded.dataset[0x00280010].value == b"\1\0"
    assert decoded.notes == ("Rows (0028,0010): 2 bytes are no whole number of UL values",)


# --- Random data sets ---------------------------------------------------------------------------------------------

ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\=^"), max_size=12)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\=^"), min_size=1, max_size=12)
LEAVES = {
    0x00080050: ("SH", ASCII),
    0x00080060: ("CS", st.sampled_from(["CT", "MR", "US", ""])),
    0x00091001: ("LO", ASCII),
    0x00100010: ("PN", NAMES),
    0x00100020: ("LO", ASCII),
    0x00100030: ("DA", st.sampled_from(["20240229", "", "20240101-"])),
    0x00101030: ("DS", st.integers(0, 500).map(str)),
    0x001021C0: ("US", st.integers(0, 4)),
    0x0020000D: ("UI", st.integers(1, 10**30).map(lambda number: f"2.25.{number}")),
    0x00402400: ("LT", NAMES),
}


@st.composite
def datasets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    dataset = Dataset()
    for tag in draw(st.lists(st.sampled_from(sorted(LEAVES)), unique=True, max_size=6)):
        vr, values = LEAVES[tag]
        dataset.add(DataElement(tag, vr, draw(values)))
    if depth < 3 and draw(st.booleans()):
        items = Sequence(draw(st.lists(datasets(depth + 1), max_size=2)))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        dataset.add(DataElement(0x00400100, "SQ", items, is_undefined_length=draw(st.booleans())))
    if depth == 0:
        dataset.SpecificCharacterSet = "ISO_IR 192"
    return dataset


@given(dataset=datasets(), syntax=st.sampled_from(SYNTAXES))
def test_what_pydicom_writes_is_accepted_and_written_again_alike(dataset: Dataset, syntax: str) -> None:
    data = encoded(dataset, syntax)
    decoded = decode(data, syntax)
    assert decoded.notes == ()
    assert encoded(decoded.dataset, syntax) == data


@given(dataset=datasets(), syntax=st.sampled_from(SYNTAXES), cut=st.integers(0, 10**6))
def test_a_cut_is_noticed_wherever_it_is_made(dataset: Dataset, syntax: str, cut: int) -> None:
    data = encoded(dataset, syntax)
    at = cut % len(data)
    boundaries, position = {0}, 0
    for element in dataset:
        single = Dataset()
        single.add(element)
        if element.tag != 0x00080005:
            single.SpecificCharacterSet = "ISO_IR 192"
            position -= len(encoded_character_set(syntax))
        position += len(encoded(single, syntax))
        boundaries.add(position)
    if at in boundaries:
        assert len(decode(data[:at], syntax).dataset) < len(dataset)
    else:
        refusal(data[:at], syntax)


def encoded_character_set(syntax: str) -> bytes:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    return encoded(dataset, syntax)


@given(data=st.binary(max_size=200), syntax=st.sampled_from([*SYNTAXES, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN]))
def test_any_bytes_are_either_decoded_readably_or_refused(data: bytes, syntax: str) -> None:
    try:
        decoded = decode(data, syntax)
    except UndecodableDataSet:
        return
    for element in decoded.dataset.iterall():
        assert element.tag is not None
    decoded.dataset.to_json_dict(suppress_invalid_tags=True)


@given(dataset=datasets(), syntax=st.sampled_from(SYNTAXES), position=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_flipped_byte_never_breaks_more_than_the_decoding(dataset: Dataset, syntax: str, position: int, byte: int) -> None:
    data = bytearray(encoded(dataset, syntax))
    data[position % len(data)] = byte
    try:
        decoded = decode(bytes(data), syntax)
    except UndecodableDataSet:
        return
    for element in decoded.dataset.iterall():
        assert element.tag is not None
