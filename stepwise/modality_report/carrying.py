"""Whether what was scheduled comes back: which exams a performed step names, and their identifiers against the worklist's."""

from collections.abc import Iterator
from typing import Final

from dimse.models import Message
from mpps import datasets
from mpps.datasets import Json
from mpps.models import StepLink
from ris.models import ScheduledProcedureStep
from stepwise.modality_report.heard import Instance
from stepwise.modality_report.verdicts import Verdict, said

_RELATIONS: Final = "ScheduledStepAttributesSequence"
_CARRIED: Final = (
    ("CARRIES_STUDY", "StudyInstanceUID", lambda step: step.requested_procedure.study_instance_uid),
    ("CARRIES_ACCESSION", "AccessionNumber", lambda step: step.requested_procedure.order.accession_number),
    ("CARRIES_PROCEDURE", "RequestedProcedureID", lambda step: step.requested_procedure.requested_procedure_id),
    ("CARRIES_STEP", "ScheduledProcedureStepID", lambda step: step.scheduled_procedure_step_id),
)


def named(message: Message, instance: Instance) -> Iterator[Verdict]:
    """Whether the identifiers that it claimed are those of exams here; an exam that claims none was not scheduled, and fails nothing.

    Its Study Instance UID claims nothing: one that was not scheduled has to have one, too (PS3.4 Table F.7.2-1, type 1).
    """
    claimed = [_claim(link) for link in instance.strays]
    wrong = [f"it named identifiers of no one worklist item: {claim}" for claim in claimed if claim]
    if wrong or instance.steps:
        yield said("NAMES_ITEM", message, wrong)


def _claim(link: StepLink) -> str:
    sent = {
        "AccessionNumber": link.accession_number,
        "RequestedProcedureID": link.requested_procedure_id,
        "ScheduledProcedureStepID": link.scheduled_procedure_step_id,
    }
    return ", ".join(f"{keyword} {value!r}" for keyword, value in sent.items() if value)


def carried(message: Message, data: Json, steps: list[ScheduledProcedureStep]) -> Iterator[Verdict]:
    """Nothing of a step that was done without a worklist entry: there was nothing to carry."""
    if not steps:
        return
    items = datasets.items(data, _RELATIONS)
    for code, keyword, of in _CARRIED:
        sent, expected = [datasets.text(item, keyword) for item in items], [of(step) for step in steps]
        lost = [value for value in dict.fromkeys(expected) if value and value not in sent]
        yield said(code, message, [f"{keyword} is {_quoted(sent)}, the worklist has {value!r}" for value in lost])
    patient = steps[0].requested_procedure.order.patient
    pairs = (("PatientID", patient.patient_id), ("PatientName", patient.name))
    wrong = [(keyword, datasets.text(data, keyword), value) for keyword, value in pairs if _differs(datasets.text(data, keyword), value)]
    yield said("CARRIES_PATIENT", message, [f"{keyword} is {said!r}, the worklist has {value!r}" for keyword, said, value in wrong])


def _quoted(sent: list[str]) -> str:
    return ", ".join(map(repr, sent)) or "not there"


def _differs(said: str, value: str) -> bool:
    return said.rstrip("^= ") != value.rstrip("^= ")
