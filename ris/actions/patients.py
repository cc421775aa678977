"""Registering patients and keeping their demographics."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ris import clock, events, names, validation
from ris.actions import numbers
from ris.actor import Actor
from ris.db import action
from ris.errors import ChangedMeanwhile, Conflict
from ris.models import Patient, RecordChange, Site
from ris.validation import Checker


@dataclass(frozen=True)
class PatientData:
    """Demographics as typed. An empty `patient_id` asks for a new one; an empty issuer means the site's own."""

    name: str
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    birth_date: str | date | None = None
    sex: str = ""
    weight_kg: Decimal | None = None
    size_m: Decimal | None = None
    allergies: list[str] = field(default_factory=list)
    medical_alerts: list[str] = field(default_factory=list)
    pregnancy_status: int | None = None
    special_needs: str = ""
    patient_state: str = ""


def _texts(values: list[str]) -> list[str]:
    return [text for text in (validation.text(value, "LO") for value in values) if text]


def _between(value: Decimal | None, low: str, high: str, unit: str) -> Decimal | None:
    if value is not None and not Decimal(low) <= value <= Decimal(high):
        raise ValueError(f"must lie between {low} and {high} {unit}")
    return value


def _pregnancy(value: int | None) -> int | None:
    if value is not None and value not in Patient.Pregnancy.values:
        raise ValueError("must be 1 to 4 (PS3.3 C.2.3)")
    return value


def check(site: Site, data: PatientData) -> dict[str, Any]:
    """Column values of the data, or InvalidInput that names every wrong field."""
    checked = Checker()
    columns: dict[str, Any] = {
        "patient_id": checked("patient_id", validation.text, data.patient_id, "LO"),
        "issuer_of_patient_id": checked("issuer_of_patient_id", validation.text, data.issuer_of_patient_id, "LO")
        or site.issuer_of_patient_id,
        "name": checked("name", validation.person_name, data.name),
        "birth_date": checked("birth_date", validation.birth_date, data.birth_date, clock.today(site)),
        "sex": checked("sex", validation.sex, data.sex),
        "weight_kg": checked("weight_kg", _between, data.weight_kg, "0.2", "650", "kg"),
        "size_m": checked("size_m", _between, data.size_m, "0.2", "2.8", "m"),
        "allergies": checked("allergies", _texts, data.allergies),
        "medical_alerts": checked("medical_alerts", _texts, data.medical_alerts),
        "pregnancy_status": checked("pregnancy_status", _pregnancy, data.pregnancy_status),
        "special_needs": checked("special_needs", validation.text, data.special_needs, "LO"),
        "patient_state": checked("patient_state", validation.text, data.patient_state, "LO"),
    }
    if not data.name.strip("^= "):
        checked.refuse("name", "is empty; write FAMILY^GIVEN")
    checked.done()
    columns["name_key"] = names.normalised(str(columns["name"]))
    return columns


@action
def register_patient(site: Site, data: PatientData, actor: Actor) -> Patient:
    """Make a new patient. InvalidInput for wrong fields; Conflict when the patient ID belongs to somebody already."""
    columns = check(site, data)
    columns["patient_id"] = columns["patient_id"] or numbers.patient_id(site)
    taken = Patient.objects.filter(
        site=site, patient_id=columns["patient_id"], issuer_of_patient_id=columns["issuer_of_patient_id"]
    ).first()
    if taken is not None:
        raise Conflict(f"Patient ID {taken.patient_id} belongs to {names.plain(taken.name)} already; open that patient or use another ID.")
    patient = Patient.objects.create(site=site, created_at=clock.now(site), **columns)
    RecordChange.by(actor, at=patient.created_at, verb="register", subject="patient", subject_id=patient.pk)
    return patient


@action
def find_or_register(site: Site, data: PatientData, actor: Actor) -> Patient:
    """The patient of this ID, or a new one. Conflict when the ID exists under another name or birth date."""
    columns = check(site, data)
    known = Patient.objects.filter(
        site=site, patient_id=columns["patient_id"], issuer_of_patient_id=columns["issuer_of_patient_id"]
    ).first()
    if known is None or not columns["patient_id"]:
        return register_patient(site, data, actor)
    differs = [
        label
        for label, mine, theirs in (
            ("name", known.name_key, columns["name_key"]),
            ("birth date", known.birth_date, columns["birth_date"] or known.birth_date),
            ("sex", known.sex, columns["sex"] or known.sex),
        )
        if mine != theirs
    ]
    if differs:
        raise Conflict(
            f"Patient ID {known.patient_id} belongs to {names.plain(known.name)}, whose {' and '.join(differs)} "
            f"{'differ' if len(differs) > 1 else 'differs'}; correct the ID, or change that patient first."
        )
    return known


@action
def update_patient(patient: Patient, data: PatientData, actor: Actor, expected_version: int | None = None) -> Patient:
    """Change demographics; the worklist follows in the same transaction. ChangedMeanwhile when somebody was faster."""
    current = Patient.objects.select_for_update(of=("self",)).select_related("site").get(pk=patient.pk)
    if expected_version is not None and current.version != expected_version:
        raise ChangedMeanwhile("Somebody else changed this patient meanwhile; look at the present values and change them again.")
    columns = check(current.site, data)
    columns["patient_id"] = columns["patient_id"] or current.patient_id
    detail = {name: [str(getattr(current, name)), str(value)] for name, value in columns.items() if getattr(current, name) != value}
    for name, value in columns.items():
        setattr(current, name, value)
    current.version += 1
    current.save()
    RecordChange.by(actor, at=clock.now(current.site), verb="edit", subject="patient", subject_id=current.pk, detail=detail)
    events.publish(events.PatientChanged(current.pk))
    return current
