"""`manage.py modality … run SCRIPT` and the verbs of an exam on the command line, against this product's own server."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import Order
from tests.support import modality_docs
from tests.support.hospital import a_procedure, a_site, an_order, steps_of
from tests.support.ports import free_port
from training import profiles


def run(port: int, script: Path, *options: str) -> str:
    out = StringIO()
    call_command("modality", "--station", "CT01", "--port", str(port), "run", str(script), *options, stdout=out)
    return out.getvalue()


def fails(returncode: int, port: int, script: Path) -> str:
    with pytest.raises(CommandError) as error:
        run(port, script, "--fast")
    assert error.value.returncode == returncode
    return str(error.value)


def modality(port: int, *arguments: str) -> str:
    out = StringIO()
    call_command("modality", "--station", "CT01", "--port", str(port), "--seed", "1", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "morning.txt"


def at_noon(**values: object) -> Order:
    midnight = clock.day_bounds(clock.today(a_site()), a_site())[0]
    return an_order(start=midnight + timedelta(hours=12), **values)


def test_a_script_is_played_line_by_line(port: int, script: Path):
    at_noon(patient_id="P1")
    an_order(start=clock.day_bounds(clock.today(a_site()), a_site())[0] + timedelta(hours=13), patient_id="P2")
    script.write_text(
        """station CT01
list
expect entries=2
start next as=first
wait 4 min
acquire series=2
report
complete first
complete first uid=1.2.3     # of an exam that nobody began
expect 0112
start next
discontinue reason=110505 done=0%
power-loss
append first
complete
""",
        encoding="utf-8",
    )
    said = run(port, script, "--fast")

    assert "11 acts played, 9 messages sent, all as expected." in said
    assert "As expected: STEPWISE at" in said
    assert " 5  wait 4 min" in said
    first, second, third = PerformedProcedureStep.objects.order_by("pk")
    assert [(one.status, one.patient_id) for one in (first, second, third)] == [
        ("COMPLETED", "P1"),
        ("DISCONTINUED", "P2"),
        ("COMPLETED", "P1"),
    ]
    assert first.ended_at - first.started_at >= timedelta(minutes=4)
    assert (first.series.count(), second.series.get().image_count) == (2, 0)
    assert third.links.get().step == first.links.get().step


def test_the_scripts_of_the_documentation(port: int, script: Path):
    at_noon(patient_id="P1")
    an_order(start=clock.day_bounds(clock.today(a_site()), a_site())[0] + timedelta(hours=13), patient_id="P2")
    script.write_text(modality_docs.example(0), encoding="utf-8")
    said = run(port, script, "--fast")

    assert said.count("N-SET IN PROGRESS by itself") == 1
    assert [one.status for one in PerformedProcedureStep.objects.order_by("pk")] == ["COMPLETED", "DISCONTINUED", "COMPLETED"]
    script.write_text(modality_docs.example(1), encoding="utf-8")
    assert "has 0 images left" in run(port, script)
    performed = PerformedProcedureStep.objects.latest("pk")
    assert (performed.patient_name, performed.status, performed.series.count()) == ("Jane^DOE", "COMPLETED", 1)


def test_a_wrong_script_sends_nothing(port: int, script: Path):
    script.write_text("echo\nstart\n")

    assert "morning.txt:2:1: something is missing" in fails(2, port, script)
    assert "Nothing was sent." in fails(2, free_port(), script)


def test_a_line_that_ends_otherwise_than_expected_is_named(port: int, script: Path):
    script.write_text("echo\nstart SPS-1\n")
    assert fails(1, port, script).startswith("morning.txt:2: start SPS-1\nSPS-1 is not on the worklist of CT01")
    script.write_text("start SPS-1\nexpect refused\n")
    assert "Expected refused, but: SPS-1 is not on" in fails(1, port, script)
    script.write_text("list\nexpect entries=3\n")
    assert "Expected 3 entries, but the list has 0." in fails(1, port, script)
    script.write_text("echo\nexpect 0122\n")
    assert "Expected 0122, but the answer was 0000H (Success)." in fails(1, port, script)
    script.write_text("start SPS-1\nexpect error\nstart next\n")
    assert "put `list` before it" in fails(2, port, script)
    script.write_text("profile boreal-3t\nlist day=all stations=all\nstart next\n")
    at_noon()
    assert "There is no next entry: of the last list's 0 for MR all were begun." in fails(1, port, script)
    script.write_text("echo\nexpect no-answer\nlist\n")
    assert fails(3, free_port(), script).startswith("morning.txt:3: list\n")


def test_the_verbs_of_an_exam_on_the_command_line(port: int):
    order = at_noon()
    name = steps_of(order)[0].scheduled_procedure_step_id

    assert "answered 0000H (Success)" in modality(port, "echo")
    modality(port, "start", name)
    assert "Scout" in modality(port, "acquire", name)
    assert "N-SET IN PROGRESS" in modality(port, "report", name)
    assert "left; the other side was told nothing" in modality(port, "power-loss")
    modality(port, "complete", name)
    assert "N-CREATE IN PROGRESS" in modality(port, "append", name)
    assert [one.status for one in PerformedProcedureStep.objects.order_by("pk")] == ["COMPLETED", "IN PROGRESS"]


def test_two_steps_and_a_typed_patient_on_the_command_line(port: int):
    order = an_order(a_procedure("TWO", steps=("First", "Second")))
    modality(port, "start", *(step.scheduled_procedure_step_id for step in steps_of(order)), "--any-station")
    said = modality(
        port,
        "start",
        "--unscheduled",
        "DOE^Jane",
        "--id",
        "4711",
        "--born",
        "1980-02-29",
        "--kind",
        "CT",
        "--typing-error",
        "swapped-names",
    )

    grouped, typed = PerformedProcedureStep.objects.order_by("pk")
    assert grouped.links.count() == 2
    assert "Typed by mistake: Jane^DOE, ID 4711, born 19800229" in said
    assert (typed.patient_name, typed.patient_id, typed.modality) == ("Jane^DOE", "4711", "CT")


def test_profiles_are_listed_without_a_station():
    out = StringIO()
    call_command("modality", "profiles", stdout=out)

    shown = out.getvalue()
    assert shown.splitlines()[2].split()[:4] == ["plain", "any", "Plain", "modality"]
    assert "Meridian Axial 128" in shown


def test_profiles_that_are_wrong_are_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "profiles.toml"
    file.write_text('[mine]\ntitle = "Mine"\nkeeps = 3\n')
    monkeypatch.setattr(profiles, "FILE", file)
    profiles.all_profiles.cache_clear()
    try:
        with pytest.raises(CommandError, match=r"profiles\.toml: mine\.keeps: is no key of a profile"):
            call_command("modality", "profiles")
    finally:
        profiles.all_profiles.cache_clear()
