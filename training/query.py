"""Worklist queries as a modality asks them, and what a person reads in the answers."""

from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from training.performed import step_item

_ROOT_KEYS = (
    "AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "PatientWeight", "MedicalAlerts", "Allergies", "StudyInstanceUID", "RequestedProcedureDescription", "RequestedProcedureID",
    "RequestedProcedurePriority", "AdmissionID", "PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest",
)  # fmt: skip
_ROOT_SEQUENCES = (
    "ReferencedStudySequence", "ReferencedPatientSequence", "RequestedProcedureCodeSequence", "IssuerOfAccessionNumberSequence",
    "OrderPlacerIdentifierSequence", "OrderFillerIdentifierSequence",
)  # fmt: skip
_STEP_KEYS = (
    "Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime",
    "ScheduledPerformingPhysicianName", "ScheduledProcedureStepDescription", "ScheduledProcedureStepID", "ScheduledStationName",
    "ScheduledProcedureStepLocation", "ScheduledProcedureStepStatus",
)  # fmt: skip
_STEP_SEQUENCES = ("ScheduledProtocolCodeSequence",)


@dataclass(frozen=True)
class Question:
    """What is asked for; empty keys match everything. `dates` is a date or range as DICOM writes it, `patient` a name or an ID."""

    station: str = ""
    dates: str = ""
    modality: str = ""
    patient_name: str = ""
    patient_id: str = ""
    accession_number: str = ""
    step_id: str = ""

    @classmethod
    def for_day(cls, station: str, day: date) -> "Question":
        """What is planned for the station on that day: what a console asks when it is switched on."""
        return cls(station=station, dates=dicom_dates(day, day))

    @classmethod
    def for_days(cls, station: str, first: date, last: date) -> "Question":
        """The same for several days."""
        return cls(station=station, dates=dicom_dates(first, last))

    @classmethod
    def for_patient(cls, asked: str, station: str = "") -> "Question":
        """By ID when the text holds a digit, else by name: one question, so that nothing is asked in vain."""
        return cls(station=station, patient_id=asked) if looks_like_id(asked) else cls(station=station, patient_name=asked)

    @classmethod
    def for_accession(cls, accession_number: str, station: str = "") -> "Question":
        """The steps of one order."""
        return cls(station=station, accession_number=accession_number)

    def __str__(self) -> str:
        asked = (
            ("station", self.station),
            ("date", self.dates),
            ("modality", self.modality),
            ("patient name", self.patient_name),
            ("patient ID", self.patient_id),
            ("accession number", self.accession_number),
            ("step ID", self.step_id),
        )
        return ", ".join(f"{label} {value}" for label, value in asked if value) or "everything"

    def identifier(self) -> Dataset:
        """The C-FIND identifier (PS3.4 K.6.1.2.2): keys that match, and all that is to be returned."""
        query, step = Dataset(), Dataset()
        for keyword in _ROOT_KEYS:
            setattr(query, keyword, "")
        for keyword in _ROOT_SEQUENCES:
            setattr(query, keyword, [])
        for keyword in _STEP_KEYS:
            setattr(step, keyword, "")
        for keyword in _STEP_SEQUENCES:
            setattr(step, keyword, [])
        query.PatientName, query.PatientID, query.AccessionNumber = self.patient_name, self.patient_id, self.accession_number
        step.ScheduledStationAETitle, step.Modality = self.station, self.modality
        step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepID = self.dates, self.step_id
        query.ScheduledProcedureStepSequence = [step]
        if not self.patient_name.isascii() or not self.patient_id.isascii():
            query.SpecificCharacterSet = "ISO_IR 192"
        return query


def looks_like_id(asked: str) -> bool:
    """Whether it is rather a patient's ID than a name: names hold no digits."""
    return any(char.isdigit() for char in asked)


def dicom_dates(first: date, last: date) -> str:
    """DA, or a range of them (PS3.4 C.2.2.2.5)."""
    return f"{first:%Y%m%d}" if first == last else f"{first:%Y%m%d}-{last:%Y%m%d}"


def text(dataset: Dataset, keyword: str) -> str:
    """The element's value as text, several joined by a backslash; empty when absent. Control characters become a dot."""
    value = dataset.get(keyword)
    if value is None:
        return ""
    raw = "\\".join(str(part) for part in value) if isinstance(value, MultiValue | list) else str(value)
    return "".join(char if char.isprintable() else "·" for char in raw).strip()


def start(item: Dataset) -> str:
    """`2026-11-23 09:30` out of DA and TM; what is not written like that stays as it is."""
    step = step_item(item)
    day, moment = text(step, "ScheduledProcedureStepStartDate"), text(step, "ScheduledProcedureStepStartTime")
    if len(day) == 8 and day.isdigit():
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if len(moment) >= 4 and moment[:4].isdigit():
        moment = f"{moment[:2]}:{moment[2:4]}"
    return f"{day} {moment}".strip()


def step_id(item: Dataset) -> str:
    return text(step_item(item), "ScheduledProcedureStepID")


def described(item: Dataset) -> str:
    """What is to be done, in the step's words, else the procedure's."""
    return text(step_item(item), "ScheduledProcedureStepDescription") or text(item, "RequestedProcedureDescription")
