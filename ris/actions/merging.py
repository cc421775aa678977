"""Two records of one patient made into one, and the way back.

The survivor keeps its demographics and takes the orders and visits of the other, with all that hangs on them. The other record is
kept, without any, and its ID leads to the survivor.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef

from ris import clock, events, names
from ris.actions import patients
from ris.actor import Actor
from ris.crossing import crossed, since
from ris.db import action, lock
from ris.errors import Conflict
from ris.identity import MERGED_INTO
from ris.models import Order, Patient, RecordChange, ScheduledProcedureStep, Visit
from ris.transitions import BEGUN
from ris.validation import reason_text

TOOK_OVER, UNDO, GAVE_BACK = "merge", "undo_merge", "give_back"


@dataclass(frozen=True)
class Doubt:
    """Why the records may be of two people. `name` is what somebody who has seen it confirms it by."""

    name: str
    text: str


class Doubted(Conflict):
    """The records contradict each other; the caller has to say that they have seen it."""

    def __init__(self, doubts: Collection[Doubt]) -> None:
        self.doubts = tuple(doubts)
        said = " ".join(doubt.text for doubt in doubts)
        super().__init__(f"{said} If it is one person all the same, confirm {', '.join(doubt.name for doubt in doubts)}.")


def doubts(survivor: Patient, merged: Patient) -> list[Doubt]:
    """What to look at before the two are merged."""
    found = []
    if survivor.sex and merged.sex and survivor.sex != merged.sex:
        found.append(Doubt("sex", f"The sex differs: {survivor.get_sex_display()} and {merged.get_sex_display()}."))
    born, other = survivor.birth_date, merged.birth_date
    if born and other and born != other:
        found.append(Doubt("birth_date", f"The birth date differs: {born:%d-%b-%Y} and {other:%d-%b-%Y}."))
    if _is_in_progress(survivor) and _is_in_progress(merged):
        found.append(Doubt("exams_in_progress", "Both have an exam in progress now; nobody is on two tables at once."))
    return found


def _is_in_progress(patient: Patient) -> bool:
    return ScheduledProcedureStep.objects.filter(requested_procedure__order__patient=patient, status__in=BEGUN).exists()


@action
def merge_patients(
    survivor: Patient,
    merged: Patient,
    actor: Actor,
    reason: str = "",
    *,
    confirmed: Collection[str] = (),
    expected_versions: tuple[int, int] | None = None,
) -> Patient:
    """Merge the second record into the first, which is returned; the worklist follows in the same transaction.

    `confirmed` names the doubts that the caller has seen, `expected_versions` are those of survivor and merged.
    Raises InvalidInput (the reason), ChangedMeanwhile, Doubted, or Conflict for records that cannot be merged.
    """
    why = reason_text(reason)
    if survivor.pk == merged.pk:
        raise Conflict(f"The record of {patients.described(survivor)} cannot be merged with itself; choose the other record.")
    survivor, merged = _locked(survivor.pk, merged.pk)
    if expected_versions is not None and expected_versions != (survivor.version, merged.version):
        seen = zip((survivor, merged), expected_versions, strict=True)
        changes = [change for one, version in seen if version != one.version for change in since("patient", one.pk, one.version - version)]
        raise crossed("one of the two patients", survivor.site, changes)
    _refuse(survivor, merged)
    unseen = [doubt for doubt in doubts(survivor, merged) if doubt.name not in confirmed]
    if unseen:
        raise Doubted(unseen)
    moved = _move_all(merged, survivor)
    merged.merged_into = survivor
    _touch(survivor, merged)
    _record(actor, clock.now(survivor.site), why, survivor, merged, moved)
    events.publish(events.PatientChanged(survivor.pk))
    return survivor


def _expect(patient: Patient, version: int | None) -> None:
    if version is not None and patient.version != version:
        raise crossed("this patient", patient.site, since("patient", patient.pk, patient.version - version))


def _locked(*keys: int) -> tuple[Patient, Patient]:
    """The two records as they are now, locked in the order of their keys, returned in the order given."""
    rows = Patient.objects.select_for_update(of=("self",)).select_related("site").filter(pk__in=keys).order_by("pk")
    found = {patient.pk: patient for patient in rows}
    first, second = (found[key] for key in keys)
    return first, second


def _refuse(survivor: Patient, merged: Patient) -> None:
    if survivor.site_id != merged.site_id:
        raise Conflict(f"The two records belong to {survivor.site} and {merged.site}; only patients of one hospital can be merged.")
    patients.refuse_merged(survivor)
    patients.refuse_merged(merged)
    if not survivor.patient_id:
        raise Conflict("The record that stays has no patient ID; give it one, or merge the other way round.")


def _move_all(merged: Patient, survivor: Patient) -> dict[str, Any]:
    """Orders, visits and records that were merged before go over; what moved, as a history keeps it."""
    lock(lambda: merged.orders.order_by("pk"))  # before their steps, as everybody does
    received = patients.drop_received(merged)
    orders, visits = merged.orders.order_by("pk"), merged.visits.order_by("pk")
    moved = {
        "orders": [list(orders.values_list("accession_number", flat=True)), []],
        "order_keys": [list(orders.values_list("pk", flat=True)), []],
        "visit_keys": [list(visits.values_list("pk", flat=True)), []],
        "patient_keys": [list(merged.merged.order_by("pk").values_list("pk", flat=True)), []],
        "received": [received, {}],
    }
    orders.update(patient=survivor, version=F("version") + 1)
    visits.update(patient=survivor)
    merged.merged.update(merged_into=survivor)
    return moved


def _touch(*records: Patient) -> None:
    for patient in records:
        patient.version += 1
        patient.save(update_fields=["merged_into", "version"])


def _record(actor: Actor, at: datetime, reason: str, survivor: Patient, merged: Patient, moved: dict[str, Any]) -> None:
    """A row in the history of each."""
    for patient, verb, other, detail in (
        (survivor, TOOK_OVER, merged, {"orders": [[], moved["orders"][0]]}),
        (merged, MERGED_INTO, survivor, moved),
    ):
        named = {"patient": ["", f"{names.plain(other.name)}, ID {other.patient_id or 'not known'}"], "patient_key": ["", other.pk]}
        RecordChange.by(actor, at=at, verb=verb, subject="patient", subject_id=patient.pk, reason=reason, detail=named | detail)


@action
def undo_merge(merged: Patient, actor: Actor, reason: str, *, expected_version: int | None = None) -> Patient:
    """Make the merged record, which is returned, a patient of its own again.

    The orders and visits that went over come back with what was performed and charged for them since; what was ordered since the merge
    stays with the survivor. Raises InvalidInput (no reason), ChangedMeanwhile, or Conflict when it is not merged.
    """
    why = reason_text(reason, needed=True)
    present = Patient.objects.select_related("site").get(pk=merged.pk)
    _expect(present, expected_version)
    if present.merged_into_id is None:
        raise Conflict(f"The record of {patients.described(present)} is not merged into another patient; there is nothing to undo.")
    survivor, merged = _locked(present.merged_into_id, present.pk)
    _expect(merged, present.version)
    change = RecordChange.objects.filter(subject="patient", subject_id=merged.pk, verb=MERGED_INTO).order_by("pk").last()
    assert change is not None  # a record is merged by `merge_patients` alone
    moved = {name: change.detail[name][0] for name in ("order_keys", "visit_keys", "patient_keys", "received")}
    back = Order.objects.filter(pk__in=moved["order_keys"], patient=survivor)
    accessions = list(back.order_by("pk").values_list("accession_number", flat=True))
    back.update(patient=merged, version=F("version") + 1)
    stays = Exists(Order.objects.filter(visit=OuterRef("pk"), patient=survivor))
    Visit.objects.filter(~stays, pk__in=moved["visit_keys"], patient=survivor).update(patient=merged)
    survivor.merged.filter(pk__in=moved["patient_keys"]).update(merged_into=merged)
    _put_back(merged, moved["received"])
    merged.merged_into = None
    _touch(survivor, merged)
    _record_undo(actor, why, survivor, merged, accessions)
    for patient in (survivor, merged):
        events.publish(events.PatientChanged(patient.pk))
    return merged


def _put_back(patient: Patient, received: dict[str, dict[str, Any]]) -> None:
    """What had been received about the patient, over the steps that came back."""
    steps = ScheduledProcedureStep.objects.filter(pk__in=[int(key) for key in received], requested_procedure__order__patient=patient)
    for step in steps.select_for_update(of=("self",)).order_by("pk"):
        step.received_item = received[str(step.pk)] | step.received_item
        step.save(update_fields=["received_item"])


def _record_undo(actor: Actor, reason: str, survivor: Patient, merged: Patient, accessions: list[str]) -> None:
    at = clock.now(survivor.site)
    for patient, verb, other, orders in (
        (survivor, GAVE_BACK, merged, [accessions, []]),
        (merged, UNDO, survivor, [[], accessions]),
    ):
        detail = {"patient": [f"{names.plain(other.name)}, ID {other.patient_id or 'not known'}", ""], "orders": orders}
        RecordChange.by(actor, at=at, verb=verb, subject="patient", subject_id=patient.pk, reason=reason, detail=detail)
