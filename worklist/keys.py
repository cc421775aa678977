"""The attributes of a worklist item that are supported as keys: one table, read by matching, answers, projection and docs.

What the standard says is data: `keys.csv` is PS3.4 Table K.6-1 with its code macros (Tables 8-2a, 8-3a, 8-4a), `module_keys.csv`
the further attributes of the same modules that modalities ask for (the table's rows "All other Attributes of the … Module").
What the RIS has of it, `_FILLED`, is here. What is in neither is unsupported: it never filters, is absent from answers, and
makes their status FF01.

| column | meaning |
|---|---|
| section | part of Table K.6-1, or module of PS3.3 |
| path | keywords from the root of the identifier on; `*` stands for every attribute that has no row of its own |
| tag, vr, vm | PS3.6 |
| matching | matching key type: R, O, OC, RC or - (a return key only) |
| kinds | kinds of matching that are supported, of those that the standard permits; none: not a key at all |
| returned | return key type: 1, 1C, 2, 2C or 3 |
| condition | of a type 1C or 2C |
| source | table or section of the standard |
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from ris import attributes

_TABLES: Final = tuple(Path(__file__).with_name(name) for name in ("keys.csv", "module_keys.csv"))
ANY: Final = "*"


class Kind(StrEnum):
    """Kinds of matching (PS3.4 C.2.2.2)."""

    UNIVERSAL = "universal"
    SINGLE = "single value"
    WILDCARD = "wildcard"
    RANGE = "range"
    UID_LIST = "list of UID"
    SEQUENCE = "sequence"
    FUZZY = "fuzzy"  # of person names, where it was negotiated


_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_RANGE_VRS = frozenset({"DA", "TM", "DT"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the two tables."""

    section: str
    path: str
    tag: str
    vr: str
    vm: str
    matching: str
    kinds: str
    returned: str
    condition: str
    source: str

    @property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def keyword(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def matched(self) -> tuple[Kind, ...]:
        """Universal matching first, which always is."""
        return tuple(Kind(kind) for kind in self.kinds.split("; ") if kind)

    @property
    def is_key(self) -> bool:
        """Neither a row for all others nor an element that says how to read the identifier."""
        return self.keyword != ANY and bool(self.kinds)


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the tables."""
    return tuple(_read())


def _read() -> Iterator[Row]:
    for table in _TABLES:
        with table.open(encoding="ascii", newline="") as file:
            yield from (Row(**line) for line in csv.DictReader(file))


@dataclass(frozen=True)
class Key:
    """One attribute.

    `returned` is the return key type: 1, 1C, 2, 2C or 3. `matching`: R (required by the table), O (optional, supported
    here) or - (a return key only). `source` says where the value comes from: a path through step, procedure, order,
    patient, visit or site; `=name` for a value that `worklist.item` computes; `record:keyword` for one of the record's
    `details`; nothing when only an imported item can have it. `column` is the column of WorklistEntry that holds it for
    matching. `single_only` is true where the table allows Single Value Matching only, so that `*` and `?` within a value
    stand for themselves.
    """

    keyword: str
    returned: str = "3"
    source: str = ""
    column: str = ""
    matching: str = "O"
    children: "tuple[Key, ...]" = ()
    cites: str = ""
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


_IN_STEP: Final[Mapping[str, tuple[str, str]]] = {
    "ScheduledStationAETitle": ("=station_ae_titles", "station_ae_titles"),
    "ScheduledProcedureStepStartDate": ("=start_date", "local_date"),
    "ScheduledProcedureStepStartTime": ("=start_time", "local_time"),
    "ScheduledProcedureStepEndDate": ("=end_date", ""),
    "ScheduledProcedureStepEndTime": ("=end_time", ""),
    "Modality": ("step.modality", "modality"),
    "ScheduledPerformingPhysicianName": ("step.performing_physician_name", "performing_physician_name"),
    "ScheduledProcedureStepDescription": ("step.description", ""),
    "ScheduledStationName": ("=station_names", ""),
    "ScheduledProcedureStepLocation": ("step.location", ""),
    "ScheduledProtocolCodeSequence": ("=protocol_codes", ""),
    "PreMedication": ("step.pre_medication", ""),
    "ScheduledProcedureStepID": ("step.scheduled_procedure_step_id", "scheduled_procedure_step_id"),
    "RequestedContrastAgent": ("step.requested_contrast_agent", ""),
    "ScheduledProcedureStepStatus": ("step.status", "status"),
    "CommentsOnTheScheduledProcedureStep": ("step.comments", ""),
}
_AT_ROOT: Final[Mapping[str, tuple[str, str]]] = {
    "RequestedProcedureID": ("procedure.requested_procedure_id", "requested_procedure_id"),
    "RequestedProcedureDescription": ("procedure.description", ""),
    "RequestedProcedureCodeSequence": ("=procedure_code", ""),
    "StudyInstanceUID": ("procedure.study_instance_uid", "study_instance_uid"),
    "RequestedProcedurePriority": ("order.priority", ""),
    "PatientTransportArrangements": ("order.patient_transport_arrangements", ""),
    "AccessionNumber": ("order.accession_number", "accession_number"),
    "IssuerOfAccessionNumberSequence": ("=issuer_of_accession_number", ""),
    "RequestingPhysician": ("order.requesting_physician", ""),
    "ReferringPhysicianName": ("order.referring_physician_name", ""),
    "RequestingService": ("order.requesting_service", ""),
    "ReasonForTheRequestedProcedure": ("order.reason", ""),
    "PlacerOrderNumberImagingServiceRequest": ("order.placer_order_number", ""),
    "FillerOrderNumberImagingServiceRequest": ("order.filler_order_number", ""),
    "OrderPlacerIdentifierSequence": ("=issuer_of_placer_order_number", ""),
    "OrderFillerIdentifierSequence": ("=issuer_of_filler_order_number", ""),
    "ImagingServiceRequestComments": ("order.comments", ""),
    "IssueDateOfImagingServiceRequest": ("=issue_date", ""),
    "IssueTimeOfImagingServiceRequest": ("=issue_time", ""),
    "AdmissionID": ("visit.admission_id", ""),
    "IssuerOfAdmissionIDSequence": ("=issuer_of_admission_id", ""),
    "CurrentPatientLocation": ("visit.current_patient_location", ""),
    "InstitutionName": ("site.name", ""),
    "PatientName": ("patient.name", "patient_name"),
    "PatientID": ("patient.patient_id", "patient_id"),
    "IssuerOfPatientID": ("patient.issuer_of_patient_id", ""),
    "PatientBirthDate": ("=birth_date", ""),
    "PatientSex": ("patient.sex", ""),
    "OtherPatientIDs": ("=other_patient_ids", ""),
    "PatientWeight": ("=weight", ""),
    "PatientSize": ("=size", ""),
    "ConfidentialityConstraintOnPatientDataDescription": ("patient.confidentiality", ""),
    "PatientState": ("patient.patient_state", ""),
    "PregnancyStatus": ("patient.pregnancy_status", ""),
    "MedicalAlerts": ("patient.medical_alerts", ""),
    "Allergies": ("patient.allergies", ""),
    "SpecialNeeds": ("patient.special_needs", ""),
}
"""Source and column of the attributes that have columns of their own."""

_SEQUENCE: Final = "ScheduledProcedureStepSequence"


def _filled() -> dict[str, tuple[str, str]]:
    """Source and column by path."""
    found = {f"{_SEQUENCE}.{keyword}": filled for keyword, filled in _IN_STEP.items()} | dict(_AT_ROOT)
    for record, table in attributes.RECORDS.items():
        level = f"{_SEQUENCE}." if record == "step" else ""
        found |= {f"{level}{one.keyword}": (f"{record}:{one.keyword}", "") for one in table if not one.column}
    return found


def _tree() -> tuple[Key, ...]:
    """The keys at root level, with those of their items."""
    below, filled = defaultdict[str, list[Row]](list), _filled()
    for row in rows():
        if row.is_key:
            below[row.parent].append(row)

    def key(row: Row) -> Key:
        source, column = filled.get(row.path, ("", ""))
        kinds = row.matched
        return Key(
            row.keyword,
            row.returned,
            source,
            column,
            "-" if kinds == (Kind.UNIVERSAL,) else "R" if row.matching == "R" else "O",
            tuple(map(key, below[row.path])),
            row.source,
            single_only=kinds == (Kind.UNIVERSAL, Kind.SINGLE),
        )

    return tuple(map(key, below[""]))


ROOT: dict[int, Key] = {key.tag: key for key in _tree()}
STEP_SEQUENCE = ROOT[Key(_SEQUENCE).tag]
STEP: dict[int, Key] = STEP_SEQUENCE.by_tag

CHARACTER_SET = 0x00080005
NOT_KEYS = frozenset({CHARACTER_SET, 0x00080052, 0x00080201})
"""SpecificCharacterSet and TimezoneOffsetFromUTC say how to read the identifier; QueryRetrieveLevel has no meaning here."""


def is_no_key(tag: int) -> bool:
    """Whether an element of an identifier is no key at all and is passed over in silence: group lengths and NOT_KEYS."""
    return tag in NOT_KEYS or tag & 0xFFFF == 0
