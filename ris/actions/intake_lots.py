"""Taking many worklist items in at once: as `intake_step` takes one after the other, with some queries a lot instead of twenty an item.

What changes nothing is seen without a transaction. Items that need new records only are written together; any other item is
taken by itself, in its turn.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ris import clock, events
from ris.actions import intake
from ris.actions.intake import IntakeItem, Outcome, Received
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
from ris.transitions import SCHEDULED, WAITING


@dataclass(frozen=True)
class Offered:
    item: IntakeItem
    received: Received


def settled(site: Site, offered: Sequence[Offered]) -> list[Outcome | None]:
    """UNCHANGED or PERFORMED for items that would change nothing, in the order of the items; None for those to be taken in."""
    steps = _steps_of(site, [one.item for one in offered])
    found = [steps.get(_key_in_order(one.item)) or steps.get(_key_of_patient(one.item)) for one in offered]
    about = _About.these([step for step in found if step is not None])
    return [None if step is None else _verdict(one, step, about) for one, step in zip(offered, found, strict=True)]


def _key_in_order(item: IntakeItem) -> tuple[str, ...]:
    return "", item.accession_number, item.procedure["requested_procedure_id"], item.step["scheduled_procedure_step_id"]


def _key_of_patient(item: IntakeItem) -> tuple[str, ...]:
    return item.patient["patient_id"], *_key_in_order(item)[1:]


def _steps_of(site: Site, items: Sequence[IntakeItem]) -> dict[tuple[str, ...], ScheduledProcedureStep]:
    """Steps by patient ID, accession number, procedure ID and step ID; without patient ID where the order's own number tells them apart."""
    found: dict[tuple[str, ...], ScheduledProcedureStep] = {}
    steps = (
        ScheduledProcedureStep.objects.filter(site=site)
        .select_related("site", "requested_procedure__order__patient", "requested_procedure__order__visit")
        .prefetch_related("stations__station")
        .order_by("pk")
    )
    numbers = {item.order["accession_number"] for item in items} - {""}
    patient_ids = {item.patient["patient_id"] for item in items} - {""}
    for step in steps.filter(requested_procedure__order__in=_pks(Order, site, accession_number__in=numbers)):
        if intake.accession_number(step) in numbers:
            found.setdefault(("", *_key(step)), step)
    without = _pks(Order, site, patient__in=_pks(Patient, site, patient_id__in=patient_ids), accession_number="")
    for step in steps.filter(requested_procedure__order__in=without):
        found.setdefault((step.requested_procedure.order.patient.patient_id, *_key(step)), step)
    return found


def _pks(model: type[Model], site: Site, **lookups: Any) -> list[int]:
    """Ids that are looked up first, so that no query has to choose where to begin."""
    return list(model._default_manager.filter(site=site, **lookups).values_list("pk", flat=True)) if all(lookups.values()) else []


def _key(step: ScheduledProcedureStep) -> tuple[str, str, str]:
    return intake.accession_number(step), step.requested_procedure.requested_procedure_id, step.scheduled_procedure_step_id


@dataclass(frozen=True)
class _About:
    """What an intake of one of the steps would look up: steps that were started, and records that several steps use."""

    begun: frozenset[int]
    shared_procedures: frozenset[int]
    shared_orders: frozenset[int]
    shared_patients: frozenset[int]

    @classmethod
    def these(cls, steps: Sequence[ScheduledProcedureStep]) -> "_About":
        procedures = [step.requested_procedure for step in steps]
        siblings = ScheduledProcedureStep.objects.filter(requested_procedure__order__in={procedure.order_id for procedure in procedures})
        rows = list(siblings.values_list("requested_procedure_id", "requested_procedure__order_id"))
        orders = Order.objects.filter(patient__in={procedure.order.patient_id for procedure in procedures})
        return cls(
            intake.begun(step.pk for step in steps),
            _several(procedure for procedure, _ in rows),
            _several(order for _, order in rows),
            _several(orders.values_list("patient_id", flat=True)),
        )


def _several(keys: Iterable[int]) -> frozenset[int]:
    return frozenset(key for key, times in Counter(keys).items() if times > 1)


def _verdict(offered: Offered, step: ScheduledProcedureStep, about: _About) -> Outcome | None:
    if intake.is_performed(step, about.begun):
        return Outcome.PERFORMED
    item, procedure = offered.item, step.requested_procedure
    status, stations = intake.status_of(item), list(step.stations.all())
    same = (
        _holds(step, item.step)
        and (not status or step.status == status or step.status not in WAITING)
        and tuple(row.ae_title for row in stations) == item.ae_titles
        and (procedure.pk in about.shared_procedures or _holds(procedure, item.procedure))
        and _is_order(procedure.order, item, about)
        and offered.received(step, stations) == step.received_item
    )
    return Outcome.UNCHANGED if same else None


def _is_order(order: Order, item: IntakeItem, about: _About) -> bool:
    """Whether the order and its patient would stay as they are; what other steps use as well does, as long as it is the same patient."""
    patient = order.patient
    if (patient.patient_id, patient.issuer_of_patient_id) != _patient_key(item):
        return False
    if order.pk in about.shared_orders:
        return True
    return (
        _holds(order, item.order)
        and _is_visit(order, item.visit)
        and (patient.pk in about.shared_patients or _holds(patient, item.patient))
    )


def _holds(record: Model, columns: Mapping[str, Any]) -> bool:
    return all(getattr(record, name) == value for name, value in columns.items())


def _is_visit(order: Order, columns: Mapping[str, Any]) -> bool:
    """Whether the intake of these columns would leave the order's visit as it is."""
    if order.visit is None or not any(columns.values()):
        return order.visit is None and not any(columns.values())
    names = ("admission_id", "issuer_of_admission_id") if columns.get("admission_id") else tuple(columns)
    return order.visit.patient_id == order.patient_id and _holds(order.visit, {name: columns[name] for name in names})


@action
def intake_steps(site: Site, offered: Sequence[Offered], actor: Actor) -> list[Outcome]:
    """Take the items in, in one transaction: all or none."""
    outcomes: list[Outcome] = []
    making: _Making | None = None
    for number, one in enumerate(offered):
        making = making or _Making(site, actor, _Known.of(site, [other.item for other in offered[number:]]))
        if making.add(one):
            outcomes.append(Outcome.MADE)
            continue
        making.write()
        outcomes.append(intake.intake_step(site, one.item, actor, one.received).outcome)
        making = None
    if making is not None:
        making.write()
    return outcomes


@dataclass
class _Known:
    """Records that the items of a lot may share; what the lot makes joins them."""

    accession_numbers: frozenset[str]  # of orders that are stored
    patients: dict[tuple[str, str], Patient]
    visits: dict[tuple[str, str], Visit]
    stations: dict[str, Station]
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)  # made here
    procedures: dict[tuple[int, str], RequestedProcedure] = field(default_factory=dict)  # made here, by id() of the order

    @classmethod
    def of(cls, site: Site, items: Sequence[IntakeItem]) -> "_Known":
        """The patients are locked: a change of one waits, and finds the new steps."""
        numbers = {item.order["accession_number"] for item in items} - {""}
        patient_ids = {item.patient["patient_id"] for item in items} - {""}
        admissions = {item.visit.get("admission_id", "") for item in items} - {""}
        titles = {title for item in items for title in item.ae_titles}
        patients = Patient.objects.select_for_update().filter(site=site, patient_id__in=patient_ids).order_by("pk")
        visits = Visit.objects.filter(site=site, admission_id__in=admissions) if admissions else ()
        return cls(
            accession_numbers=frozenset(
                Order.objects.filter(site=site, accession_number__in=numbers).values_list("accession_number", flat=True)
            ),
            patients={(patient.patient_id, patient.issuer_of_patient_id): patient for patient in patients},
            visits={(visit.admission_id, visit.issuer_of_admission_id): visit for visit in visits},
            stations={station.ae_title: station for station in Station.objects.filter(site=site, ae_title__in=titles)},
        )


@dataclass
class _Making:
    """Records to be made, in the order in which they are written."""

    site: Site
    actor: Actor
    known: _Known
    patients: list[Patient] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    procedures: list[RequestedProcedure] = field(default_factory=list)
    steps: list[ScheduledProcedureStep] = field(default_factory=list)
    stations: list[StepStation] = field(default_factory=list)
    notes: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, offered: Offered) -> bool:
        """False for an item that `intake_step` may find a step or an order for, or that has no patient ID to tell its patient by."""
        item, known = offered.item, self.known
        number = item.order["accession_number"]
        patient = known.patients.get(_patient_key(item))
        order = known.orders.get(_order_key(item))
        if not number or not item.patient["patient_id"] or number in known.accession_numbers:
            return False
        if any(number == other for other, _ in known.orders) and (order is None or order.patient is not patient):
            return False
        procedure = known.procedures.get((id(order), item.procedure["requested_procedure_id"]))
        if procedure is not None and any(self._is_step(step, procedure, item) for step in self.steps):
            return False
        if patient is not None and patient.pk and any(item.visit.values()) and not item.visit.get("admission_id"):
            return False
        patient = patient or self._patient(item)
        order = order or self._order(item, patient)
        self._step(offered, procedure or self._procedure(item, order))
        return True

    @staticmethod
    def _is_step(step: ScheduledProcedureStep, procedure: RequestedProcedure, item: IntakeItem) -> bool:
        return step.requested_procedure is procedure and step.scheduled_procedure_step_id == item.step["scheduled_procedure_step_id"]

    def _patient(self, item: IntakeItem) -> Patient:
        patient = Patient(site=self.site, created_at=clock.now(self.site), **item.patient)
        self.patients.append(patient)
        self.known.patients[_patient_key(item)] = patient
        return patient

    def _visit(self, item: IntakeItem, patient: Patient) -> Visit | None:
        columns = item.visit
        if not any(columns.values()):
            return None
        key = columns.get("admission_id", ""), columns.get("issuer_of_admission_id", "")
        same = [visit for visit in self.visits if visit.patient is patient and _holds(visit, columns)]
        found = self.known.visits.get(key) if key[0] else next(iter(same), None)
        if found is not None:
            return found if found.patient is patient or (patient.pk and found.patient_id == patient.pk) else None
        visit = Visit(site=self.site, patient=patient, created_at=clock.now(self.site), **columns)
        self.visits.append(visit)
        if key[0]:
            self.known.visits[key] = visit
        return visit

    def _order(self, item: IntakeItem, patient: Patient) -> Order:
        visit = self._visit(item, patient)
        now = clock.now(self.site)
        order = Order(site=self.site, patient=patient, visit=visit, ordered_at=now, ordered_by=self.actor.name, **item.order)
        self.orders.append(order)
        self.known.orders[_order_key(item)] = order
        return order

    def _procedure(self, item: IntakeItem, order: Order) -> RequestedProcedure:
        procedure = RequestedProcedure(site=self.site, order=order, **item.procedure)
        self.procedures.append(procedure)
        self.known.procedures[id(order), procedure.requested_procedure_id] = procedure
        return procedure

    def _step(self, offered: Offered, procedure: RequestedProcedure) -> None:
        item = offered.item
        status = intake.status_of(item) or SCHEDULED
        step = ScheduledProcedureStep(
            site=self.site, requested_procedure=procedure, status=status, status_at=clock.now(self.site), **item.step
        )
        stations = [
            StepStation(step=step, ae_title=title, station=self.known.stations.get(title), position=position)
            for position, title in enumerate(item.ae_titles)
        ]
        step.received_item = offered.received(step, stations)
        self.steps.append(step)
        self.stations += stations
        self.notes.append(item.notes)

    def write(self) -> None:
        """Insert everything, with its history, and tell of the steps."""
        if not self.steps:
            return
        Patient.objects.bulk_create(self.patients)
        RecordChange.objects.bulk_create(self._patient_changes())
        for records in (self.visits, self.orders, self.procedures, self.steps, self.stations):
            _insert(records)
        StepChange.objects.bulk_create(
            intake.made_change(step, self.actor, notes) for step, notes in zip(self.steps, self.notes, strict=True)
        )
        events.publish(events.StepsMade(tuple(step.pk for step in self.steps)))

    def _patient_changes(self) -> Iterable[RecordChange]:
        for patient in self.patients:
            yield RecordChange.unsaved(self.actor, at=patient.created_at, verb="import", subject="patient", subject_id=patient.pk)


def _insert(records: Sequence[Model]) -> None:
    if records:
        type(records[0])._default_manager.bulk_create(records)


def _patient_key(item: IntakeItem) -> tuple[str, str]:
    return item.patient["patient_id"], item.patient.get("issuer_of_patient_id", "")


def _order_key(item: IntakeItem) -> tuple[str, str]:
    return item.order["accession_number"], item.order.get("issuer_of_accession_number", "")
