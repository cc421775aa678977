"""Planned exams become orders, bookings, arrivals and performed steps, each recorded as of the time at which it happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from mpps.models import PerformedProcedureStep
from ris import clock, events
from ris.actions import orders, steps, visits
from ris.actions.orders import OrderRequest
from ris.actions.visits import VisitData
from ris.actor import Actor
from ris.db import action
from ris.models import Order, Patient, ScheduledProcedureStep, Site, Station, Visit
from ris.transitions import SCHEDULED
from training.hospital import referrals
from training.hospital.casting import Cast
from training.hospital.plan import WAITING, Appointment, Course, Exam, Window
from training.hospital.scanner import Scanner
from training.performed import Device

DEMO = Actor.system("demo hospital")
"""Who orders and books in the demo; by its name the demo's own orders are told from other people's."""

_MOVED = "The demo's schedule was moved to today"


@dataclass
class Stage:
    """Where exams are put on. `leftovers` are the demo's waiting steps of an earlier day, used again before new ones are ordered."""

    site: Site
    when: Window
    cast: Cast
    chance: Random
    leftovers: list[ScheduledProcedureStep] = field(default_factory=list)

    def __post_init__(self) -> None:
        stations = Station.objects.filter(site=self.site).prefetch_related("modalities")
        self._scanners: Mapping[str, Station] = {station.ae_title: station for station in stations}

    def scanner(self, ae_title: str, modality: str) -> Scanner:
        station = self._scanners[ae_title]
        device = Device(
            ae_title,
            modality,
            station.name,
            station.room,
            self.chance.choice(referrals.OPERATORS),
            self.chance.choice(referrals.RADIOLOGISTS),
        )
        return Scanner(self.site, device, self.chance)

    @action
    def put_on(self, exam: Exam) -> None:
        """One exam with all its steps, all or nothing; the worklist follows once, at the end."""
        with events.once_each(events.StepChanged):
            self._put_on(exam)

    def _put_on(self, exam: Exam) -> None:
        reused = self._leftover_for(exam)
        if reused is not None:
            self._move(reused, exam.appointments[0])
            return
        begin = exam.appointments[0].span.start
        ordered = self._past(begin - self._lead(exam))
        with clock.standing_at(ordered):
            order = self._order(exam)
        made = ScheduledProcedureStep.objects.filter(requested_procedure__order=order).order_by("position")
        for step, appointment in zip(made, exam.appointments, strict=True):
            booked = self._past(ordered + timedelta(minutes=self.chance.randint(2, 20)))
            with clock.standing_at(booked):
                steps.schedule(step.pk, appointment.place, appointment.span.start, DEMO)
            self._follow(step.pk, appointment)

    def _lead(self, exam: Exam) -> timedelta:
        """How long before its start the exam was ordered."""
        if exam.stat:
            return timedelta(minutes=25)
        return timedelta(minutes=self.chance.randint(20 * 60, 12 * 24 * 60))

    def _past(self, moment: datetime) -> datetime:
        return min(moment, self.when.now - timedelta(seconds=2))

    def order_into_tray(self, exam_code: str, modality: str) -> None:
        """An order that nobody has scheduled yet."""
        with clock.standing_at(self.when.now - timedelta(minutes=self.chance.randint(10, 300))):
            self._place(exam_code, modality, Order.Priority.ROUTINE)

    def _order(self, exam: Exam) -> Order:
        priority = Order.Priority.STAT if exam.stat else self.chance.choices(("ROUTINE", "HIGH", "MEDIUM", "LOW"), (85, 6, 6, 3))[0]
        return self._place(exam.procedure.code, exam.procedure.steps[0].modality, priority)

    def _place(self, code: str, modality: str, priority: str) -> Order:
        patient = self.cast.take(code, modality)
        visit = self._visit(patient, emergency=priority == Order.Priority.STAT)
        request = OrderRequest(
            procedure_codes=[code],
            priority=priority,
            referring_physician_name=self.chance.choice(referrals.PHYSICIANS),
            requesting_physician=self.chance.choice(referrals.PHYSICIANS),
            requesting_service=self.chance.choice(referrals.SERVICES),
            reason=self.chance.choice(referrals.REASONS[modality]),
            patient_transport_arrangements="Bed" if visit and visit.patient_class == Visit.PatientClass.INPATIENT else "",
        )
        return orders.place_order(self.site, patient, request, DEMO, visit)

    def _visit(self, patient: Patient, *, emergency: bool) -> Visit | None:
        if emergency:
            return visits.register_visit(patient, VisitData(Visit.PatientClass.EMERGENCY, "Emergency department"), DEMO)
        if self.chance.random() < 0.2:
            return visits.register_visit(patient, VisitData(Visit.PatientClass.INPATIENT, self.chance.choice(referrals.WARDS)), DEMO)
        return None

    def _leftover_for(self, exam: Exam) -> ScheduledProcedureStep | None:
        """A waiting step of an earlier day that fits into the place of a waiting exam of one step; it is taken off the list."""
        wanted = exam.appointments[0]
        if len(exam.appointments) > 1 or exam.stat or wanted.course not in WAITING:
            return None
        for step in self.leftovers:
            places = {step.pool.code} if step.pool else {row.ae_title for row in step.stations.all()}
            if wanted.place in places and wanted.span.start + timedelta(minutes=step.duration_minutes) <= wanted.span.end:
                self.leftovers.remove(step)
                return step
        return None

    def _move(self, step: ScheduledProcedureStep, appointment: Appointment) -> None:
        with clock.standing_at(self._past(appointment.span.start - timedelta(hours=2))):
            if step.status != SCHEDULED:
                steps.change_status(step.pk, "undo_arrival", DEMO, _MOVED)
            steps.schedule(step.pk, appointment.place, appointment.span.start, DEMO, reason=_MOVED)
        self._follow(step.pk, appointment)

    def _follow(self, step_id: int, appointment: Appointment) -> None:
        """Let the booked step come as far as its course says."""
        course = appointment.course
        if course == Course.SCHEDULED:
            return
        start = appointment.span.start
        if course == Course.CANCELED:
            with clock.standing_at(self._past(start - timedelta(minutes=self.chance.randint(30, 200)))):
                steps.cancel(step_id, DEMO, self.chance.choice(referrals.CANCELLATIONS))
            return
        arrived = self._past(start - timedelta(minutes=self.chance.randint(6, 25)))
        steps.arrive(step_id, DEMO, at=arrived)
        if course == Course.ARRIVED:
            return
        ready = self._past(max(arrived, start - timedelta(minutes=self.chance.randint(1, 5))))
        steps.ready(step_id, DEMO, at=ready)
        if course != Course.READY:
            self._perform(step_id, appointment, ready)

    def _perform(self, step_id: int, appointment: Appointment, ready: datetime) -> None:
        """The scanner's part: N-CREATE and, unless the exam is in progress now, the final N-SET."""
        step = ScheduledProcedureStep.objects.select_related("site", "requested_procedure__order__patient").get(pk=step_id)
        scanner = self.scanner(appointment.place, step.modality)
        length = appointment.span.end - appointment.span.start
        began = appointment.span.start + timedelta(seconds=self.chance.randint(10, 150))
        if appointment.course == Course.IN_PROGRESS and appointment.span.end <= self.when.now:
            began = self.when.now - timedelta(seconds=self.chance.randint(240, 720))  # the station runs late
        began = max(ready, self._past(began))
        with clock.standing_at(began):
            performed = scanner.start(step, began)
        if appointment.course == Course.COMPLETED:
            self.finish(scanner, performed, began + length * self.chance.uniform(0.5, 0.75))
        elif appointment.course == Course.DISCONTINUED:
            ended = began + length * self.chance.uniform(0.2, 0.4)
            with clock.standing_at(ended):
                scanner.discontinue(performed, ended, self.chance.choice(referrals.DISCONTINUATIONS))

    def finish(self, scanner: Scanner, performed: PerformedProcedureStep, ended: datetime) -> None:
        with clock.standing_at(ended):
            scanner.complete(performed, ended)
