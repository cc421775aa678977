"""Visits: admissions and outpatient contacts."""

from dataclasses import dataclass

from ris import clock, validation
from ris.actions import numbers
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict
from ris.models import Patient, RecordChange, Visit
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
