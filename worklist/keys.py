"""The attributes of a worklist item that are supported as keys: one table, read by matching, answers, projection and docs.

PS3.4 Table K.6-1 with its code macros (Tables 8-2a, 8-3a, 8-4a), and after it further attributes of the same modules
that modalities ask for (the table's rows "All other Attributes of the … Module", PS3.3 C.2, C.3, C.4).
What is not here is unsupported: it never filters, is absent from answers, and makes their status FF01.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

TABLE = "PS3.4 K.6-1"
MODULES = "PS3.3 C.2-C.4"


class Kind(StrEnum):
    """Kinds of matching (PS3.4 C.2.2.2)."""

    UNIVERSAL = "universal"
    SINGLE = "single value"
    WILDCARD = "wildcard"
    RANGE = "range"
    UID_LIST = "list of UID"
    SEQUENCE = "sequence"


_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_RANGE_VRS = frozenset({"DA", "TM", "DT"})


@dataclass(frozen=True)
class Key:
    """One attribute.

    `returned` is the return key type: 1, 1C, 2, 2C or 3. `matching`: R (required by the table), O (optional, supported
    here) or - (a return key only). `source` says where the value comes from: a path through step, procedure, order,
    patient, visit or site; `=name` for a value that `worklist.item` computes; nothing when only an imported item
    can have it. `column` is the column of WorklistEntry that holds it for matching. `single_only` is true where the table's
    remark allows Single Value Matching only, so that `*` and `?` within a value stand for themselves.
    """

    keyword: str
    returned: str = "3"
    source: str = ""
    column: str = ""
    matching: str = "O"
    children: "tuple[Key, ...]" = ()
    cites: str = TABLE
    single_only: bool = False

    @cached_property
    def tag(self) -> int:
        tag = tag_for_keyword(self.keyword)
        if tag is None:
            raise ValueError(f"{self.keyword} is no keyword of the data dictionary")
        return int(tag)

    @cached_property
    def vr(self) -> str:
        return dictionary_VR(self.tag)

    @cached_property
    def vm(self) -> str:
        return dictionary_VM(self.tag)

    @cached_property
    def has_wildcards(self) -> bool:
        """Whether the VR is one in which `*` and `?` can be wildcards (PS3.4 C.2.2.2.4)."""
        return self.vr in _WILDCARD_VRS

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of matching supported; universal matching always is."""
        if self.matching == "-":
            return (Kind.UNIVERSAL,)
        if self.vr == "SQ":
            return (Kind.UNIVERSAL, Kind.SEQUENCE)
        if self.vr == "UI":
            return (Kind.UNIVERSAL, Kind.SINGLE, Kind.UID_LIST)
        if self.single_only:
            return (Kind.UNIVERSAL, Kind.SINGLE)
        extra = (Kind.WILDCARD,) if self.has_wildcards else (Kind.RANGE,) if self.vr in _RANGE_VRS else ()
        return (Kind.UNIVERSAL, Kind.SINGLE, *extra)

    @cached_property
    def by_tag(self) -> "dict[int, Key]":
        return {child.tag: child for child in self.children}


def _more(*keywords: str, children: tuple[Key, ...] = ()) -> tuple[Key, ...]:
    """Attributes of type 3 that only an imported item can have."""
    return tuple(Key(keyword, children=children, cites=MODULES) for keyword in keywords)


def _code(meaning: str, version: str = "3", matching: str = "O") -> tuple[Key, ...]:
    """A code macro (PS3.4 Tables 8-2a, 8-3a, 8-4a), which differ in the types of Code Meaning and Coding Scheme Version."""
    rows = {
        "CodeValue": "1C",
        "CodingSchemeDesignator": "1C",
        "CodingSchemeVersion": version,
        "CodeMeaning": meaning,
        "LongCodeValue": "1C",
        "URNCodeValue": "1C",
        "MappingResource": "3",
        "MappingResourceUID": "3",
        "ContextGroupVersion": "3",
        "ContextGroupExtensionFlag": "3",
        "ContextGroupLocalVersion": "3",
        "ContextGroupExtensionCreatorUID": "3",
        "EquivalentCodeSequence": "3",
    }
    return tuple(Key(keyword, returned, matching=matching) for keyword, returned in rows.items())


CODE = _code(meaning="3")
BASIC_CODE = _code(meaning="1")
UNMATCHED_CODE = _code(meaning="1", version="1C", matching="-")
LANGUAGE_CODE = _code(meaning="1", version="1C")
REFERENCE = (Key("ReferencedSOPClassUID", "1"), Key("ReferencedSOPInstanceUID", "1"))
UNMATCHED_REFERENCE = (Key("ReferencedSOPClassUID", "1", matching="-"), Key("ReferencedSOPInstanceUID", "1", matching="-"))
ISSUER = tuple(
    Key(keyword, "1C", cites="PS3.3 Table 10-17") for keyword in ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")
)
PERSON = (
    Key("PersonIdentificationCodeSequence", "1", children=BASIC_CODE, cites="PS3.3 Table 10-1"),
    Key("PersonAddress", cites="PS3.3 Table 10-1"),
    Key("PersonTelephoneNumbers", cites="PS3.3 Table 10-1"),
    Key("InstitutionName", cites="PS3.3 Table 10-1"),
    Key("InstitutionAddress", cites="PS3.3 Table 10-1"),
    Key("InstitutionCodeSequence", children=BASIC_CODE, cites="PS3.3 Table 10-1"),
)

_PROTOCOL_CONTEXT = (
    Key("ValueType", "1", matching="-"),
    Key("ConceptNameCodeSequence", "1", matching="-", children=UNMATCHED_CODE),
    Key("DateTime", "1C", matching="-"),
    Key("PersonName", "1C", matching="-"),
    Key("TextValue", "1C", matching="-"),
    Key("ConceptCodeSequence", "1C", matching="-", children=UNMATCHED_CODE),
    Key("NumericValue", "1C", matching="-"),
    Key("MeasurementUnitsCodeSequence", "1C", matching="-", children=UNMATCHED_CODE),
)

_STEP = (
    Key("ScheduledStationAETitle", "1", "=station_ae_titles", "station_ae_titles", "R", single_only=True),
    Key("ScheduledProcedureStepStartDate", "1", "=start_date", "local_date", "R"),
    Key("ScheduledProcedureStepStartTime", "1", "=start_time", "local_time", "R"),
    Key("Modality", "1", "step.modality", "modality", "R", single_only=True),
    Key("ScheduledPerformingPhysicianName", "2", "step.performing_physician_name", "performing_physician_name", "R"),
    Key("ScheduledProcedureStepDescription", "1C", "step.description"),
    Key("ScheduledStationName", "2", "=station_names"),
    Key("ScheduledProcedureStepLocation", "2", "step.location"),
    Key("ReferencedDefinedProtocolSequence", children=REFERENCE),
    Key("ReferencedPerformedProtocolSequence", children=REFERENCE),
    Key(
        "ScheduledProtocolCodeSequence",
        "1C",
        "=protocol_codes",
        children=(*CODE, Key("ProtocolContextSequence", "3", matching="-", children=_PROTOCOL_CONTEXT)),
    ),
    Key("PreMedication", "2C", "step.pre_medication"),
    Key("ScheduledProcedureStepID", "1", "step.scheduled_procedure_step_id", "scheduled_procedure_step_id"),
    Key("RequestedContrastAgent", "2C", "step.requested_contrast_agent"),
    Key("ScheduledProcedureStepStatus", "3", "step.status", "status"),
    Key("ScheduledProcedureStepEndDate", "3", "=end_date", cites=MODULES),
    Key("ScheduledProcedureStepEndTime", "3", "=end_time", cites=MODULES),
    Key("ScheduledPerformingPhysicianIdentificationSequence", children=PERSON, cites=MODULES),
    Key("CommentsOnTheScheduledProcedureStep", "3", "step.comments", cites=MODULES),
    *_more("AnatomicalOrientationType"),
)

STEP_SEQUENCE = Key("ScheduledProcedureStepSequence", "1", matching="R", children=_STEP)

_SPECIMEN = (
    Key("ContainerIdentifier", "1"),
    Key("ContainerTypeCodeSequence", "2", matching="-", children=UNMATCHED_CODE),
    Key("SpecimenDescriptionSequence", "1", children=(Key("SpecimenIdentifier", "1"), Key("SpecimenUID", "1"))),
)

_ROOT = (
    STEP_SEQUENCE,
    Key("ScheduledSpecimenSequence", children=_SPECIMEN),
    Key("BarcodeValue"),
    # Requested Procedure
    Key("RequestedProcedureID", "1", "procedure.requested_procedure_id", "requested_procedure_id"),
    Key("RequestedProcedureDescription", "1C", "procedure.description"),
    Key("RequestedProcedureCodeSequence", "1C", "=procedure_code", children=CODE),
    Key("StudyInstanceUID", "1", "procedure.study_instance_uid", "study_instance_uid"),
    Key("StudyDate"),
    Key("StudyTime"),
    Key("ReferencedStudySequence", "2", children=REFERENCE),
    Key("RequestedProcedurePriority", "2", "order.priority"),
    Key("PatientTransportArrangements", "2", "order.patient_transport_arrangements"),
    # Imaging Service Request
    Key("AccessionNumber", "2", "order.accession_number", "accession_number"),
    Key("IssuerOfAccessionNumberSequence", "3", "=issuer_of_accession_number", children=ISSUER),
    Key("RequestingPhysician", "2", "order.requesting_physician"),
    Key("ReferringPhysicianName", "2", "order.referring_physician_name"),
    # Visit
    Key("AdmissionID", "2", "visit.admission_id"),
    Key("IssuerOfAdmissionIDSequence", "3", "=issuer_of_admission_id", children=ISSUER),
    Key("CurrentPatientLocation", "2", "visit.current_patient_location"),
    Key("ReferencedPatientSequence", "2", children=REFERENCE),
    # Patient
    Key("PatientName", "1", "patient.name", "patient_name", "R"),
    Key("PatientID", "1", "patient.patient_id", "patient_id", "R", single_only=True),
    Key("IssuerOfPatientID", "3", "patient.issuer_of_patient_id"),
    Key("IssuerOfPatientIDQualifiersSequence", children=_more("UniversalEntityID", "UniversalEntityIDType", "IdentifierTypeCode")),
    Key("OtherPatientIDsSequence", children=_more("PatientID", "IssuerOfPatientID", "TypeOfPatientID")),
    Key("PatientBirthDate", "2", "=birth_date"),
    Key("PatientSex", "2", "patient.sex"),
    Key(
        "PatientPrimaryLanguageCodeSequence",
        children=(*LANGUAGE_CODE, Key("PatientPrimaryLanguageModifierCodeSequence", children=LANGUAGE_CODE)),
    ),
    Key("PatientWeight", "2", "=weight"),
    Key("PatientSize", "3", "=size"),
    Key("ConfidentialityConstraintOnPatientDataDescription", "2", "patient.confidentiality"),
    Key("PatientState", "2", "patient.patient_state"),
    Key("PregnancyStatus", "2", "patient.pregnancy_status"),
    Key("MedicalAlerts", "2", "patient.medical_alerts"),
    Key("Allergies", "2", "patient.allergies"),
    Key("SpecialNeeds", "2", "patient.special_needs"),
    Key(
        "PertinentDocumentsSequence",
        matching="-",
        children=(
            *UNMATCHED_REFERENCE,
            Key("PurposeOfReferenceCodeSequence", "2", matching="-", children=UNMATCHED_CODE),
            Key("DocumentTitle", "2", matching="-"),
        ),
    ),
    # Further attributes of these modules
    Key("InstitutionName", "3", "site.name", cites=MODULES),
    Key("RequestingService", "3", "order.requesting_service", cites=MODULES),
    Key("ReasonForTheRequestedProcedure", "3", "order.reason", cites=MODULES),
    Key("PlacerOrderNumberImagingServiceRequest", "3", "order.placer_order_number", cites=MODULES),
    Key("FillerOrderNumberImagingServiceRequest", "3", "order.filler_order_number", cites=MODULES),
    Key("OrderPlacerIdentifierSequence", "3", "=issuer_of_placer_order_number", children=ISSUER, cites=MODULES),
    Key("OrderFillerIdentifierSequence", "3", "=issuer_of_filler_order_number", children=ISSUER, cites=MODULES),
    Key("ImagingServiceRequestComments", "3", "order.comments", cites=MODULES),
    Key("IssueDateOfImagingServiceRequest", "3", "=issue_date", cites=MODULES),
    Key("IssueTimeOfImagingServiceRequest", "3", "=issue_time", cites=MODULES),
    *_more(
        "OtherPatientIDs",
        "OtherPatientNames",
        "TypeOfPatientID",
        "PatientAge",
        "PatientBirthTime",
        "PatientBirthName",
        "PatientMotherBirthName",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "CountryOfResidence",
        "RegionOfResidence",
        "EthnicGroup",
        "Occupation",
        "MilitaryRank",
        "BranchOfService",
        "PatientReligiousPreference",
        "PatientComments",
        "AdditionalPatientHistory",
        "SmokingStatus",
        "LastMenstrualDate",
        "PatientSexNeutered",
        "PatientSpeciesDescription",
        "PatientBreedDescription",
        "ResponsiblePerson",
        "ResponsiblePersonRole",
        "ResponsibleOrganization",
        "InstitutionAddress",
        "InstitutionalDepartmentName",
        "ReferringPhysicianAddress",
        "ReferringPhysicianTelephoneNumbers",
        "IssuerOfAdmissionID",
        "AdmittingDiagnosesDescription",
        "AdmittingDate",
        "AdmittingTime",
        "RouteOfAdmissions",
        "VisitComments",
        "VisitStatusID",
        "ServiceEpisodeID",
        "ServiceEpisodeDescription",
        "PatientInstitutionResidence",
        "ReasonForVisit",
        "RequestedProcedureLocation",
        "RequestedProcedureComments",
        "ConfidentialityCode",
        "ReportingPriority",
        "NamesOfIntendedRecipientsOfResults",
        "ReasonForTheImagingServiceRequest",
        "OrderEnteredBy",
        "OrderEntererLocation",
        "OrderCallbackPhoneNumber",
        "PlacerOrderNumberProcedure",
        "FillerOrderNumberProcedure",
        "PlacerOrderNumberImagingServiceRequestRetired",
        "FillerOrderNumberImagingServiceRequestRetired",
        "StudyDescription",
        "StudyID",
    ),
    *_more(
        "PatientInsurancePlanCodeSequence",
        "InstitutionCodeSequence",
        "AdmittingDiagnosesCodeSequence",
        "RequestingServiceCodeSequence",
        "ReasonForRequestedProcedureCodeSequence",
        "ReasonForVisitCodeSequence",
        children=BASIC_CODE,
    ),
    *_more(
        "ReferringPhysicianIdentificationSequence",
        "RequestingPhysicianIdentificationSequence",
        "IntendedRecipientsOfResultsIdentificationSequence",
        children=PERSON,
    ),
    *_more("IssuerOfServiceEpisodeIDSequence", children=ISSUER),
    *_more("ReferencedPatientAliasSequence", children=REFERENCE),
)

ROOT: dict[int, Key] = {key.tag: key for key in _ROOT}
STEP: dict[int, Key] = STEP_SEQUENCE.by_tag

CHARACTER_SET = 0x00080005
NOT_KEYS = frozenset({CHARACTER_SET, 0x00080052, 0x00080201})
"""SpecificCharacterSet and TimezoneOffsetFromUTC say how to read the identifier; QueryRetrieveLevel has no meaning here."""


def is_no_key(tag: int) -> bool:
    """Whether an element of an identifier is no key at all and is passed over in silence: group lengths and NOT_KEYS."""
    return tag in NOT_KEYS or tag & 0xFFFF == 0
