"""What is left over, and what becomes of it: on both databases."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from billing.models import Charge
from ris import clock, queries
from ris.actions import steps
from ris.actions.edits import edit_exam
from ris.actor import Actor
from ris.models import ScheduledProcedureStep, Site
from stepwise import housekeeping
from stepwise.tasks import close_what_is_left_over
from tests.support.hospital import ACTOR, a_site, an_order, in_minutes, steps_of
from tests.support.performing import begin, end
from worklist.models import WorklistEntry

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
DAY = timedelta(days=1)


@pytest.fixture
def today() -> Iterator[None]:
    """The clock of the site stands still."""
    with clock.standing_at(clock.now()):
        yield


def booked(days_ago: float, **order: object) -> ScheduledProcedureStep:
    """An exam that was ordered and to be performed so many days ago."""
    moment = clock.now() - days_ago * DAY
    with clock.standing_at(moment):
        return steps_of(an_order(start=moment + timedelta(minutes=10), **order))[0]


@pytest.fixture
def rules(settings: Settings) -> Callable[..., Site]:
    """`rules(waiting=7)`: the site with these days, the others never."""

    def written(waiting: int = 0, begun: int = 0) -> Site:
        settings.CLOSE_WAITING_DAYS, settings.CLOSE_BEGUN_DAYS = waiting, begun
        return a_site()

    return written


def status(step: ScheduledProcedureStep) -> str:
    step.refresh_from_db()
    return step.status


@pytest.mark.usefixtures("today")
def test_what_was_not_begun_is_canceled_days_after_its_time_with_its_reason_and_no_longer_served(rules: Callable[..., Site]) -> None:
    site = rules(waiting=7)
    old, recent, coming = booked(7.1), booked(6.9), booked(-1)
    arrived = booked(8)
    with clock.standing_at(clock.now() - 8 * DAY):
        steps.arrive(arrived.pk, ACTOR)
    assert housekeeping.close_left_over(site) == 2
    assert [status(step) for step in (old, arrived, recent, coming)] == ["CANCELED", "CANCELED", "SCHEDULED", "SCHEDULED"]
    change = old.changes.last()
    assert (change.verb, change.actor_kind, change.actor) == ("cancel", "system", "housekeeping")
    assert change.reason == "not begun within 7 days of its time; closed by rule"
    assert WorklistEntry.objects.get(step=old).status == "CANCELED"
    assert housekeeping.close_left_over(site) == 0, "run again it finds nothing"


@pytest.mark.usefixtures("today")
def test_days_count_from_the_last_thing_that_happened(rules: Callable[..., Site]) -> None:
    site = rules(waiting=7)
    imported_late = steps_of(an_order(start=clock.now() - 400 * DAY))[0]
    put_back = booked(30)
    steps.cancel(put_back.pk, ACTOR, "by mistake")
    steps.change_status(put_back.pk, "restore", ACTOR, "it was a mistake")
    assert housekeeping.close_left_over(site) == 0
    assert [status(imported_late), status(put_back)] == ["SCHEDULED", "SCHEDULED"]


@pytest.mark.usefixtures("today")
def test_an_exam_that_is_moved_meanwhile_is_left_alone(rules: Callable[..., Site]) -> None:
    site = rules(waiting=7)
    step = booked(9)
    ((rule, found),) = housekeeping.left_over(site)
    (read,) = list(found)
    steps.schedule(step.pk, "CT01", in_minutes(60), ACTOR)
    assert housekeeping.close(read, rule, 7) is False
    assert status(step) == "SCHEDULED"


@pytest.mark.usefixtures("today")
def test_without_rules_nothing_is_closed(rules: Callable[..., Site]) -> None:
    site = rules()
    step = booked(4000)
    assert list(housekeeping.left_over(site)) == []
    close_what_is_left_over()
    assert status(step) == "SCHEDULED"


@pytest.mark.usefixtures("today")
def test_one_run_closes_so_many_and_the_next_goes_on(rules: Callable[..., Site]) -> None:
    site = rules(waiting=7)
    old = [booked(10 + number) for number in range(3)]
    told: list[int] = []
    assert housekeeping.close_left_over(site, 2, told.append) == 2
    assert [status(step) for step in old] == ["SCHEDULED", "CANCELED", "CANCELED"], "the longest left over first"
    close_what_is_left_over()
    assert status(old[0]) == "CANCELED"
    assert told == [1, 2]


@pytest.mark.usefixtures("today")
def test_a_canceled_exam_that_is_performed_all_the_same_is_found_and_its_charge_held(rules: Callable[..., Site]) -> None:
    site = rules(waiting=7)
    step = booked(9)
    housekeeping.close_left_over(site)
    performed = begin([step])
    assert status(step) == "STARTED"
    end(performed)
    assert status(step) == "COMPLETED"
    assert "not begun within 7 days of its time; closed by rule" in Charge.objects.get().on_hold


@pytest.mark.usefixtures("today")
def test_a_begun_exam_is_given_up_only_when_asked_for_and_only_without_news(rules: Callable[..., Site]) -> None:
    silent, heard = booked(9), booked(9, station="CT02")
    with clock.standing_at(clock.now() - 9 * DAY):
        begin([silent])
        hearing = begin([heard], station="CT02")
    end(hearing, "IN PROGRESS")
    close_what_is_left_over()
    assert [status(silent), status(heard)] == ["STARTED", "STARTED"]
    rules(begun=3)
    close_what_is_left_over()
    assert [status(silent), status(heard)] == ["DISCONTINUED", "STARTED"]
    assert silent.changes.last().reason == "no news of it for 3 days; closed by rule"
    assert not Charge.objects.exists(), "its performed step is still open"


@pytest.mark.usefixtures("today")
def test_the_end_of_an_exam_that_was_given_up_completes_it_and_it_is_charged_once(rules: Callable[..., Site]) -> None:
    step = booked(9)
    with clock.standing_at(clock.now() - 9 * DAY):
        performed = begin([step])
    site = rules(begun=3)
    housekeeping.close_left_over(site)
    edit_exam(step.pk, {"step": {"CommentsOnTheScheduledProcedureStep": "who knows more?"}}, ACTOR)
    end(performed)
    assert status(step) == "COMPLETED"
    assert [change.verb for change in step.changes.all()][-4:] == ["discontinue", "edit", "start", "complete"]
    assert Charge.objects.count() == 1


@pytest.mark.usefixtures("today")
def test_an_exam_that_a_person_discontinued_stays_so_when_its_end_comes() -> None:
    step = booked(0.1)
    performed = begin([step])
    steps.change_status(step.pk, "discontinue", Actor.system("test"), "the patient left")
    end(performed)
    assert status(step) == "DISCONTINUED"


@pytest.mark.usefixtures("today")
def test_what_is_left_over_is_found_whatever_its_day(rules: Callable[..., Site]) -> None:
    site = rules(waiting=7)
    yesterday, long_ago = booked(1.5), booked(300)
    begun, running = booked(2), booked(0.01, station="CT02")
    with clock.standing_at(clock.now() - 2 * DAY):
        begin([begun])
    begin([running], station="CT02")
    booked(-1)
    assert list(queries.left_over(site)) == [long_ago, begun, yesterday]


@pytest.mark.usefixtures("today")
def test_the_command_counts_or_closes(rules: Callable[..., Site]) -> None:
    rules(waiting=7)
    step = booked(9)
    said = StringIO()
    call_command("close_left_over", dry_run=True, stdout=said)
    assert said.getvalue() == "Northbridge General: 1 exam to cancel (not begun within 7 days of its time; closed by rule)\n"
    assert status(step) == "SCHEDULED"
    call_command("close_left_over", stdout=said)
    assert said.getvalue().endswith("Northbridge General: 1 exam closed\n")
    assert status(step) == "CANCELED"
