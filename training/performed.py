"""What a modality says in MPPS: the data sets of N-CREATE and N-SET, made from a worklist item (PS3.4 F.7.2; IHE RAD TF identifier copy).

A worklist item is one C-FIND answer: root attributes and ScheduledProcedureStepSequence with one item. Attributes of type 2 are
always present, those of type 3 only with a value. Moments are aware and written as the hospital's wall time.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from dimse.uids import new_uid
from mpps.reasons import Reason

IN_PROGRESS = "IN PROGRESS"
COMPLETED = "COMPLETED"
DISCONTINUED = "DISCONTINUED"


@dataclass(frozen=True)
class Device:
    """The machine that speaks. `operator` and `physician` are PN values for the series."""

    ae_title: str
    modality: str
    name: str = ""
    location: str = ""
    operator: str = ""
    physician: str = ""


_REQUEST = (
    "StudyInstanceUID",
    "ReferencedStudySequence",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "PlacerOrderNumberImagingServiceRequest",
    "OrderPlacerIdentifierSequence",
    "FillerOrderNumberImagingServiceRequest",
    "OrderFillerIdentifierSequence",
    "RequestedProcedureID",
    "RequestedProcedureCodeSequence",
    "RequestedProcedureDescription",
)
_STEP = ("ScheduledProcedureStepID", "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence")
_TYPE_2_OF_REQUEST = (
    "ReferencedStudySequence",
    "AccessionNumber",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    *_STEP,
)
_PATIENT_TYPE_2 = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferencedPatientSequence")
_PATIENT_TYPE_3 = ("IssuerOfPatientID", "AdmissionID")
_SEQUENCES = frozenset({"ReferencedStudySequence", "ScheduledProtocolCodeSequence", "ReferencedPatientSequence"})


def step_item(item: Dataset) -> Dataset:
    """The item of ScheduledProcedureStepSequence; an empty data set when the worklist answer holds none."""
    steps = item.get("ScheduledProcedureStepSequence")
    return steps[0] if steps else Dataset()


def in_progress(items: Sequence[Dataset], device: Device, started: datetime, performed_step_id: str) -> Dataset:
    """Attribute list of the N-CREATE for one or more worklist items of one patient (more than one: the group case)."""
    first = items[0]
    created = _patient_of(first)
    created.ScheduledStepAttributesSequence = [scheduled_step_attributes(item) for item in items]
    created.PerformedProcedureStepID = performed_step_id
    created.PerformedStationAETitle = device.ae_title
    created.PerformedStationName = device.name
    created.PerformedLocation = device.location
    created.PerformedProcedureStepStartDate = started.strftime("%Y%m%d")
    created.PerformedProcedureStepStartTime = started.strftime("%H%M%S")
    created.PerformedProcedureStepStatus = IN_PROGRESS
    created.PerformedProcedureStepEndDate = ""
    created.PerformedProcedureStepEndTime = ""
    created.PerformedProcedureStepDiscontinuationReasonCodeSequence = []
    created.Modality = device.modality
    created.StudyID = str(first.get("RequestedProcedureID", "") or performed_step_id)[:16]
    created.PerformedSeriesSequence = []
    created.update(what_is_done(items))
    return created


def scheduled_step_attributes(item: Dataset) -> Dataset:
    """One item of ScheduledStepAttributesSequence. A worklist item without a Study Instance UID gets one of the modality's own."""
    copied = Dataset()
    step = step_item(item)
    for source, keywords in ((item, _REQUEST), (step, _STEP)):
        for keyword in keywords:
            _copy(source, copied, keyword, always=keyword in _TYPE_2_OF_REQUEST)
    if not copied.get("StudyInstanceUID"):
        copied.StudyInstanceUID = new_uid()
    return copied


def _copy(source: Dataset, target: Dataset, keyword: str, *, always: bool) -> None:
    """Copy the element when it has a value; `always`: leave it empty otherwise."""
    value = source.get(keyword)
    if value:
        target[keyword] = deepcopy(source[keyword])
    elif always:
        setattr(target, keyword, [] if keyword in _SEQUENCES else "")


def _patient_of(item: Dataset) -> Dataset:
    patient = Dataset()
    _copy(item, patient, "SpecificCharacterSet", always=False)
    for keyword in _PATIENT_TYPE_2:
        _copy(item, patient, keyword, always=True)
    for keyword in _PATIENT_TYPE_3:
        _copy(item, patient, keyword, always=False)
    return patient


WHAT_IS_DONE = (
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "ProcedureCodeSequence",
    "PerformedProtocolCodeSequence",
)
"""Keywords of the data set that `what_is_done` makes."""


def what_is_done(items: Sequence[Dataset]) -> Dataset:
    """Description and codes of what is performed: what was requested and scheduled (type 2 each, also in the final state)."""
    done = Dataset()
    step = step_item(items[0])
    procedure = _words(items[0], "RequestedProcedureDescription")
    done.PerformedProcedureStepDescription = _words(step, "ScheduledProcedureStepDescription") or procedure
    done.PerformedProcedureTypeDescription = procedure
    done.ProcedureCodeSequence = [deepcopy(code) for item in items for code in item.get("RequestedProcedureCodeSequence") or []]
    done.PerformedProtocolCodeSequence = [
        deepcopy(code) for item in items for code in step_item(item).get("ScheduledProtocolCodeSequence") or []
    ]
    return done


def _words(dataset: Dataset, keyword: str) -> str:
    """The value as one LO: whatever the worklist sent, at most 64 characters and no backslash."""
    return str(dataset.get(keyword) or "").replace("\\", "/").strip()[:64]


def final(status: str, done: Dataset, series: Sequence[Dataset], ended: datetime, reason: Reason | None = None) -> Dataset:
    """Modification list of the N-SET that ends the step: everything that PS3.4 Table F.7.2-1 wants in a final state.

    `done` is what `what_is_done` gave; `series` is not empty, also when nothing was acquired.
    """
    modified = deepcopy(done)
    modified.PerformedProcedureStepStatus = status
    modified.PerformedProcedureStepEndDate = ended.strftime("%Y%m%d")
    modified.PerformedProcedureStepEndTime = ended.strftime("%H%M%S")
    modified.PerformedSeriesSequence = list(series)
    if reason is not None:
        modified.PerformedProcedureStepDiscontinuationReasonCodeSequence = [code_item(reason.code, reason.scheme, reason.meaning)]
    return modified


def code_item(code: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = code
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item
