"""A console of a played day, against this product's own server."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actor import Actor
from tests.support.hospital import a_site
from training.actions import faults
from training.actions.faults import FaultData
from training.day.fleet import Console, Running, days_to_list
from training.day.story import Booked, Deed, Kind, Patient, Story, What, Worth
from training.day.writing import Machine
from training.errors import NoAnswer
from training.target import Target
from training.typed import TypedPatient

MAYA = Actor.system("maya")


@pytest.fixture
def console(port: int) -> Iterator[Console]:
    console = Console(a_site(), Machine("CT01", ("CT",)), Target("127.0.0.1", port, a_site().ae_title), clock.now, lambda _: None, 1)
    yield console
    console.close()


def walk_in(number: int, moment: datetime) -> tuple[Running, Deed]:
    deed = Deed(moment, What.WALK_IN, "CT01")
    typed = TypedPatient(f"WALK^{number}", f"P{number}")
    return Running(Story(number, Kind.WALK_IN, "CT01", (), (deed,), "", ("COMPLETED",), Worth.NOTHING, typed)), deed


def unanswered(console: Console, running: Running, deed: Deed) -> None:
    fault = faults.switch_on(a_site(), FaultData("drop-response", "CT01"), MAYA)
    with pytest.raises(NoAnswer):
        console.do(running, deed)
    faults.switch_off(a_site(), fault.pk, MAYA)


def test_an_exam_without_answer_is_told_of_again_by_its_own_story(console: Console) -> None:
    first = walk_in(1, clock.now())
    unanswered(console, *first)
    console.do(*first)

    assert first[0].exams[0].sop_instance_uid == PerformedProcedureStep.objects.get().sop_instance_uid


def test_an_exam_of_a_story_that_was_given_up_is_not_taken_over_by_the_next(console: Console) -> None:
    unanswered(console, *walk_in(1, clock.now()))
    second = walk_in(2, clock.now())
    console.do(*second)

    given_up, begun = PerformedProcedureStep.objects.order_by("pk")
    assert second[0].exams[0].sop_instance_uid == begun.sop_instance_uid
    assert (given_up.patient_id, begun.patient_id) == ("P1", "P2")
    assert [exam.patient_id for exam in console.modality.open_exams()] == ["P2"]


def test_a_console_shows_the_wall_clock_of_its_site(port: int) -> None:
    """Half past ten in the evening of UTC is the next morning in Tokyo."""
    site = a_site()
    site.time_zone = "Asia/Tokyo"
    site.save()
    moment = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    with closing(
        Console(site, Machine("CT01", ("CT",)), Target("127.0.0.1", port, site.ae_title), lambda: moment, lambda _: None, 1)
    ) as one:
        running, deed = walk_in(1, moment)
        one.do(running, deed)

    assert running.exams[0].started.startswith("2026-11-24T07:30:00")
    assert PerformedProcedureStep.objects.get().started_at == moment


def test_a_late_exam_is_looked_for_on_the_list_of_the_day_before() -> None:
    booked = Booked(
        1,
        "SPS-1",
        "A1",
        1,
        1,
        1,
        Patient("P1", "WEBER^JAN", "19700101", "M"),
        ("CT01",),
        "CT",
        datetime(2026, 12, 2, 23, 40, tzinfo=UTC),
        20,
    )
    story = Story(1, Kind.PLAIN, "CT01", (booked,), (), "", ("COMPLETED",), Worth.FULL)

    assert days_to_list(story, datetime(2026, 12, 3, 0, 5, tzinfo=UTC)) == (date(2026, 12, 2), date(2026, 12, 3))
    assert days_to_list(story, datetime(2026, 12, 2, 23, 50, tzinfo=UTC)) == (date(2026, 12, 2), date(2026, 12, 2))
