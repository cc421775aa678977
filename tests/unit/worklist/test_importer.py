"""Files in, steps served as the files say."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pydicom.dataset import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from ris.actions import orders, steps
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, save_station
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, StepChange
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station, an_order, steps_of
from tests.support.worklist import asking, found, identifier
from worklist import beyond, importer, item, projection, reading
from worklist.importer import ImportReport
from worklist.models import WorklistEntry

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]

STEP = {
    "Modality": "MR",
    "ScheduledStationAETitle": ["AA32", "AA33"],
    "ScheduledProcedureStepStartDate": "19951015",
    "ScheduledProcedureStepStartTime": "085607",
    "ScheduledPerformingPhysicianName": "JOHNSON",
    "ScheduledProcedureStepDescription": "EXAM74",
    "ScheduledProcedureStepID": "SPD3445",
    "ScheduledStationName": "STN456",
}
ROOT = {
    "AccessionNumber": "00000",
    "PatientName": "VIVALDI^ANTONIO",
    "PatientID": "AV35674",
    "PatientBirthDate": "16780304",
    "PatientSex": "M",
    "MedicalAlerts": "METASTASIS",
    "StudyInstanceUID": "1.2.276.0.7230010.3.2.101",
    "RequestedProcedureDescription": "EXAM6",
    "RequestedProcedureID": "RP454G234",
    "RequestedProcedurePriority": "LOW",
}


def an_item(step: dict[str, Any] | None = None, **root: Any) -> Dataset:
    """An item; a value of None takes the attribute away."""
    inside = {keyword: value for keyword, value in (STEP | (step or {})).items() if value is not None}
    return identifier(inside, **{keyword: value for keyword, value in (ROOT | root).items() if value is not None})


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_item(name: str = "item.wl", step: dict[str, Any] | None = None, **root: Any) -> Path:
        meta = identifier(TransferSyntaxUID=EXPLICIT_VR_LITTLE_ENDIAN)
        dataset = an_item(step, **root)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        path = tmp_path / name
        path.write_bytes(bytes(128) + b"DICM" + encode(meta, EXPLICIT_VR_LITTLE_ENDIAN) + encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN))
        return path

    return write_item


def imported(*paths: Path, replace: bool = False) -> ImportReport:
    return importer.import_paths(paths, replace, a_site())


def the_step() -> ScheduledProcedureStep:
    return ScheduledProcedureStep.objects.get()


def served() -> list[Dataset]:
    return [item.decode(entry.item) for entry in found(asking({}))]


def test_an_item_becomes_patient_order_procedure_and_step(write: Write) -> None:
    report = imported(write())
    assert (len(report.made), report.skipped) == (1, [])
    step = the_step()
    order = step.requested_procedure.order
    assert (order.accession_number, order.priority, order.patient.patient_id) == ("00000", "LOW", "AV35674")
    assert order.patient.birth_date is not None
    assert order.patient.birth_date.isoformat() == "1678-03-04"
    assert (step.scheduled_procedure_step_id, step.modality, step.status) == ("SPD3445", "MR", "SCHEDULED")
    assert step.requested_procedure.study_instance_uid == "1.2.276.0.7230010.3.2.101"
    assert [row.ae_title for row in step.stations.all()] == ["AA32", "AA33"]
    assert [change.verb for change in step.changes.all()] == ["import"]


def test_the_item_is_served_as_it_came(write: Write) -> None:
    odd = {"PatientWeight": "070.50", "PatientComments": "Prete rosso", "EthnicGroup": "Venetian"}
    imported(write(step={"ScheduledProcedureStepStartTime": "0856", "Modality": "mr", "PreMedication": "none"}, **odd))
    expected = beyond.whole_json(an_item({"ScheduledProcedureStepStartTime": "0856", "Modality": "mr", "PreMedication": "none"}, **odd))
    got = beyond.whole_json(served()[0])
    assert got["00400100"]["Value"][0].pop("00400020") == {"vr": "CS", "Value": ["SCHEDULED"]}
    assert got == expected


def test_the_same_file_again_changes_nothing(write: Write) -> None:
    path = write()
    imported(path)
    before = the_step()
    assert imported(path).unchanged == [path]
    after = the_step()
    assert (after.version, after.received_item, after.changes.count()) == (before.version, before.received_item, 1)


def test_a_corrected_file_brings_its_step_up_to_it(write: Write) -> None:
    imported(write())
    report = imported(
        write(step={"ScheduledProcedureStepStartDate": "19951016"}, PatientName="VIVALDI^LUCIO", RequestedProcedurePriority="STAT")
    )
    assert len(report.updated) == 1
    item = served()[0]
    assert item.PatientName == "VIVALDI^LUCIO"
    assert item.RequestedProcedurePriority == "STAT"
    assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "19951016"
    assert the_step().requested_procedure.order.patient.name == "VIVALDI^LUCIO"
    assert "00100010" not in the_step().received_item
    assert Patient.objects.count() == Order.objects.count() == 1


def test_missing_ids_are_made_the_same_each_time_and_nothing_else(write: Write) -> None:
    path = write(step={"ScheduledProcedureStepID": None}, RequestedProcedureID=None, StudyInstanceUID=None, AccessionNumber=None)
    imported(path)
    item = served()[0]
    assert item.RequestedProcedureID.startswith("RP-")
    assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID.startswith("SPS-")
    assert max(len(item.RequestedProcedureID), len(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID)) <= 16
    assert "StudyInstanceUID" not in item
    assert "AccessionNumber" not in item
    assert imported(path).unchanged == [path]
    assert ScheduledProcedureStep.objects.count() == 1


def test_files_of_one_order_become_its_steps_each_served_as_it_came(write: Write) -> None:
    first = write("1.wl")
    second = write("2.wl", step={"ScheduledProcedureStepID": "SPD2"}, MedicalAlerts="ABZESS", RequestedProcedurePriority="HIGH")
    other_procedure = write("3.wl", RequestedProcedureID="RP2", StudyInstanceUID="1.2.4")
    imported(first, second, other_procedure)
    assert (Order.objects.count(), RequestedProcedure.objects.count(), ScheduledProcedureStep.objects.count()) == (1, 2, 3)
    assert sorted((item.MedicalAlerts, item.RequestedProcedurePriority, item.StudyInstanceUID[-3:]) for item in served()) == [
        ("ABZESS", "HIGH", "101"),
        ("METASTASIS", "LOW", "101"),
        ("METASTASIS", "LOW", "2.4"),
    ]
    assert imported(first, second, other_procedure).unchanged == [first, second, other_procedure]


def test_an_accession_number_of_another_patient_is_served_all_the_same(write: Write) -> None:
    one, other = (
        write("1.wl"),
        write("2.wl", step={"ScheduledProcedureStepID": "S2"}, PatientID="X", PatientName="BACH", RequestedProcedureID="R2"),
    )
    report = imported(one, other)
    assert report.skipped == []
    assert [(str(item.PatientName), item.AccessionNumber) for item in served()] == [("VIVALDI^ANTONIO", "00000"), ("BACH", "00000")]
    assert imported(one, other).unchanged == [one, other]


def test_two_files_that_name_one_step_differently_are_told_apart_by_name(write: Write) -> None:
    report = imported(write("a.wl"), write("b.wl", PatientSex="F"), write("c.wl"))
    assert [(skipped.path.name, "a.wl" in skipped.reason) for skipped in report.skipped] == [("b.wl", True)]
    assert served()[0].PatientSex == "M"


def test_values_that_no_column_holds_are_served_and_found(write: Write) -> None:
    imported(write(AccessionNumber="A-NUMBER-TOO-LONG-FOR-SH", PatientSex="X", PatientBirthDate="19610231", StudyInstanceUID="1.02.3"))
    assert the_step().requested_procedure.order.accession_number == ""
    item = served()[0]
    assert (item.AccessionNumber, item.PatientSex, item.PatientBirthDate) == ("A-NUMBER-TOO-LONG-FOR-SH", "X", "19610231")
    assert len(found(asking(AccessionNumber="A-NUMBER*", StudyInstanceUID="1.02.3"))) == 1


def test_an_impossible_date_is_served_and_found_as_it_is(write: Write) -> None:
    imported(write(step={"ScheduledProcedureStepStartDate": "20260230"}))
    assert the_step().start is None
    assert len(found(asking({"ScheduledProcedureStepStartDate": "20260230"}))) == 1


def test_a_code_of_the_catalogue_brings_its_price(write: Write) -> None:
    a_procedure("CTCHEST")
    code = identifier(CodeValue="CTCHEST", CodingSchemeDesignator="99TEST", CodeMeaning="CT of the chest")
    imported(write(RequestedProcedureCodeSequence=[code]))
    procedure = RequestedProcedure.objects.get()
    assert (procedure.code, procedure.price) == ("CTCHEST", 250)
    assert served()[0].RequestedProcedureCodeSequence[0].CodeMeaning == "CT of the chest"


def test_a_step_on_which_work_was_begun_is_left_alone(write: Write) -> None:
    path = write()
    imported(path)
    steps.start(the_step().pk, ACTOR)
    report = imported(write(PatientName="OTHER^NAME"))
    assert report.performed == [path]
    assert the_step().requested_procedure.order.patient.name == "VIVALDI^ANTONIO"


def test_arrival_and_cancellation_survive_another_import(write: Write) -> None:
    path = write()
    imported(path)
    steps.arrive(the_step().pk, ACTOR)
    assert imported(path).unchanged == [path]
    assert the_step().status == "ARRIVED"
    steps.cancel(the_step().pk, ACTOR, "patient went home")
    imported(path)
    assert the_step().status == "CANCELED"


def test_the_status_of_the_file_is_taken_over(write: Write) -> None:
    imported(write(step={"ScheduledProcedureStepStatus": "ARRIVED"}))
    assert the_step().status == "ARRIVED"


def test_replace_removes_what_waits_and_keeps_what_was_performed(write: Write) -> None:
    kept, put_back, removed = (steps_of(an_order(station=ae_title))[0] for ae_title in ("CT01", "CT02", "CT03"))
    (unscheduled,) = steps_of(orders.place_order(a_site(), a_patient_data(), orders.OrderRequest([a_procedure().code]), ACTOR))
    steps.start(kept.pk, ACTOR)
    steps.start(put_back.pk, ACTOR)
    steps.end(put_back.pk, "put_back", ACTOR, "wrong entry selected")
    order_id = removed.requested_procedure.order_id
    report = imported(write(), replace=True)
    assert (report.removed, report.kept, len(report.made)) == (1, 1, 1)
    left = set(ScheduledProcedureStep.objects.values_list("pk", flat=True))
    assert {kept.pk, put_back.pk, unscheduled.pk} < left
    assert removed.pk not in left
    assert not WorklistEntry.objects.filter(pk=removed.pk).exists()
    assert not Order.objects.filter(pk=order_id).exists()
    assert not StepChange.objects.filter(step=removed.pk).exists()


def test_nothing_is_removed_when_there_is_nothing_to_take_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = steps_of(an_order())[0]
    (tmp_path / "empty.wl").write_bytes(b"")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "empty.wl"):
        with pytest.raises(SystemExit) as ended:
            call_command("import_worklist", "--replace", str(path))
        assert ended.value.code == 1
        told = capsys.readouterr()
        assert told.err.startswith("Nothing was removed, because none of the files can be read.\nskipped  ")
        assert "removed" not in told.out
    assert ScheduledProcedureStep.objects.get() == waiting


def test_one_file_that_can_be_read_is_enough_to_replace(write: Write, tmp_path: Path) -> None:
    an_order()
    (tmp_path / "1.wl").write_bytes(b"")
    report = imported(tmp_path / "1.wl", write("2.wl"), replace=True)
    assert (report.removed, len(report.made), len(report.skipped)) == (1, 1, 1)


def test_what_a_file_lacks_is_answered_to_nobody(write: Write) -> None:
    imported(write(step=dict.fromkeys(STEP) | {"ScheduledProcedureStepStartDate": "19951015"}, **dict.fromkeys(ROOT)))
    (item,) = served()
    made = {"RequestedProcedureID", "ScheduledProcedureStepSequence", "SpecificCharacterSet"}
    assert {element.keyword for element in item} == made
    inside = {element.keyword for element in item.ScheduledProcedureStepSequence[0]}
    assert inside == {"ScheduledProcedureStepStartDate", "ScheduledProcedureStepID", "ScheduledProcedureStepStatus"}


def test_neither_a_slot_taken_twice_nor_an_old_date_is_in_the_way(write: Write) -> None:
    a_station("AA32", "MR")
    report = imported(write("1.wl"), write("2.wl", AccessionNumber="2", PatientID="OTHER"), write("3.wl", AccessionNumber="3"))
    assert (len(report.made), len(served())) == (3, 3)
    assert {step.start for step in ScheduledProcedureStep.objects.all()} == {the_step_of("2").start}


def the_step_of(accession_number: str) -> ScheduledProcedureStep:
    return ScheduledProcedureStep.objects.get(requested_procedure__order__accession_number=accession_number)


def test_known_stations_are_linked_and_unknown_ones_kept(write: Write) -> None:
    station = a_station("AA32", "MR")
    imported(write())
    assert [row.station for row in the_step().stations.all()] == [station, None]


def test_dumps_and_bare_data_sets_are_read_too(write: Write, tmp_path: Path) -> None:
    bare = tmp_path / "bare.dcm"
    bare.write_bytes(encode(an_item(AccessionNumber="2"), IMPLICIT_VR_LITTLE_ENDIAN))
    text = tmp_path / "text.dump"
    text.write_text(
        "(0008,0050) SH [3]\n(0010,0010) PN [BACH]\n(0040,0100) SQ\n(fffe,e000) -\n(0040,0002) DA 20260706\n(fffe,e00d) -\n(fffe,e0dd) -\n"
    )
    (tmp_path / "README").write_text("not looked at")
    write("sub.wl")
    report = imported(tmp_path)
    assert (len(report.made), report.skipped) == (3, [])
    assert dict(projection.differences()) == {}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.wl", b"", "it is empty"),
        ("photo.dcm", b"\xff\xd8\xff\xe0rest of a photo", "JPEG"),
        ("letter.wl", b"Dear Sir, " * 40, "no DICOM file"),
        ("wrong.dump", b"(0008,0050) SH A\n(00Z8,0050) SH B\n", "line 2"),
        ("none.dump", b"(0008,0050) SH A\n", "no worklist item"),
    ],
)
def test_a_file_that_is_no_item_is_named_with_its_reason(tmp_path: Path, write: Write, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    write("good.wl")
    report = imported(tmp_path)
    assert [(skipped.path.name, reason in skipped.reason) for skipped in report.skipped] == [(name, True)]
    assert len(report.made) == 1


def test_a_cut_file_leaves_nothing_behind(write: Write) -> None:
    path = write()
    path.write_bytes(path.read_bytes()[:-7])
    report = imported(path)
    assert "cut" in report.skipped[0].reason
    assert not Patient.objects.exists()


def test_an_image_and_several_steps_in_one_file_are_refused(write: Write) -> None:
    image, double = write("image.dcm"), write("double.wl")
    image.write_bytes(image.read_bytes() + b"\xe0\x7f\x10\x00OW\0\0\x02\0\0\0\0\0")
    item = an_item()
    item.ScheduledProcedureStepSequence = [Dataset(), Dataset()]
    double.write_bytes(encode(item, EXPLICIT_VR_LITTLE_ENDIAN))
    assert ["pixel" in one.reason or "one file is one step" in one.reason for one in imported(image, double).skipped] == [True, True]


def test_what_an_ordinary_user_may_not_read_is_named() -> None:
    with TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        closed, listed, open_to_all = (Path(temporary, name) for name in ("closed", "listed", "open"))
        for folder in (closed / "inner", listed, open_to_all):
            folder.mkdir(parents=True)
            (folder / "item.wl").write_bytes(b"any")
        (open_to_all / "secret.wl").write_bytes(b"any")
        (open_to_all / "way in").symlink_to(closed / "inner")
        closed.chmod(0)
        listed.chmod(0o444)
        (open_to_all / "secret.wl").chmod(0)
        with as_an_ordinary_user():
            found = list(reading.files([closed, closed / "inner", listed, open_to_all]))
            reasons = {one.path.relative_to(temporary).as_posix(): one.problem or reason_of(one.path) for one in found}
        closed.chmod(0o700)
        listed.chmod(0o700)
    assert reasons == {
        "closed": "the directory cannot be read: Permission denied",
        "closed/inner": "it cannot be found: Permission denied",
        "listed/item.wl": "it cannot be read: Permission denied",
        "open/item.wl": "it is no DICOM file",
        "open/secret.wl": "it cannot be read: Permission denied",
        "open/way in": "the directory cannot be read: Permission denied",
    }


def reason_of(path: Path) -> str:
    with pytest.raises(reading.Unreadable) as told:
        reading.read(path)
    return str(told.value).split(": no DICM")[0]


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read everything; for this while nobody is root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_beyond_all_measure_is_named_with_the_limit_and_the_others_go_in(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("good.wl")
    (tmp_path / "huge.wl").touch()
    os.truncate(tmp_path / "huge.wl", 17 * 2**20)
    with pytest.raises(SystemExit) as ended:
        call_command("import_worklist", str(tmp_path))
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert "huge.wl: it has 17,825,792 bytes, more than the 16,777,216 that are read" in told.err
    assert ScheduledProcedureStep.objects.count() == 1


def test_names_of_files_that_are_no_text_are_shown_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two\nlines.wl").write_bytes(b"")
    (tmp_path / os.fsdecode(b"M\xfcller.wl")).write_bytes(b"")
    with pytest.raises(SystemExit):
        call_command("import_worklist", str(tmp_path))
    assert sorted(line.rsplit("/", 1)[1] for line in capsys.readouterr().err.splitlines()) == [
        "M\\xfcller.wl: it is empty",
        "two\\nlines.wl: it is empty",
    ]


@pytest.mark.parametrize("command", ["import_worklist", "export_worklist"])
def test_an_empty_path_is_not_taken_for_the_current_directory(command: str) -> None:
    with pytest.raises(CommandError, match="the path is empty"):
        call_command(command, "")


def test_the_command_names_what_it_skipped_and_ends_with_1(write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    a_site()
    call_command("import_worklist", str(write()))
    assert "1 step made, " in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        call_command("import_worklist", str(tmp_path / "nowhere"))
    assert ended.value.code == 1
    assert "nowhere: it cannot be found: No such file or directory" in capsys.readouterr().err


def test_a_directory_without_a_worklist_file_is_told_and_ends_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no item")
    with pytest.raises(SystemExit) as ended:
        call_command("import_worklist", str(tmp_path))
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"skipped  {tmp_path}: it holds no worklist file; those end in .wl, .dcm, .dump\n"


def test_a_file_of_before_its_station_was_renamed_is_read_under_the_present_title(write: Write) -> None:
    """Every night the other system writes the same file again, under the title that it has for the scanner."""
    a_station("CT01"), a_station("CT02")
    save_station(a_site(), StationData("CT03", ("CT",), aliases=("CT01",)), ACTOR)
    path = write(step={"ScheduledStationAETitle": "CT01"})
    again = write("again.wl", step={"ScheduledStationAETitle": ["CT01", "CT02"]}, AccessionNumber="00001")
    assert imported(path).made == [path]
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    report = imported(path, again)
    assert (report.unchanged, report.made, report.skipped) == ([path], [again], [])
    first, second = (one.step for one in WorklistEntry.objects.order_by("pk"))
    assert [row.ae_title for step in (first, second) for row in step.stations.order_by("position")] == ["CT-EAST", "CT-EAST", "CT02"]
    assert [one.station_ae_titles for one in WorklistEntry.objects.order_by("pk")] == ["CT-EAST", "CT-EAST\\CT02"]
    assert beyond_stations(first) == beyond_stations(second) == {}
    assert list(projection.differences()) == []
    assert imported(path, again).unchanged == [path, again]


def beyond_stations(step: ScheduledProcedureStep) -> dict[str, Any]:
    """What is kept of the item about its stations beside the columns."""
    (inside,) = step.received_item["00400100"]["Value"]
    return {tag: value for tag, value in inside.items() if tag == "00400001"}
