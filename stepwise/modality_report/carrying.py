"""Whether what was scheduled comes back: which exams a performed step names, and their identifiers against the worklist's."""

from collections.abc import Iterator
from typing import Final

from dimse.models import Message
from mpps import datasets
from mpps.datasets import Json
from mpps.matching import had_name, same_name
from mpps.models import StepLink
from ris.identity import had_id
from ris.models import Patient
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
    if wrong or instance.links:
        yield said("NAMES_ITEM", message, wrong)


def _claim(link: StepLink) -> str:
    sent = {
        "AccessionNumber": link.accession_number,
        "RequestedProcedureID": link.requested_procedure_id,
        "ScheduledProcedureStepID": link.scheduled_procedure_step_id,
    }
    return ", ".join(f"{keyword} {value!r}" for keyword, value in sent.items() if value)


def carried(message: Message, data: Json, links: list[StepLink]) -> Iterator[Verdict]:
    """Each item of the message against the exam that it was taken for.

    Nothing of a step that was done without a worklist entry, or that a person linked: there was nothing to carry.
    """
    pairs = [(_item(data, link.position), link.step) for link in links if link.step is not None]
    if not pairs:
        return
    studies = {datasets.text(item, "StudyInstanceUID") for item in datasets.items(data, _RELATIONS)}
    for code, keyword, of in _CARRIED:
        lost = [(datasets.text(item, keyword), of(step)) for item, step in pairs if not _has(item, keyword, of(step), studies)]
        yield said(code, message, [f"{keyword} is {_quoted(sent)}, the worklist has {value!r}" for sent, value in lost])
    yield said("CARRIES_PATIENT", message, _of_patient(data, pairs[0][1].requested_procedure.order.patient))


def _item(data: Json, position: int) -> Json:
    """The item at `position` (from 1); without elements when the message has none there."""
    items = datasets.items(data, _RELATIONS)
    return items[position - 1] if position <= len(items) else {}


def _has(item: Json, keyword: str, expected: str, studies: set[str]) -> bool:
    """A group case may put its images in one study, which all items name, and refer to the exam's own (PS3.4 Table F.7.2-1)."""
    if not expected or datasets.text(item, keyword) == expected:
        return True
    referred = (datasets.text(one, "ReferencedSOPInstanceUID") for one in datasets.items(item, "ReferencedStudySequence"))
    return keyword == "StudyInstanceUID" and len(studies) == 1 and expected in referred


def _of_patient(data: Json, patient: Patient) -> Iterator[str]:
    """By the rule that findings go by; what was the patient's before a correction or a merge is what the worklist had answered."""
    patient_id, name = datasets.text(data, "PatientID"), datasets.text(data, "PatientName")
    if patient_id != patient.patient_id and (not patient_id or had_id(patient, patient_id) is None):
        yield f"PatientID is {_quoted(patient_id)}, the worklist has {patient.patient_id!r}"
    is_said = bool(name.strip("^= "))
    if patient.name and not (is_said and (same_name(name, patient.name) or had_name(patient, name))):
        yield f"PatientName is {_quoted(name)}, the worklist has {patient.name!r}"


def _quoted(sent: str) -> str:
    return repr(sent) if sent else "not there"
