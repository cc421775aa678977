"""Taking worklist items of other systems in: no check of conflicts, values as they came.

An item is one step. It is found again by its accession number, requested procedure ID and step ID, without an accession
number by its patient too. What only this step uses (its order, procedure, visit, patient) takes the item's values; what
other steps use as well stays as it is, and the step keeps its own difference in `received_item`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Model, prefetch_related_objects

from ris import clock, events, names
from ris.actions.steps import lock_step
from ris.actor import Actor
from ris.db import action
from ris.models import (
    Order,
    Patient,
    RecordChange,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    Station,
    StepChange,
    StepStation,
    Visit,
)
from ris.transitions import CANCELED, SCHEDULED, STARTED, STATUSES, WAITING

_ACCESSION_NUMBER = "00080050"


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


@dataclass(frozen=True)
class Intake:
    step: ScheduledProcedureStep
    outcome: Outcome


Received = Callable[[ScheduledProcedureStep, Sequence[StepStation]], dict[str, Any]]
"""What the item holds beyond or unlike the columns of the step and its stations, as DICOM JSON; the step may not be saved yet."""


@dataclass(frozen=True)
class Offered:
    item: IntakeItem
    received: Received


def patient_key(item: IntakeItem) -> tuple[str, str]:
    """The patient ID and its issuer."""
    return item.patient["patient_id"], item.patient.get("issuer_of_patient_id", "")


@dataclass
class _Changes:
    """What the intake changed, for the step's history."""

    detail: dict[str, list[str]] = field(default_factory=dict)

    def apply(self, record: Model, columns: Mapping[str, Any]) -> bool:
        """Set the columns that differ and save them; a new record is saved whole."""
        changed = [name for name, value in columns.items() if getattr(record, name) != value]
        for name in changed:
            self.detail[f"{record._meta.model_name}.{name}"] = [str(getattr(record, name)), str(columns[name])]
            setattr(record, name, columns[name])
        if changed:
            record.save(update_fields=changed)
        return bool(changed)


@action
def intake_step(site: Site, item: IntakeItem, actor: Actor, received: Received) -> Intake:
    """Make the item's step with its patient, visit, order and procedure, or bring it up to the item.

    A step on which work was begun is left alone; the status changes only while the step waits.
    """
    step = _locked(find_step(site, item))
    if step is not None and is_performed(step, begun([step.pk])):
        return Intake(step, Outcome.PERFORMED)
    changes = _Changes()
    procedure = _procedure(site, item, actor, step, changes)
    made = step is None
    if step is None:
        step = ScheduledProcedureStep.objects.create(
            site=site, requested_procedure=procedure, status=status_of(item) or SCHEDULED, status_at=clock.now(site), **item.step
        )
    else:
        _bring_up(step, procedure, item, changes)
    _assign_stations(step, made, item.ae_titles, changes)
    prefetch_related_objects([step], "stations__station")
    received_item = received(step, list(step.stations.all()))
    if step.received_item != received_item:
        changes.detail.setdefault("step.received_item", ["", "changed"])
        step.received_item = received_item
        step.save(update_fields=["received_item"])
    if made or changes.detail:
        _record(step, made, actor, changes, item.notes)
        events.publish(events.StepChanged(step.pk))
    return Intake(step, Outcome.MADE if made else Outcome.UPDATED if changes.detail else Outcome.UNCHANGED)


def find_step(site: Site, item: IntakeItem) -> ScheduledProcedureStep | None:
    """The step that an earlier intake of the item made, or that was exported from here."""
    steps = ScheduledProcedureStep.objects.filter(
        site=site,
        requested_procedure__in=_known_procedures(site, item),
        scheduled_procedure_step_id=item.step["scheduled_procedure_step_id"],
    ).select_related("site", "requested_procedure__order__patient", "requested_procedure__order__visit")
    return next((step for step in steps.order_by("pk") if accession_number(step) == item.accession_number), None)


def _locked(found: ScheduledProcedureStep | None) -> ScheduledProcedureStep | None:
    """The step as it is now, locked, its patient before it; None when it was removed meanwhile."""
    if found is None:
        return None
    list(Patient.objects.select_for_update().filter(pk=found.requested_procedure.order.patient_id).values_list("pk"))
    try:
        return lock_step(found.pk)
    except ScheduledProcedureStep.DoesNotExist:
        return None


def _known_procedures(site: Site, item: IntakeItem) -> list[int]:
    """Procedures of the item's ID in the order of its accession number, or in orders of its patient that have none in the column.

    Orders first: step IDs alone may be the same in thousands of items.
    """
    order_ids: list[int] = []
    if item.order["accession_number"]:
        same_number = Order.objects.filter(site=site, accession_number=item.order["accession_number"])
        order_ids += same_number.values_list("pk", flat=True)
        if not order_ids:
            return []
    patient_id = item.patient.get("patient_id", "")
    same_patient = {"patient_id": patient_id} if patient_id else {"patient_id": "", "name_key": item.patient.get("name_key", "")}
    patients = list(Patient.objects.filter(site=site, **same_patient).values_list("pk", flat=True))
    order_ids += Order.objects.filter(patient__in=patients, accession_number="").values_list("pk", flat=True)
    procedures = RequestedProcedure.objects.filter(order__in=order_ids, requested_procedure_id=item.procedure["requested_procedure_id"])
    return list(procedures.values_list("pk", flat=True))


def accession_number(step: ScheduledProcedureStep) -> str:
    """The step's accession number as it was received, but for padding, which the order's column cannot always hold."""
    received = step.received_item.get(_ACCESSION_NUMBER)
    if received is None:
        return step.requested_procedure.order.accession_number
    written = (str(one).strip(" \0") for one in received.get("Value") or ())
    return "\\".join(text for text in written if text)


def begun(step_ids: Iterable[int]) -> frozenset[int]:
    """Those of the steps that somebody started at some time."""
    started = StepChange.objects.filter(step__in=list(step_ids), to_status=STARTED)
    return frozenset(started.values_list("step_id", flat=True))


def is_performed(step: ScheduledProcedureStep, begun: frozenset[int]) -> bool:
    """Whether a performed step belongs to it: it was started, or came with a status that says so."""
    return step.pk in begun or step.status not in (*WAITING, CANCELED)


def status_of(item: IntakeItem) -> str:
    """The item's status when it is one of ours, else nothing."""
    return item.status if item.status in STATUSES else ""


def _bring_up(step: ScheduledProcedureStep, procedure: RequestedProcedure, item: IntakeItem, changes: _Changes) -> None:
    changed = changes.apply(step, {**item.step, "requested_procedure": procedure})
    status, now = status_of(item), clock.now(step.site)
    waits = ScheduledProcedureStep.objects.filter(pk=step.pk, status__in=WAITING)
    if status and step.status != status and waits.update(status=status, status_at=now):
        changes.detail["scheduledprocedurestep.status"] = [step.status, status]
        step.status, step.status_at, changed = status, now, True
    if changed:
        ScheduledProcedureStep.objects.filter(pk=step.pk).update(version=step.version + 1)


def made_change(step: ScheduledProcedureStep, actor: Actor, notes: tuple[str, ...]) -> StepChange:
    """The first row of the history of a step that an item made, not saved."""
    return _change(step, actor, notes, from_status="")


def _record(step: ScheduledProcedureStep, made: bool, actor: Actor, changes: _Changes, notes: tuple[str, ...]) -> None:
    if made:
        made_change(step, actor, notes).save()
        return
    before = changes.detail.get("scheduledprocedurestep.status", [step.status])[0]
    _change(step, actor, notes, from_status=before, detail=changes.detail).save()


def _change(step: ScheduledProcedureStep, actor: Actor, notes: tuple[str, ...], **fields: Any) -> StepChange:
    text = "; ".join(notes)
    reason = text if len(text) <= 255 else f"{text[:254]}…"
    return StepChange.unsaved(actor, step=step, at=clock.now(step.site), verb="import", to_status=step.status, reason=reason, **fields)


def _alone(step: ScheduledProcedureStep | None) -> bool:
    """Whether no other step shares the step's order, so that the order's records may take the item's values."""
    if step is None:
        return False
    return (
        not ScheduledProcedureStep.objects.filter(requested_procedure__order=step.requested_procedure.order_id).exclude(pk=step.pk).exists()
    )


def _procedure(site: Site, item: IntakeItem, actor: Actor, step: ScheduledProcedureStep | None, changes: _Changes) -> RequestedProcedure:
    order = _order(site, item, actor, step, changes)
    if step is not None and step.requested_procedure.order_id == order.pk:
        procedure = step.requested_procedure
        if procedure.steps.count() == 1:
            changes.apply(procedure, item.procedure)
        return procedure
    known = RequestedProcedure.objects.filter(order=order, requested_procedure_id=item.procedure["requested_procedure_id"]).first()
    return known or RequestedProcedure.objects.create(site=site, order=order, **item.procedure)


def _order(site: Site, item: IntakeItem, actor: Actor, step: ScheduledProcedureStep | None, changes: _Changes) -> Order:
    """The step's order, the order of the accession number, or a new one.

    An accession number that belongs to another patient's order cannot stand in the column a second time; the new order
    goes without, and the step keeps the number as received.
    """
    alone = _alone(step)
    patient = _patient(site, item, actor, step, alone, changes)
    current = step.requested_procedure.order if step is not None else None
    if current is not None and (alone or current.patient_id == patient.pk):
        if alone:
            columns = dict(item.order)
            if current.accession_number != columns["accession_number"] and _taken(site, columns):
                columns["accession_number"] = ""
            changes.apply(current, {**columns, "patient": patient, "visit": _visit(site, patient, item)})
            current.patient = patient  # the record with the item's values, also when it is the same one
        return current
    holder = _taken(site, item.order)
    if holder is not None and holder.patient_id == patient.pk:
        return holder
    columns = {**item.order, "accession_number": ""} if holder is not None else dict(item.order)
    return Order.objects.create(
        site=site, patient=patient, visit=_visit(site, patient, item), ordered_at=clock.now(site), ordered_by=actor.name, **columns
    )


def _taken(site: Site, columns: Mapping[str, Any]) -> Order | None:
    if not columns["accession_number"]:
        return None
    return Order.objects.filter(
        site=site,
        accession_number=columns["accession_number"],
        issuer_of_accession_number=columns.get("issuer_of_accession_number", ""),
    ).first()


def _patient(site: Site, item: IntakeItem, actor: Actor, step: ScheduledProcedureStep | None, alone: bool, changes: _Changes) -> Patient:
    """The patient of the ID, or a new one; an item without patient ID has a patient of its own."""
    columns = dict(item.patient)
    current = step.requested_procedure.order.patient if step is not None else None
    if columns.get("patient_id"):
        known = (
            Patient.objects.select_for_update()
            .filter(  # a change of the patient waits, and finds the new step
                site=site, patient_id=columns["patient_id"], issuer_of_patient_id=columns.get("issuer_of_patient_id", "")
            )
            .first()
        )
    else:
        known = current if current is not None and not current.patient_id else None
    if known is None:
        known = Patient.objects.create(site=site, created_at=clock.now(site), **columns)
        RecordChange.by(actor, at=known.created_at, verb="import", subject="patient", subject_id=known.pk)
    elif known == current and alone and known.orders.count() == 1 and changes.apply(known, columns):
        RecordChange.by(actor, at=clock.now(site), verb="import", subject="patient", subject_id=known.pk, detail=changes.detail)
    return known


def _visit(site: Site, patient: Patient, item: IntakeItem) -> Visit | None:
    """The patient's visit as the item tells it; None when it tells nothing, or its admission ID is another patient's."""
    if not any(item.visit.values()):
        return None
    columns = dict(item.visit)
    if columns.get("admission_id"):
        known = Visit.objects.filter(
            site=site, admission_id=columns["admission_id"], issuer_of_admission_id=columns.get("issuer_of_admission_id", "")
        ).first()
        if known is not None:
            return known if known.patient_id == patient.pk else None
    else:
        known = Visit.objects.filter(site=site, patient=patient, **columns).first()
        if known is not None:
            return known
    return Visit.objects.create(site=site, patient=patient, created_at=clock.now(site), **columns)


def _assign_stations(step: ScheduledProcedureStep, made: bool, ae_titles: tuple[str, ...], changes: _Changes) -> None:
    """Make the step's stations these, in this order; an AE title of no known station is kept as it is."""
    before = [] if made else list(step.stations.values_list("ae_title", flat=True))
    if before == list(ae_titles):
        return
    known = {station.ae_title: station for station in Station.objects.filter(site=step.site_id, ae_title__in=ae_titles)}
    if before:
        step.stations.all().delete()
    StepStation.objects.bulk_create(
        [StepStation(step=step, ae_title=title, station=known.get(title), position=number) for number, title in enumerate(ae_titles)]
    )
    changes.detail["stations"] = ["\\".join(before), "\\".join(ae_titles)]


def patient_columns(name: str, **columns: Any) -> dict[str, Any]:
    """Columns of a patient, with the search key that goes with the name."""
    return {"name": name, "name_key": names.normalised(name)[:250], **columns}
