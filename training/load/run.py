"""A load from beginning to end: look at the hospital, plan, add stations when there are too few, write.

The plan is made twice from the same seed: once to see whether it fits, once to write it exam by exam, so that a million steps
need no more memory than a thousand.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from django.db.models import Max

from ris import clock
from ris.actions.bulk import BookedExam, BookedStep, book_exams
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import NumberSequence, Procedure, ProcedureStepTemplate, Site, Station, StepChange
from training.hospital.referrals import REASONS
from training.load import department, stations
from training.load.names import physician_names
from training.load.people import Crowd, Person
from training.load.planner import Day as PlannedDay
from training.load.planner import Exam, Part, Room, Wanted, plan

Progress = Callable[[str, int, int], None]
"""`progress(what, done, of)`; what it raises ends the work between two transactions."""

_CHUNK_SECONDS = 0.12  # a transaction is kept at about this length, so that an MPPS gets in between
_FIRST_CHUNK, _SMALLEST, _LARGEST = 80, 60, 400  # exams; what a transaction costs besides its rows would eat up smaller ones
_ORDERED_WITHIN = timedelta(days=14)
_PHYSICIANS, _OPERATORS = 80, 12
_OTHER_REASONS = ("Follow-up", "Unclear finding", "Before surgery")


@dataclass
class Outcome:
    """What is in by now."""

    asked: int
    steps: int = 0
    exams: int = 0
    patients: int = 0
    stations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hospital:
    """What a plan is made from."""

    site: Site
    stations: Sequence[Station]
    procedures: Sequence[Procedure]
    templates: Sequence[tuple[ProcedureStepTemplate, ...]]
    days: Sequence[date]
    seed: str

    def catalogue(self) -> list[Wanted]:
        """Procedures as the planner sees them; the first ones of a modality are asked for more often."""
        found, rank = [], dict.fromkeys((one.modality for one in self.procedures), 0)
        for key, templates in enumerate(self.templates):
            first = templates[0].modality
            rank[first] = rank.get(first, 0) + 1
            found.append(Wanted(key, tuple(Part(one.modality, one.duration_minutes) for one in templates), 1 / (1 + 0.2 * rank[first])))
        return found

    def rooms(self) -> list[Room]:
        return stations.rooms(self.stations)

    def plan(self, steps: int, again: int = 0) -> Iterator[Exam]:
        def read(day: date) -> PlannedDay:
            return stations.read_day(self.site, self.stations, day)

        return plan(steps, self.days, self.rooms(), self.catalogue(), read, f"{self.seed} {again}" if again else self.seed)


def look_at(site: Site, days: int, seed: int) -> Hospital:
    """The hospital as it stands. Raises InvalidInput when it has no stations or no catalogue that they could work on."""
    open_ones = stations.enabled(site)
    procedures = list(Procedure.objects.filter(site=site, active=True).prefetch_related("steps").order_by("pk"))
    templates = [tuple(one.steps.all()) for one in procedures]
    usable = [number for number, steps in enumerate(templates) if steps]
    first = "load the demo hospital (`manage.py demo_hospital`) or add {} first"
    if not open_ones:
        raise InvalidInput({"stations": f"there is none that is enabled; {first.format('stations')}"})
    if not usable:
        raise InvalidInput({"catalogue": f"it has no procedure with steps; {first.format('procedures')}"})
    performed = {row.modality for one in open_ones for row in one.modalities.all()}
    if not any(all(step.modality in performed for step in templates[number]) for number in usable):
        raise InvalidInput({"stations": f"none performs what the catalogue asks for; {first.format('stations')}"})
    today = clock.today(site)
    begun = NumberSequence.objects.filter(site=site, name="requested procedure").values_list("value", flat=True).first() or 0
    return Hospital(
        site=site,
        stations=open_ones,
        procedures=[procedures[number] for number in usable],
        templates=[templates[number] for number in usable],
        days=[today + timedelta(days=number) for number in range(days)],
        seed=f"{seed} {begun}",  # what was ordered before makes the next load of the same seed another one
    )


def with_room_for(hospital: Hospital, steps: int, actor: Actor, outcome: Outcome, progress: Progress, *, may_add: bool) -> Hospital:
    """The hospital with as many further stations as the load needs. Raises Conflict when it may not have any and they are too few."""
    fitting = _fitting(hospital, steps, progress)
    if fitting < steps and not may_add:
        raise Conflict(
            f"The {len(hospital.stations)} stations have room for {fitting} of {steps} steps on {_days(len(hospital.days))}; "
            "ask for fewer steps or more days, or let stations be added (--stations add)."
        )
    reserved = stations.reserved_titles(hospital.site)
    more = 1.0
    while fitting < steps:
        wanted = stations.further(hospital.stations, hospital.catalogue(), steps, hospital.days, more, reserved)
        more *= 1.15
        for number, station in enumerate(stations.add(hospital.site, wanted, actor), 1):
            outcome.stations.append(station.ae_title)
            progress("stations", number, len(wanted))
        hospital = replace(hospital, stations=stations.enabled(hospital.site))
        fitting = _fitting(hospital, steps, progress)
    return hospital


def _fitting(hospital: Hospital, steps: int, progress: Progress) -> int:
    fitting = 0
    for number, exam in enumerate(hospital.plan(steps)):
        fitting += len(exam.appointments)
        if number % 200 == 0:
            progress("planned", min(fitting, steps - 1), steps)
    if fitting >= steps:
        progress("planned", steps, steps)
    return fitting


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


class Writer:
    """Makes people, visits and orders around planned exams and writes them, chunk by chunk."""

    def __init__(self, hospital: Hospital, actor: Actor, outcome: Outcome, progress: Progress) -> None:
        self._hospital = hospital
        self._actor = actor
        self._outcome = outcome
        self._progress = progress
        self._chance = Random(f"{hospital.seed} people")
        self._stations = {one.ae_title: one for one in hospital.stations}
        self._suits = [department.suits(one.meaning, one.modality) for one in hospital.procedures]
        self._midnight = clock.day_bounds(hospital.days[0], hospital.site)[0]
        self._crowd = Crowd(hospital.days[0], self._midnight - _ORDERED_WITHIN, self._chance)
        self._physicians = physician_names(_PHYSICIANS, self._chance)
        self._operators = physician_names(_OPERATORS, self._chance)
        self._seen = StepChange.objects.aggregate(last=Max("pk"))["last"] or 0
        self._size = _FIRST_CHUNK
        self._day: date | None = None
        self._waiting: list[tuple[Person, BookedExam]] = []

    def write(self) -> None:
        """Until all steps are in, or no more have room: exams that others booked over meanwhile are planned anew."""
        for attempt in range(10):
            before = self._outcome.steps
            if before >= self._outcome.asked:
                break
            for exam in self._hospital.plan(self._outcome.asked - before, attempt):
                self._add(exam)
            self._flush()
            if self._outcome.steps == before:
                break

    def _add(self, exam: Exam) -> None:
        if len(self._waiting) >= self._size or exam.day != self._day:  # who comes again on a later day is written by then
            self._flush()
            self._day = exam.day
        self._waiting.append(self._compose(exam))

    def _flush(self) -> None:
        if not self._waiting:
            return
        began = time.monotonic()
        exams = [exam for _, exam in self._waiting]
        written = book_exams(self._hospital.site, exams, self._actor, self._hospital.days[0], self._seen)
        self._seen = written.seen
        for (person, exam), pk in zip(self._waiting, written.patients, strict=True):
            if pk is not None:
                self._outcome.patients += person.pk is None
                self._outcome.exams += 1
                self._outcome.steps += len(exam.steps)
                person.pk = pk
        rate = len(exams) / max(time.monotonic() - began, 1e-6)
        self._size = max(_SMALLEST, min(_LARGEST, self._size * 2, int(rate * _CHUNK_SECONDS)))
        self._waiting = []
        self._progress("steps", min(self._outcome.steps, self._outcome.asked), self._outcome.asked)

    def _compose(self, exam: Exam) -> tuple[Person, BookedExam]:
        chance, procedure = self._chance, self._hospital.procedures[exam.key]
        templates = self._hospital.templates[exam.key]
        modality = templates[0].modality
        person, patient = self._crowd.draw(self._suits[exam.key], exam.day, procedure.meaning)
        ordered_at = self._midnight - timedelta(minutes=chance.randrange(1, 600 if exam.urgent else 14 * 24 * 60))
        visit, order = self._visit_and_order(modality, exam.urgent, ordered_at)
        steps = tuple(
            BookedStep(template, self._stations[one.ae_title], one.start)
            for template, one in zip(templates, exam.appointments, strict=True)
        )
        uid = f"2.25.{uuid.UUID(int=chance.getrandbits(128), version=4).int}"
        physician = chance.choice(self._operators) if modality in ("XA", "RF", "US") and chance.random() < 0.5 else ""
        return person, BookedExam(patient, visit, order, procedure, uid, physician, steps)

    def _visit_and_order(self, modality: str, urgent: bool, ordered_at: datetime) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        chance = self._chance
        kind = "E" if urgent else chance.choices(("I", "O", ""), (24, 30, 46))[0]
        places = {"E": department.EMERGENCY_ROOMS, "I": department.WARDS, "O": department.CLINICS}
        visit = {"patient_class": kind, "current_patient_location": chance.choice(places[kind]), "created_at": ordered_at} if kind else None
        referring = chance.choice(self._physicians)
        order = {
            "priority": department.priority(urgent, chance),
            "referring_physician_name": referring,
            "requesting_physician": referring if chance.random() < 0.7 else chance.choice(self._physicians),
            "requesting_service": "Emergency department" if urgent else chance.choice(department.SERVICES),
            "reason": chance.choice(REASONS.get(modality, _OTHER_REASONS)),
            "patient_transport_arrangements": chance.choice(("Bed", "Wheelchair", "")) if kind == "I" else "",
            "ordered_at": ordered_at,
        }
        return visit, order
