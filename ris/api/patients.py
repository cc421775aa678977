"""Patients: looking one up by any ID that leads there, merging two records of one, and taking that back."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from ris import audit, queries
from ris.actions import merging
from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Line, refusals
from ris.api.orders import PatientOut, show_patient
from ris.models import Patient, Site
from ris.web.disclosure import disclose

router = Router(tags=["patients"])


class PatientKey(Body):
    """The issuer may be left out where one patient has the ID."""

    patient_id: Line
    issuer_of_patient_id: Line | None = None


class MergeIn(Body):
    """`confirm` names the contradictions that have been seen, as the refusal named them: sex, birth_date, exams_in_progress."""

    survivor: PatientKey
    merged: PatientKey
    reason: str | None = None
    confirm: list[Line] = []


class UndoIn(Body):
    merged: PatientKey
    reason: str


class RecordOut(PatientOut):
    """`merged_ids` are the IDs of the records that were merged into this one."""

    merged_ids: list[str]


class MergedOut(Schema):
    survivor: RecordOut
    merged: PatientOut


@router.post("/patients/merge", auth=Bearer("patients.merge"), response={200: MergedOut, **refusals(404, 409, 422)})
def merge_patients(request: HttpRequest, body: MergeIn) -> dict[str, Any]:
    """Make two records of one patient into one: orders and visits of `merged` go to `survivor`, whose demographics stay."""
    site = base.site_of(request)
    survivor, merged = _record(site, body.survivor), _record(site, body.merged)
    merging.merge_patients(survivor, merged, caller(request).actor, body.reason or "", confirmed=body.confirm)
    disclose(request, audit.PATIENT, survivor, merged)
    return {"survivor": _shown(survivor), "merged": show_patient(merged)}


@router.post("/patients/undo-merge", auth=Bearer("patients.merge"), response={200: RecordOut, **refusals(404, 409, 422)})
def undo_merge(request: HttpRequest, body: UndoIn) -> dict[str, Any]:
    """Make a merged record a patient of its own again, with the orders and visits that came from it."""
    record = merging.undo_merge(_record(base.site_of(request), body.merged), caller(request).actor, body.reason)
    disclose(request, audit.PATIENT, record)
    return _shown(record)


@router.get("/patients/{path:patient_id}", auth=Bearer("patients.view"), response={200: RecordOut, **refusals(404, 409)})
def get_patient(request: HttpRequest, patient_id: Line, issuer_of_patient_id: Line = "") -> dict[str, Any]:
    """The patient of an ID; that of a merged record leads to the survivor."""
    found = queries.patient(base.site_of(request), patient_id, issuer_of_patient_id)
    record = found.merged_into or found
    disclose(request, audit.PATIENT, record, *record.merged.all())
    return _shown(record)


def _record(site: Site, key: PatientKey) -> Patient:
    return queries.patient(site, key.patient_id, key.issuer_of_patient_id or "")


def _shown(patient: Patient) -> dict[str, Any]:
    return show_patient(patient) | {"merged_ids": list(patient.merged.order_by("pk").values_list("patient_id", flat=True))}
