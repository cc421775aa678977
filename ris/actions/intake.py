"""Taking worklist items of other systems in: no check of conflicts, values as they came.

An item is one step. It is found again by its accession number, requested procedure ID and step ID, without an accession
number by its patient too. What only this step uses (its order, procedure, visit, patient) takes the item's values; what
other steps use as well stays as it is, and the step keeps its own difference in `received_item`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects

from ris import clock, events
from ris.actions import intake_records, patients
from ris.actions.intake_item import IntakeItem, Outcome, Received, status_of
from ris.actions.intake_records import Changes
from ris.actions.steps import lock_step
from ris.actor import Actor
from ris.db import action
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Site, StepChange
from ris.transitions import CANCELED, SCHEDULED, STARTED, WAITING

_ACCESSION_NUMBER = "00080050"


@dataclass(frozen=True)
class Intake:
    step: ScheduledProcedureStep
    outcome: Outcome


@action
def intake_step(site: Site, item: IntakeItem, actor: Actor, received: Received) -> Intake:
    """Make the item's step with its patient, visit, order and procedure, or bring it up to the item.

    A step on which work was begun is left alone; the status changes only while the step waits.
    """
    step = _locked(find_step(site, item))
    if step is not None and is_performed(step, begun([step.pk])):
        return Intake(step, Outcome.PERFORMED)
    changes = Changes()
    procedure = intake_records.place(site, item, actor, step, changes)
    made = step is None
    if step is None:
        step = ScheduledProcedureStep.objects.create(
            site=site, requested_procedure=procedure, status=status_of(item) or SCHEDULED, status_at=clock.now(site), **item.step
        )
    else:
        _bring_up(step, procedure, item, changes)
    intake_records.assign_stations(step, made, item.ae_titles, changes)
    prefetch_related_objects([step], "stations__station")
    received_item = received(step, list(step.stations.all()))
    if not intake_records.is_named(procedure.order.patient, item):
        received_item = patients.without_patient(received_item)
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
    owners = {pk for row in Patient.objects.filter(site=site, **same_patient).values_list("pk", "merged_into") for pk in row if pk}
    order_ids += Order.objects.filter(patient__in=owners, accession_number="").values_list("pk", flat=True)
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


def _bring_up(step: ScheduledProcedureStep, procedure: RequestedProcedure, item: IntakeItem, changes: Changes) -> None:
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


def _record(step: ScheduledProcedureStep, made: bool, actor: Actor, changes: Changes, notes: tuple[str, ...]) -> None:
    if made:
        made_change(step, actor, notes).save()
        return
    before = changes.detail.get("scheduledprocedurestep.status", [step.status])[0]
    _change(step, actor, notes, from_status=before, detail=changes.detail).save()


def _change(step: ScheduledProcedureStep, actor: Actor, notes: tuple[str, ...], **fields: Any) -> StepChange:
    text = "; ".join(notes)
    reason = text if len(text) <= 255 else f"{text[:254]}…"
    return StepChange.unentered(actor, step=step, at=clock.now(step.site), verb="import", to_status=step.status, reason=reason, **fields)
