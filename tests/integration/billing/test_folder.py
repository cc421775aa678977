"""A folder as the receiver: whole files under the control ID, the same again in the same place, and words when it cannot be written."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from billing import delivery, targets
from billing.errors import NoAnswer
from billing.folder import Folder
from billing.models import DeliveryAttempt
from stepwise.supervisor import checks
from stepwise.supervisor.errors import StartError
from tests.support.charges import a_charge, make_due

Result = DeliveryAttempt.Result


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "charges"
    path.mkdir()
    settings.CHARGE_FOLDER = str(path)
    return path


@pytest.mark.django_db
def test_charge_is_posted_when_its_file_is_there(folder: Path) -> None:
    charge = a_charge(name="ΠΑΠΑΔΟΠΟΥΛΟΣ^Νίκος=山田^太郎")
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    charge.refresh_from_db()
    assert [path.name for path in folder.iterdir()] == [f"{charge.control_id}.hl7"]
    assert (folder / f"{charge.control_id}.hl7").stat().st_mode & 0o777 == 0o640, "it names a patient"
    assert (folder / f"{charge.control_id}.hl7").read_bytes().decode() == charge.message
    assert "ΠΑΠΑΔΟΠΟΥΛΟΣ^Νίκος^^^^^L^A~山田^太郎" in charge.message
    attempt = charge.delivery_attempts.get()
    assert (charge.status, attempt.text, attempt.target) == ("POSTED", f"Written as {charge.control_id}.hl7", str(folder))
    assert targets.in_words() == f"the folder {folder}"


@pytest.mark.django_db
def test_folder_that_is_away_is_waited_for(folder: Path) -> None:
    folder.rmdir()
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.NOT_REACHED
    charge.refresh_from_db()
    assert charge.error == f"{charge.control_id}.hl7 cannot be written into {folder}: No such file or directory."
    assert charge.status == "PENDING"
    folder.mkdir()
    make_due(charge)
    assert delivery.sweep() == 1


def test_repeat_takes_the_place_of_the_file_and_clears_what_a_killed_try_left(tmp_path: Path) -> None:
    (tmp_path / ".C00000042.0.part").write_text("half")
    (tmp_path / ".C00000043.0.part").write_text("of another charge")
    for _ in range(2):
        Folder(tmp_path).send("MSH|first\r", "C00000042")
    assert {path.name for path in tmp_path.iterdir()} == {"C00000042.hl7", ".C00000043.0.part"}


def test_full_disk_is_said_and_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("billing.folder.os.fsync", full)
    with pytest.raises(NoAnswer, match=r"C1\.hl7 cannot be written into .*: No space left on device\."):
        Folder(tmp_path).send("MSH|\r", "C1")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_used_is_one_sentence_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in ("file", "nowhere"):
        with pytest.raises(StartError, match=rf"^The folder .*/{wrong} for charges is no folder; .* RIS_CHARGE_FOLDER\.$"):
            checks.check_charge_folder(str(tmp_path / wrong))
    checks.check_charge_folder(str(tmp_path))
    checks.check_charge_folder("")
