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

from ris import clock
from ris.actions.booked import BookedExam, BookedStep
from ris.actions.bulk import book_exams
from ris.actions.stations import StationData
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import NumberSequence, Procedure, ProcedureStepTemplate, Site, Station
from training.load import department, referrals, stations
from training.load.names import physician_names
from training.load.people import Crowd, Person
from training.load.planner import Day as PlannedDay
from training.load.planner import Exam, Part, Room, Wanted, plan

Progress = Callable[[str, int, int], None]
"""`progress(what, done, of)`; what it raises ends the work between two transactions."""

_CHUNK_SECONDS = 0.12  # a transaction is kept at about this length, so that an MPPS gets in between
_FIRST_CHUNK, _SMALLEST, _LARGEST = 120, 120, 500  # exams; what a transaction costs besides its rows would eat up smaller ones
_ORDERED_WITHIN = timedelta(days=14)
_PHYSICIANS, _OPERATORS = 80, 12
_ROUNDS = 40  # of adding stations; each wants 15 % more than the one before
_SHOWN = 5  # names in a message


@dataclass
class Outcome:
    """What is in by now."""

    asked: int
    steps: int = 0
    exams: int = 0
    patients: int = 0
    stations: list[str] = field(default_factory=list)


Offer = tuple[Procedure, tuple[ProcedureStepTemplate, ...]]
"""A procedure of the catalogue with its steps."""


@dataclass(frozen=True)
class Hospital:
    """What a plan is made from. `rooms`: its stations, and those that would be added. `too_long`: procedures that no day has room for."""

    site: Site
    stations: Sequence[Station]
    rooms: Sequence[Room]
    offers: Sequence[Offer]
    days: Sequence[date]
    seed: str
    too_long: Sequence[str]
    emergencies: bool = True

    def plan(self, steps: int, again: int = 0) -> Iterator[Exam]:
        def read(day: date) -> PlannedDay:
            return stations.read_day(self.site, self.rooms, day)

        seed = f"{self.seed} {again}" if again else self.seed
        return plan(steps, self.days, self.rooms, catalogue(self.offers), read, seed, emergencies=self.emergencies)


def catalogue(offers: Sequence[Offer]) -> list[Wanted]:
    """Procedures as the planner sees them; the first ones of a modality are asked for more often."""
    found: list[Wanted] = []
    rank: dict[str, int] = {}
    for key, (_, templates) in enumerate(offers):
        first = templates[0].modality
        rank[first] = rank.get(first, 0) + 1
        found.append(Wanted(key, tuple(Part(one.modality, one.duration_minutes) for one in templates), 1 / (1 + 0.2 * rank[first])))
    return found


def look_at(site: Site, days: int, seed: int, *, from_day: date | None = None, emergencies: bool = True) -> Hospital:
    """The hospital as it stands, for `days` days from `from_day` (today) on; without `emergencies` all keeps the opening hours.

    Raises InvalidInput when it has no stations or no catalogue that they could work on in a day.
    """
    open_ones = stations.enabled(site)
    rooms = stations.rooms(open_ones)
    procedures = Procedure.objects.filter(site=site, active=True).prefetch_related("steps").order_by("pk")
    with_steps = [(one, templates) for one in procedures if (templates := tuple(one.steps.all()))]
    first = "load the demo hospital (`manage.py demo_hospital`) or add {} first"
    if not open_ones:
        raise InvalidInput({"stations": f"there is none that is enabled; {first.format('stations')}"})
    if not with_steps:
        raise InvalidInput({"catalogue": f"it has no procedure with steps; {first.format('procedures')}"})
    performed = {modality for room in rooms for modality in room.modalities}
    offers = [offer for offer in with_steps if all(step.modality in performed for step in offer[1])]
    if not offers:
        raise InvalidInput({"stations": f"none performs what the catalogue asks for; {first.format('stations')}"})
    hours = stations.longest_hours(rooms)
    fit = {one.key for one in catalogue(offers) if one.longest <= min(hours[part.modality] for part in one.parts)}
    too_long = [procedure.code for key, (procedure, _) in enumerate(offers) if key not in fit]
    if not fit:
        shown = ", ".join(too_long[:_SHOWN]) + (", …" if len(too_long) > _SHOWN else "")
        raise InvalidInput({"catalogue": f"every procedure takes longer than a station is open ({shown}); shorten its steps first"})
    from_day = from_day or clock.today(site)
    begun = NumberSequence.objects.filter(site=site, name="requested procedure").values_list("value", flat=True).first() or 0
    return Hospital(
        site=site,
        stations=open_ones,
        rooms=rooms,
        offers=[offer for key, offer in enumerate(offers) if key in fit],
        days=[from_day + timedelta(days=number) for number in range(days)],
        seed=f"{seed} {begun}",  # what was ordered before makes the next load of the same seed another one
        too_long=too_long,
        emergencies=emergencies,
    )


def with_room_for(hospital: Hospital, steps: int, actor: Actor, outcome: Outcome, progress: Progress, *, may_add: bool) -> Hospital:
    """The hospital with as many further stations as the load needs.

    They are registered when the plan has shown that the load fits on them; before that nothing is written. Raises Conflict when there
    may be none and the stations are too few, and when further ones do not help.
    """
    fitting = _fitting(hospital, steps, progress)
    if fitting < steps and not may_add:
        raise Conflict(
            f"The {len(hospital.stations)} stations have room for {fitting} of {steps} steps on {_days(len(hospital.days))}; "
            "ask for fewer steps or more days, or let stations be added (--stations add)."
        )
    wanted = _further(hospital, steps, fitting, progress) if fitting < steps else []
    for number, station in enumerate(stations.add(hospital.site, wanted, actor), 1):
        outcome.stations.append(station.ae_title)
        progress("stations", number, len(wanted))
    registered = stations.enabled(hospital.site) if wanted else hospital.stations
    return replace(hospital, stations=registered, rooms=stations.rooms(registered))


def _further(hospital: Hospital, steps: int, fitting: int, progress: Progress) -> list[StationData]:
    """Stations to add; Conflict when more of them do not make more room."""
    reserved = stations.reserved_titles(hospital.site)
    found: list[StationData] = []
    more, in_vain = 1.0, 0
    for _ in range(_ROUNDS):
        wanted = stations.further(hospital.rooms, catalogue(hospital.offers), steps, hospital.days, more, reserved)
        more *= 1.15
        if not wanted:
            continue
        found += wanted
        rooms = sorted([*hospital.rooms, *map(stations.to_be, wanted)], key=lambda room: room.ae_title)
        hospital = replace(hospital, rooms=rooms)
        before, fitting = fitting, _fitting(hospital, steps, progress)
        if fitting >= steps:
            return found
        in_vain = 0 if fitting > before else in_vain + 1
        if in_vain == 2:
            break
    raise Conflict(
        f"With {len(found)} further stations there is room for {fitting} of {steps} steps on {_days(len(hospital.days))}, and more of "
        "them do not help; ask for fewer steps or more days."
    )


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
        self._suits = [department.suits(one.meaning, one.modality) for one, _ in hospital.offers]
        self._referrals = [referrals.referral(one.meaning) for one, _ in hospital.offers]
        self._now = clock.now(hospital.site)
        self._midnight = clock.day_bounds(hospital.days[0], hospital.site)[0]
        self._crowd = Crowd(hospital.days[0], self._midnight - _ORDERED_WITHIN, self._chance)
        self._physicians = physician_names(_PHYSICIANS, self._chance)
        self._operators = physician_names(_OPERATORS, self._chance)
        self._size = _FIRST_CHUNK
        self._flushes = 0
        self._day: date | None = None
        self._waiting: list[tuple[Person, BookedExam]] = []

    def write(self) -> None:
        """Until all steps are in, or no more have room: exams that others booked over meanwhile are planned anew."""
        for attempt in range(10):
            left = self._outcome.asked - self._outcome.steps
            before = self._flushes
            for exam in self._hospital.plan(left, attempt):
                self._add(exam)
            self._flush()
            if self._flushes == before:
                break  # nothing has a place any more, or all steps are in

    def _add(self, exam: Exam) -> None:
        if len(self._waiting) >= self._size or exam.day != self._day:  # who comes again on a later day is written by then
            self._flush()
            self._day = exam.day
        self._waiting.append(self._compose(exam))

    def _flush(self) -> None:
        if not self._waiting:
            return
        self._flushes += 1
        began = time.monotonic()
        exams = [exam for _, exam in self._waiting]
        written = book_exams(self._hospital.site, exams, self._actor, self._hospital.days[0])
        for (person, exam), pk in zip(self._waiting, written, strict=True):
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
        chance = self._chance
        procedure, templates = self._hospital.offers[exam.key]
        modality = templates[0].modality
        person, patient = self._crowd.draw(self._suits[exam.key], exam.day)
        visit, order = self._visit_and_order(exam, person, self._ordered_at(exam))
        steps = tuple(
            BookedStep(template, self._stations[one.ae_title], one.start)
            for template, one in zip(templates, exam.appointments, strict=True)
        )
        study_key = uuid.UUID(int=chance.getrandbits(128), version=4)
        physician = chance.choice(self._operators) if modality in ("XA", "RF", "US") and chance.random() < 0.5 else ""
        return person, BookedExam(patient, visit, order, procedure, study_key, physician, steps)

    def _ordered_at(self, exam: Exam) -> datetime:
        """Up to two weeks before today; of an emergency minutes or hours before its start, not after now, and within a day of it."""
        if not exam.urgent:
            return self._midnight - timedelta(minutes=self._chance.randrange(1, 14 * 24 * 60))
        start = exam.appointments[0].start
        before = min(start, self._now) - timedelta(minutes=self._chance.randrange(10, 240))
        return max(before, start - timedelta(days=1))

    def _visit_and_order(self, exam: Exam, person: Person, ordered_at: datetime) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        chance, asked = self._chance, self._referrals[exam.key]
        age = person.age(self._hospital.days[0])
        kind = department.patient_class(exam.urgent, exam.day.weekday() >= 5, chance)
        service = referrals.service(asked, person.sex, age, kind, chance)
        place = referrals.place(service, age, kind, chance)
        visit = {"patient_class": kind, "current_patient_location": place, "created_at": ordered_at} if kind else None
        referring = chance.choice(self._physicians)
        order = {
            "priority": department.priority(kind, chance),
            "referring_physician_name": referring,
            "requesting_physician": referring if chance.random() < 0.7 else chance.choice(self._physicians),
            "requesting_service": service,
            "reason": referrals.reason(asked, age, exam.urgent, chance),
            "patient_transport_arrangements": chance.choice(("Bed", "Wheelchair", "")) if kind == "I" else "",
            "ordered_at": ordered_at,
        }
        return visit, order
