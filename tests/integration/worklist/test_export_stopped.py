"""`export_worklist` that somebody ends: the folder stays as it was."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.items import write_items
from tests.support.scratch import Scratch
from tests.support.wait import wait_until

STEPS = 20


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """With some steps on the worklist."""
    folder = tmp_path_factory.mktemp("export")
    made = Scratch(folder / "data")
    write_items(folder / "items", STEPS)
    assert made.manage("import_worklist", str(folder / "items")).returncode == 0
    return made


@contextmanager
def waiting(scratch: Scratch, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """An export that has written all its files and waits for a search to let go of the lockfile."""
    with (folder / "lockfile").open("ab") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        process = scratch.popen("export_worklist", str(folder))
        try:
            staged = folder / ".stepwise-export"
            wait_until(lambda: len(list(staged.glob("*.wl"))) == STEPS, 30, "all files are staged", interval=0.01)
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ended_before_the_files_are_put_in_their_places_it_changes_nothing(
    scratch: Scratch, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    (tmp_path / "other.txt").write_text("theirs")
    with waiting(scratch, tmp_path) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert err.splitlines()[-1] == f"Stopped. Nothing in {tmp_path} was changed. Run it again to export."
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lockfile", "other.txt"]


def test_when_nobody_reads_the_output_the_folder_is_whole_all_the_same(scratch: Scratch, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = scratch.popen("export_worklist", str(tmp_path), stdout=write_end)
    os.close(write_end)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert len(list(tmp_path.glob("*.wl"))) == STEPS
