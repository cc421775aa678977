"""What a performed step carries over from the worklist, held against the exams that it was taken for."""

import pytest
from pydicom import Dataset

from dimse.models import Message
from dimse.uids import new_uid
from mpps import datasets
from mpps.models import StepLink
from ris import clock
from ris.actions import patients
from ris.models import Patient, ScheduledProcedureStep
from stepwise.modality_report.carrying import carried
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, an_order, in_minutes, steps_of
from tests.support.mpps import a_create, an_item

pytestmark = pytest.mark.django_db


def failing(created: Dataset, *steps: ScheduledProcedureStep) -> dict[str, str]:
    """The checks that an N-CREATE fails whose items were taken for these steps."""
    links = [StepLink(position=place, step=step, how=StepLink.How.STEP_ID) for place, step in enumerate(steps, 1)]
    verdicts = carried(Message(time=clock.wall()), datasets.from_dataset(created), links)
    return {one.code: one.text for one in verdicts if one.text}


def a_step(**more: str) -> ScheduledProcedureStep:
    return steps_of(an_order(**({"patient_id": "P1", "name": "MULLER^Jurgen"} | more)))[0]


def two_steps() -> tuple[ScheduledProcedureStep, ScheduledProcedureStep]:
    one, other = (an_order(a_procedure(code), start=in_minutes(n), patient_id="P1", name="X^Y") for n, code in ((10, "AAA"), (60, "BBB")))
    return steps_of(one)[0], steps_of(other)[0]


def test_an_id_and_a_name_of_before_a_correction_were_carried() -> None:
    step = a_step()
    created = a_create(step)
    patients.update_patient(Patient.objects.get(), a_patient_data(patient_id="P9", name="SCHMIDT^Ann"), ACTOR)
    step = ScheduledProcedureStep.objects.get()
    assert failing(created, step) == {}
    created.PatientID, created.PatientName = "P2", "SOMEBODY^Else"
    assert failing(created, step) == {
        "CARRIES_PATIENT": "PatientID is 'P2', the worklist has 'P9'; PatientName is 'SOMEBODY^Else', the worklist has 'SCHMIDT^Ann'"
    }


@pytest.mark.parametrize(
    ("sent", "failed"),
    [
        ("YAMADA^TAROU", ""),
        ("Yamada^Tarou^^^", ""),
        ("=山田^太郎", ""),
        ("Tanaka^Tarou", "PatientName is 'Tanaka^Tarou', the worklist has 'Yamada^Tarou=山田^太郎'"),
        ("", "PatientName is not there, the worklist has 'Yamada^Tarou=山田^太郎'"),
        ("^", "PatientName is '^', the worklist has 'Yamada^Tarou=山田^太郎'"),
    ],
)
def test_a_name_is_the_same_by_the_rule_of_the_findings(sent: str, failed: str) -> None:
    step = a_step(name="Yamada^Tarou=山田^太郎")
    assert failing(a_create(step, PatientName=sent), step).get("CARRIES_PATIENT", "") == failed


def test_items_of_a_group_case_are_compared_one_by_one() -> None:
    one, other = two_steps()
    assert failing(a_create(one, other), one, other) == {}
    swapped = a_create(one, other)
    first, second = swapped.ScheduledStepAttributesSequence
    for keyword in ("ScheduledProcedureStepID", "AccessionNumber"):
        mine, theirs = getattr(first, keyword), getattr(second, keyword)
        setattr(first, keyword, theirs)
        setattr(second, keyword, mine)
    assert failing(swapped, one, other).keys() == {"CARRIES_STEP", "CARRIES_ACCESSION"}


def test_a_group_case_in_one_study_that_refers_to_the_others_carried_them() -> None:
    one, other = two_steps()
    referred = Dataset()
    referred.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    referred.ReferencedSOPInstanceUID = other.requested_procedure.study_instance_uid
    shared = one.requested_procedure.study_instance_uid
    second = an_item(other, StudyInstanceUID=shared, ReferencedStudySequence=[referred])
    created = a_create(one, ScheduledStepAttributesSequence=[an_item(one), second])
    assert failing(created, one, other) == {}
    second.ReferencedStudySequence = []
    assert failing(created, one, other).keys() == {"CARRIES_STUDY"}
    second.ReferencedStudySequence, second.StudyInstanceUID = [referred], new_uid()
    assert failing(created, one, other).keys() == {"CARRIES_STUDY"}
