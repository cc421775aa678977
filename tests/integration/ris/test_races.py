"""Bookings and changes of status at the same moment, on both databases."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import pytest
from django.db import connection, transaction

from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions
from mpps.models import PerformedProcedureStep
from ris import profiles
from ris.actions import orders, removal, steps
from ris.actions.intake import intake_step
from ris.actions.intake_item import IntakeItem, Outcome, patient_columns
from ris.actions.orders import OrderRequest
from ris.actions.pools import save_pool
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import data_of, revise, save_station
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound, SlotTaken
from ris.models import RequestedProcedure, ScheduledProcedureStep, Station
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.mpps import a_create, received
from tests.support.wait import wait_until
from tests.support.worklist import observed
from worklist.models import WorklistFinding

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
T = TypeVar("T")
PERSON = Actor("user", "jo")


def apart(call: Callable[[], T]) -> T:
    """Run it on a connection that is closed afterwards."""
    try:
        return call()
    finally:
        connection.close()


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What the calls return when they begin together in threads of their own."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(10)
        return apart(call)

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result(60) for future in [threads.submit(run, call) for call in calls]]


@contextmanager
def transaction_beside() -> Iterator[Callable[[Callable[[], T]], Future[T]]]:
    """A transaction, and how to begin a call on another connection meanwhile: it goes on when the call waits, where that shows."""

    def waits_for_a_lock() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0])

    def begin(call: Callable[[], T]) -> Future[T]:
        future = threads.submit(apart, call)
        if connection.vendor == "postgresql":
            wait_until(lambda: future.done() or waits_for_a_lock(), 10, "the call beside ends or waits for a lock")
        return future

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        yield begin


def test_bookings_that_compete_over_a_pool_never_take_more_than_its_stations() -> None:
    stations = a_station("CT01"), a_station("CT02")
    a_pool("ANYCT", *stations)
    code, start = a_procedure().code, in_minutes(10)
    waiting = [steps_of(orders.place_order(a_site(), a_patient_data(), OrderRequest([code]), ACTOR))[0] for _ in range(3)]

    def book_the_other() -> str:
        try:
            return str(steps.schedule(waiting[2].pk, "CT02", start, ACTOR))
        except SlotTaken:
            return "refused"

    steps.schedule(waiting[0].pk, "ANYCT", start, ACTOR)
    with transaction_beside() as begin:
        steps.schedule(waiting[1].pk, "CT01", start, ACTOR)
        answer = begin(book_the_other)
    assert answer.result(30) == "refused"


def test_of_two_who_change_a_pool_at_once_the_later_is_told_and_changes_nothing() -> None:
    pool, site, seen = a_pool("ANYCT", a_station("CT01"), a_station("CT02")), a_site(), ["CT01", "CT02"]

    def leave_one() -> str:
        try:
            return save_pool(site, "ANYCT", "Any CT", ["CT01"], ACTOR, before=seen).code
        except ChangedMeanwhile as error:
            return str(error)

    a_station("CT03")
    with transaction_beside() as begin:
        save_pool(site, "ANYCT", "Any CT", [*seen, "CT03"], ACTOR, before=seen)
        answer = begin(leave_one)
    assert "It has CT01, CT02, CT03 now" in answer.result(30)
    assert pool.stations.count() == 3


@pytest.mark.parametrize("attempt", range(3))
def test_a_cancellation_and_the_start_at_the_modality_both_get_an_answer(attempt: int) -> None:
    step = steps_of(an_order())[0]
    message = received(Verb.N_CREATE, new_uid(), a_create(step))

    def cancel() -> str:
        try:
            return steps.cancel(step.pk, PERSON, "no show").status
        except Conflict:
            return "refused"

    answers = at_once(cancel, lambda: actions.n_create(message).status)
    assert answers[0] in ("CANCELED", "refused")
    assert ScheduledProcedureStep.objects.get(pk=step.pk).status == "STARTED"


def test_a_cancellation_waits_for_the_start_it_comes_after() -> None:
    """Both lock the procedure, then the step; the other way round each would hold what the other wants."""
    step = steps_of(an_order())[0]

    def cancel() -> str:
        with pytest.raises(Conflict):
            steps.cancel(step.pk, PERSON, "no show")
        return "refused"

    with transaction_beside() as begin:
        RequestedProcedure.objects.select_for_update().get(pk=step.requested_procedure_id)
        answer = begin(cancel)
        steps.start(step.pk, Actor.modality("CT01"))
    assert answer.result(30) == "refused"


def an_item(step: ScheduledProcedureStep, status: str) -> IntakeItem:
    order = step.requested_procedure.order
    return IntakeItem(
        patient=patient_columns(order.patient.name, patient_id=order.patient.patient_id, issuer_of_patient_id="NBG"),
        visit={},
        order={"accession_number": order.accession_number},
        procedure={"requested_procedure_id": step.requested_procedure.requested_procedure_id},
        step={"scheduled_procedure_step_id": step.scheduled_procedure_step_id, "description": "as received"},
        ae_titles=("CT01",),
        accession_number=order.accession_number,
        status=status,
    )


def test_an_import_does_not_turn_back_what_a_modality_just_started() -> None:
    step = steps_of(an_order())[0]
    item, site = an_item(step, "ARRIVED"), a_site()
    with transaction_beside() as begin:
        steps.start(step.pk, Actor.modality("CT01"))
        outcome = begin(lambda: intake_step(site, item, ACTOR, lambda step: {}).outcome)
    assert outcome.result(30) is Outcome.PERFORMED
    assert ScheduledProcedureStep.objects.get(pk=step.pk).status == "STARTED"


def test_a_removal_leaves_what_a_modality_just_started() -> None:
    step = steps_of(an_order())[0]
    site = a_site()
    with transaction_beside() as begin:
        steps.start(step.pk, Actor.modality("CT01"))
        removed = begin(lambda: removal.remove_steps(site, ACTOR))
    assert removed.result(30) == (0, 0)
    assert ScheduledProcedureStep.objects.get(pk=step.pk).status == "STARTED"


def test_a_booking_beside_a_renaming_is_on_the_list_of_the_new_title() -> None:
    station, step = a_station("CT01"), steps_of(an_order())[0]
    with transaction_beside() as beside:
        rename_station(station.site, Renaming("CT01", keeps=False), "CT-EAST", ACTOR)
        booking = beside(lambda: steps.schedule(step.pk, "CT01", in_minutes(10), ACTOR))
    try:
        booking.result(60)
    except NotFound as error:
        assert "CT01 is called CT-EAST now" in str(error)
    else:
        assert [row.ae_title for row in step.stations.all()] == ["CT-EAST"]


def test_of_two_that_take_a_title_at_once_one_is_told_that_it_is_taken() -> None:
    site = a_station("CT01").site
    a_station("CT02")

    def take(before: str) -> str:
        try:
            return rename_station(site, Renaming(before), "CT-EAST", ACTOR).ae_title
        except InvalidInput as error:
            return error.errors["ae_title"]

    taken = at_once(lambda: take("CT01"), lambda: take("CT02"))
    assert sorted(said.split(" ")[0] for said in taken) == ["CT-EAST", "is"]


def _an_n_create(step: ScheduledProcedureStep) -> Callable[[], PerformedProcedureStep]:
    """A message of CT01 that was received under what the site is known for by now, to be dealt with at some time."""
    message = received(Verb.N_CREATE, new_uid(), a_create(step))
    profiles.of(message.site)
    return lambda: actions.n_create(message)


def test_an_n_create_beside_a_renaming_stands_under_the_new_title_whichever_is_first() -> None:
    station = a_station("CT01")
    first, second, third = (steps_of(an_order(station="CT01", patient_id=str(at), start=in_minutes(at)))[0] for at in (10, 90, 170))
    late, beside_it, before_it = _an_n_create(first), _an_n_create(second), _an_n_create(third)
    with transaction_beside() as beside:
        rename_station(station.site, Renaming("CT01"), "CT-EAST", ACTOR)
        waiting = beside(beside_it)
    waiting.result(30)
    late()
    with transaction_beside() as beside:
        before_it()
        renamed = beside(lambda: rename_station(station.site, Renaming("CT-EAST"), "CT-WEST", ACTOR))
    renamed.result(30)
    made = PerformedProcedureStep.objects.order_by("pk")
    assert [(one.station_ae_title, one.station, one.calling_ae_title) for one in made] == [("CT-WEST", station, "CT01")] * 3
    assert {one.links.get().step for one in made} == {first, second, third}


def test_a_finding_that_is_written_beside_a_renaming_is_told_of_the_station() -> None:
    station = a_station("CT01")
    with transaction_beside() as beside:
        rename_station(station.site, Renaming("CT01"), "CT-EAST", ACTOR)
        writing = beside(lambda: observed(None, "A"))
    writing.result(30)
    with transaction_beside() as beside:
        observed(None, "B")
        renamed = beside(lambda: rename_station(station.site, Renaming("CT-EAST"), "CT-WEST", ACTOR))
    renamed.result(30)
    observed(None, "C")
    assert {(one.code, one.station_ae_title) for one in WorklistFinding.objects.all()} == {(code, "CT-WEST") for code in "ABC"}


def test_a_renaming_waits_for_a_booking_before_it_locks_what_that_is_about_to() -> None:
    """Exams first, then stations, as a booking has it: neither has to begin again."""
    station = a_station("CT01")
    step = steps_of(an_order(station="CT01", start=in_minutes(10)))[0]
    with transaction_beside() as beside:
        steps.lock_step(step.pk)
        renamed = beside(lambda: rename_station(station.site, Renaming("CT01"), "CT-EAST", ACTOR))
        assert Station.objects.select_for_update().get(pk=station.pk).ae_title == "CT01"
    assert renamed.result(30).ae_title == "CT-EAST"
    assert [row.ae_title for row in step.stations.all()] == ["CT-EAST"]


def test_who_saves_a_station_waits_for_a_renaming_before_anything_is_locked() -> None:
    station = a_station("CT01")
    with transaction_beside() as beside:
        revise(station.site)
        saved = beside(lambda: save_station(station.site, replace(data_of(station), room="CT 2"), ACTOR))
        assert Station.objects.select_for_update().get(pk=station.pk).room != "CT 2"
    assert saved.result(30).room == "CT 2"
