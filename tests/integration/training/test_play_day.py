"""`manage.py play_day` as its own process, against a DICOM server in another one."""

import os
import re
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import time, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from billing.models import Charge, ChargeLine
from mpps.models import Finding, PerformedProcedureStep
from ris import clock
from ris.actions import catalogue, clocks
from ris.actions.stations import save_station
from ris.models import ScheduledProcedureStep, SimulatedClock, Site
from ris.transitions import FINAL
from tests.support.hospital import ACTOR, a_procedure, a_site, a_station, an_order
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.scp import database_url, dicom_processes
from tests.support.wait import wait_until
from training.day.pace import LEASH
from training.hospital.catalogue import PROCEDURES
from training.hospital.stations import STATIONS
from worklist.models import WorklistEntry

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
DAY = "2026-11-30"


def a_short_day() -> Site:
    """The demo's stations, open for an hour and a half, and its catalogue."""
    site = a_site()
    for station in STATIONS:
        save_station(site, replace(station, opens=time(8), closes=time(9, 30)), ACTOR)
    for procedure in PROCEDURES:
        catalogue.save_procedure(site, procedure, ACTOR)
    return site


def play(port: int, data_dir: Path, *options: str, name: str = "play") -> Process:
    env = {"RIS_DATA_DIR": str(data_dir), "DATABASE_URL": database_url()}
    return Process.manage("play_day", "--port", str(port), "--date", DAY, *options, log=data_dir / f"{name}.log", env=env)


def test_a_day_at_a_thousand_times_leaves_the_books_right_though_the_server_is_killed_in_it(tmp_path: Path) -> None:
    a_short_day()
    plan = tmp_path / "plan.txt"
    options = ("--speed", "1000", "--seed", "3", "--exams", "32", "--plan", str(plan))
    with dicom_processes(tmp_path, 2) as scp, play(scp.port, tmp_path, *options) as played:
        wait_until(lambda: PerformedProcedureStep.objects.count() > 8, 60, "exams go on")
        scp.processes[0].kill()
        code = played.wait(90)
    said = played.output()
    assert code == 0, said
    assert "Every exam is where its script said." in said
    assert len(plan.read_text().splitlines()) >= 32 + 2
    _assert_all_is_told()
    _assert_charges_add_up()
    _assert_consoles_keep_their_associations(tmp_path / "journal.sqlite3")
    for told in (said, *(process.output() for process in scp.processes)):
        assert "Traceback" not in told
        assert "[error" not in told
    assert not SimulatedClock.objects.filter(until__gt=clock.wall()).exists()


def _assert_all_is_told() -> None:
    """Nothing of the day waits or goes on, and receipt is never long after what is told of."""
    steps = ScheduledProcedureStep.objects.all()
    assert steps.count() == 32
    assert {step.status for step in steps} <= set(FINAL)
    performed = list(PerformedProcedureStep.objects.all())
    assert {one.status for one in performed} == {"COMPLETED", "DISCONTINUED"}
    assert sum(one.unscheduled for one in performed) >= 1
    for one in performed:
        assert timedelta(seconds=-1) <= one.received_at - one.began_at <= LEASH + timedelta(seconds=1)
        assert str(one.received_at.date()) == DAY
    assert not Finding.objects.exists()


def _assert_charges_add_up() -> None:
    completed = ScheduledProcedureStep.objects.filter(status="COMPLETED").values("requested_procedure").distinct().count()
    charged = Charge.objects.exclude(lines__modifier="52")
    assert charged.count() == completed
    lines = ChargeLine.objects.all()
    assert sum(line.quantity * line.unit_amount for line in lines) == Charge.objects.aggregate(total=Sum("amount"))["total"]


def _assert_consoles_keep_their_associations(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as read:
        opened = dict(read.execute("SELECT calling, count(*) FROM dimse_association GROUP BY calling"))
    assert max(opened.values()) <= 6, "one for the day, one after a power loss, one after the server was killed, and what is asked before"


def test_ctrl_c_leaves_the_books_right_and_says_what_is_open_and_another_play_goes_on_with_it(port: int, tmp_path: Path) -> None:
    a_short_day()
    clock.timelines.follow(clocks.timelines)  # the server is in this process, and on the clock that another one sets
    with play(port, tmp_path, "--speed", "300", "--exams", "12", "--from", "07:50") as first:
        wait_until(lambda: PerformedProcedureStep.objects.filter(status="IN PROGRESS").exists(), 60, "an exam goes on")
        with pytest.raises(CommandError, match=r"simulated already: play_day plays \d+ exams, seed 1 \(at 300×\)"):
            said_by("--port", str(port), "--exams", "3")
        os.kill(first.pid, signal.SIGINT)
        assert first.wait(20) == 130, first.output()
    assert not SimulatedClock.objects.filter(until__gt=clock.wall()).exists()
    left = list(PerformedProcedureStep.objects.filter(status="IN PROGRESS"))
    go_on = re.search(r"`play_day --date 2026-11-30 --from (\d\d:\d\d)` goes on with them:", first.output())
    assert go_on, first.output()
    for one in left:
        assert re.search(rf"{one.calling_ae_title}: .*, since \d\d:\d\d \(MPPS {re.escape(one.sop_instance_uid)}\)", first.output())
    assert "not all where" not in first.output()
    with play(port, tmp_path, "--speed", "1000", "--seed", "2", name="second") as second:
        assert second.wait(60) == 0, second.output()
    assert {one.status for one in PerformedProcedureStep.objects.filter(pk__in=[one.pk for one in left])} == {"COMPLETED"}
    assert not ScheduledProcedureStep.objects.exclude(status__in=FINAL).exists()


def said_by(*options: str) -> str:
    out = StringIO()
    call_command("play_day", *options, stdout=out, stderr=out)
    return out.getvalue()


def test_the_plan_alone_changes_nothing_and_is_the_same_each_time() -> None:
    midnight = clock.day_bounds(clock.today(a_site()), a_site())[1]
    orders = [an_order(start=midnight + timedelta(hours=8, minutes=40 * number)) for number in range(4)]
    day = f"{clock.local(midnight, a_site()):%Y-%m-%d}"
    plans = [said_by("--date", day, "--only-plan", "--plan", "-") for _ in range(2)]
    assert plans[0] == plans[1]
    assert all(order.accession_number in plans[0] for order in orders)
    assert {step.status for step in ScheduledProcedureStep.objects.all()} == {"SCHEDULED"}
    assert not SimulatedClock.objects.exists()


def test_a_server_that_is_not_there_is_told_before_anything_is_booked() -> None:
    a_station()
    a_procedure()
    port = free_port()
    with pytest.raises(CommandError, match=rf"not reachable.*Start it \(`make run`\), or name another one with --host and --port .*{port}"):
        said_by("--port", str(port), "--exams", "5")
    assert not ScheduledProcedureStep.objects.exists()


def test_another_hospitals_server_is_told_by_its_list(port: int) -> None:
    an_order()
    WorklistEntry.objects.all().delete()
    with pytest.raises(CommandError, match=r"has not got exam .* on its list for CT01.*another hospital's\?"):
        said_by("--port", str(port), "--called", "STEPWISE")


def test_a_day_without_exams_says_what_to_do(port: int) -> None:
    with pytest.raises(CommandError, match=r"no exam is left to be played from .*--exams 40.*--date.*--from"):
        said_by("--port", str(port))


@pytest.mark.parametrize(
    "options, words",
    [
        (("--speed", "0"), "out of range; the clock runs at 1 to 1000"),
        (("--speed", "fast"), "is no number; 60 lets an hour pass in a minute"),
        (("--exams", "-3"), "cannot be booked; it is a whole number from 1 to 2000"),
        (("--date", "30.11.2026"), "is not a date; write it as 2026-11-23"),
        (("--date", "1066-10-14"), "more than ten years away"),
        (("--from", "noon"), "is no time of day; write it as 07:30"),
        (("--port", "0"), "is not a port"),
        (("--stations", "CT01,CT99"), "CT99: no such station is enabled. There are CT01"),
    ],
)
def test_nonsense_is_refused_in_words(options: tuple[str, ...], words: str) -> None:
    a_station()
    with pytest.raises(CommandError, match=re.escape(words)):
        said_by(*options)


def test_stations_that_do_not_play_are_left_to_people(port: int) -> None:
    an_order(station="CT01")
    an_order(station="CT02")
    plan = said_by("--only-plan", "--plan", "-", "--stations", "CT02")
    assert "1 exam on stations that do not play: left as they are." in plan
    assert "CT02" in plan
    assert "CT01" not in plan
