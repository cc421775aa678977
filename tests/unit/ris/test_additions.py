"""More of an order that exists: procedures, steps, and taking all of it back."""

import pytest

from ris.actions import additions, orders, steps
from ris.actions.catalogue import StepData
from ris.actions.orders import Booking
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound, SlotTaken
from ris.models import Order, RecordChange, RequestedProcedure, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_procedure, a_station, an_order, in_minutes, steps_of
from tests.support.worklist import asking, found
from worklist import item

pytestmark = pytest.mark.django_db
MODALITY = Actor.modality("CT01")
LATE = StepData("Late images", "CT", 15, "P-LATE", "99TEST", "Late images")


def served(order: Order) -> list[tuple[str, str]]:
    """Study and description of the steps that a query for the accession number brings."""
    answers = [item.decode(one.item) for one in found(asking({}, AccessionNumber=order.accession_number))]
    return [(answer.StudyInstanceUID, answer.ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription) for answer in answers]


def perform(step: ScheduledProcedureStep, verb: str = "complete") -> None:
    steps.start(step.pk, MODALITY)
    steps.end(step.pk, verb, MODALITY)


def test_an_added_procedure_has_the_accession_number_and_a_study_and_ids_of_its_own() -> None:
    order = an_order()
    a_procedure("CTHEAD", steps=("CT head",))
    added = additions.add_procedure(order, "CTHEAD", ACTOR, Booking(station_ae_title="CT01", start=in_minutes(60)), reason="asked by phone")
    first = order.requested_procedures.exclude(pk=added.pk).get()
    assert added.order == order
    assert (
        len({first.study_instance_uid, added.study_instance_uid}) == len({first.requested_procedure_id, added.requested_procedure_id}) == 2
    )
    assert served(order) == [(first.study_instance_uid, "CT chest"), (added.study_instance_uid, "CT head")]
    change = RecordChange.objects.get(subject="order", subject_id=order.pk)
    assert (change.verb, change.reason) == ("add_procedure", "asked by phone")
    assert change.detail == {"procedure": ["", f"{added.requested_procedure_id} CT head"]}


def test_an_added_step_belongs_to_the_study_and_comes_behind_the_others() -> None:
    order = an_order()
    procedure = order.requested_procedures.get()
    step = additions.add_step(procedure, LATE, ACTOR, Booking(station_ae_title="CT01", start=in_minutes(180)))
    assert (step.position, step.duration_minutes, step.protocol_codes[0]["code"]) == (2, 15, "P-LATE")
    assert served(order) == [(procedure.study_instance_uid, "CT chest"), (procedure.study_instance_uid, "Late images")]
    assert [change.verb for change in step.changes.all()] == ["add", "schedule"]


def test_without_a_time_it_waits_in_the_tray() -> None:
    order = an_order()
    step = additions.add_step(order.requested_procedures.get(), LATE, ACTOR)
    assert (step.status, step.start) == ("SCHEDULED", None)
    assert len(served(order)) == 1


def test_an_order_under_way_takes_more_and_one_that_is_over_or_canceled_does_not() -> None:
    a_procedure("CTHEAD")
    under_way, over, canceled = an_order(), an_order(start=in_minutes(60)), an_order(start=in_minutes(120))
    steps.start(steps_of(under_way)[0].pk, MODALITY)
    additions.add_procedure(under_way, "CTHEAD", ACTOR)
    perform(steps_of(over)[0])
    orders.cancel_order(canceled, ACTOR, "not needed")
    for order, words in ((over, "is over: each of its exams has ended"), (canceled, "is canceled; restore an exam of it first")):
        with pytest.raises(Conflict, match=words):
            additions.add_procedure(order, "CTHEAD", ACTOR)
        with pytest.raises(Conflict, match=words):
            additions.add_step(order.requested_procedures.get(), LATE, ACTOR)


def test_a_procedure_that_is_done_takes_no_step_while_its_order_takes_a_procedure() -> None:
    order = an_order()
    a_procedure("CTHEAD")
    procedure = order.requested_procedures.get()
    additions.add_procedure(order, "CTHEAD", ACTOR)
    perform(steps_of(order)[0])
    with pytest.raises(Conflict, match="add a procedure to the order, or place a new one"):
        additions.add_step(procedure, LATE, ACTOR)
    additions.add_procedure(order, "CTHEAD", ACTOR)


def test_a_refusal_leaves_nothing_behind() -> None:
    order = an_order()
    taken = an_order(start=in_minutes(60))
    procedure = order.requested_procedures.get()
    at_taken = Booking(station_ae_title="CT01", start=in_minutes(60))
    for error, refused in (
        (NotFound, lambda: additions.add_procedure(order, "NOPE", ACTOR)),
        (SlotTaken, lambda: additions.add_procedure(order, "CTCHEST", ACTOR, at_taken)),
        (SlotTaken, lambda: additions.add_step(procedure, LATE, ACTOR, at_taken)),
        (InvalidInput, lambda: additions.add_step(procedure, LATE, ACTOR, Booking(station_ae_title="CT01"))),
        (InvalidInput, lambda: additions.add_step(procedure, StepData("", "ct scan!", 0), ACTOR)),
        (ChangedMeanwhile, lambda: additions.add_procedure(order, "CTCHEST", ACTOR, expected_version=7)),
    ):
        with pytest.raises(error):
            refused()
    assert RequestedProcedure.objects.count() == ScheduledProcedureStep.objects.count() == 2
    assert (Order.objects.get(pk=order.pk).version, RecordChange.objects.filter(subject="order").count()) == (1, 0)
    assert taken.requested_procedures.count() == 1


def test_every_wrong_field_of_a_step_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        additions.add_step(an_order().requested_procedures.get(), StepData("", "ct scan!", 0, protocol_code="X"), ACTOR)
    assert set(refused.value.errors) == {"description", "modality", "duration_minutes", "protocol_code"}


def test_canceling_takes_what_waits_and_leaves_what_has_begun() -> None:
    order = an_order(a_procedure("TWO", steps=("Inject", "Scan")))
    first, second = steps_of(order)
    added = additions.add_procedure(order, a_procedure().code, ACTOR, Booking(station_ae_title="CT01", start=in_minutes(300)))
    steps.start(first.pk, MODALITY)
    orders.cancel_procedure(added, ACTOR, "once is enough")
    assert [step.status for step in steps_of(order)] == ["STARTED", "CANCELED", "SCHEDULED"]
    assert orders.cancel_order(order, ACTOR, "patient left") == [second]
    with pytest.raises(Conflict, match="no exam left that could be canceled"):
        orders.cancel_procedure(added, ACTOR, "again")
    verbs = RecordChange.objects.filter(subject="order", subject_id=order.pk).order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["add_procedure", "cancel_procedure", "cancel"]


def test_who_cancels_an_order_that_grew_meanwhile_looks_again() -> None:
    order = an_order()
    additions.add_procedure(order, a_procedure().code, ACTOR)
    with pytest.raises(ChangedMeanwhile, match=order.accession_number):
        orders.cancel_order(order, ACTOR, "not needed", expected_version=order.version)
    a_station("CT02")
    assert {step.status for step in steps_of(order)} == {"SCHEDULED"}
