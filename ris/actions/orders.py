"""Ordering exams from the catalogue."""

from dataclasses import dataclass
from datetime import datetime

from ris import clock, events, validation
from ris.actions import booking, numbers, patients, steps
from ris.actions.patients import PatientData
from ris.actions.snapshot import procedure_columns, step_columns
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import (
    Order,
    Patient,
    Procedure,
    ProcedureStepTemplate,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    StepChange,
    Visit,
)
from ris.transitions import SCHEDULED, WAITING
from ris.validation import Checker


@dataclass(frozen=True)
class OrderRequest:
    """What is ordered. `procedure_codes` are catalogue codes; an empty accession number asks for a new one.

    With `station_ae_title` (or a pool's code) and `start` (aware) the first step is booked; the steps after it follow
    on the same station when it performs their modality, else they wait in the tray. Without them all wait in the tray.
    `end` (aware) gives a lone step another length than the catalogue's.
    """

    procedure_codes: list[str]
    priority: str = Order.Priority.ROUTINE
    station_ae_title: str = ""
    start: datetime | None = None
    end: datetime | None = None
    accession_number: str = ""
    placer_order_number: str = ""
    referring_physician_name: str = ""
    requesting_physician: str = ""
    requesting_service: str = ""
    reason: str = ""
    comments: str = ""
    patient_transport_arrangements: str = ""


@action
def place_order(site: Site, patient: Patient | PatientData, request: OrderRequest, actor: Actor, visit: Visit | None = None) -> Order:
    """Make the order with its procedures and steps, all or nothing.

    Raises InvalidInput, NotFound (procedure, station), Conflict (patient ID, accession number) or SlotTaken.
    """
    columns = _check(request)
    procedures = [_catalogue_procedure(site, code) for code in request.procedure_codes]
    _check_booking(request)
    person = patient if isinstance(patient, Patient) else patients.find_or_register(site, patient, actor)
    person = Patient.objects.select_for_update().get(pk=person.pk)  # a change of the patient waits, and finds the new steps
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
    made = [step for procedure in procedures for step in _request_procedure(order, procedure, actor)]
    if request.start is not None:
        _book_in_a_row(made, request, request.start, actor)
    return order


def _check_booking(request: OrderRequest) -> None:
    """Station and start come together, and an end only with them; InvalidInput."""
    if bool(request.station_ae_title) != bool(request.start):
        missing = "start" if request.station_ae_title else "station_ae_title"
        raise InvalidInput({missing: "is missing; give station and start together, or neither to leave the exam in the tray"})
    if request.end and not request.start:
        raise InvalidInput({"start": "is missing; an end needs a station and a start"})


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


def _check(request: OrderRequest) -> dict[str, str]:
    """Column values of an Order, or InvalidInput."""
    checked = Checker()
    columns = {
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
    return columns


def _catalogue_procedure(site: Site, code: str) -> Procedure:
    procedure = Procedure.objects.filter(site=site, code=code, active=True).prefetch_related("steps").first()
    if procedure is None:
        raise NotFound(f"There is no procedure {code!r} in the catalogue; GET /api/v1/procedures lists it.")
    return procedure


def _request_procedure(order: Order, procedure: Procedure, actor: Actor) -> list[ScheduledProcedureStep]:
    """Copy the catalogue's procedure and its steps into the order."""
    site = order.site
    requested = RequestedProcedure.objects.create(
        site=site,
        order=order,
        requested_procedure_id=numbers.requested_procedure_id(site),
        study_instance_uid=numbers.study_instance_uid(),
        **procedure_columns(procedure),
    )
    return [_make_step(requested, template, actor) for template in procedure.steps.all()]


def _make_step(requested: RequestedProcedure, template: ProcedureStepTemplate, actor: Actor) -> ScheduledProcedureStep:
    now = clock.now(requested.site)
    step = ScheduledProcedureStep.objects.create(
        site=requested.site,
        requested_procedure=requested,
        scheduled_procedure_step_id=numbers.scheduled_procedure_step_id(requested.site),
        status_at=now,
        **step_columns(template),
    )
    StepChange.by(actor, step=step, at=now, verb="order", to_status=SCHEDULED)
    events.publish(events.StepChanged(step.pk))
    return step


def _book_in_a_row(made: list[ScheduledProcedureStep], request: OrderRequest, start: datetime, actor: Actor) -> None:
    """Book the first step at `start` and each following one that the place performs right after the one before."""
    place = request.station_ae_title
    in_a_row = booking.in_a_row(booking.find_place(made[0].site, place), made)
    if request.end is not None and len(in_a_row) > 1:
        raise InvalidInput({"end": f"fits no single exam: {len(in_a_row)} are booked one after the other; leave it out"})
    for step in in_a_row:
        booked = steps.schedule(step.pk, place, start, actor, end=request.end)
        start = booked.end or start


@action
def cancel_order(order: Order, actor: Actor, reason: str) -> list[ScheduledProcedureStep]:
    """Cancel every step of the order that has not begun; Conflict when there is none."""
    waiting = ScheduledProcedureStep.objects.filter(requested_procedure__order=order, status__in=WAITING).order_by("pk")
    canceled = [steps.cancel(step.pk, actor, reason) for step in waiting]
    if not canceled:
        raise Conflict(f"Order {order.accession_number} has no exam left that could be canceled.")
    return canceled
