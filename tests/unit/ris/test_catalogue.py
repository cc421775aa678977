from dataclasses import replace
from decimal import Decimal

import pytest

from ris.actions.catalogue import ProcedureData, StepData, save_procedure
from ris.actions.visits import VisitData, register_visit
from ris.errors import Conflict, InvalidInput
from ris.models import Procedure
from tests.support.hospital import ACTOR, a_procedure, a_site, an_order

pytestmark = pytest.mark.django_db

INJECT = StepData("Inject", "NM", 10, "P-1", "99TEST", "Inject protocol")
SCAN = StepData("Scan", "NM", 40)
BONE = ProcedureData("NMBONE", "99TEST", "Bone scan", (INJECT, SCAN), Decimal("540.50"))


def test_a_procedure_takes_modality_and_duration_from_its_steps():
    procedure = save_procedure(a_site(), BONE, ACTOR)

    assert (procedure.modality, procedure.duration_minutes, procedure.price) == ("NM", 50, Decimal("540.50"))
    assert [(step.position, step.description, step.protocol_code) for step in procedure.steps.all()] == [
        (1, "Inject", "P-1"),
        (2, "Scan", ""),
    ]


def test_changing_a_procedure_leaves_orders_as_they_were():
    a_procedure("CTCHEST", steps=("CT chest",))
    order = an_order()
    save_procedure(a_site(), replace(BONE, code="CTCHEST", meaning="New name"), ACTOR)

    assert Procedure.objects.get(code="CTCHEST").meaning == "New name"
    assert order.requested_procedures.get().meaning == "CT chest"


def test_everything_that_is_wrong_is_named_and_nothing_is_written():
    bad_step = StepData("", "N/M", 0, protocol_code="P")
    wrong = ProcedureData("", "99TEST", "x" * 65, (bad_step,), Decimal(-1), laterality="left!")

    with pytest.raises(InvalidInput) as refusal:
        save_procedure(a_site(), wrong, ACTOR)

    assert set(refusal.value.errors) == {
        "code",
        "meaning",
        "laterality",
        "price",
        "steps.1.description",
        "steps.1.modality",
        "steps.1.duration_minutes",
        "steps.1.protocol_code",
    }
    assert not Procedure.objects.exists()


def test_a_procedure_needs_a_step():
    with pytest.raises(InvalidInput, match="at least one step"):
        save_procedure(a_site(), replace(BONE, steps=()), ACTOR)


def test_a_visit_gets_an_admission_id_of_its_own():
    patient = an_order(a_procedure()).patient
    first = register_visit(patient, VisitData("I", "3 West"), ACTOR)
    second = register_visit(patient, VisitData(), ACTOR)

    assert (first.patient_class, first.current_patient_location) == ("I", "3 West")
    assert first.admission_id != second.admission_id
    with pytest.raises(Conflict, match=first.admission_id):
        register_visit(patient, VisitData(admission_id=first.admission_id), ACTOR)
    with pytest.raises(InvalidInput, match="HL7 table 0004"):
        register_visit(patient, VisitData("X"), ACTOR)
