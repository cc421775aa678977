"""Changes of a step and of its patient at the same moment: the worklist shows both."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from ris.actions import additions, merging, orders, patients, steps
from ris.actions.catalogue import StepData
from ris.actions.orders import OrderRequest
from ris.actions.patients import PatientData
from ris.actor import Actor
from ris.errors import Conflict
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, an_order, steps_of
from tests.support.wait import wait_until
from worklist import projection
from worklist.models import WorklistEntry

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
Begin = Callable[[Callable[[], object]], Future[None]]


@pytest.fixture
def beside() -> Iterator[Begin]:
    """Begin a call on a connection of its own while this thread's transaction is open; where that can be seen, wait until it waits."""

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        finally:
            connection.close()

    def begin(call: Callable[[], object]) -> Future[None]:
        future = threads.submit(run, call)
        if connection.vendor == "postgresql":
            wait_until(lambda: future.done() or waits_for_a_lock(), 10, "the change beside waits for a row of this transaction")
        return future

    with ThreadPoolExecutor(1) as threads:
        yield begin


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def renamed() -> PatientData:
    return a_patient_data(patient_id="P1", name="RENAMED^Anna")


def test_a_step_moved_while_its_patient_is_renamed_shows_both(beside: Begin) -> None:
    step = steps_of(an_order(patient_id="P1"))[0]
    patient = step.requested_procedure.order.patient
    with transaction.atomic():
        steps.schedule(step.pk, "CT01", datetime(2026, 11, 25, 4, 15, tzinfo=UTC), ACTOR)
        future = beside(lambda: patients.update_patient(patient, renamed(), ACTOR))
    future.result(30)
    entry = WorklistEntry.objects.get(pk=step.pk)
    assert (entry.local_date, entry.patient_name) == ("20261124", "RENAMED^Anna")
    assert dict(projection.differences()) == {}


def test_a_patient_renamed_while_a_step_is_moved_shows_both(beside: Begin) -> None:
    step = steps_of(an_order(patient_id="P1"))[0]
    with transaction.atomic():
        patients.update_patient(step.requested_procedure.order.patient, renamed(), ACTOR)
        future = beside(lambda: steps.schedule(step.pk, "CT01", datetime(2026, 11, 25, 4, 15, tzinfo=UTC), ACTOR))
    future.result(30)
    entry = WorklistEntry.objects.get(pk=step.pk)
    assert (entry.local_date, entry.patient_name) == ("20261124", "RENAMED^Anna")


def test_an_exam_ordered_while_its_patient_is_renamed_has_the_new_name(beside: Begin) -> None:
    patient = steps_of(an_order(patient_id="P1"))[0].requested_procedure.order.patient
    request = OrderRequest([a_procedure().code], station_ae_title="CT01", start=datetime(2026, 11, 26, 14, 0, tzinfo=UTC))
    with transaction.atomic():
        orders.place_order(a_site(), patient, request, ACTOR)
        future = beside(lambda: patients.update_patient(patient, renamed(), ACTOR))
    future.result(30)
    assert set(WorklistEntry.objects.values_list("patient_name", flat=True)) == {"RENAMED^Anna"}
    assert WorklistEntry.objects.count() == 2


def test_an_exam_ordered_while_its_patient_is_merged_is_refused_with_the_survivor_s_name(beside: Begin) -> None:
    goes = steps_of(an_order(patient_id="P2"))[0].requested_procedure.order.patient
    survivor = patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="ROE^Ann", sex=""), ACTOR)
    request = OrderRequest([a_procedure().code])
    with transaction.atomic():
        merging.merge_patients(survivor, goes, ACTOR)
        future = beside(lambda: orders.place_order(a_site(), goes, request, ACTOR))
    with pytest.raises(Conflict, match="was merged into that of patient ID P1"):
        future.result(30)


def test_a_patient_merged_while_an_exam_is_ordered_takes_it_along(beside: Begin) -> None:
    goes = steps_of(an_order(patient_id="P2"))[0].requested_procedure.order.patient
    survivor = patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="ROE^Ann", sex=""), ACTOR)
    request = OrderRequest([a_procedure().code], station_ae_title="CT01", start=datetime(2026, 11, 26, 14, 0, tzinfo=UTC))
    with transaction.atomic():
        orders.place_order(a_site(), goes, request, ACTOR)
        future = beside(lambda: merging.merge_patients(survivor, goes, ACTOR))
    future.result(30)
    assert list(WorklistEntry.objects.values_list("patient_id", "patient_name")) == [("P1", "ROE^Ann")] * 2
    assert dict(projection.differences()) == {}


def test_a_step_added_while_the_last_one_ends_is_either_waited_for_or_refused(beside: Begin) -> None:
    step = steps_of(an_order())[0]
    steps.start(step.pk, Actor.modality("CT01"))
    late = StepData("Late images", "CT", 15)
    with transaction.atomic():
        steps.end(step.pk, "complete", Actor.modality("CT01"))
        future = beside(lambda: additions.add_step(step.requested_procedure, late, ACTOR))
    with pytest.raises(Conflict, match="is over"):
        future.result(30)
