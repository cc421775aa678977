"""Taking many worklist items in at once: as `intake_step` takes one after the other, with some queries a lot instead of twenty an item.

Items that need new records only are written together; any other item is taken by itself, in its turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Model

from ris import clock, events, titles
from ris.actions import intake
from ris.actions.intake_item import IntakeItem, Offered, Outcome, patient_key, status_of
from ris.actions.intake_records import Changes, patient_change
from ris.actor import Actor
from ris.db import action
from ris.insertion import insert
from ris.models import (
    Order,
    Patient,
    RecordChange,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    Station,
    StepStation,
    Visit,
)
from ris.transitions import SCHEDULED


@action
def intake_steps(site: Site, offered: Sequence[Offered], actor: Actor) -> list[Outcome]:
    """Take the items in, in one transaction: all or none."""
    outcomes: list[Outcome] = []
    making: _Making | None = None
    before: _Known | None = None
    for number, one in enumerate(offered):
        if making is None and (before is None or not before.rules_out(one.item)):
            making = _Making(site, actor, _Known.of(site, [other.item for other in offered[number:]]))
        if making is not None and making.add(one):
            outcomes.append(Outcome.MADE)
            continue
        if making is not None:
            making.write()
            before, making = making.known, None
        outcomes.append(intake.intake_step(site, one.item, actor, one.received).outcome)
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
    unused: set[int]  # patients without an order: the first item of one brings it up to itself
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)  # made here
    procedures: dict[tuple[int, str], RequestedProcedure] = field(default_factory=dict)  # made here, by id() of the order

    @classmethod
    def of(cls, site: Site, items: Sequence[IntakeItem]) -> "_Known":
        """The patients are locked: a change of one waits, and finds the new steps."""
        numbers = {item.order["accession_number"] for item in items} - {""}
        patient_ids = {item.patient["patient_id"] for item in items} - {""}
        admissions = {item.visit.get("admission_id", "") for item in items} - {""}
        named = {title for item in items for title in item.ae_titles}
        patients = list(Patient.objects.select_for_update().filter(site=site, patient_id__in=patient_ids).order_by("pk"))
        patient_pks = [patient.pk for patient in patients]
        used = Order.objects.filter(patient__in=patient_pks).values_list("patient", flat=True)
        visits = Visit.objects.filter(site=site, admission_id__in=admissions) if admissions else ()
        return cls(
            accession_numbers=frozenset(
                Order.objects.filter(site=site, accession_number__in=numbers).values_list("accession_number", flat=True)
            ),
            patients={(patient.patient_id, patient.issuer_of_patient_id): patient for patient in patients},
            visits={(visit.admission_id, visit.issuer_of_admission_id): visit for visit in visits},
            stations=titles.calling_so(site, named),
            unused=set(patient_pks).difference(used),
        )

    def rules_out(self, item: IntakeItem) -> bool:
        """Whether the item is not to be written with others: there is an order for it, it lacks what tells its order or its patient,
        or its patient was merged into another one."""
        number, patient = item.order["accession_number"], self.patients.get(patient_key(item))
        was_merged = patient is not None and patient.merged_into_id is not None
        return not number or not item.patient["patient_id"] or number in self.accession_numbers or was_merged


@dataclass
class _Making:
    """Records to be made, in the order in which they are written."""

    site: Site
    actor: Actor
    known: _Known
    patients: list[Patient] = field(default_factory=list)
    brought_up: list[tuple[Patient, Sequence[str], Changes]] = field(default_factory=list)  # patients, with the columns that changed
    visits: list[Visit] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    procedures: list[RequestedProcedure] = field(default_factory=list)
    steps: list[ScheduledProcedureStep] = field(default_factory=list)
    stations: dict[int, list[StepStation]] = field(default_factory=dict)  # by id() of the step
    notes: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, offered: Offered) -> bool:
        """False for an item that `intake_step` may find records for which are not at hand here."""
        item, known = offered.item, self.known
        if known.rules_out(item):
            return False
        number = item.order["accession_number"]
        patient = known.patients.get(patient_key(item))
        order = known.orders.get(_order_key(item))
        if any(number == other for other, _ in known.orders) and (order is None or order.patient is not patient):
            return False
        procedure = known.procedures.get((id(order), item.procedure["requested_procedure_id"]))
        if procedure is not None and any(self._is_step(step, procedure, item) for step in self.steps):
            return False
        if patient is not None and patient.pk and any(item.visit.values()) and not item.visit.get("admission_id"):
            return False
        if patient is not None and patient.pk in known.unused:
            self._bring_up(patient, item)
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
        self.known.patients[patient_key(item)] = patient
        return patient

    def _bring_up(self, patient: Patient, item: IntakeItem) -> None:
        self.known.unused.remove(patient.pk)
        changes = Changes()
        columns = changes.put(patient, item.patient)
        if columns:
            self.brought_up.append((patient, columns, changes))

    def _visit(self, item: IntakeItem, patient: Patient) -> Visit | None:
        columns = item.visit
        if not any(columns.values()):
            return None
        key = columns.get("admission_id", ""), columns.get("issuer_of_admission_id", "")
        same = (
            visit for visit in self.visits if visit.patient is patient and all(getattr(visit, name) == columns[name] for name in columns)
        )
        found = self.known.visits.get(key) if key[0] else next(same, None)
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
        status = status_of(item) or SCHEDULED
        step = ScheduledProcedureStep(
            site=self.site, requested_procedure=procedure, status=status, status_at=clock.now(self.site), **item.step
        )
        stations = [
            StepStation(step=step, ae_title=title, station=self.known.stations.get(title), position=position)
            for position, title in enumerate(item.ae_titles)
        ]
        step.received_item = offered.received(step, stations)
        self.steps.append(step)
        self.stations[id(step)] = stations
        self.notes.append(item.notes)

    def write(self) -> None:
        """Insert everything, with its history, and tell of the steps."""
        if not self.steps:
            return
        stations = [row for rows in self.stations.values() for row in rows]
        insert(self.patients)
        insert([self._patient_change(patient) for patient in self.patients])
        for patient, columns, changes in self.brought_up:
            patient.save(update_fields=columns)
            patient_change(patient, self.actor, changes).save()
        insert(_linked(self.visits, "patient"))
        insert(_linked(self.orders, "patient", "visit"))
        insert(_linked(self.procedures, "order"))
        insert(_linked(self.steps, "requested_procedure"))
        insert(_linked(stations, "step"))
        insert([intake.made_change(step, self.actor, notes) for step, notes in zip(self.steps, self.notes, strict=True)])
        events.publish(events.StepsAdded(tuple(map(self._records, self.steps))))

    def _patient_change(self, patient: Patient) -> RecordChange:
        return RecordChange.unentered(self.actor, at=patient.created_at, verb="import", subject="patient", subject_id=patient.pk)

    def _records(self, step: ScheduledProcedureStep) -> events.StepRecords:
        procedure = step.requested_procedure
        order = procedure.order
        stations = self.stations.get(id(step), ())
        return events.StepRecords(step, procedure, order, order.patient, order.visit, self.site, stations)


def _linked(records: Sequence[Model], *names: str) -> Sequence[Model]:
    """The records, which now know the primary keys of what they were made with before that was inserted."""
    for record in records:
        for name in names:
            setattr(record, name, getattr(record, name))
    return records


def _order_key(item: IntakeItem) -> tuple[str, str]:
    return item.order["accession_number"], item.order.get("issuer_of_accession_number", "")
