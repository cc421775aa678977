"""Slots of stations that several pools share, and procedures whose steps have different modalities."""

import pytest

from ris.actions import booking, orders
from ris.actions.orders import OrderRequest
from ris.errors import SlotTaken
from ris.models import Procedure, ProcedureStepTemplate, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_site, a_station, in_minutes, steps_of

pytestmark = pytest.mark.django_db


def book(place: str, procedure: Procedure | None = None) -> list[ScheduledProcedureStep]:
    request = OrderRequest([(procedure or a_procedure()).code], station_ae_title=place, start=in_minutes(10))
    return steps_of(orders.place_order(a_site(), a_patient_data(), request, ACTOR))


def test_pools_that_overlap_take_as_many_exams_as_they_have_stations_together() -> None:
    one, two, three = (a_station(f"CT0{number}") for number in (1, 2, 3))
    a_pool("EAST", one, two)
    a_pool("WEST", two, three)
    book("EAST")
    book("WEST")
    book("CT03")
    with pytest.raises(SlotTaken):
        book("CT01")


def test_an_exam_keeps_its_choice_of_stations_when_the_pool_is_gone() -> None:
    one, two = a_station("CT01"), a_station("CT02")
    pool = a_pool("ANYCT", one, two)
    book("ANYCT")
    book("CT02")
    pool.stations.clear()
    with pytest.raises(SlotTaken):
        book("CT01")
    place = booking.find_place(a_site(), "CT01")
    slots = booking.free_slots(place, "CT", 30, in_minutes(10), 1)
    assert slots[0][0] >= in_minutes(40)


@pytest.fixture
def pet_ct() -> Procedure:
    """A CT and a PET, one after the other."""
    procedure = a_procedure("PETCT", steps=("CT", "PET"))
    ProcedureStepTemplate.objects.filter(procedure=procedure, position=2).update(modality="PT")
    return procedure


def test_a_step_of_another_modality_follows_where_the_station_performs_it(pet_ct: Procedure) -> None:
    a_station("PETCT01", "PT", "CT")
    first, second = book("PETCT01", pet_ct)
    assert second.start == first.end


def test_a_step_of_another_modality_waits_in_the_tray_where_the_station_does_not(pet_ct: Procedure) -> None:
    a_station("CT01", "CT")
    first, second = book("CT01", pet_ct)
    assert first.start
    assert second.start is None
