"""Visits: admissions and outpatient contacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ris import attributes, clock, events, validation
from ris.actions import numbers, received
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict
from ris.models import Patient, RecordChange, ScheduledProcedureStep, Visit
from ris.validation import Checker


@dataclass(frozen=True)
class VisitData:
    """A visit as typed. `patient_class` is HL7 table 0004; an empty admission ID asks for a new one."""

    patient_class: str = Visit.PatientClass.OUTPATIENT
    current_patient_location: str = ""
    admission_id: str = ""
    account_number: str = ""


@action
def register_visit(patient: Patient, data: VisitData, actor: Actor) -> Visit:
    """Make a visit of the patient. InvalidInput for wrong fields; Conflict when the admission ID is taken."""
    checked = Checker()
    columns = {
        name: checked(name, validation.text, getattr(data, name), "LO") or ""
        for name in ("admission_id", "account_number", "current_patient_location")
    }
    if data.patient_class not in Visit.PatientClass.values:
        checked.refuse("patient_class", f"must be one of {', '.join(Visit.PatientClass.values)} (HL7 table 0004)")
    checked.done()
    site = patient.site

    def is_taken(admission_id: str) -> bool:
        held = Visit.objects.filter(site=site, admission_id=admission_id, issuer_of_admission_id="")
        return held.exclude(admission_id="").exists()  # as the index says, or SQLite does not use it

    if not columns["admission_id"]:
        columns["admission_id"] = numbers.until_free(lambda: numbers.admission_id(site), is_taken)
    elif is_taken(columns["admission_id"]):
        raise Conflict(f"Admission ID {columns['admission_id']} belongs to a visit already; leave it empty to get a new one.")
    visit = Visit.objects.create(site=site, patient=patient, patient_class=data.patient_class, created_at=clock.now(site), **columns)
    RecordChange.by(actor, at=visit.created_at, verb="register", subject="visit", subject_id=visit.pk)
    return visit


def mark(visit: Visit | None) -> str:
    """What a visit has, in short: another order of the visit may change it, which the version of this order does not tell."""
    has = [(one.keyword, one.of(visit)) for one in attributes.VISIT] if visit is not None else []
    return sha256(repr((visit and visit.pk, has)).encode()).hexdigest()[:16]


@action
def visit_with(
    patient: Patient, present: Visit | None, values: Mapping[str, Any], actor: Actor
) -> tuple[Visit | None, dict[str, list[str]]]:
    """The visit that checked values (`ris.attributes.VISIT`) describe, with what changed of it, for a history.

    The present one takes them. An admission ID of another visit of the patient means that visit; without one there is a new visit as soon
    as anything of it is said. Conflict when the admission ID is of somebody else's visit.
    """
    known = _of_admission(patient, present, values)
    if known is not None and known != present:
        present, values = known, {keyword: value for keyword, value in values.items() if value}
    if present is None:
        said = {keyword: value for keyword, value in values.items() if value and value != Visit.PatientClass.UNKNOWN}
        if not said:
            return None, {}
        present = register_visit(patient, VisitData(Visit.PatientClass.UNKNOWN, admission_id=values.get("AdmissionID", "")), actor)
    detail, names = attributes.put(present, attributes.VISIT, values)
    if names:
        present.save(update_fields=names)
        RecordChange.by(actor, at=clock.now(patient.site), verb="edit", subject="visit", subject_id=present.pk, detail=detail)
    return present, detail


def show(visit: Visit, changed: Mapping[str, Any]) -> None:
    """Let the exams of the visit's orders follow what changed of it: it replaces what was received for them."""
    steps = ScheduledProcedureStep.objects.filter(requested_procedure__order__visit=visit)
    received.take_off(steps, root=attributes.tags(attributes.VISIT, changed))
    for pk in steps.order_by("pk").values_list("pk", flat=True):
        events.publish(events.StepChanged(pk))


def _of_admission(patient: Patient, present: Visit | None, values: Mapping[str, Any]) -> Visit | None:
    wanted = values.get("AdmissionID", "")
    if not wanted:
        return None
    issuer = values.get("IssuerOfAdmissionIDSequence", present.issuer_of_admission_id if present else "")
    held = Visit.objects.filter(site=patient.site, admission_id=wanted, issuer_of_admission_id=issuer)
    known = held.exclude(admission_id="").first()  # as the index says, or SQLite does not use it
    if known is not None and known.patient_id != patient.pk:
        raise Conflict(f"Admission ID {wanted} belongs to a visit of another patient; correct it, or leave it empty.")
    return known
