from datetime import timedelta

import pytest
from django.db.models import Model

from ris.actions import booking, orders, patients
from ris.actions.orders import OrderRequest
from ris.errors import Conflict, InvalidInput, NotFound, SlotTaken
from ris.models import Order, Patient, Procedure, RequestedProcedure, ScheduledProcedureStep, StepChange
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_site, a_station, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db
TABLES: tuple[type[Model], ...] = (Order, Patient, RequestedProcedure, ScheduledProcedureStep, StepChange)


def counts() -> list[int]:
    return [table._default_manager.count() for table in TABLES]


def test_an_order_gets_its_identifiers_within_16_characters() -> None:
    order = an_order()
    procedure = order.requested_procedures.get()
    step = steps_of(order)[0]
    for value in (order.accession_number, procedure.requested_procedure_id, step.scheduled_procedure_step_id):
        assert 0 < len(value) <= 16
    assert procedure.study_instance_uid.startswith("2.25.")
    assert order.placer_order_number
    assert order.filler_order_number


def test_an_order_keeps_what_it_took_from_the_catalogue() -> None:
    order = an_order()
    Procedure.objects.update(meaning="renamed", price=1)
    taken = order.requested_procedures.get()
    assert (taken.meaning, taken.price) == ("CT chest", 250)


def test_an_order_without_station_waits_in_the_tray() -> None:
    order = orders.place_order(a_site(), a_patient_data(), OrderRequest([a_procedure().code]), ACTOR)
    step = steps_of(order)[0]
    assert (step.start, step.status, list(step.stations.all())) == (None, "SCHEDULED", [])


def test_two_steps_are_booked_one_after_the_other() -> None:
    procedure = a_procedure("NMBONE", modality="NM", minutes=20, steps=("Inject", "Scan"))
    a_station("NM01", "NM")
    first, second = steps_of(an_order(procedure, station="NM01"))
    assert first.end == second.start
    assert first.requested_procedure == second.requested_procedure


def test_several_procedures_make_several_studies_under_one_accession_number() -> None:
    a_procedure("A"), a_procedure("B")
    order = orders.place_order(a_site(), a_patient_data(), OrderRequest(["A", "B"]), ACTOR)
    uids = {procedure.study_instance_uid for procedure in order.requested_procedures.all()}
    assert len(uids) == 2


BAD = {
    "unknown procedure": (OrderRequest(["NOPE"]), {}, NotFound, "NOPE"),
    "unknown station": (OrderRequest(["CTCHEST"], station_ae_title="CT99", start=in_minutes), {}, NotFound, "CT99"),
    "malformed birth date": (OrderRequest(["CTCHEST"]), {"birth_date": "31/12/1980"}, InvalidInput, "birth_date"),
    "control characters": (OrderRequest(["CTCHEST"]), {"name": "DOE\x07^J"}, InvalidInput, "control character"),
    "name too long": (OrderRequest(["CTCHEST"]), {"name": "D" * 65}, InvalidInput, "64"),
    "no name": (OrderRequest(["CTCHEST"]), {"name": "^^"}, InvalidInput, "name"),
    "start without station": (OrderRequest(["CTCHEST"], start=in_minutes), {}, InvalidInput, "station_ae_title"),
    "station without start": (OrderRequest(["CTCHEST"], station_ae_title="CT01"), {}, InvalidInput, "start"),
    "unknown priority": (OrderRequest(["CTCHEST"], priority="NOW"), {}, InvalidInput, "STAT"),
    "accession number too long": (OrderRequest(["CTCHEST"], accession_number="A" * 17), {}, InvalidInput, "16"),
    "wrong modality": (OrderRequest(["CTCHEST"], station_ae_title="MR01", start=in_minutes), {}, InvalidInput, "MR01 performs MR, not CT"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_reason_and_nothing_is_written(case: str) -> None:
    request, patient, error, text = BAD[case]
    a_site(), a_procedure(), a_station("CT01"), a_station("MR01", "MR")
    before = counts()
    if request.start is in_minutes:
        request = OrderRequest(**(vars(request) | {"start": in_minutes(10)}))
    with pytest.raises(error, match=text):
        orders.place_order(a_site(), a_patient_data(**patient), request, ACTOR)
    assert counts() == before


@pytest.mark.both_databases
def test_a_taken_slot_is_refused_and_the_clashing_exam_named() -> None:
    first = an_order()
    before = counts()
    with pytest.raises(SlotTaken, match=first.accession_number):
        an_order(start=in_minutes(20))
    assert counts() == before


def test_an_exam_may_begin_when_the_one_before_ends() -> None:
    an_order(start=in_minutes(10))
    assert steps_of(an_order(start=in_minutes(40)))[0].start == in_minutes(40)


def test_a_canceled_exam_frees_its_slot() -> None:
    orders.cancel_order(an_order(), ACTOR, "not needed")
    assert steps_of(an_order())[0].status == "SCHEDULED"


def test_a_pool_takes_as_many_exams_as_it_has_stations() -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
    code = a_procedure().code

    def book(place: str) -> Order:
        return orders.place_order(a_site(), a_patient_data(), OrderRequest([code], station_ae_title=place, start=in_minutes(10)), ACTOR)

    first = steps_of(book("ANYCT"))[0]
    assert [row.ae_title for row in first.stations.all()] == ["CT01", "CT02"]
    book("CT01")
    with pytest.raises(SlotTaken):
        book("ANYCT")
    with pytest.raises(SlotTaken):
        book("CT02")


def test_free_slots_leave_out_what_is_taken() -> None:
    order = an_order(start=in_minutes(60))
    slots = booking.free_slots(booking.find_place(a_site(), "CT01"), "CT", 30, in_minutes(0), limit=50)
    step = steps_of(order)[0]
    assert slots
    assert step.start
    assert step.end
    assert all(end <= step.start or begin >= step.end for begin, end in slots)
    assert all(end - begin == timedelta(minutes=30) for begin, end in slots)


def test_a_patient_id_of_somebody_else_is_a_conflict() -> None:
    an_order(patient_id="P1", name="DOE^JANE")
    with pytest.raises(Conflict, match="P1 belongs to a patient whose name differs"):
        an_order(patient_id="P1", name="ROE^RICHARD", start=in_minutes(100))


def test_the_same_patient_is_found_again() -> None:
    an_order(patient_id="P1", name="DOE^JANE")
    an_order(patient_id="P1", name="Doe^Jane", start=in_minutes(100))
    assert Patient.objects.filter(patient_id="P1").count() == 1


def test_a_taken_accession_number_is_a_conflict() -> None:
    taken = an_order().accession_number
    with pytest.raises(Conflict, match=taken):
        orders.place_order(a_site(), a_patient_data(), OrderRequest([a_procedure().code], accession_number=taken), ACTOR)


def test_editing_a_patient_is_recorded_and_guarded() -> None:
    patient = patients.register_patient(a_site(), a_patient_data(name="DOE^JANE"), ACTOR)
    patients.update_patient(patient, a_patient_data(name="DOE^JANET", patient_id=patient.patient_id), ACTOR, expected_version=1)
    with pytest.raises(Conflict, match="meanwhile"):
        patients.update_patient(patient, a_patient_data(name="ROE^JANE"), ACTOR, expected_version=1)


def test_canceling_an_order_twice_is_a_conflict() -> None:
    order = an_order()
    orders.cancel_order(order, ACTOR, "not needed")
    with pytest.raises(Conflict, match="no exam left"):
        orders.cancel_order(order, ACTOR, "not needed")
