"""Ordering exams from the catalogue, and canceling what was ordered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from ris import attributes, clock, events, validation
from ris.actions import booking, numbers, patients, steps, visits
from ris.actions.patients import PatientData
from ris.actions.snapshot import procedure_columns, step_columns
from ris.actor import Actor
from ris.crossing import crossed, since
from ris.db import action, lock
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import (
    Order,
    Patient,
    Procedure,
    ProcedureStepTemplate,
    RecordChange,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    StepChange,
    Visit,
)
from ris.transitions import SCHEDULED, WAITING
from ris.validation import Checker, reason_text

Further = Mapping[str, Mapping[str, Any]]
"""Values of `ris.attributes` by record and keyword."""


@dataclass(frozen=True, kw_only=True)
class Booking:
    """Where and when.

    With `station_ae_title` (or a pool's code) and `start` (aware) the first step is booked; the steps after it follow
    on the same station when it performs their modality, else they wait in the tray. Without them all wait in the tray.
    `end` (aware) gives a lone step another length than the catalogue's.
    """

    station_ae_title: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def check(self) -> None:
        """Station and start come together, and an end only with them; InvalidInput."""
        if bool(self.station_ae_title) != bool(self.start):
            missing = "start" if self.station_ae_title else "station_ae_title"
            raise InvalidInput({missing: "is missing; give station and start together, or neither to leave the exam in the tray"})
        if self.end and not self.start:
            raise InvalidInput({"start": "is missing; an end needs a station and a start"})


@dataclass(frozen=True)
class OrderRequest(Booking):
    """What is ordered. `procedure_codes` are catalogue codes; an empty accession number asks for a new one.

    `attributes` are further ones of `ris.attributes` by record (visit, order, procedure, step) and keyword; those of the procedure and
    the step hold for each of the order.
    """

    procedure_codes: list[str]
    priority: str = Order.Priority.ROUTINE
    accession_number: str = ""
    placer_order_number: str = ""
    referring_physician_name: str = ""
    requesting_physician: str = ""
    requesting_service: str = ""
    reason: str = ""
    comments: str = ""
    patient_transport_arrangements: str = ""
    attributes: Further = field(default_factory=dict)


@action
def place_order(site: Site, patient: Patient | PatientData, request: OrderRequest, actor: Actor, visit: Visit | None = None) -> Order:
    """Make the order with its procedures and steps, all or nothing.

    Raises InvalidInput, NotFound (procedure, station), Conflict (patient ID, merged patient, accession number) or SlotTaken.
    """
    columns, further = _check(request)
    procedures = [catalogue_procedure(site, code) for code in request.procedure_codes]
    request.check()
    person = patient if isinstance(patient, Patient) else patients.find_or_register(site, patient, actor)
    person = lock_patient(person.pk)
    if further["visit"]:
        visit, of_visit = visits.visit_with(person, visit, further["visit"], actor)
        if visit is not None and of_visit:
            visits.show(visit, of_visit)
    order = Order.objects.create(
        site=site,
        patient=person,
        visit=visit,
        accession_number=_accession_number(site, columns.pop("accession_number")),
        placer_order_number=columns.pop("placer_order_number") or numbers.order_number(site, "placer"),
        filler_order_number=numbers.order_number(site, "filler"),
        ordered_at=clock.now(site),
        ordered_by=actor.name,
        **columns,
    )
    made = [step for procedure in procedures for step in request_procedure(order, procedure, actor, further)]
    book_in_a_row(made, request, actor)
    return order


def lock_patient(pk: int) -> Patient:
    """The patient as it is now, locked: a change of it waits, and finds the new steps. Conflict when it was merged into another one."""
    person = Patient.objects.select_for_update().get(pk=pk)
    patients.refuse_merged(person)
    return person


def _accession_number(site: Site, typed: str) -> str:
    """The typed number, or a new one; Conflict when the typed one belongs to an order already."""

    def is_taken(number: str) -> bool:
        held = Order.objects.filter(site=site, accession_number=number, issuer_of_accession_number="")
        return held.exclude(accession_number="").exists()  # as the index says, or SQLite does not use it

    if not typed:
        return numbers.until_free(lambda: numbers.accession_number(site), is_taken)
    if is_taken(typed):
        raise Conflict(f"Accession number {typed} belongs to an order already; leave it empty to get a new one.")
    return typed


_NO_MORE: Further = {"visit": {}, "order": {}, "procedure": {}, "step": {}}


def _check(request: OrderRequest) -> tuple[dict[str, Any], Further]:
    """Column values of an Order, and the further attributes by record, or InvalidInput."""
    checked = Checker()
    further = {name: attributes.check(attributes.RECORDS[name], request.attributes.get(name, {}), checked) for name in _NO_MORE}
    for name in request.attributes.keys() - further.keys():
        checked.refuse(name, f"is no record whose attributes can be set here; known are {', '.join(further)}")
    columns: dict[str, Any] = {
        name: checked(name, validation.text, getattr(request, name), vr) or ""
        for name, vr in (
            ("accession_number", "SH"),
            ("placer_order_number", "LO"),
            ("requesting_service", "LO"),
            ("reason", "LO"),
            ("comments", "LT"),
            ("patient_transport_arrangements", "LO"),
        )
    }
    for name in ("referring_physician_name", "requesting_physician"):
        columns[name] = checked(name, validation.person_name, getattr(request, name)) or ""
    columns["priority"] = request.priority.strip().upper()
    if columns["priority"] not in Order.Priority.values:
        checked.refuse("priority", f"must be one of {', '.join(Order.Priority.values)}")
    if not request.procedure_codes:
        checked.refuse("procedure_code", "is empty; choose a procedure of the catalogue")
    checked.done()
    return columns | attributes.columns(attributes.ORDER, further["order"]), further


def catalogue_procedure(site: Site, code: str) -> Procedure:
    """The procedure of a catalogue code; NotFound otherwise."""
    procedure = Procedure.objects.filter(site=site, code=code, active=True).prefetch_related("steps").first()
    if procedure is None:
        raise NotFound(f"There is no procedure {code!r} in the catalogue; GET /api/v1/procedures lists it.")
    return procedure


def request_procedure(order: Order, procedure: Procedure, actor: Actor, further: Further = _NO_MORE) -> list[ScheduledProcedureStep]:
    """Copy the catalogue's procedure and its steps into the order, with further attributes of both."""
    site = order.site
    requested = RequestedProcedure.objects.create(
        site=site,
        order=order,
        requested_procedure_id=numbers.requested_procedure_id(site),
        study_instance_uid=numbers.study_instance_uid(),
        **procedure_columns(procedure) | attributes.columns(attributes.PROCEDURE, further["procedure"]),
    )
    over = attributes.columns(attributes.STEP, further["step"])
    return [make_step(requested, template, actor, over=over) for template in procedure.steps.all()]


def make_step(
    requested: RequestedProcedure,
    template: ProcedureStepTemplate,
    actor: Actor,
    verb: str = "order",
    reason: str = "",
    over: Mapping[str, Any] | None = None,
) -> ScheduledProcedureStep:
    """A step of the procedure as the template says, with columns in place of its own, waiting in the tray."""
    now = clock.now(requested.site)
    step = ScheduledProcedureStep.objects.create(
        site=requested.site,
        requested_procedure=requested,
        scheduled_procedure_step_id=numbers.scheduled_procedure_step_id(requested.site),
        status_at=now,
        **step_columns(template) | dict(over or {}),
    )
    StepChange.by(actor, step=step, at=now, verb=verb, to_status=SCHEDULED, reason=reason)
    events.publish(events.StepChanged(step.pk))
    return step


def book_in_a_row(made: list[ScheduledProcedureStep], wanted: Booking, actor: Actor) -> None:
    """Book the first of the steps as wanted, and those that follow it there."""
    if wanted.start is None:
        return
    in_a_row = booking.in_a_row(booking.find_place(made[0].site, wanted.station_ae_title), made)
    if wanted.end is not None and len(in_a_row) > 1:
        raise InvalidInput({"end": f"fits no single exam: {len(in_a_row)} are booked one after the other; leave it out"})
    start = wanted.start
    for step in in_a_row:
        booked = steps.schedule(step.pk, wanted.station_ae_title, start, actor, end=wanted.end)
        start = booked.end or start


@action
def cancel_order(order: Order, actor: Actor, reason: str, expected_version: int | None = None) -> list[ScheduledProcedureStep]:
    """Cancel every step of the order that has not begun; what has begun or ended stays as it is.

    Raises InvalidInput (no reason), ChangedMeanwhile, or Conflict when nothing is left that could be canceled.
    """
    order = lock_order(order.pk, expected_version)
    canceled = _cancel(ScheduledProcedureStep.objects.filter(requested_procedure__order=order), actor, reason)
    if not canceled:
        raise Conflict(f"Order {named(order)} has no exam left that could be canceled; one that has begun ends at its modality.")
    record(order, actor, "cancel", reason, {"steps": [[step.scheduled_procedure_step_id for step in canceled], []]})
    return canceled


@action
def cancel_procedure(
    procedure: RequestedProcedure, actor: Actor, reason: str, expected_version: int | None = None
) -> list[ScheduledProcedureStep]:
    """`cancel_order` of one procedure of the order; the others stay."""
    order = lock_order(procedure.order_id, expected_version)
    canceled = _cancel(ScheduledProcedureStep.objects.filter(requested_procedure=procedure), actor, reason)
    if not canceled:
        raise Conflict(
            f"Procedure {procedure.requested_procedure_id} of order {named(order)} has no exam left that could be canceled; "
            "one that has begun ends at its modality."
        )
    record(order, actor, "cancel_procedure", reason, {"procedure": [procedure.requested_procedure_id, ""]})
    return canceled


def _cancel(among: QuerySet[ScheduledProcedureStep], actor: Actor, reason: str) -> list[ScheduledProcedureStep]:
    waiting = among.filter(status__in=WAITING).order_by("requested_procedure", "pk").values_list("pk", flat=True)
    return [steps.cancel(pk, actor, reason) for pk in list(waiting)]


def lock_order(pk: int, expected_version: int | None = None) -> Order:
    """The order as it is now, locked with its patient before and its procedures behind it, in the order that everybody locks them."""
    seen = Order.objects.get(pk=pk)
    Patient.objects.select_for_update().get(pk=seen.patient_id)
    order = Order.objects.select_for_update(of=("self",)).select_related("site", "patient").get(pk=pk)
    if order.patient_id != seen.patient_id or (expected_version is not None and order.version != expected_version):
        changes = since("order", order.pk, order.version - (expected_version or order.version))
        raise crossed(f"order {named(order)}", order.site, changes)
    lock(lambda: RequestedProcedure.objects.filter(order=order).order_by("pk"))
    return order


def named(order: Order) -> str:
    """What an order is called in a sentence; an imported one may have no accession number."""
    return order.accession_number or "without accession number"


def record(order: Order, actor: Actor, verb: str, reason: str, detail: dict[str, Any]) -> None:
    """A row in the history of an order that is locked; what was seen of it before is no longer true."""
    order.version += 1
    order.save(update_fields=["version"])
    change = {"verb": verb, "subject": "order", "subject_id": order.pk, "reason": reason_text(reason), "detail": detail}
    RecordChange.by(actor, at=clock.now(order.site), **change)
