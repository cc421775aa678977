"""DICOM JSON: what is kept, compared and merged."""

from pydicom.dataset import Dataset

from mpps import datasets
from tests.support.mpps import a_series


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
