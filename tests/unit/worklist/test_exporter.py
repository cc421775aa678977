"""The folder that an export leaves: what is in it, what another export changes, and what it never touches."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pydicom import dcmread

from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST
from ris.actions import patients, steps
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_site, an_order, in_minutes, steps_of
from worklist import exporter, item
from worklist.exporter import ExportError

pytestmark = pytest.mark.django_db


def exported(folder: Path) -> dict[str, bytes]:
    exporter.export(folder, a_site())
    return content_of(folder)


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.wl")}


def orders(number: int) -> list[ScheduledProcedureStep]:
    return [steps_of(an_order(patient_id=f"P{one}", start=in_minutes(60 * one + 10)))[0] for one in range(number)]


def test_a_file_for_each_served_step_and_the_lockfile(tmp_path: Path) -> None:
    served = orders(2)
    exporter.export(tmp_path / "new" / "STEPWISE", a_site())
    files = sorted(path.name for path in (tmp_path / "new" / "STEPWISE").iterdir())
    assert files[-1] == "lockfile"
    assert len(files) == 3
    for step, name in zip(served, files, strict=False):
        file = dcmread(tmp_path / "new" / "STEPWISE" / name)
        assert file.file_meta.MediaStorageSOPClassUID == MODALITY_WORKLIST
        assert file.file_meta.TransferSyntaxUID == EXPLICIT_VR_LITTLE_ENDIAN
        assert file.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID == step.scheduled_procedure_step_id
        assert name.startswith(f"{file.AccessionNumber}_{step.scheduled_procedure_step_id}-")
        assert file.to_json_dict() == item.build(step).to_json_dict()


@pytest.mark.parametrize(
    ("name", "declared"), [("MÜLLER^Jürgen", "ISO_IR 192"), ("Yamada^Tarou=山田^太郎", "ISO_IR 192"), ("SMITH^Ann", None)]
)
def test_the_character_set_is_declared_when_a_text_needs_it(tmp_path: Path, name: str, declared: str | None) -> None:
    an_order(name=name)
    exported(tmp_path)
    file = dcmread(next(tmp_path.glob("*.wl")))
    assert (file.get("SpecificCharacterSet"), file.PatientName) == (declared, name)


def test_a_second_export_writes_what_changed_and_removes_what_is_no_longer_served(tmp_path: Path) -> None:
    moved, started, left = orders(3)
    before = exported(tmp_path)
    written_at = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.wl")}
    steps.start(started.pk, ACTOR)
    steps.schedule(moved.pk, "CT01", in_minutes(600), ACTOR)
    report = exporter.export(tmp_path, a_site())
    assert (report.written, report.unchanged, report.removed, report.foreign, report.skipped) == (1, 1, 1, 0, [])
    after = content_of(tmp_path)
    name = {step.pk: next(name for name in before if step.scheduled_procedure_step_id in name) for step in (moved, started, left)}
    assert set(after) == {name[moved.pk], name[left.pk]}
    assert after[name[left.pk]] == before[name[left.pk]]
    assert after[name[moved.pk]] != before[name[moved.pk]]
    assert (tmp_path / name[left.pk]).stat().st_mtime_ns == written_at[name[left.pk]]


def test_a_renamed_patient_is_renamed_in_the_file_of_the_same_name(tmp_path: Path) -> None:
    (step,) = orders(1)
    (name,) = exported(tmp_path)
    patients.update_patient(step.requested_procedure.order.patient, a_patient_data(name="RENAMED^Anna", patient_id="P0"), ACTOR)
    assert list(exported(tmp_path)) == [name]
    assert dcmread(tmp_path / name).PatientName == "RENAMED^Anna"


def test_files_of_others_stay_and_one_in_the_way_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders(2)
    mine, other = sorted(exported(tmp_path))
    (tmp_path / mine).write_bytes(b"somebody else's")
    copied = (tmp_path / other).rename(tmp_path / "copied-by-hand.wl").read_bytes()
    (tmp_path / "notes.txt").write_text("keep me")
    (tmp_path / "lockfile").write_text("theirs")
    with pytest.raises(SystemExit, match="1"):
        call_command("export_worklist", str(tmp_path))
    assert content_of(tmp_path) == {mine: b"somebody else's", other: copied, "copied-by-hand.wl": copied}
    assert ((tmp_path / "notes.txt").read_text(), (tmp_path / "lockfile").read_text()) == ("keep me", "theirs")
    told = capsys.readouterr()
    assert f"skipped  {tmp_path / mine}: a file of this name is there that this command did not write" in told.err
    assert "1 other .wl files" in told.out
    assert told.out.endswith("1 file written, 0 unchanged, 0 removed, 1 skipped\n")


def test_what_a_killed_export_left_is_cleared_away(tmp_path: Path) -> None:
    orders(1)
    (tmp_path / ".stepwise-export").mkdir()
    (tmp_path / ".stepwise-export" / "half.wl").write_bytes(b"half")
    exported(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".wl"]


def test_a_second_export_at_the_same_time_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with exporter._staging(tmp_path), pytest.raises(ExportError, match=r"Another export into .* is running; wait until it has ended\."):
        exporter.export(tmp_path, a_site())


@pytest.fixture
def search(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that holds the lockfile for reading, as a search of wlmscpfs does, until its input ends."""
    (tmp_path / "lockfile").touch()
    code = "import fcntl, sys; f = open(sys.argv[1], 'rb'); fcntl.lockf(f, fcntl.LOCK_SH); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "lockfile")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_files_are_put_in_their_places_only_when_no_search_is_under_way(
    tmp_path: Path, search: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(1)
    with monkeypatch.context() as impatient, pytest.raises(ExportError, match="is locked by another program"):
        impatient.setattr(exporter, "_PATIENCE", 0.1)
        exporter.export(tmp_path, a_site())
    assert [path.name for path in tmp_path.iterdir()] == ["lockfile"]
    assert search.stdin is not None
    search.stdin.close()
    assert len(exported(tmp_path)) == 1


def test_a_path_that_is_no_directory_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CommandError, match=r"cannot be written: .*\. Choose a folder that can be written\."):
            call_command("export_worklist", str(path))


def test_a_file_in_place_of_the_folder_is_called_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="it is a file, not a folder"):
        call_command("export_worklist", str(tmp_path / "file"))


def test_a_disk_that_takes_no_more_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    moved, _ = orders(2)
    before = exported(tmp_path)
    steps.schedule(moved.pk, "CT01", in_minutes(600), ACTOR)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(ExportError, match=r"cannot be written: File too large .*Nothing in it was changed\."):
            exporter.export(tmp_path, a_site())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert content_of(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "lockfile"])


def test_steps_are_read_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries) -> None:
    monkeypatch.setattr(exporter, "_PAGE", 2)
    orders(5)
    seen: list[tuple[int, int]] = []
    site = a_site()
    with django_assert_num_queries(1 + 4):  # how many there are; pages of 2, 2, 1 and 0
        exporter.export(tmp_path, site, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert len(content_of(tmp_path)) == 5
