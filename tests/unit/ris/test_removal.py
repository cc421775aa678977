"""What an import that replaces everything takes off, and what it must leave."""

import pytest

from ris import audit
from ris.actions import removal, steps
from ris.actor import Actor
from ris.audit import Subject
from ris.models import Order, RecordChange, RequestedProcedure, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_procedure, a_site, an_order, in_minutes, steps_of
from worklist.models import WorklistEntry

pytestmark = pytest.mark.django_db
MODALITY = Actor.modality("CT01")


def left() -> set[int]:
    return set(ScheduledProcedureStep.objects.values_list("pk", flat=True))


def two_steps() -> list[ScheduledProcedureStep]:
    return steps_of(an_order(a_procedure("TWO", steps=("First", "Second"))))


def test_every_waiting_step_without_a_performed_one_goes_also_when_another_of_its_procedure_was_performed() -> None:
    performed, opened = two_steps()
    order = an_order(start=in_minutes(200))
    alone = steps_of(order)[0]
    steps.start(performed.pk, MODALITY)
    steps.end(performed.pk, "complete", MODALITY)
    steps.arrive(alone.pk, ACTOR)

    assert removal.remove_steps(a_site(), ACTOR) == (2, 0)
    assert left() == {performed.pk}
    assert set(WorklistEntry.objects.values_list("pk", flat=True)) == {performed.pk}
    assert Order.objects.get() == performed.requested_procedure.order
    assert removal.remove_steps(a_site(), ACTOR) == (0, 0)

    changes = {change.subject_id: change for change in RecordChange.objects.filter(subject="order", verb="remove")}
    one, gone = changes[performed.requested_procedure.order_id], changes[order.pk]
    assert (one.actor, one.reason) == (ACTOR.name, "Removed to be replaced by what is imported.")
    assert one.detail == {"steps": [f"{opened.scheduled_procedure_step_id} SCHEDULED", ""]}
    assert gone.detail["accession_number"] == [order.accession_number, ""]
    assert list(audit.subjects(gone)) == [Subject(order.patient_id, order.patient.patient_id, order.accession_number)]


def test_what_is_not_offered_or_was_begun_and_put_back_stays() -> None:
    under_way, canceled, put_back = (steps_of(an_order(start=in_minutes(minutes)))[0] for minutes in (60, 120, 180))
    for step in (under_way, put_back):
        steps.start(step.pk, MODALITY)
    steps.end(put_back.pk, "put_back", MODALITY, "wrong entry selected")
    steps.cancel(canceled.pk, ACTOR, "patient went home")

    assert removal.remove_steps(a_site(), ACTOR) == (0, 1)
    assert left() == {under_way.pk, canceled.pk, put_back.pk}
    assert RequestedProcedure.objects.count() == 3
