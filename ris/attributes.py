"""What staff set of an order beyond identifiers and bookings: one table, read by actions, forms, the REST interface and the worklist.

A record may have attributes of several modules; each stands at the record that holds it.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

from ris.attribute import Attribute
from ris.languages import LANGUAGES
from ris.models import Order, Visit
from ris.validation import Checker

TRANSPORT: Final = ("Walks", "Wheelchair", "Bed", "Portable exam at the bedside")

PATIENT: Final = (
    Attribute("OtherPatientIDsSequence", "Other patient IDs", hint="ID / issuer; separate several by semicolons"),
    Attribute("PatientBirthTime", "Time of birth", hint="For example 04:35", rare=True),
    Attribute("PatientBirthName", "Birth name", rare=True),
    Attribute("OtherPatientNames", "Other names", hint="Separate several by semicolons", rare=True),
    Attribute("PatientMotherBirthName", "Birth name of the mother", rare=True),
    Attribute("PatientAddress", "Address"),
    Attribute("PatientTelephoneNumbers", "Telephone", hint="Separate several by semicolons"),
    Attribute("PatientPrimaryLanguageCodeSequence", "Language", choices=tuple(LANGUAGES.items())),
    Attribute("ResponsiblePerson", "Responsible person", hint="Of a child or an animal"),
    Attribute(
        "ResponsiblePersonRole",
        "Role of that person",
        choices=(
            *(("PARENT", "Parent"), ("GUARDIAN", "Guardian"), ("CUSTODIAN", "Custodian"), ("SPOUSE", "Spouse"), ("CHILD", "Child")),
            *(("SIBLING", "Sibling"), ("RELATIVE", "Relative"), ("AGENT", "Agent"), ("OWNER", "Owner")),
        ),
    ),
    Attribute("SmokingStatus", "Smoker", choices=(("YES", "Yes"), ("NO", "No"), ("UNKNOWN", "Asked, not known"))),
    Attribute("LastMenstrualDate", "Last menstrual period"),
    Attribute("AdditionalPatientHistory", "Additional history"),
    Attribute("PatientComments", "Comments"),
    Attribute("EthnicGroup", "Ethnic group", rare=True),
    Attribute("Occupation", "Occupation", rare=True),
    Attribute("CountryOfResidence", "Country of residence", rare=True),
    Attribute("RegionOfResidence", "Region of residence", rare=True),
    Attribute("PatientReligiousPreference", "Religious preference", rare=True),
    Attribute("MilitaryRank", "Military rank", rare=True),
    Attribute("BranchOfService", "Branch of service", rare=True),
    Attribute("ResponsibleOrganization", "Responsible organization", rare=True),
    Attribute("PatientSpeciesDescription", "Species", hint="Of an animal", rare=True),
    Attribute("PatientBreedDescription", "Breed", rare=True),
    Attribute("PatientSexNeutered", "Neutered", choices=(("ALTERED", "Yes"), ("UNALTERED", "No")), rare=True),
)
"""Beyond the columns of a patient, which `ris.actions.patients` keeps."""

VISIT: Final = (
    Attribute("AdmissionID", "Admission ID", "admission_id"),
    Attribute("PatientClass", "Patient class", "patient_class", choices=tuple(Visit.PatientClass.choices), held_as="CS", needed=True),
    Attribute("CurrentPatientLocation", "Location of the patient", "current_patient_location", hint="Ward and room"),
    Attribute("AdmittingDiagnosesDescription", "Admitting diagnosis", hint="Separate several by semicolons"),
    Attribute("RouteOfAdmissions", "Route of admission", rare=True),
    Attribute("AdmittingDate", "Admitted on", rare=True),
    Attribute("AdmittingTime", "Admitted at", rare=True),
    Attribute("VisitComments", "Comments on the visit"),
    Attribute(
        "VisitStatusID",
        "Status of the visit",
        choices=(("CREATED", "Created"), ("SCHEDULED", "Scheduled"), ("ADMITTED", "Admitted"), ("DISCHARGED", "Discharged")),
        rare=True,
    ),
    Attribute("InstitutionalDepartmentName", "Department", rare=True),
    Attribute("PatientInstitutionResidence", "Residence in an institution", rare=True),
    Attribute("ServiceEpisodeID", "Service episode ID", rare=True),
    Attribute("ServiceEpisodeDescription", "Service episode", rare=True),
    Attribute("IssuerOfAdmissionIDSequence", "Issuer of the admission ID", "issuer_of_admission_id", held_as="LO", rare=True),
    Attribute("PatientAccountNumber", "Account number", "account_number", hint="For billing only", held_as="LO", rare=True),
)

ORDER: Final = (
    Attribute("RequestedProcedurePriority", "Priority", "priority", choices=tuple(Order.Priority.choices), needed=True),
    Attribute("ReferringPhysicianName", "Ordered by", "referring_physician_name"),
    Attribute("RequestingPhysician", "Requested by", "requesting_physician", hint="If that is somebody else"),
    Attribute("RequestingService", "From", "requesting_service", hint="Ward or service"),
    Attribute(
        "PatientTransportArrangements",
        "Transport",
        "patient_transport_arrangements",
        suggested=TRANSPORT,
    ),
    Attribute("ReasonForTheRequestedProcedure", "Reason for the exam", "reason", hint="As the radiologist should read it"),
    Attribute("ImagingServiceRequestComments", "Comments on the order", "comments"),
    Attribute("PlacerOrderNumberImagingServiceRequest", "Placer order number", "placer_order_number", rare=True),
    Attribute("OrderPlacerIdentifierSequence", "Issuer of the placer number", "issuer_of_placer_order_number", held_as="LO", rare=True),
    Attribute("FillerOrderNumberImagingServiceRequest", "Filler order number", "filler_order_number", rare=True),
    Attribute("OrderFillerIdentifierSequence", "Issuer of the filler number", "issuer_of_filler_order_number", held_as="LO", rare=True),
    Attribute("OrderEnteredBy", "Entered by", rare=True),
    Attribute("OrderEntererLocation", "Entered at", rare=True),
    Attribute("OrderCallbackPhoneNumber", "Callback number", rare=True),
    Attribute("ReferringPhysicianTelephoneNumbers", "Telephone of who ordered", hint="Separate several by semicolons", rare=True),
    Attribute("ReferringPhysicianAddress", "Address of who ordered", rare=True),
)

PROCEDURE: Final = (
    Attribute("RequestedProcedureDescription", "Procedure in words", "description"),
    Attribute(
        "ReportingPriority", "Report wanted", choices=(("HIGH", "At once"), ("ROUTINE", "Routine"), ("MEDIUM", "Soon"), ("LOW", "Later"))
    ),
    Attribute("RequestedProcedureLocation", "Location of the exam", rare=True),
    Attribute("NamesOfIntendedRecipientsOfResults", "Results go to", hint="Separate several by semicolons"),
    Attribute("ConfidentialityCode", "Confidentiality of the exam", rare=True),
    Attribute("RequestedProcedureComments", "Comments on the procedure"),
)

STEP: Final = (
    Attribute("ScheduledProcedureStepDescription", "Exam in words", "description"),
    Attribute("ScheduledPerformingPhysicianName", "Performing physician", "performing_physician_name"),
    Attribute("ScheduledProcedureStepLocation", "Location", "location"),
    Attribute("PreMedication", "Pre-medication", "pre_medication"),
    Attribute("RequestedContrastAgent", "Contrast agent", "requested_contrast_agent"),
    Attribute("CommentsOnTheScheduledProcedureStep", "Comments for the technologist", "comments"),
    Attribute(
        "AnatomicalOrientationType",
        "Orientation",
        hint="Of an animal",
        choices=(("BIPED", "Biped"), ("QUADRUPED", "Quadruped")),
        rare=True,
    ),
)

RECORDS: Final[Mapping[str, tuple[Attribute, ...]]] = {
    "patient": PATIENT,
    "visit": VISIT,
    "order": ORDER,
    "procedure": PROCEDURE,
    "step": STEP,
}


def check(table: Sequence[Attribute], typed: Mapping[str, Any], checked: Checker) -> dict[str, Any]:
    """The values as they are kept, by keyword, in the order of the table; what is wrong, or not in the table, is refused by its keyword."""
    known = {attribute.keyword: attribute for attribute in table}
    for keyword in typed:
        if keyword not in known:
            checked.refuse(keyword, f"cannot be set here; known are {', '.join(known)}")
    values = {keyword: checked(keyword, attribute.check, typed[keyword]) for keyword, attribute in known.items() if keyword in typed}
    return {keyword: value for keyword, value in values.items() if keyword not in checked.errors}


def columns(table: Sequence[Attribute], values: Mapping[str, Any], details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Checked values as columns of the record, with `details` those that it had before."""
    found: dict[str, Any] = {}
    kept = dict(details or {})
    for attribute in table:
        if attribute.keyword not in values:
            continue
        if attribute.column:
            found[attribute.column] = values[attribute.keyword]
        else:
            kept[attribute.keyword] = values[attribute.keyword]
    order = [attribute.keyword for attribute in table]
    return found | {"details": {keyword: kept[keyword] for keyword in order if kept.get(keyword)}}


def put(record: Any, table: Sequence[Attribute], values: Mapping[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Set the checked values that differ; the record is not saved. What changed, for a history, and the columns to save."""
    known = {attribute.keyword: attribute for attribute in table}
    changed = {keyword: known[keyword] for keyword, value in values.items() if known[keyword].of(record) != value}
    detail = {keyword: [in_words(one.of(record)), in_words(values[keyword])] for keyword, one in changed.items()}
    found = columns(table, {keyword: values[keyword] for keyword in changed}, record.details)
    names = [name for name, value in found.items() if getattr(record, name) != value]
    for name in names:
        setattr(record, name, found[name])
    return detail, names


def in_words(value: Any) -> str:
    """A kept value as one text."""
    if not isinstance(value, list):
        return str(value)
    return "; ".join(" / ".join(filter(None, one.values())) if isinstance(one, dict) else one for one in value)


def tags(table: Sequence[Attribute], keywords: Container[str] | None = None) -> frozenset[str]:
    """Elements of a received item that these attributes, or all of the table, stand for."""
    return frozenset[str]().union(*(one.tags for one in table if keywords is None or one.keyword in keywords))
