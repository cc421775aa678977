"""DICOM JSON: what is kept, compared and merged."""

from pydicom.dataset import Dataset

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
