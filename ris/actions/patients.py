"""Registering patients and keeping their demographics."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ris import attributes, clock, events, names, validation
from ris.actions import numbers, received
from ris.actor import Actor
from ris.crossing import CHANGE_AGAIN, crossed, since
from ris.db import action
from ris.errors import Conflict
from ris.models import Patient, RecordChange, ScheduledProcedureStep, Site
from ris.validation import Checker

_TAGS: dict[str, tuple[str, ...]] = {
    "patient_id": ("00100020",),
    "issuer_of_patient_id": ("00100021", "00100024"),
    "name": ("00100010",),
    "birth_date": ("00100030",),
    "sex": ("00100040",),
    "weight_kg": ("00101030",),
    "size_m": ("00101020",),
    "allergies": ("00102110",),
    "medical_alerts": ("00102000",),
    "pregnancy_status": ("001021C0",),
    "special_needs": ("00380050",),
    "patient_state": ("00380500",),
    "confidentiality": ("00403001",),
    **{attribute.keyword: tuple(attribute.tags) for attribute in attributes.PATIENT},
}
"""Elements of a worklist item that a column of the patient, or one of the details, stands for."""
_IDENTITY = frozenset({"patient_id", "issuer_of_patient_id", "name", "birth_date", "sex"})
_ALL_TAGS = frozenset(tag for tags in _TAGS.values() for tag in tags)


@dataclass(frozen=True)
class PatientData:
    """Demographics as typed, `details` (`ris.attributes.PATIENT`) by keyword.

    An empty `patient_id` asks for a new one; an empty issuer means the site's own.
    """

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
    confidentiality: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def data_of(patient: Patient) -> PatientData:
    """The demographics as they are."""
    return PatientData(**{one.name: getattr(patient, one.name) for one in fields(PatientData)})


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
        "confidentiality": checked("confidentiality", validation.text, data.confidentiality, "LO"),
        **attributes.columns(attributes.PATIENT, attributes.check(attributes.PATIENT, data.details, checked)),
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
    issuer = columns["issuer_of_patient_id"]
    if columns["patient_id"]:
        _refuse_taken(_holder(site, columns["patient_id"], issuer))
    else:
        columns["patient_id"] = numbers.until_free(
            lambda: numbers.patient_id(site), lambda number: _holder(site, number, issuer) is not None
        )
    patient = Patient.objects.create(site=site, created_at=clock.now(site), **columns)
    RecordChange.by(actor, at=patient.created_at, verb="register", subject="patient", subject_id=patient.pk)
    return patient


def _holder(site: Site, patient_id: str, issuer: str) -> Patient | None:
    held = Patient.objects.filter(site=site, patient_id=patient_id, issuer_of_patient_id=issuer).select_related("merged_into")
    return held.exclude(patient_id="").first()  # SQLite uses the index, which leaves empty IDs out, only when the query says so too


def _refuse_taken(holder: Patient | None) -> None:
    if holder is not None:
        refuse_merged(holder)
        raise Conflict(f"Patient ID {holder.patient_id} belongs to another patient already; open that patient or use another ID.")


def refuse_merged(patient: Patient) -> None:
    """Conflict for a record that was merged into another one, which is named.

    Where the record is locked the other one is read afterwards: joined to it, PostgreSQL would show the other as of before the wait.
    """
    if patient.merged_into is not None:
        raise Conflict(f"The record of {described(patient)} was merged into that of {described(patient.merged_into)}; use that patient.")


def described(patient: Patient) -> str:
    """`patient ID 4711` for sentences of refusals, which name nobody: they reach whoever knows, or guesses, an ID."""
    return f"patient ID {patient.patient_id}" if patient.patient_id else "a patient without an ID"


@action
def find_or_register(site: Site, data: PatientData, actor: Actor) -> Patient:
    """The patient of this ID, or a new one. What is given beyond name, birth date and sex is brought up to date.

    Conflict when the ID exists under another name or birth date, or was merged.
    """
    columns = check(site, data)
    known = _holder(site, columns["patient_id"], columns["issuer_of_patient_id"]) if columns["patient_id"] else None
    if known is None:
        return register_patient(site, data, actor)
    refuse_merged(known)
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
            f"Patient ID {known.patient_id} belongs to a patient whose {' and '.join(differs)} "
            f"{'differ' if len(differs) > 1 else 'differs'}; correct the ID, or change that patient first."
        )
    given = {one.name: value for one in fields(PatientData) if one.name not in _IDENTITY and (value := getattr(data, one.name))}
    brought = replace(data_of(known), **given | {"details": {**known.details, **data.details}})
    return update_patient(known, brought, actor) if given and _changed(known, check(site, brought)) else known


@action
def update_patient(patient: Patient, data: PatientData, actor: Actor, expected_version: int | None = None) -> Patient:
    """Change demographics; the worklist follows in the same transaction.

    What was performed or is in progress keeps the name and ID that the modality sent; a modality that still sends the earlier ones is
    understood (`ris.identity`). InvalidInput for wrong fields, Conflict when the new patient ID belongs to somebody else or the record
    was merged, ChangedMeanwhile when somebody was faster.
    """
    current = Patient.objects.select_for_update(of=("self",)).select_related("site").get(pk=patient.pk)
    refuse_merged(current)
    if expected_version is not None and current.version != expected_version:
        changes = since("patient", current.pk, current.version - expected_version)
        raise crossed("this patient", current.site, changes, CHANGE_AGAIN)
    columns = check(current.site, data)
    columns["patient_id"] = columns["patient_id"] or current.patient_id
    if not data.issuer_of_patient_id.strip():
        columns["issuer_of_patient_id"] = current.issuer_of_patient_id
    detail = _changed(current, columns)
    if columns["patient_id"] and ("patient_id" in detail or "issuer_of_patient_id" in detail):
        _refuse_taken(_holder(current.site, columns["patient_id"], columns["issuer_of_patient_id"]))
    for name, value in columns.items():
        setattr(current, name, value)
    current.version += 1
    current.save()
    RecordChange.by(actor, at=clock.now(current.site), verb="edit", subject="patient", subject_id=current.pk, detail=detail)
    drop_received(current, detail)
    events.publish(events.PatientChanged(current.pk))
    return current


def _changed(patient: Patient, columns: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is to become something else, for a history: the column, or the keyword of a detail, with what it held and is to hold."""
    plain = [(name, getattr(patient, name), value) for name, value in columns.items() if name != "details"]
    details = [(one.keyword, one.of(patient), columns["details"].get(one.keyword, one.empty)) for one in attributes.PATIENT]
    return {name: [_said(before), _said(after)] for name, before, after in (*plain, *details) if before != after}


def _said(value: Any) -> str:
    """A value as a history tells it: texts of a list one after the other, nothing for none."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "; ".join(value)
    return "" if value is None else str(value)


def drop_received(patient: Patient, changed: Iterable[str] = tuple(_TAGS)) -> dict[str, dict[str, Any]]:
    """Take the elements of the changed columns (of all of them by default) off what was received for the patient's steps.

    What is known here replaces it. Returns what was taken off, by the primary key of the step (as JSON has keys) and by tag.
    """
    tags = {tag for name in changed for tag in _TAGS.get(name, ())}
    dropped: dict[str, dict[str, Any]] = {}
    steps = ScheduledProcedureStep.objects.filter(requested_procedure__order__patient=patient).exclude(received_item={})
    for step in steps.select_for_update(of=("self",)).order_by("pk") if tags else ():
        off = {tag: element for tag, element in step.received_item.items() if tag in tags}
        if off:
            step.received_item = without_patient(step.received_item, tags)
            step.save(update_fields=["received_item"])
            dropped[str(step.pk)] = off
    return dropped


def without_patient(received_item: dict[str, Any], tags: Collection[str] = _ALL_TAGS) -> dict[str, Any]:
    """The received item less what it says about the patient, which the record of the patient replaces."""
    return received.without(received_item, root=tags)
