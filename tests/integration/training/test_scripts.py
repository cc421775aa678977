"""`manage.py modality … run SCRIPT` and the verbs of an exam on the command line, against this product's own server."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actor import Actor
from ris.models import Order
from tests.support import modality_docs
from tests.support.hospital import a_procedure, a_site, an_order, steps_of
from tests.support.ports import free_port
from training import profiles, switching
from training.actions import faults
from training.actions.faults import FaultData
from training.faults import active
from training.models import Fault
from training.playing import Outcome, Player


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


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Server and script are one process here: a change of faults is known at once."""
    monkeypatch.setattr(switching, "SETTLING", 0)


@pytest.mark.usefixtures("at_once")
def test_a_script_switches_faults_on_and_off(port: int, script: Path):
    at_noon(patient_id="P1")
    script.write_text(modality_docs.example(2), encoding="utf-8")
    said = run(port, script)

    assert "all as expected" in said
    assert said.count("is off: ") == 2
    dropped, late = Fault.objects.order_by("pk")
    assert (dropped.kind, dropped.station_ae_title, dropped.parameters) == ("drop-response", "CT01", {"operation": "N-SET"})
    assert dropped.until - dropped.begun == timedelta(minutes=5)
    assert (late.kind, late.station_ae_title, late.service, late.reason) == ("delay", "", "worklist", "script morning.txt, line 9")
    assert dropped.ended and late.ended and dropped.ended < late.begun
    assert PerformedProcedureStep.objects.get().status == "COMPLETED"


@pytest.mark.usefixtures("at_once")
def test_what_a_script_switched_on_is_off_when_it_stops_early(port: int, script: Path):
    script.write_text("fault reject for 1 h\nfault delay station=all\necho\n")

    assert "morning.txt:3: echo" in fails(3, port, script)
    assert Fault.objects.count() == 2
    assert not Fault.objects.filter(ended=None)


@pytest.mark.usefixtures("at_once")
def test_a_fault_that_is_on_already_ends_the_script_and_stays(port: int, script: Path):
    there = faults.switch_on(a_site(), FaultData("delay", "CT01", minutes=5), Actor.system("maya"))
    script.write_text("fault delay\necho\n")

    assert f"morning.txt:1: fault delay\nThat is on already: {active.told(there)}" in fails(1, port, script)
    assert list(Fault.objects.filter(ended=None)) == [there]


@pytest.mark.usefixtures("at_once")
def test_a_fault_that_somebody_ended_meanwhile_is_over_for_the_script_too(port: int, script: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Player, "_echo", lambda *_: faults.switch_all_off(a_site(), Actor.system("maya")) and Outcome())
    script.write_text("fault delay\necho\nfault off delay\n")

    assert "was over already: " in run(port, script)


def test_a_station_that_is_not_there_is_told_before_anything_is_sent(port: int, script: Path):
    script.write_text("echo\nfault abort station=NOWHERE\nfault delay\n")

    said = fails(2, port, script)
    assert "morning.txt:2:21: station= is 'NOWHERE', which is no station here" in said
    assert "Nothing was sent." in said
    assert not Fault.objects.exists()


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
