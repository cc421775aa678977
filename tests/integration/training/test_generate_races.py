"""Two loads that are written at the same moment, and exams that others book into meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from ris import clock
from ris.actor import Actor
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Site
from tests.support.load import TUESDAY, a_hospital, double_bookings
from training.load.run import Hospital, Outcome, Writer, look_at, with_room_for
from worklist import projection

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
STEPS = 150


@pytest.fixture
def site() -> Site:
    with clock.standing_at(TUESDAY):
        return a_hospital()


def look(site: Site, outcome: Outcome, seed: int = 1) -> Hospital:
    return with_room_for(look_at(site, 1, seed), STEPS, Actor.system("generate_worklist 1"), outcome, lambda *_: None, may_add=False)


def test_two_loads_of_one_seed_at_once_book_no_station_twice(site: Site) -> None:
    outcomes, together = [Outcome(STEPS), Outcome(STEPS)], Barrier(2)

    def write(outcome: Outcome) -> None:
        try:
            with clock.standing_at(TUESDAY):
                hospital = look(site, outcome)
                together.wait(30)  # neither has seen anything of the other
                Writer(hospital, Actor.system("generate_worklist 1"), outcome, lambda *_: None).write()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, outcomes))
    assert double_bookings() == []
    assert ScheduledProcedureStep.objects.count() == sum(outcome.steps for outcome in outcomes)
    assert [outcome.steps for outcome in outcomes] == [STEPS, STEPS]
    assert RequestedProcedure.objects.values("study_instance_uid").distinct().count() == Order.objects.count()
    assert dict(projection.differences()) == {}


def test_an_exam_whose_patient_is_gone_meanwhile_is_left_out_and_planned_anew(site: Site) -> None:
    with clock.standing_at(TUESDAY):
        outcome = Outcome(STEPS)
        writer = Writer(look(site, outcome), Actor.system("generate_worklist 1"), outcome, lambda *_: None)
        draw, gone = writer._crowd.draw, []

        def drawn(suits, day):
            person, patient = draw(suits, day)
            if len(gone) < 3:
                gone.append(person)
                return person, 10_000_000 + len(gone)
            return person, patient

        writer._crowd.draw = drawn
        writer.write()
    assert outcome.steps == STEPS == ScheduledProcedureStep.objects.count()
    assert not Patient.objects.filter(pk__gte=10_000_000).exists()
