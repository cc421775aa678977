"""`manage.py generate_worklist`: what it promises of seeds, numbers and stations, and how it is stopped and refuses."""

import os
import signal
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ris import clock
from ris.actions import bulk, catalogue, orders, steps
from ris.actions.catalogue import ProcedureData, StepData
from ris.actions.orders import OrderRequest
from ris.actions.patients import PatientData
from ris.actions.stations import StationData, save_station
from ris.errors import Conflict
from ris.models import Order, Procedure, ScheduledProcedureStep, Site, Station
from tests.support.hospital import ACTOR
from tests.support.load import TUESDAY, a_hospital, double_bookings, generate, rolled_back
from training.load import stations
from worklist import projection
from worklist.models import WorklistEntry, WorklistEntryStation

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def hospital(django_db_setup, django_db_blocker) -> Iterator[Site]:
    with django_db_blocker.unblock(), rolled_back(), clock.standing_at(TUESDAY):
        yield a_hospital()


@pytest.fixture
def fresh(hospital: Site) -> Iterator[Site]:
    """The hospital without a load."""
    with clock.standing_at(TUESDAY), rolled_back():
        yield hospital


def picture() -> list[tuple[Any, ...]]:
    """All that a load consists of, but for primary keys."""
    rows = ScheduledProcedureStep.objects.order_by("scheduled_procedure_step_id").values_list(
        "scheduled_procedure_step_id",
        "start",
        "stations__ae_title",
        "description",
        "requested_procedure__requested_procedure_id",
        "requested_procedure__study_instance_uid",
        "requested_procedure__order__accession_number",
        "requested_procedure__order__priority",
        "requested_procedure__order__ordered_at",
        "requested_procedure__order__visit__admission_id",
        "requested_procedure__order__patient__patient_id",
        "requested_procedure__order__patient__name",
        "requested_procedure__order__patient__birth_date",
    )
    return list(rows)


def test_the_same_seed_on_the_same_database_gives_the_same_load(fresh: Site) -> None:
    pictures = []
    for seed in (1, 1, 2):
        with rolled_back():
            generate(seed=seed)
            pictures.append(picture())
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.both_databases
def test_a_second_run_adds_around_what_is_booked(fresh: Site) -> None:
    generate()
    first = picture()
    generate()
    assert picture()[: len(first)] == first
    assert len(picture()) == 2 * len(first) == 120
    assert double_bookings() == []


def test_what_was_performed_today_keeps_its_time_to_itself(fresh: Site) -> None:
    generate(days=1)
    ScheduledProcedureStep.objects.update(status="COMPLETED")
    generate(days=1, seed=2)
    assert double_bookings() == []


def test_numbers_go_on_behind_a_load_and_pass_over_those_that_are_taken(fresh: Site) -> None:
    person = PatientData("NEW^One", birth_date="1980-01-01", sex="F")
    ahead = f"A{clock.today(fresh):%y%m%d}-030"
    orders.place_order(fresh, person, OrderRequest(["CTHEAD"], accession_number=ahead), ACTOR)
    generate()
    after = orders.place_order(fresh, person, OrderRequest(["CTHEAD"]), ACTOR)
    numbers = list(Order.objects.values_list("accession_number", flat=True))
    assert len(numbers) == len(set(numbers))
    assert after.accession_number == max(numbers)


def test_stations_are_added_when_there_are_too_few(fresh: Site) -> None:
    said = generate(steps=900, days=1)
    assert "stations were added: CT03" in said
    assert ScheduledProcedureStep.objects.count() == 900
    assert double_bookings() == []
    assert all(len(title) <= 16 for title in Station.objects.values_list("ae_title", flat=True))


def test_existing_stations_refuse_what_they_have_no_room_for(fresh: Site) -> None:
    before = Station.objects.count()
    with pytest.raises(
        CommandError, match=r"9 stations have room for \d+ of 900 steps on 1 day.*\(--stations add\)\. Nothing was written\.$"
    ):
        generate(steps=900, days=1, stations="existing")
    assert (Station.objects.count(), Order.objects.count()) == (before, 0)


def nuclear(code: str, minutes: int) -> ProcedureData:
    return ProcedureData(code, "99TEST", f"Study {code}", (StepData("Study", "NM", minutes),))


def only(*procedures: ProcedureData) -> None:
    """A catalogue of these procedures, and NM01 alone to perform them."""
    site = Site.objects.get()
    Procedure.objects.update(active=False)
    Station.objects.exclude(ae_title="NM01").update(enabled=False)
    for procedure in procedures:
        catalogue.save_procedure(site, procedure, ACTOR)


def test_procedures_longer_than_a_day_are_refused_and_nothing_is_left_behind(fresh: Site) -> None:
    only(nuclear("LONG", 725))
    before = Station.objects.count()
    said = r"every procedure takes longer than a station is open \(LONG\); shorten its steps first\. Nothing was written\.$"
    with pytest.raises(CommandError, match=said):
        generate(steps=5, days=1)
    assert (Station.objects.count(), Order.objects.count()) == (before, 0)


def test_a_procedure_longer_than_a_day_is_left_out_and_named(fresh: Site) -> None:
    only(nuclear("LONG", 725), nuclear("SHORT", 30))
    err = StringIO()
    generate(steps=40, days=1, stderr=err)
    assert "Left out, since no station is open for as long as they take: LONG." in err.getvalue()
    assert set(ScheduledProcedureStep.objects.values_list("duration_minutes", flat=True)) == {30}


def test_a_procedure_that_takes_the_whole_day_gets_a_station_for_each(fresh: Site) -> None:
    only(nuclear("DAY", 720))
    generate(steps=5, days=1)
    assert ScheduledProcedureStep.objects.values("stations__station").distinct().count() == 5
    assert Station.objects.filter(enabled=True).count() < 15


def test_stations_that_do_not_help_are_not_added(fresh: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """When everything is taken on every station, whatever their number."""
    only(nuclear("SHORT", 30))
    before = Station.objects.count()
    read = stations.read_day

    def full(site: Site, rooms: Any, day: Any) -> Any:
        found = read(site, rooms, day)
        found.taken.update(found.open)
        return found

    monkeypatch.setattr("training.load.stations.read_day", full)
    with pytest.raises(CommandError, match=r"room for 0 of 5 steps on 1 day, and more of them do not help.*days\. Nothing was written\.$"):
        generate(steps=5, days=1)
    assert Station.objects.count() == before


def test_ctrl_c_before_the_first_exam_says_that_nothing_was_written(fresh: Site) -> None:
    out, err = Terminal("planned", lambda: os.kill(os.getpid(), signal.SIGINT)), StringIO()
    with pytest.raises(SystemExit):
        call_command("generate_worklist", "--steps", "500", stdout=out, stderr=err)
    assert err.getvalue().strip() == "Stopped. Nothing was written."


def test_a_refusal_after_stations_were_added_names_them(fresh: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise Conflict("The numbers of this year are used up.")

    monkeypatch.setattr("training.load.run.book_exams", refuse)
    with pytest.raises(CommandError, match=r"^The numbers of this year are used up\. 0 steps of .* stations were added: CT03"):
        generate(steps=900, days=1)


def test_a_disabled_station_gets_nothing(fresh: Site) -> None:
    save_station(fresh, StationData("CT02", ("CT",), enabled=False), ACTOR)
    generate(steps=200)
    assert not WorklistEntryStation.objects.filter(ae_title="CT02").exists()
    assert WorklistEntryStation.objects.filter(ae_title="CT01").exists()


@pytest.mark.both_databases
def test_an_exam_that_somebody_books_meanwhile_keeps_its_slot(fresh: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot of a planned exam is taken by a person just before its transaction begins."""
    write, taken = bulk.book_exams, []

    def taken_before(site: Site, exams: Any, *rest: Any) -> Any:
        if not taken:
            one = exams[0].steps[0]
            taken.append(one)
            order = orders.place_order(site, PatientData("FIRST^Come", sex="F"), OrderRequest([exams[0].procedure.code]), ACTOR)
            step = order.requested_procedures.get().steps.order_by("position")[0]
            steps.schedule(step.pk, one.station.ae_title, one.start, ACTOR)
        return write(site, exams, *rest)

    monkeypatch.setattr("training.load.run.book_exams", taken_before)
    assert "60 steps of" in generate()
    assert taken
    assert double_bookings() == []


class Terminal(StringIO):
    """A terminal that does something when a text comes by."""

    def __init__(self, text: str, then: Callable[[], None]) -> None:
        super().__init__()
        self._text, self._then = text, then

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._text in text:
            self._text = "\0"
            self._then()
        return super().write(text)


def test_ctrl_c_leaves_whole_exams_and_says_how_many(fresh: Site) -> None:
    out, err = Terminal("  steps", lambda: os.kill(os.getpid(), signal.SIGINT)), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("generate_worklist", "--steps", "2000", "--days", "9", stdout=out, stderr=err)
    written = ScheduledProcedureStep.objects.count()
    assert ended.value.code == 130
    assert f"Stopped. {written} steps of {Order.objects.count()} exams" in err.getvalue()
    assert 0 < written < 2000
    assert WorklistEntry.objects.count() == written
    assert dict(projection.differences()) == {}


def test_a_terminal_shows_rate_and_time_left(fresh: Site) -> None:
    out = Terminal("\0", lambda: None)
    call_command("generate_worklist", "--steps", "150", stdout=out)
    assert "150/150" in out.getvalue()
    assert "/s" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "0"], "0 is out of range"),
        (["--steps", "-4"], "-4 is out of range"),
        (["--steps", "many"], "'many' is no whole number of steps"),
        (["--steps", "10", "--days", "0"], "0 is out of range; ask for 1 to"),
        (["--days", "2"], "--steps"),
    ],
)
def test_wrong_arguments_are_refused_in_words(fresh: Site, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("generate_worklist", *arguments)
    assert not ScheduledProcedureStep.objects.exists()


def test_without_stations_or_catalogue_it_says_what_to_do(fresh: Site) -> None:
    with rolled_back():
        Procedure.objects.update(active=False)
        with pytest.raises(CommandError, match="catalogue: it has no procedure with steps; load the demo hospital"):
            generate()
    Station.objects.update(enabled=False)
    with pytest.raises(CommandError, match="stations: there is none that is enabled; load the demo hospital"):
        generate()
