"""Exams that are booked by the hundred are as those that are ordered and booked one by one."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ris import clock
from ris.actions import orders, steps
from ris.actions.booked import BookedExam, BookedStep
from ris.actions.bulk import book_exams
from ris.actions.orders import OrderRequest
from ris.models import Order, Procedure, ScheduledProcedureStep, Station
from tests.support.hospital import ACTOR, a_patient_data, a_site
from tests.support.load import TUESDAY, a_hospital

pytestmark = pytest.mark.django_db
OF_EACH = {"id", "order_id", "requested_procedure_id", "scheduled_procedure_step_id", "study_instance_uid", "version", "start", "end"}
"""Columns that tell one exam from the other."""


def columns(one: Any) -> dict[str, Any]:
    return {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields if field.attname not in OF_EACH}


def rows(order: Order) -> list[Any]:
    requested = order.requested_procedures.get()
    booked = list(requested.steps.order_by("position"))
    places = [(place.ae_title, place.station_id, place.position) for step in booked for place in step.stations.all()]
    return [columns(requested), *map(columns, booked), places]


def booked_in_bulk(code: str, start: datetime) -> list[int | None]:
    procedure, station = Procedure.objects.get(code=code), Station.objects.get(ae_title="NM01" if code == "NMBONE" else "CT01")
    parts = tuple(BookedStep(one, station, start + timedelta(hours=2 * number)) for number, one in enumerate(procedure.steps.all()))
    order = {"priority": "ROUTINE", "ordered_at": clock.now(a_site())}
    patient = {"name": "BULK^One", "created_at": clock.now(a_site())}
    exam = BookedExam(patient, None, order, procedure, uuid.uuid4(), "", parts)
    return book_exams(a_site(), [exam], ACTOR, clock.today(a_site()))


@pytest.mark.parametrize(("code", "station"), [("CTABDPEL", "CT01"), ("NMBONE", "NM01")])
def test_the_rows_of_a_booked_exam_are_those_of_one_that_was_ordered_and_scheduled(code: str, station: str) -> None:
    start = datetime(2026, 11, 25, 16, tzinfo=UTC)
    with clock.standing_at(TUESDAY):
        site = a_hospital()
        by_hand = orders.place_order(site, a_patient_data(), OrderRequest([code]), ACTOR)
        for number, step in enumerate(by_hand.requested_procedures.get().steps.order_by("position")):
            steps.schedule(step.pk, station, start + timedelta(hours=2 * number), ACTOR)
        booked_in_bulk(code, start + timedelta(hours=1))
    in_bulk = Order.objects.exclude(pk=by_hand.pk).get()
    assert rows(in_bulk) == rows(by_hand)


@pytest.mark.both_databases
@pytest.mark.parametrize(("minutes", "fits"), [(-30, True), (-29, False), (-1, False), (0, False), (29, False), (30, True)])
def test_a_slot_is_taken_to_its_last_minute(minutes: int, fits: bool) -> None:
    start = datetime(2026, 11, 25, 16, tzinfo=UTC)
    with clock.standing_at(TUESDAY):
        a_hospital()
        assert booked_in_bulk("CTABDPEL", start) != [None]  # of 30 minutes
        assert (booked_in_bulk("CTABDPEL", start + timedelta(minutes=minutes)) != [None]) is fits
    assert ScheduledProcedureStep.objects.count() == 1 + fits
