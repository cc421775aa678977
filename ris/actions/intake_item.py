"""A worklist item of another system as columns of the records it belongs to, and what may become of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ris import names
from ris.models import ScheduledProcedureStep, StepStation
from ris.transitions import STATUSES


@dataclass(frozen=True)
class IntakeItem:
    """An item as columns of the records it belongs to; values that no column holds are left out here.

    `procedure` has `requested_procedure_id`, `step` has `scheduled_procedure_step_id`. `accession_number` is the item's own,
    which the order's column may be too short for. A `status` that is none of ours counts as not given. `notes`,
    what is not as it should be in the item, become the reason of the change in the step's history.
    """

    patient: Mapping[str, Any]
    visit: Mapping[str, Any]
    order: Mapping[str, Any]
    procedure: Mapping[str, Any]
    step: Mapping[str, Any]
    ae_titles: tuple[str, ...] = ()
    accession_number: str = ""
    status: str = ""
    notes: tuple[str, ...] = ()


class Outcome(StrEnum):
    MADE = "made"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    PERFORMED = "performed"  # left alone


Received = Callable[[ScheduledProcedureStep, Sequence[StepStation]], dict[str, Any]]
"""What the item holds beyond or unlike the columns of the step and its stations, as DICOM JSON; the step may not be saved yet."""


@dataclass(frozen=True)
class Offered:
    item: IntakeItem
    received: Received


def identity(accession_number: str, patient_id: str, patient_name: str, requested_procedure_id: str, step_id: str) -> tuple[str, ...]:
    """What an import finds a step by: its accession number, without one its patient, and the IDs of procedure and step."""
    whose = "" if accession_number else patient_id or patient_name
    return accession_number, whose, requested_procedure_id, step_id


def patient_key(item: IntakeItem) -> tuple[str, str]:
    """The patient ID and its issuer."""
    return item.patient.get("patient_id", ""), item.patient.get("issuer_of_patient_id", "")


def status_of(item: IntakeItem) -> str:
    """The item's status when it is one of ours, else nothing."""
    return item.status if item.status in STATUSES else ""


def patient_columns(name: str, **columns: Any) -> dict[str, Any]:
    """Columns of a patient, with the search key that goes with the name."""
    return {"name": name, "name_key": names.normalised(name)[:250], **columns}
