"""Items whose values are odd: kept or skipped with a reason, told of, and never in the way of the other files."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pydicom.dataset import Dataset

from dimse import decode
from dimse.decode import UndecodableDataSet
from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from ris.actions import patients
from ris.models import Patient, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_site
from tests.support.items import element, part_10, sequence
from tests.support.worklist import asking, found, identifier
from worklist import answers, importer, item, matching
from worklist.importer import ImportReport

pytestmark = pytest.mark.django_db

ITEM = """{charset}(0008,0050) SH [{number}]
(0010,0010) PN [{name}]
(0010,0020) LO [P{number}]
{line}
(0040,0100) SQ
(fffe,e000) -
(0040,0002) DA 20260706
(0040,0003) TM 1000
{step}
(fffe,e00d) -
(fffe,e0dd) -
"""


def write(folder: Path, number: int, line: str = "", step: str = "", name: str = "BACH", charset: str = "") -> Path:
    path = folder / f"{number}.dump"
    path.write_bytes(ITEM.format(number=number, line=line, step=step, name=name, charset=charset).encode("latin-1"))
    return path


def imported(*paths: Path) -> ImportReport:
    return importer.import_paths(paths, False, a_site())


def served(number: int) -> Dataset:
    (entry,) = found(asking(AccessionNumber=str(number)))
    return item.decode(entry.item)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("(0010,21c0) US 70000", "line 4: '70000' is no value of PregnancyStatus (0010,21C0), VR US"),
        ("(0010,21c0) US -1", "line 4: '-1' is no value of PregnancyStatus (0010,21C0), VR US"),
        ("(0010,9431) FL 1e60", "VR FL"),
        ("(0028,0106) SS 40000", "VR SS"),
    ],
)
def test_a_number_that_its_vr_cannot_hold_is_named_and_the_other_files_go_in(tmp_path: Path, line: str, reason: str) -> None:
    write(tmp_path, 1, line)
    write(tmp_path, 2)
    report = imported(tmp_path)
    assert [(one.path.name, reason in one.reason) for one in report.skipped] == [("1.dump", True)]
    assert [path.name for path in report.made] == ["2.dump"]


@pytest.mark.parametrize("value", ["abc", "70.5\\abc", "1.2.3"])
def test_text_where_a_number_belongs_is_kept_served_and_told_of(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, 1, f"(0010,1030) DS [{value}]")
    report = imported(path)
    assert (report.skipped, len(report.made)) == ([], 1)
    assert "PatientWeight (0010,1030)" in report.noted[0].notes[0]
    assert imported(path).unchanged == [path]
    answer = answers.compose(asking(PatientWeight="", AccessionNumber="1"), served(1), ("ISO_IR 192",))
    for transfer_syntax in (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN):
        assert value.encode() in encode(answer, transfer_syntax)


def test_numbers_that_cannot_be_compared_are_text() -> None:
    assert {matching.comparable("DS", text) for text in ("NaN", "sNaN", "70", "070.0")} == {"NaN", "sNaN", 70}


@pytest.mark.parametrize(
    ("step", "day", "note"),
    [
        ("(0040,0020) CS [weird]", "(0040,0002) DA 20260706", "ScheduledProcedureStepStatus 'weird' is unknown and passed over"),
        ("", "", "it has no ScheduledProcedureStepStartDate: it is on no worklist until it is scheduled"),
        ("(0040,0020) CS [ARRIVED]", "", "it is on no worklist until it is scheduled"),
    ],
)
def test_what_keeps_a_status_or_a_step_from_the_worklist_is_told_and_in_the_history(tmp_path: Path, step: str, day: str, note: str) -> None:
    path = write(tmp_path, 1, step=step)
    path.write_text(path.read_text().replace("(0040,0002) DA 20260706", day))
    report = imported(path)
    assert [note in told for one in report.noted for told in one.notes] == [True]
    assert note in ScheduledProcedureStep.objects.get().changes.get().reason


@pytest.mark.parametrize(
    ("line", "step", "name", "note"),
    [
        ("", "", "B" * 65 + "^A", "PatientName has 67 characters where PN holds 64"),
        ("", "(0040,0001) AE [A_TITLE_OF_17_CHARS]", "BACH", "ScheduledStationAETitle has 19 characters where AE holds 16"),
        ("(0040,1001) SH [RP-4711-4712-4713]", "", "BACH", "RequestedProcedureID has 17 characters where SH holds 16"),
    ],
)
def test_a_value_too_long_for_its_vr_is_kept_served_and_told_of(tmp_path: Path, line: str, step: str, name: str, note: str) -> None:
    report = imported(write(tmp_path, 1, line, step, name))
    assert [told.startswith(note) for one in report.noted for told in one.notes] == [True]
    inside = served(1).ScheduledProcedureStepSequence[0]
    kept = {str(served(1).PatientName), str(served(1).get("RequestedProcedureID", "")), str(inside.get("ScheduledStationAETitle", ""))}
    assert kept & {"B" * 65 + "^A", "A_TITLE_OF_17_CHARS", "RP-4711-4712-4713"}


def test_a_performed_step_without_a_date_is_no_matter_of_the_worklist(tmp_path: Path) -> None:
    path = write(tmp_path, 1, step="(0040,0020) CS [COMPLETED]")
    path.write_text(path.read_text().replace("(0040,0002) DA 20260706", ""))
    assert imported(path).noted == []


def test_numbers_that_are_not_finite_are_kept_to_the_bit(tmp_path: Path) -> None:
    floats = b"\x01\x00\xe0\xff" + b"\0\0\x80\xff" + b"\0\0\x80\x3f"  # a NaN with a sign and a payload, -inf, 1
    day = element(0x00400002, "DA", "20260706")
    path = tmp_path / "1.dcm"
    path.write_bytes(part_10(element(0x00080050, "SH", "1"), element(0x00109431, "FL", floats), sequence(0x00400100, day)))
    write(tmp_path, 2)
    report = imported(tmp_path)
    assert (len(report.made), report.skipped) == (2, [])
    (entry,) = found(asking(AccessionNumber="1"))
    assert b"\x10\x00\x31\x94FL\x0c\x00" + floats in bytes(entry.item)
    assert len(imported(tmp_path).unchanged) == 2


def test_an_error_that_is_no_fault_of_the_file_ends_the_import(tmp_path: Path) -> None:
    run = importer._Import(a_site(), ImportReport())
    with pytest.raises(TypeError, match="ours"):
        run._unfit(write(tmp_path, 1), TypeError("ours"))
    assert run.report.skipped == []


def test_what_building_an_item_raises_skips_that_file_alone(tmp_path: Path) -> None:
    write(tmp_path, 1, "(0010,0010) SQ\n(fffe,e0dd) -", name="BACH")
    odd = tmp_path / "1.dump"
    odd.write_text(odd.read_text().replace("(0010,0010) PN [BACH]\n", "").replace("(0010,0010) SQ", "(0010,0010) US 1"))
    write(tmp_path, 2)
    report = imported(tmp_path)
    assert "2.dump" in [path.name for path in report.made]
    assert len(report.made) + len(report.skipped) == 2


def twice(dataset: Dataset, again: Dataset) -> bytes:
    return encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN) + encode(again, EXPLICIT_VR_LITTLE_ENDIAN)


def test_of_an_element_that_a_dicom_file_gives_twice_the_first_counts(tmp_path: Path) -> None:
    step = {"ScheduledProcedureStepStartDate": "20260706", "ScheduledProcedureStepID": "S1"}
    again = identifier({"ScheduledProcedureStepID": "S2"}, AccessionNumber="2", SpecificCharacterSet="ISO_IR 100")
    data = twice(identifier(step, AccessionNumber="1", PatientName="MÜLLER", SpecificCharacterSet="ISO_IR 192"), again)
    path = tmp_path / "twice.dcm"
    path.write_bytes(data)
    report = imported(path)
    assert (len(report.made), report.skipped) == (1, [])
    assert "AccessionNumber (0008,0050) is given again; the first counts" in report.noted[0].notes
    assert (served(1).PatientName, served(1).ScheduledProcedureStepSequence[0].ScheduledProcedureStepID) == ("MÜLLER", "S1")
    with pytest.raises(UndecodableDataSet):
        decode.decode(data, EXPLICIT_VR_LITTLE_ENDIAN)


def test_what_was_tolerated_is_told_in_the_output_and_in_the_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_site()
    write(tmp_path, 1, name="M\xfcLLER", charset="(0008,0005) CS [ISO_IR 192]\n")
    write(tmp_path, 2, charset="(0008,0005) CS [ISO_IR 999]\n")
    write(tmp_path, 3, step="(0040,0004) DA 20260705\n(0040,0005) TM 0900")
    write(tmp_path, 4, "(0010,0030) DA 19610231\n" + "".join(f"(0010,0020) LO [{n}]\n" for n in range(20)).rstrip())
    write(tmp_path, 5)
    call_command("import_worklist", str(tmp_path))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("noted")]
    by_file = {number: [line for line in lines if f"{number}.dump: " in line] for number in range(1, 6)}
    assert "outside the declared character set became '?'" in by_file[1][0]
    assert "'ISO_IR 999' is unknown" in by_file[2][0]
    assert "before it starts; 30 minutes" in by_file[3][0]
    assert len(by_file[4]) == 9
    assert by_file[4][-1].endswith("and 13 more of this kind")
    assert by_file[5] == []
    reasons = [step.changes.get().reason for step in ScheduledProcedureStep.objects.order_by("pk")]
    assert "became '?'" in reasons[0]
    assert [len(reason) for reason in reasons[3:]] == [255, 0]


def test_a_name_with_empty_components_follows_its_patient(tmp_path: Path) -> None:
    imported(write(tmp_path, 1, name="DOE^JOHN^^"))
    assert "00100010" not in ScheduledProcedureStep.objects.get().received_item
    patients.update_patient(Patient.objects.get(), a_patient_data(name="ROE^JANE", patient_id="P1"), ACTOR)
    assert served(1).PatientName == "ROE^JANE"


@pytest.mark.django_db(transaction=True)
def test_without_tables_the_command_says_so_in_a_sentence(tmp_path: Path) -> None:
    with connection.schema_editor() as editor:
        editor.execute("ALTER TABLE ris_site RENAME TO ris_site_away")
    try:
        with pytest.raises(CommandError, match=r"The database is not ready \(.*\); run `manage.py prepare` first"):
            call_command("import_worklist", str(write(tmp_path, 1)))
    finally:
        with connection.schema_editor() as editor:
            editor.execute("ALTER TABLE ris_site_away RENAME TO ris_site")
