"""REST calls that meet at the same moment: each is answered in words, and what is stored stays sound."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from ris import clock
from ris.models import Order, Patient, ScheduledProcedureStep, StepChange
from tests.support.hospital import a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.unit.api.conftest import TOKEN, Rest, an_order_body

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

CALLERS = 4


@pytest.fixture(autouse=True)
def hospital(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "API_TOKEN", TOKEN)
    a_site()
    a_station("CT01")
    a_procedure("CTCHEST")


def at_once(call: Callable[[Rest], tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Answers of callers that start together."""
    start = Barrier(CALLERS, timeout=10)

    def run(_: int) -> tuple[int, Any]:
        try:
            start.wait()
            return call(Rest())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(run, range(CALLERS)))


def test_of_several_orders_for_one_slot_one_gets_it_and_the_others_learn_who(db: None) -> None:
    start = clock.local(in_minutes(60), a_site()).isoformat()
    answers = at_once(lambda rest: rest.post("/orders", an_order_body(station_ae_title="CT01", start=start)))
    assert sorted(status for status, _ in answers) == [201] + [409] * (CALLERS - 1)
    winner = next(body for status, body in answers if status == 201)
    for status, body in answers:
        if status == 409 and "conflicts_with" in body:
            assert winner["accession_number"] in body["conflicts_with"]
    assert (Order.objects.count(), ScheduledProcedureStep.objects.count(), Patient.objects.count()) == (1, 1, 1)


def test_several_orders_for_one_new_patient_make_one_patient(db: None) -> None:
    answers = at_once(lambda rest: rest.post("/orders", an_order_body()))
    assert {status for status, _ in answers} <= {201, 409}
    made = [body["accession_number"] for status, body in answers if status == 201]
    assert made and len(made) == len(set(made)) == Order.objects.count()
    assert Patient.objects.count() == 1


def test_of_several_who_cancel_one_exam_one_does_it(db: None) -> None:
    (step,) = steps_of(an_order())
    answers = at_once(lambda rest: rest.post(f"/scheduled-steps/{step.pk}/cancel", {"reason": "Patient refuses"}))
    assert sorted(status for status, _ in answers) == [200] + [409] * (CALLERS - 1)
    assert all("CANCELED" in body["detail"] for status, body in answers if status == 409)
    assert StepChange.objects.filter(step=step, verb="cancel").count() == 1
