"""DICOM JSON: what is kept, compared and merged."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from dimse.decode import UndecodableDataSet, decode
from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from mpps import datasets
from tests.support.mpps import a_series, changed


def of(**values: object) -> datasets.Json:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return datasets.from_dataset(dataset)


def test_what_a_json_column_cannot_hold_is_taken_out() -> None:
    kept = of(PatientID="47\x0011\0", PatientName="DOE^J\0", EntranceDoseInmGy=1.5)
    assert datasets.text(kept, "PatientID") == "4711"
    assert datasets.text(kept, "PatientName") == "DOE^J"
    dose = Dataset()
    dose.add_new(0x00189305, "FD", float("nan"))
    assert datasets.from_dataset(dose)["00189305"]["Value"] == ["nan"]


def test_names_keep_their_groups() -> None:
    assert datasets.text(of(PatientName="YAMADA^Tarou=山田^太郎=やまだ^たろう"), "PatientName") == "YAMADA^Tarou=山田^太郎=やまだ^たろう"
    assert datasets.text(of(PatientName="=山田^太郎"), "PatientName") == "=山田^太郎"


def test_several_values_are_separated_by_a_backslash() -> None:
    assert datasets.text(of(OperatorsName=["A^B", "C^D"]), "OperatorsName") == "A^B\\C^D"


def test_empty_is_absent_zero_length_or_padding() -> None:
    assert datasets.is_empty(None)
    assert datasets.is_empty(of(PatientID="")["00100020"])
    assert datasets.is_empty(of(PatientID="  ")["00100020"])
    assert datasets.is_empty(of(PerformedSeriesSequence=[])["00400340"])
    assert not datasets.is_empty(of(PerformedSeriesSequence=[Dataset()])["00400340"])
    assert not datasets.is_empty(of(EntranceDose=0)["00400302"])


def test_a_sequence_is_replaced_whole_and_the_rest_is_merged() -> None:
    stored = of(PerformedSeriesSequence=[a_series(), a_series()], StudyID="1", PatientID="4711")
    replaced = a_series()
    after = datasets.merged(stored, of(PerformedSeriesSequence=[replaced], StudyID="2"))
    assert [datasets.text(i, "SeriesInstanceUID") for i in datasets.items(after, "PerformedSeriesSequence")] == [replaced.SeriesInstanceUID]
    assert (datasets.text(after, "StudyID"), datasets.text(after, "PatientID")) == ("2", "4711")


def test_the_character_set_stays_as_created() -> None:
    after = datasets.merged(of(SpecificCharacterSet="ISO_IR 192"), of(SpecificCharacterSet="ISO_IR 100", StudyID="é"))
    assert datasets.text(after, "SpecificCharacterSet") == "ISO_IR 192"
    assert datasets.text(after, "StudyID") == "é"


def test_equality_is_by_meaning() -> None:
    assert datasets.same(of(PatientName="DOE^Jane^^")["00100010"], of(PatientName="DOE^Jane")["00100010"])
    assert datasets.same(None, of(PatientID="")["00100020"])
    assert not datasets.same(of(PatientID="1")["00100020"], None)
    item, other = a_series(), a_series()
    assert datasets.same(of(PerformedSeriesSequence=[item])["00400340"], of(PerformedSeriesSequence=[item])["00400340"])
    assert not datasets.same(of(PerformedSeriesSequence=[item])["00400340"], of(PerformedSeriesSequence=[other])["00400340"])
    assert not datasets.same(of(PerformedSeriesSequence=[item])["00400340"], of(PerformedSeriesSequence=[item, item])["00400340"])


def test_values_that_break_their_vr_are_kept() -> None:
    kept = datasets.from_dataset(changed(Dataset(), {"StudyInstanceUID": "1.02.x", "StudyID": "x" * 80, "PatientName": "A" * 90}))
    assert [datasets.text(kept, keyword) for keyword in ("StudyInstanceUID", "StudyID", "PatientName")] == ["1.02.x", "x" * 80, "A" * 90]


def test_numbers_stay_as_written() -> None:
    assert of(ImageAndFluoroscopyAreaDoseProduct="1.50")["0018115E"] == {"vr": "DS", "Value": ["1.50"]}


def test_bytes_are_kept_inline() -> None:
    dataset = Dataset()
    dataset.add_new(0x00091010, "OB", b"\x01\x02")
    assert datasets.from_dataset(dataset)["00091010"] == {"vr": "OB", "InlineBinary": "AQI="}


def test_refused_elements_go_back_as_they_came() -> None:
    refused = datasets.to_dataset(
        {
            "00400252": {"vr": "CS", "Value": ["完 DONE"]},
            "00400244": {"vr": "DS", "Value": ["1.5"]},
            "00400340": {"vr": "SQ"},
            "00400245": {"vr": "TM"},
        }
    )
    assert (refused[0x00400252].value, refused[0x00400244].VR, refused[0x00400340].VR) == ("? DONE", "LO", "SQ")
    assert encode(refused, EXPLICIT_VR_LITTLE_ENDIAN)


ELEMENTS = {
    "AE": 0x00080054, "AS": 0x00101010, "CS": 0x00080060, "DA": 0x00100030, "DS": 0x0018115E, "DT": 0x0008002A, "IS": 0x00200013,
    "LO": 0x00100020, "LT": 0x00402400, "PN": 0x00100010, "SH": 0x00080050, "ST": 0x00080081, "TM": 0x00100032, "UI": 0x0020000D,
    "US": 0x00280010,
}  # fmt: skip
VALUES = st.one_of(
    st.binary(max_size=20),
    st.text(" \0\\^=\tAZa0915.+-éß山\x1b\x85", max_size=14).map(str.encode),
    st.text(" \0\\^=Aé5.+-\xa0", max_size=14).map(lambda text: text.encode("latin-1")),
    st.from_regex(r"[+-]?[0-9]{0,12}(\.[0-9]{0,9})?([eE][+-]?[0-9])? ?", fullmatch=True).map(str.encode),
)
CHARACTER_SETS = (b"", b"ISO_IR 192", b"ISO_IR 100", b"ISO_IR 144", b"ISO 2022 IR 6\\ISO 2022 IR 87 ", b"GB18030 ")


@given(vr=st.sampled_from(sorted(ELEMENTS)), value=VALUES, declared=st.sampled_from(CHARACTER_SETS))
def test_what_is_read_from_bytes_is_what_pydicom_reads(vr: str, value: bytes, declared: bytes) -> None:
    elements = {ELEMENTS[vr]: (vr, value)} | ({0x00080005: ("CS", declared)} if declared else {})
    data = b"".join(_explicit(tag, *elements[tag]) for tag in sorted(elements))
    try:
        straight, converted = (decode(data, EXPLICIT_VR_LITTLE_ENDIAN).dataset for _ in range(2))
    except UndecodableDataSet:
        return
    for element in converted:  # an element that was looked at is kept as pydicom reads it
        assert element.VR
    assert datasets.from_dataset(straight) == datasets.from_dataset(converted)


def _explicit(tag: int, vr: str, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value
