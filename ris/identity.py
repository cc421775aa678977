"""What a patient was called before, by corrections of the record and by records that were merged into it.

Consoles keep the list for hours: what a modality performs may still carry the name and the ID of this morning.
"""

from dataclasses import dataclass
from datetime import datetime

from ris.models import Patient, RecordChange

MERGED_INTO = "merge_into"
"""Verb of the change of a record that was merged into another one."""


@dataclass(frozen=True)
class Earlier:
    """A value that a column held until a moment; `merged` is the record that held it, when that was not the patient's own."""

    value: str
    until: datetime
    merged: Patient | None = None


def earlier(patient: Patient, column: str) -> list[Earlier]:
    """Values that `patient_id` or `name` held before, in the order in which they ceased to."""
    merged = {one.pk: one for one in patient.merged.all()}
    changes = RecordChange.objects.filter(subject="patient", subject_id__in=[patient.pk, *merged]).order_by("pk")
    found: list[Earlier] = []
    for change in changes:
        other = merged.get(change.subject_id)
        for name in (column, f"patient.{column}"):  # of a correction, of an import
            if name in change.detail:
                found.append(Earlier(str(change.detail[name][0]), change.at, other))
        if other is not None and change.verb == MERGED_INTO:
            found.append(Earlier(getattr(other, column), change.at, other))
    return found


def had_id(patient: Patient, patient_id: str) -> Earlier | None:
    """How the ID was the patient's before; None when it was not, or when it is somebody else's now."""
    others = Patient.objects.filter(site=patient.site_id, patient_id=patient_id, merged_into=None).exclude(patient_id="")
    if others.exclude(pk=patient.pk).exists():
        return None
    return next((one for one in reversed(earlier(patient, "patient_id")) if one.value == patient_id), None)
