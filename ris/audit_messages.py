"""Records as audit messages of DICOM PS3.15 A.5, in JSON: names of elements and attributes as in the schema (A.5.1), codes as objects.

A record about patients is a message for each of them, as A.5.3.13 to A.5.3.15 ask. A transport (syslog over TLS, A.6 and A.7) would take
these messages and write them as XML; there is none here.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.urls import reverse

from ris import audit
from ris.audit import EVENTS
from ris.models import AuditedPatient, AuditRecord

_ONE_PATIENT: Final = frozenset({audit.PATIENT, audit.ORDER, audit.PROCEDURE, audit.KEY})
_IP_ADDRESS: Final = "2"
"""NetworkAccessPointTypeCode (A.5.2): 2 is an IP address."""


def messages(record: AuditRecord) -> Iterator[dict[str, Any]]:
    """One message, or one for each patient."""
    people = list(record.patients.all())
    if record.event in _ONE_PATIENT and people:
        for number in dict.fromkeys((one.patient_key, one.patient_id) for one in people):
            yield _message(record, [one for one in people if (one.patient_key, one.patient_id) == number])
    else:
        yield _message(record, people)


def _message(record: AuditRecord, people: list[AuditedPatient]) -> dict[str, Any]:
    return {
        "EventIdentification": _event(record),
        "ActiveParticipant": [_participant(record)],
        "AuditSourceIdentification": {"AuditEnterpriseSiteID": str(record.site or ""), "AuditSourceID": settings.AE_TITLE},
        "ParticipantObjectIdentification": [*_patients(people), *_query(record), *_trail(record)],
    }


def _event(record: AuditRecord) -> dict[str, Any]:
    event = EVENTS[record.event]
    said = {
        "EventActionCode": record.action,
        "EventDateTime": record.at.isoformat(timespec="milliseconds"),
        "EventOutcomeIndicator": str(record.outcome),
        "EventID": _code(event.code, event.meaning),
    }
    if event.kind:
        said["EventTypeCode"] = _code(*event.kind)
    if record.detail.get("reason"):
        said["EventOutcomeDescription"] = record.detail["reason"]
    return said


def _code(value: str, meaning: str, system: str = "DCM") -> dict[str, str]:
    return {"csd-code": value, "codeSystemName": system, "originalText": meaning}


def _participant(record: AuditRecord) -> dict[str, Any]:
    """Who did it, from which network access point; the page or call as the process that was used."""
    who: dict[str, Any] = {"UserID": record.actor, "AlternativeUserID": record.place, "UserIsRequestor": record.actor_kind != "system"}
    if record.address:
        who |= {"NetworkAccessPointID": record.address, "NetworkAccessPointTypeCode": _IP_ADDRESS}
    return who


def _patients(people: list[AuditedPatient]) -> Iterator[dict[str, Any]]:
    """Type 1 (person), role 1 (patient), by patient number; the accession numbers of what was shown of them (A.5.2)."""
    numbers: dict[str, list[str]] = {}
    for one in people:
        numbers.setdefault(one.patient_id, []).extend([one.accession_number] if one.accession_number else [])
    for patient_id, accessions in numbers.items():
        yield {
            "ParticipantObjectTypeCode": "1",
            "ParticipantObjectTypeCodeRole": "1",
            "ParticipantObjectIDTypeCode": _code("2", "Patient Number", "RFC-3881"),
            "ParticipantObjectID": patient_id,
            "ParticipantObjectDescription": {"Accession": list(dict.fromkeys(accessions))},
        }


def _trail(record: AuditRecord) -> Iterator[dict[str, Any]]:
    """The audit log that was used (A.5.3.2): type 2 (system object), role 13 (security resource), by URI."""
    if record.event == audit.AUDIT:
        yield {
            "ParticipantObjectTypeCode": "2",
            "ParticipantObjectTypeCodeRole": "13",
            "ParticipantObjectIDTypeCode": _code("12", "URI", "RFC-3881"),
            "ParticipantObjectID": reverse("audit"),
            "ParticipantObjectName": "Security Audit Log",
        }


def _query(record: AuditRecord) -> Iterator[dict[str, Any]]:
    """What a list was narrowed by: type 2 (system object), role 24 (query)."""
    asked = record.detail.get("asked")
    if asked or record.event in (audit.LIST, audit.ASKED):
        yield {
            "ParticipantObjectTypeCode": "2",
            "ParticipantObjectTypeCodeRole": "24",
            "ParticipantObjectIDTypeCode": _code("10", "Search Criteria", "RFC-3881"),
            "ParticipantObjectID": record.place,
            "ParticipantObjectQuery": asked or {},
            "ParticipantObjectDetail": {"times": record.detail["times"]} if "times" in record.detail else {"total": record.total},
        }
