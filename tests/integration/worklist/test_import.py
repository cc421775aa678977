"""`import_worklist` with many files: what is bad is named, what is good is in, nothing is half in, whatever ends it."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Count

from ris.models import Order, Patient, RecordChange, RequestedProcedure, ScheduledProcedureStep, StepChange, StepStation
from tests.support.hospital import a_site
from tests.support.items import element, numbered_item, part_10, write_items
from tests.support.scratch import Scratch
from tests.support.wait import wait_until
from worklist import projection
from worklist.models import WorklistEntry, WorklistEntryStation

FILES, FEWER = 3_000, 900
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
BAD = {  # number of the file: its bytes and the reason
    0: (b"", "it is empty"),
    17: (b"\xff\xd8\xff\xe0 a photo", "it is a JPEG image, no worklist item"),
    1_444: (numbered_item(1_444)[:-5], "its data set is damaged or cut: RequestedProcedurePriority (0040,1003)"),
    2_001: (part_10(element(0x00080016, "UI", CT_IMAGE), sop_class=CT_IMAGE), "it is a CT Image Storage object"),
    2_999: (b"(0008,0050) SH [A1]\n(00Z0,0010) PN [X]\n", "line 2: '(00Z0,0010) PN [X]' is no element"),
}


@pytest.mark.django_db(transaction=True)
def test_of_thousands_of_files_with_five_bad_ones_five_are_named_and_the_second_run_repairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_site()
    folder = tmp_path / "items"
    paths = write_items(folder, FILES)
    for number, (content, _) in BAD.items():
        paths[number].write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        call_command("import_worklist", str(folder))
    told = capsys.readouterr()
    skipped = [line for line in told.err.splitlines() if line.startswith("skipped")]
    assert ended.value.code == 1
    assert told.out.splitlines()[-1] == f"{FILES - 5} steps made, 0 updated, 0 unchanged, 0 left alone, 5 files skipped"
    assert [line.startswith(f"skipped  {paths[number]}: {BAD[number][1]}") for line, number in zip(skipped, BAD, strict=True)] == [True] * 5
    nothing_is_half_in(FILES - len(BAD))

    changes = StepChange.objects.count()
    for number in BAD:
        paths[number].write_bytes(numbered_item(number))
    call_command("import_worklist", str(folder))
    assert capsys.readouterr().out == f"5 steps made, 0 updated, {FILES - 5} unchanged, 0 left alone, 0 files skipped\n"
    assert StepChange.objects.count() == changes + 5
    nothing_is_half_in(FILES)
    assert Patient.objects.count() == FILES / 2
    by_number = WorklistEntry.objects.filter(accession_number__in=[f"A{number:08}" for number in BAD])
    assert by_number.count() == len(BAD)


def nothing_is_half_in(steps: int) -> None:
    """Each step has its procedure, order, patient, station, history and entry, and nothing else is there."""
    tables = (ScheduledProcedureStep, RequestedProcedure, Order, StepStation, StepChange, WorklistEntry, WorklistEntryStation)
    assert {model.__name__: model.objects.count() for model in tables} == dict.fromkeys((model.__name__ for model in tables), steps)
    assert RecordChange.objects.filter(subject="patient").count() == Patient.objects.count()
    assert not Patient.objects.filter(orders=None).exists()
    counts = RequestedProcedure.objects.annotate(steps_of=Count("steps")).values_list("steps_of", flat=True)
    assert set(counts) == {1}
    sample = ScheduledProcedureStep.objects.order_by("pk").values_list("pk", flat=True)[:: max(steps // 50, 1)]
    for step in projection.source_steps().filter(pk__in=list(sample)):
        built = projection.build(step)
        assert built is not None
        assert bytes(WorklistEntry.objects.get(pk=step.pk).item) == built.entry.item


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    return Scratch(tmp_path_factory.mktemp("import") / "data")


@contextmanager
def importing(scratch: Scratch, folder: Path, more_than: int) -> Iterator["subprocess.Popen[str]"]:
    """An import that is under way: some files are in, and some are not."""
    process = scratch.popen("import_worklist", str(folder))
    try:
        wait_until(lambda: scratch.count("ris_scheduledprocedurestep") > more_than, 30, "some steps are in", interval=0.01)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def without_progress(told: str) -> str:
    """What was told but for how far it is, which is told every few seconds."""
    return re.sub(r"^\d+ of \d+ files?\n", "", told, flags=re.MULTILINE)


def in_whole(scratch: Scratch) -> int:
    """How many steps are in; with each of them all that belongs to it."""
    tables = ("ris_requestedprocedure", "ris_order", "ris_stepstation", "ris_stepchange", "worklist_worklistentry")
    steps = scratch.count("ris_scheduledprocedurestep")
    assert {table: scratch.count(table) for table in tables} == dict.fromkeys(tables, steps)
    assert scratch.count("ris_patient") == scratch.count("ris_recordchange") == (steps + 1) // 2
    return steps


def test_ctrl_c_and_kill_leave_whole_items_and_the_next_run_goes_on(scratch: Scratch, tmp_path: Path) -> None:
    folder = tmp_path / "items"
    write_items(folder, FEWER)
    with importing(scratch, folder, more_than=0) as process:
        waited = scratch.write()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    stopped_at = in_whole(scratch)
    assert 0 < stopped_at < FEWER
    assert out.splitlines()[-1].startswith(f"{stopped_at} steps made, ")
    assert err.splitlines()[-1] == (
        f"Stopped: {FEWER - stopped_at} of {FEWER} files were not looked at. What was taken in stays, each file whole. "
        "Run it again to go on: what is in already is passed over."
    )
    assert "Traceback" not in err
    assert waited < 5, "a modality's message gets in between two lots"

    with importing(scratch, folder, more_than=stopped_at) as process:
        process.kill()
    killed_at = in_whole(scratch)
    assert stopped_at < killed_at < FEWER

    last = scratch.manage("import_worklist", str(folder))
    assert (last.returncode, without_progress(last.stderr)) == (0, "")
    assert last.stdout == f"{FEWER - killed_at} steps made, 0 updated, {killed_at} unchanged, 0 left alone, 0 files skipped\n"
    assert in_whole(scratch) == FEWER
    assert scratch.manage("rebuild_worklist", "--check").returncode == 0


def test_when_nobody_reads_the_output_the_files_go_in_all_the_same(scratch: Scratch, tmp_path: Path) -> None:
    folder = tmp_path / "items"
    write_items(folder, 3)
    (folder / "bad.wl").write_bytes(b"")
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = scratch.popen("import_worklist", str(folder), stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, without_progress(err)) == (1, f"skipped  {folder}/bad.wl: it is empty\n")
