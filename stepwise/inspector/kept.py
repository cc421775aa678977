"""What of codes and code strings may stay in a data set without identities: that which says what was done, and nothing of whom."""

import re
from typing import Final

CODE_SEQUENCES: Final = frozenset(
    {
        "AnatomicRegionModifierSequence",
        "AnatomicRegionSequence",
        "BillingItemSequence",
        "BillingProcedureStepSequence",
        "ConceptNameCodeSequence",
        "MeasurementUnitsCodeSequence",
        "MeasuringUnitsSequence",
        "PerformedProcedureStepDiscontinuationReasonCodeSequence",
        "PerformedProtocolCodeSequence",
        "PrimaryAnatomicStructureSequence",
        "ProcedureCodeSequence",
        "RadiopharmaceuticalCodeSequence",
        "RequestedProcedureCodeSequence",
        "ScheduledProtocolCodeSequence",
        "ViewCodeSequence",
        "ViewModifierCodeSequence",
    }
)
"""Sequences whose codes stay: procedures, protocols, anatomy, units, what is billed, why a step ended. Diagnoses, languages, people and
institutions are codes, too, and go."""
_FORMS: Final = {
    "ContextIdentifier": re.compile(r"[0-9]{1,8}"),
    "MappingResource": re.compile(r"DCMR|SDM"),
    "TimezoneOffsetFromUTC": re.compile(r"[+-][0-9]{4}"),
}
"""Text that is of one form only, by keyword."""
_TERMS: Final = """
    AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT IVUS KER KO LEN LS M3D
    MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD
    RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC
    SCHEDULED ARRIVED READY STARTED DEPARTED CANCELED COMPLETED DISCONTINUED VERIFIED READ
    HIGH ROUTINE MEDIUM LOW STAT Y N YES NO R L U B ORIGINAL DERIVED PRIMARY SECONDARY CONTINUOUS PULSED
    CODE TEXT NUMERIC NUM PNAME DATE TIME DATETIME UIDREF CONTAINER
"""
TERMS: Final = frozenset({*_TERMS.split(), "IN PROGRESS"})
"""Defined terms of the code strings (CS) of worklist and MPPS: modalities (PS3.3 C.7.3.1.1.1), states, priorities, sides, value types.
A term is known however it is spelled (`in_progress`): that is what a report may be about."""
FREE_TEXT: Final = frozenset(
    {
        "AdditionalPatientHistory",
        "AdmittingDiagnosesDescription",
        "Allergies",
        "CommentsOnRadiationDose",
        "CommentsOnThePerformedProcedureStep",
        "CommentsOnTheScheduledProcedureStep",
        "ImagingServiceRequestComments",
        "MedicalAlerts",
        "PatientComments",
        "PatientState",
        "PerformedProcedureStepDescription",
        "PerformedProcedureTypeDescription",
        "PreMedication",
        "ProtocolName",
        "ReasonForStudy",
        "ReasonForTheImagingServiceRequest",
        "ReasonForTheRequestedProcedure",
        "RequestedContrastAgent",
        "RequestedProcedureComments",
        "RequestedProcedureDescription",
        "ScheduledProcedureStepDescription",
        "SeriesDescription",
        "SpecialNeeds",
        "StudyDescription",
    }
)
"""Descriptions and comments: all the text that may be kept (Clean Descriptors Option, PS3.15 E.3.5)."""
ALWAYS_GONE: Final = {
    "PatientAddress": "E.1, Table E.1-1",
    "PatientTelephoneNumbers": "E.1, Table E.1-1",
    "MedicalRecordLocator": "E.1, Table E.1-1",
    "IssuerOfPatientID": "E.1, Table E.1-1",
    "CurrentPatientLocation": "E.1, Table E.1-1",
    "InstitutionName": "E.3.11, not retained",
    "InstitutionAddress": "E.3.11, not retained",
    "InstitutionalDepartmentName": "E.3.11, not retained",
    "DeviceSerialNumber": "E.3.8, not retained",
    "StationName": "E.3.8, not retained",
    "ScheduledStationName": "E.3.8, not retained",
    "PerformedStationName": "E.3.8, not retained",
    "PerformedLocation": "E.3.8, not retained",
    "ScheduledProcedureStepLocation": "E.3.8, not retained",
}
"""Text that no choice keeps, with the paragraph of PS3.15 that has it go; so goes all text that is in none of these tables."""


def is_of_people(sequence: str) -> bool:
    """Whether a sequence of codes goes as a whole: it is none of those above."""
    return sequence.endswith("CodeSequence") and sequence not in CODE_SEQUENCES


def has_its_form(keyword: str, value: str) -> bool:
    return keyword not in _FORMS or _FORMS[keyword].fullmatch(value.strip()) is not None


def is_term(value: str) -> bool:
    """Whether a code string is a defined term, or nothing but wildcards."""
    bare = value.strip(" \0*?").upper().replace("_", " ").replace("-", " ")
    return not bare or bare in TERMS
