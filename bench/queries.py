"""What the benchmark asks: the keys that a modality's worklist query has, with some of them filled."""

from pydicom.dataset import Dataset

from bench.client import find_request
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST

_ROOT = [
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientWeight",
    "MedicalAlerts",
    "Allergies",
    "PregnancyStatus",
    "StudyInstanceUID",
    "RequestingPhysician",
    "RequestedProcedureDescription",
    "AdmissionID",
    "RequestedProcedureID",
    "RequestedProcedurePriority",
    "PatientTransportArrangements",
]
_STEP = [
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "Modality",
    "ScheduledPerformingPhysicianName",
    "ScheduledProcedureStepDescription",
    "ScheduledStationName",
    "ScheduledProcedureStepLocation",
    "ScheduledProcedureStepID",
]
_CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")


def _empty(*keywords: str) -> Dataset:
    dataset = Dataset()
    for keyword in keywords:
        setattr(dataset, keyword, None if keyword == "PregnancyStatus" else "")
    return dataset


def identifier(**keys: str) -> Dataset:
    """Everything that a modality asks for, with these keys filled in at the level where they belong."""
    root, step = _empty(*_ROOT), _empty(*_STEP)
    root.RequestedProcedureCodeSequence = [_empty(*_CODE)]
    step.ScheduledProtocolCodeSequence = [_empty(*_CODE)]
    root.ScheduledProcedureStepSequence = [step]
    for keyword, value in keys.items():
        setattr(step if keyword in _STEP else root, keyword, value)
    return root


def request(transfer_syntax: str = IMPLICIT_VR_LITTLE_ENDIAN, **keys: str) -> bytes:
    """The query as bytes to send."""
    return find_request(identifier(**keys), MODALITY_WORKLIST, transfer_syntax)


def station_day(ae_title: str, day: str) -> bytes:
    return request(ScheduledStationAETitle=ae_title, ScheduledProcedureStepStartDate=day)
