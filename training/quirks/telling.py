"""Quirks of MPPS messages: each changes an N-CREATE, or an N-SET for what had been created, as `training.exams` makes them.

A message may be sent twice, so the same message always becomes the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataset import Dataset

from dimse.uids import UUID_ROOT
from training.performed import DISCONTINUED, IN_PROGRESS
from training.quirks.quirk import Quirk, put_raw

_STATUS = "PerformedProcedureStepStatus"
_REASON = "PerformedProcedureStepDiscontinuationReasonCodeSequence"
_RELATION = "ScheduledStepAttributesSequence"


@dataclass(frozen=True)
class Message:
    """`dataset` is what is sent; `created` is what the N-CREATE said, None for the N-CREATE itself."""

    dataset: Dataset
    created: Dataset | None = None

    @property
    def status(self) -> str:
        return str(self.dataset.get(_STATUS, ""))

    @property
    def is_create(self) -> bool:
        return self.created is None

    @property
    def is_final(self) -> bool:
        return not self.is_create and self.status != IN_PROGRESS

    @property
    def relations(self) -> list[Dataset]:
        """Items of the Scheduled Step Attributes Sequence; none in an N-SET."""
        return list(self.dataset.get(_RELATION) or [])


Telling = Callable[[Message], None]


def _no_relation(message: Message) -> None:
    if message.is_create:
        del message.dataset[_RELATION]


def _no_relation_item(message: Message) -> None:
    if message.is_create:
        message.dataset.ScheduledStepAttributesSequence = []


def _empty_relation(message: Message) -> None:
    for relation in message.relations:
        for element in relation:
            if element.keyword != "StudyInstanceUID":
                element.value = [] if element.VR == "SQ" else None


def _doubled_relation(message: Message) -> None:
    if message.is_create:
        message.dataset.ScheduledStepAttributesSequence = [item for one in message.relations for item in (one, one)]


def _own_study_uid(message: Message) -> None:
    for relation in message.relations:
        relation.StudyInstanceUID = f"{UUID_ROOT}.{uuid5(NAMESPACE_OID, str(relation.StudyInstanceUID)).int}"


def _name_in_capitals(message: Message) -> None:
    if message.is_create:
        message.dataset.PatientName = str(message.dataset.PatientName).upper()


def _cut_patient_id(message: Message) -> None:
    if message.is_create:
        message.dataset.PatientID = str(message.dataset.PatientID)[:6]


def _status_only(message: Message) -> None:
    if not message.is_create:
        for element in list(message.dataset):
            if element.keyword != _STATUS:
                del message.dataset[element.tag]


def _status_only_reports(message: Message) -> None:
    if not message.is_final:
        _status_only(message)


def _repeated_identifiers(message: Message) -> None:
    for keyword in (_RELATION, "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PerformedStationAETitle", "Modality"):
        if message.created is not None and keyword in message.created:
            message.dataset[keyword] = message.created[keyword]


def _moved_start(message: Message) -> None:
    if message.created is not None:
        message.dataset.PerformedProcedureStepStartDate = message.created.PerformedProcedureStepStartDate
        message.dataset.PerformedProcedureStepStartTime = "000000"


def _no_reason(message: Message) -> None:
    if message.status == DISCONTINUED:
        message.dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = []


def _reason_in_words(message: Message) -> None:
    for reason in message.dataset.get(_REASON) or []:
        del reason.CodeValue
        del reason.CodingSchemeDesignator


def _no_series(message: Message) -> None:
    if message.is_final:
        message.dataset.PerformedSeriesSequence = []


def _no_protocol_name(message: Message) -> None:
    for series in message.dataset.get("PerformedSeriesSequence") or []:
        del series.ProtocolName


def _no_performed_step_id(message: Message) -> None:
    if message.is_create:
        message.dataset.PerformedProcedureStepID = ""


def _lower_case_status(message: Message) -> None:
    put_raw(message.dataset, _STATUS, _padded(message.status.lower()))


def _underscore_in_status(message: Message) -> None:
    put_raw(message.dataset, _STATUS, _padded(message.status.replace(" ", "_")))


def _undeclared_characters(message: Message) -> None:
    """UTF-8 under a declaration of Latin-1, where there is anything beyond ASCII."""
    for keyword in ("PatientName", "PerformedProcedureStepDescription"):
        value = str(message.dataset.get(keyword) or "")
        if not value.isascii():
            put_raw(message.dataset, keyword, _padded(value))
            message.dataset.SpecificCharacterSet = "ISO_IR 100"


def _letters_in_uid(message: Message) -> None:
    for relation in message.relations:
        put_raw(relation, "StudyInstanceUID", _padded(f"{str(relation.StudyInstanceUID)[:50]}.STUDY", b"\0"))


def _leading_zero(message: Message) -> None:
    for relation in message.relations:
        put_raw(relation, "StudyInstanceUID", _padded(f"{str(relation.StudyInstanceUID)[:56]}.007", b"\0"))


def _nul_behind_uids(message: Message) -> None:
    for relation in message.relations:
        put_raw(relation, "StudyInstanceUID", _padded(str(relation.StudyInstanceUID), b"\0") + b"\0\0")


def _padded(text: str, by: bytes = b" ") -> bytes:
    raw = text.encode()
    return raw + by * (len(raw) % 2)


TELLING: Mapping[str, Quirk[Telling]] = MappingProxyType(
    {
        "no_relation": Quirk(14, "leaves the Scheduled Step Attributes Sequence out", _no_relation),
        "no_relation_item": Quirk(14, "sends the Scheduled Step Attributes Sequence without items", _no_relation_item),
        "empty_relation": Quirk(14, "leaves everything in its Scheduled Step Attributes empty but the Study Instance UID", _empty_relation),
        "doubled_relation": Quirk(15, "names each request twice, under one accession number", _doubled_relation),
        "own_study_uid": Quirk(16, "makes Study Instance UIDs of its own", _own_study_uid),
        "name_in_capitals": Quirk(16, "writes the patient's name in capitals", _name_in_capitals),
        "cut_patient_id": Quirk(16, "cuts patient IDs to six characters", _cut_patient_id),
        "status_only": Quirk(19, "sends nothing but the status in every N-SET", _status_only),
        "status_only_reports": Quirk(19, "sends nothing but the status while the exam goes on", _status_only_reports),
        "repeated_identifiers": Quirk(19, "repeats in N-SETs what may not change", _repeated_identifiers),
        "moved_start": Quirk(19, "changes the start in N-SETs, which may not change", _moved_start),
        "no_reason": Quirk(21, "discontinues with an empty reason sequence", _no_reason),
        "reason_in_words": Quirk(21, "discontinues with a reason in words, without a code", _reason_in_words),
        "no_series": Quirk(21, "ends exams without any series", _no_series),
        "no_protocol_name": Quirk(21, "leaves the protocol's name out of its series", _no_protocol_name),
        "no_performed_step_id": Quirk(21, "sends an empty PerformedProcedureStepID", _no_performed_step_id),
        "lower_case_status": Quirk(21, "writes the status in lower case", _lower_case_status),
        "underscore_in_status": Quirk(21, "writes IN_PROGRESS", _underscore_in_status),
        "undeclared_characters": Quirk(22, "declares ISO_IR 100 and sends UTF-8", _undeclared_characters),
        "letters_in_uid": Quirk(22, "has letters in its Study Instance UIDs", _letters_in_uid),
        "leading_zero": Quirk(22, "has leading zeros in its Study Instance UIDs", _leading_zero),
        "nul_behind_uids": Quirk(22, "pads its Study Instance UIDs with NULs without need", _nul_behind_uids),
    }
)
"""By name."""
