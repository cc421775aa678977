"""The records that an item taken in belongs to: found or made, and brought up to it where no other step uses them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, QuerySet

from ris import clock, titles
from ris.actions.intake_item import IntakeItem, patient_key
from ris.actor import Actor
from ris.models import Order, Patient, RecordChange, RequestedProcedure, ScheduledProcedureStep, Site, StepStation, Visit


@dataclass
class Changes:
    """What an intake changed, for a history: names of columns with what they held and hold."""

    detail: dict[str, list[str]] = field(default_factory=dict)

    def put(self, record: Model, columns: Mapping[str, Any]) -> Sequence[str]:
        """Set the columns that differ, which are returned; the record is not saved."""
        changed = [name for name, value in columns.items() if getattr(record, name) != value]
        for name in changed:
            self.detail[f"{record._meta.model_name}.{name}"] = [str(getattr(record, name)), str(columns[name])]
            setattr(record, name, columns[name])
        return changed

    def apply(self, record: Model, columns: Mapping[str, Any]) -> bool:
        """Set the columns that differ and save them."""
        changed = self.put(record, columns)
        if changed:
            record.save(update_fields=changed)
        return bool(changed)


def place(site: Site, item: IntakeItem, actor: Actor, step: ScheduledProcedureStep | None, changes: Changes) -> RequestedProcedure:
    """The procedure for the item's step, which is not moved to it here.

    What is found is looked at only after all is in its place: what then belongs to this step alone takes the item's values, at
    a first intake just as at a second one.
    """
    current = step.requested_procedure.order if step is not None else None
    alone = current is not None and not _others(step).filter(requested_procedure__order=current).exists()
    patient = _patient(site, item, actor, current)
    if current is not None and (alone or current.patient_id == patient.pk):
        order, made = current, False
    else:
        order, made = _order_for(site, item, actor, patient)
        alone = made or not _others(step).filter(requested_procedure__order=order).exists()
    if alone and not made:
        _bring_order_up(site, order, patient, item, changes)
    if alone and is_named(patient, item) and not patient.orders.exclude(pk=order.pk).exists():
        _bring_patient_up(patient, item, actor, changes)
    return _procedure(site, order, item, step, changes)


def _others(step: ScheduledProcedureStep | None) -> QuerySet[ScheduledProcedureStep]:
    steps = ScheduledProcedureStep.objects.all()
    return steps if step is None else steps.exclude(pk=step.pk)


def _patient(site: Site, item: IntakeItem, actor: Actor, current: Order | None) -> Patient:
    """The patient of the ID or whom that was merged into, or a new one; an item without patient ID has a patient of its own."""
    columns, known = item.patient, None
    if columns.get("patient_id"):
        same = Patient.objects.filter(
            site=site, patient_id=columns["patient_id"], issuer_of_patient_id=columns.get("issuer_of_patient_id", "")
        )
        known = same.select_for_update().first()  # a change of the patient waits, and finds the new step
        if known is not None and known.merged_into_id is not None:
            known = Patient.objects.select_for_update().get(pk=known.merged_into_id)
    elif current is not None and not current.patient.patient_id:
        known = current.patient
    if known is None:
        known = Patient.objects.create(site=site, created_at=clock.now(site), **columns)
        RecordChange.by(actor, at=known.created_at, verb="import", subject="patient", subject_id=known.pk)
    return known


def is_named(patient: Patient, item: IntakeItem) -> bool:
    """Whether the patient has the item's ID. The one that has not is who that was merged into, and is not brought up to the item."""
    return (patient.patient_id, patient.issuer_of_patient_id) == patient_key(item)


def patient_change(patient: Patient, actor: Actor, changes: Changes) -> RecordChange:
    """A row of the patient's history for columns that took an item's values, not saved."""
    at = clock.now(patient.site)
    return RecordChange.unentered(actor, at=at, verb="import", subject="patient", subject_id=patient.pk, detail=changes.detail)


def _bring_patient_up(patient: Patient, item: IntakeItem, actor: Actor, changes: Changes) -> None:
    of_patient = Changes()
    if of_patient.apply(patient, item.patient):
        patient_change(patient, actor, of_patient).save()
        changes.detail |= of_patient.detail


def _order_for(site: Site, item: IntakeItem, actor: Actor, patient: Patient) -> tuple[Order, bool]:
    """The order of the accession number, or a new one and True.

    An accession number that belongs to another patient's order cannot stand in the column a second time; the new order
    goes without, and the step keeps the number as received.
    """
    holder = _taken(site, item.order)
    if holder is not None and holder.patient_id == patient.pk:
        return holder, False
    columns = {**item.order, "accession_number": ""} if holder is not None else dict(item.order)
    visit, now = _visit(site, patient, item), clock.now(site)
    return Order.objects.create(site=site, patient=patient, visit=visit, ordered_at=now, ordered_by=actor.name, **columns), True


def _taken(site: Site, columns: Mapping[str, Any]) -> Order | None:
    if not columns["accession_number"]:
        return None
    return Order.objects.filter(
        site=site,
        accession_number=columns["accession_number"],
        issuer_of_accession_number=columns.get("issuer_of_accession_number", ""),
    ).first()


def _bring_order_up(site: Site, order: Order, patient: Patient, item: IntakeItem, changes: Changes) -> None:
    columns = dict(item.order)
    if order.accession_number != columns["accession_number"] and _taken(site, columns):
        columns["accession_number"] = ""
    changes.apply(order, {**columns, "patient": patient, "visit": _visit(site, patient, item)})
    order.patient = patient  # the record with the item's values, also when it is the same one


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


def _procedure(site: Site, order: Order, item: IntakeItem, step: ScheduledProcedureStep | None, changes: Changes) -> RequestedProcedure:
    known = step.requested_procedure if step is not None and step.requested_procedure.order_id == order.pk else None
    if known is None:
        known = RequestedProcedure.objects.filter(order=order, requested_procedure_id=item.procedure["requested_procedure_id"]).first()
    if known is None:
        return RequestedProcedure.objects.create(site=site, order=order, **item.procedure)
    if not _others(step).filter(requested_procedure=known).exists():
        changes.apply(known, item.procedure)
    return known


def assign_stations(step: ScheduledProcedureStep, made: bool, ae_titles: tuple[str, ...], changes: Changes) -> None:
    """Make the step's stations these, in this order; an AE title of no known station is kept as it is."""
    before = [] if made else list(step.stations.values_list("ae_title", flat=True))
    if before == list(ae_titles):
        return
    known = titles.calling_so(step.site, ae_titles)
    if before:
        step.stations.all().delete()
    StepStation.objects.bulk_create(
        [StepStation(step=step, ae_title=title, station=known.get(title), position=number) for number, title in enumerate(ae_titles)]
    )
    changes.detail["stations"] = ["\\".join(before), "\\".join(ae_titles)]
