"""The demo's day as a plan: which exam on which station at which time, and how far it has come at the present moment.

Pure: nothing is read or written. Moments are UTC (so that the hour that is repeated in autumn is no trap); every start is a
multiple of five minutes. The plan is built outwards from the present moment, so that something is going on at any hour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from random import Random

from ris.actions.catalogue import ProcedureData
from ris.actions.stations import StationData

_GRID = timedelta(minutes=5)
_HALF_DAY = timedelta(hours=6)
_MARGIN = timedelta(minutes=90)
_GAPS = (5, 10, 15, 20, 30, 45)
"""Minutes between two exams."""


class Course(StrEnum):
    """How far an exam has come."""

    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"
    IN_PROGRESS = "IN PROGRESS"
    READY = "READY"
    ARRIVED = "ARRIVED"
    SCHEDULED = "SCHEDULED"
    CANCELED = "CANCELED"


WAITING = frozenset({Course.READY, Course.ARRIVED, Course.SCHEDULED})


@dataclass(frozen=True)
class Span:
    """From start up to, not including, end."""

    start: datetime
    end: datetime

    def meets(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Appointment:
    """One step of an exam: where (AE title or pool), when, how far."""

    place: str
    span: Span
    course: Course


@dataclass(frozen=True)
class Exam:
    """An order of one catalogue procedure with its steps in order; STAT orders were made just before they start."""

    procedure: ProcedureData
    appointments: tuple[Appointment, ...]
    stat: bool = False


@dataclass(frozen=True)
class Window:
    """The part of time that the demo fills around `now`, and the end of the hospital's day.

    `night` when it runs out of the usual opening hours.
    """

    span: Span
    now: datetime
    midnight: datetime
    night: bool


def window(now: datetime) -> Window:
    """`now` in the hospital's zone. By day from 07:00 to 19:00; else six hours to either side."""
    opens, closes = (datetime.combine(now.date(), time(hour), tzinfo=now.tzinfo).astimezone(UTC) for hour in (7, 19))
    midnight = datetime.combine(now.date() + timedelta(days=1), time.min, tzinfo=now.tzinfo).astimezone(UTC)
    moment = now.astimezone(UTC)
    if opens + _MARGIN <= moment <= closes - _MARGIN:
        return Window(Span(opens, closes), moment, midnight, night=False)
    middle = floor(moment)
    return Window(Span(middle - _HALF_DAY, middle + _HALF_DAY), moment, midnight, night=True)


def floor(moment: datetime) -> datetime:
    """The five-minute mark at or before the moment."""
    return moment - timedelta(minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond)


@dataclass
class _Station:
    data: StationData
    busy: list[Span]
    slots: list[tuple[ProcedureData, Span]] = field(default_factory=list)

    def is_free(self, span: Span) -> bool:
        return not any(span.meets(other) for other in self.busy) and not any(span.meets(taken) for _, taken in self.slots)


class Planner:
    """Plans one day for all stations. `busy` are the spans that are taken on a station (by AE title) already."""

    def __init__(
        self, when: Window, stations: Iterable[StationData], catalogue: Sequence[ProcedureData], busy: dict[str, list[Span]], chance: Random
    ) -> None:
        self._when = when
        self._chance = chance
        self._stations = {data.ae_title: _Station(data, list(busy.get(data.ae_title, []))) for data in stations}
        self._catalogue = catalogue
        self._exams: list[Exam] = []

    def plan(self, pool: str, pooled: Sequence[str]) -> list[Exam]:
        """Exams of the whole hospital; one of them is booked on the pool, whose stations are `pooled`."""
        self._book_on_pool(pool, pooled)
        for station in self._stations.values():
            self._book_split(station)
        for station in self._stations.values():
            anchor = floor(self._when.now) - self._chance.choice((0, 1)) * _GRID  # no exam is shorter than ten minutes: it covers now
            self._fill(station, anchor, forward=True)
            self._fill(station, anchor, forward=False)
        for number, station in enumerate(self._stations.values()):
            self._exams += self._unfold(station, late=number % 2 == 1)
        self._cancel_one()
        return self._exams

    def _cancel_one(self) -> None:
        """When chance canceled none, the last of those that are far ahead."""
        courses = [exam.appointments[0].course for exam in self._exams]
        if Course.CANCELED in courses:
            return
        last = max(
            (number for number, exam in enumerate(self._exams) if courses[number] == Course.SCHEDULED and len(exam.appointments) == 1),
            key=lambda number: self._exams[number].appointments[0].span.start,
        )
        exam = self._exams[last]
        self._exams[last] = replace(exam, appointments=(replace(exam.appointments[0], course=Course.CANCELED),))

    def _single(self, station: StationData) -> list[ProcedureData]:
        return [p for p in self._catalogue if len(p.steps) == 1 and p.steps[0].modality in station.modalities]

    def _book_on_pool(self, pool: str, pooled: Sequence[str]) -> None:
        """One exam an hour from now that any of the pool's stations may do; the first one is kept free for it."""
        first = self._stations[pooled[0]]
        procedure = self._single(first.data)[0]
        start = floor(self._when.now) + timedelta(minutes=60)
        span = Span(start, start + timedelta(minutes=procedure.steps[0].duration_minutes))
        if all(self._stations[name].is_free(span) for name in pooled):
            first.busy.append(span)
            self._exams.append(Exam(procedure, (Appointment(pool, span, Course.SCHEDULED),)))

    def _book_split(self, station: _Station) -> None:
        """Exams in two steps that begin on this station: one whose first step is done, one that comes later."""
        for procedure in self._catalogue:
            if len(procedure.steps) != 2 or procedure.steps[0].modality not in station.data.modalities:
                continue
            for minutes in (-80, 100):
                self._book_two(station, procedure, floor(self._when.now) + timedelta(minutes=minutes))

    def _book_two(self, station: _Station, procedure: ProcedureData, start: datetime) -> None:
        first, second = procedure.steps
        other = next((s for s in self._stations.values() if second.modality in s.data.modalities), None)
        begin = Span(start, start + timedelta(minutes=first.duration_minutes))
        later = begin.end + timedelta(minutes=120)
        scan = Span(later, later + timedelta(minutes=second.duration_minutes))
        inside = self._when.span.start <= begin.start and scan.end <= self._when.span.end
        if other is None or not inside or not station.is_free(begin) or not other.is_free(scan):
            return
        station.busy.append(begin)
        other.busy.append(scan)
        appointments = (
            Appointment(station.data.ae_title, begin, self._by_time(begin)),
            Appointment(other.data.ae_title, scan, self._by_time(scan)),
        )
        self._exams.append(Exam(procedure, appointments))

    def _by_time(self, span: Span) -> Course:
        if span.end <= self._when.now:
            return Course.COMPLETED
        return Course.SCHEDULED if span.start > self._when.now else Course.ARRIVED

    def _fill(self, station: _Station, anchor: datetime, *, forward: bool) -> None:
        """Put exams one after the other from the anchor to the window's end, or from the anchor back to its beginning."""
        procedures = self._single(station.data)
        edge = anchor
        while procedures:
            procedure = self._chance.choice(procedures)
            length = timedelta(minutes=procedure.steps[0].duration_minutes)
            span = Span(edge, edge + length) if forward else Span(edge - length, edge)
            if span.end > self._when.span.end or span.start < self._when.span.start:
                return
            if station.is_free(span):
                station.slots.append((procedure, span))
                gap = timedelta(minutes=self._chance.choice(_GAPS))
            else:
                gap = _GRID - length
            edge = span.end + gap if forward else span.start - gap

    def _unfold(self, station: _Station, *, late: bool) -> list[Exam]:
        """The station's slots with their courses. A station that runs late still scans the exam before the present slot."""
        slots = sorted(station.slots, key=lambda slot: slot[1].start)
        now = self._when.now
        present = next((i for i, (_, span) in enumerate(slots) if span.end > now), len(slots))
        # Close to midnight all that follows is tomorrow's: the present slot waits then, so that today's worklist is not empty.
        last_of_today = present + 1 >= len(slots) or slots[present + 1][1].start >= self._when.midnight
        early, late = not late, late and present > 0 and self._may_run_over(slots[present - 1][1])
        running = present - 1 if late or last_of_today else present
        exams = []
        for index, (procedure, span) in enumerate(slots):
            course = self._course(index - running, span)
            if last_of_today and early and index == present:
                course = Course.ARRIVED  # else nobody had just arrived anywhere
            stat = index == running + 1 and station.data.ae_title.endswith("02")
            exams.append(Exam(procedure, (Appointment(station.data.ae_title, span, course),), stat))
        return exams

    def _may_run_over(self, span: Span) -> bool:
        return span.end > self._when.now - timedelta(minutes=30)

    def _course(self, ahead: int, span: Span) -> Course:
        """Course of the exam that comes `ahead` exams after the running one (negative: before it)."""
        if ahead < 0:
            return self._chance.choices((Course.COMPLETED, Course.DISCONTINUED, Course.CANCELED), (92, 4, 4))[0]
        if ahead == 0 and span.start <= self._when.now:
            return Course.IN_PROGRESS if self._may_run_over(span) else Course.COMPLETED
        if ahead > 2:
            return Course.CANCELED if self._chance.random() < 0.04 else Course.SCHEDULED
        wait = span.start - self._when.now
        if wait < timedelta(minutes=20):
            return Course.READY
        return Course.ARRIVED if wait < timedelta(minutes=75) and ahead == 1 else Course.SCHEDULED
