"""Which exam stands on which station at which time. Pure: nothing is read or written but `busy`, which says what is taken.

A station's day is a number whose bits are slots of five minutes from midnight on: 276, 288 or 300 of them, as the day is long. An exam
is booked where its slots are free, so that no station is booked twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random

from training.load import department

SLOT = timedelta(minutes=5)
SLOT_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a procedure."""

    modality: str
    minutes: int

    @property
    def slots(self) -> int:
        return -(-self.minutes // SLOT_MINUTES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A procedure that can be asked for: `key` is the caller's, `parts` its steps in order, `weight` how often against the others."""

    key: int
    parts: tuple[Part, ...]
    weight: float

    @property
    def longest(self) -> int:
        """Slots from its begin to its end when every pause is as long as it can be."""
        pauses = sum(department.longest_pause(part.modality) for part in self.parts[1:])
        return sum(part.slots for part in self.parts) + pauses // SLOT_MINUTES


@dataclass(frozen=True, slots=True)
class Room:
    """A station, what it performs and when it is open."""

    ae_title: str
    modalities: frozenset[str]
    opens: time = time(7)
    closes: time = time(19)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the hospital: its slots, and by AE title those in which a station is open and those that are taken; both name every station.

    Planning the day takes slots.
    """

    date: date
    begins: datetime
    slots: int
    open: Mapping[str, int]
    taken: dict[str, int]


@dataclass(frozen=True, slots=True)
class Appointment:
    ae_title: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Exam:
    """A procedure with an appointment for each of its steps."""

    key: int
    day: date
    appointments: tuple[Appointment, ...]
    urgent: bool


def bits(first: int, last: int) -> int:
    """Slots from first up to, not including, last."""
    return ((1 << (last - first)) - 1) << first if last > first else 0


def first_run(free: int, length: int, earliest: int) -> int:
    """The first slot from `earliest` on with `length` free ones in a row; -1 when there is none."""
    starts, covered = free, 1
    while covered < length:  # each turn: slots that begin a run of up to twice the length
        step = min(covered, length - covered)
        starts &= starts >> step
        covered += step
    starts = starts >> earliest << earliest
    return (starts & -starts).bit_length() - 1


class DayPlanner:
    """Books one day. A modality is full when none of its exams has a place any more.

    Without `emergencies` everything keeps the opening hours. What does not fit into them is no emergency either.
    """

    def __init__(self, day: Day, rooms: Sequence[Room], catalogue: Sequence[Wanted], chance: Random, *, emergencies: bool) -> None:
        self._day = day
        self._emergencies = emergencies
        self._chance = chance
        self._taken = day.taken
        self._rooms: dict[str, list[str]] = {}
        for room in rooms:
            for modality in room.modalities:
                self._rooms.setdefault(modality, []).append(room.ae_title)
        hours = {modality: max(day.open[title].bit_count() for title in titles) for modality, titles in self._rooms.items()}
        self._catalogue: dict[str, list[Wanted]] = {}
        for wanted in catalogue:
            if all(part.slots <= hours.get(part.modality, 0) for part in wanted.parts):
                self._catalogue.setdefault(wanted.parts[0].modality, []).append(wanted)
        self._weights = {modality: list(accumulate(one.weight for one in found)) for modality, found in self._catalogue.items()}
        self._all = bits(0, day.slots)

    def plan(self, steps: int) -> Iterator[Exam]:
        """Exams with that many steps in all, or with as many as there is room for (one of two steps may be one too many)."""
        left = steps
        modalities, weights = self._mix()
        while left > 0 and modalities:
            modality = self._chance.choices(modalities, cum_weights=weights)[0]
            urgent = self._emergencies and department.is_urgent(modality, self._day.date, self._chance)
            exam = self._exam(modality, left, urgent)
            if exam is None:
                del self._catalogue[modality]
                modalities, weights = self._mix()
                continue
            left -= len(exam.appointments)
            yield exam

    def _mix(self) -> tuple[list[str], list[float]]:
        modalities = list(self._catalogue)
        return modalities, list(accumulate(department.MIX.get(one, department.OTHER) for one in modalities))

    def _exam(self, modality: str, left: int, urgent: bool) -> Exam | None:
        """An exam of the modality: the procedure that is drawn, else the shortest one that has a place."""
        procedures = self._catalogue[modality]
        drawn = self._chance.choices(procedures, cum_weights=self._weights[modality])[0]
        exam = self._try(drawn, procedures, left, urgent)
        if exam is not None:
            return exam
        for wanted in sorted(procedures, key=lambda one: sum(part.slots for part in one.parts)):
            exam = self._try(wanted, procedures, left, urgent=False)
            if exam is not None:
                return exam
        return None

    def _try(self, wanted: Wanted, procedures: Sequence[Wanted], left: int, urgent: bool) -> Exam | None:
        if len(wanted.parts) > left and any(len(one.parts) <= left for one in procedures):
            return None
        appointments = self._appointments(wanted, urgent)
        return Exam(wanted.key, self._day.date, appointments, urgent) if appointments else None

    def _appointments(self, wanted: Wanted, urgent: bool) -> tuple[Appointment, ...]:
        """Appointments for all steps, each after the one before; nothing when one of them has no place."""
        found = self._place(wanted.parts[0], None, urgent)
        booked = [found] if found else []
        for before, part in zip(wanted.parts, wanted.parts[1:], strict=False):
            if not booked:
                break
            earliest = booked[-1][1] + before.slots + department.pause(part.modality, self._chance) // SLOT_MINUTES
            found = self._place(part, earliest, urgent)
            if found is None:
                for part_done, (ae_title, slot) in zip(wanted.parts, booked, strict=False):
                    self._taken[ae_title] &= ~bits(slot, slot + part_done.slots)
                return ()
            booked.append(found)
        return tuple(Appointment(ae_title, self._day.begins + slot * SLOT) for ae_title, slot in booked)

    def _place(self, part: Part, earliest: int | None, urgent: bool) -> tuple[str, int] | None:
        """Take the part's slots on a station: from `earliest` on, or near a moment that is drawn."""
        rooms = self._rooms[part.modality]
        if urgent:
            rooms = rooms[: -(-len(rooms) // 3)]  # a third of the stations is manned by night
        first = self._chance.randrange(len(rooms))
        moment = department.emergency(self._chance) if urgent else department.wanted(self._chance)
        for late in (True, False):
            for number in range(len(rooms)):
                ae_title = rooms[(first + number) % len(rooms)]
                hours = self._all if urgent else self._day.open[ae_title]
                from_slot = (earliest or 0) if not late else earliest if earliest is not None else _slot(hours, moment)
                slot = first_run(hours & ~self._taken[ae_title], part.slots, from_slot)
                if slot >= 0:
                    self._taken[ae_title] |= bits(slot, slot + part.slots)
                    return ae_title, slot
            if earliest is not None:
                break
        return None


def _slot(hours: int, moment: float) -> int:
    """The slot at this part (0 to 1) of the hours."""
    opens = (hours & -hours).bit_length() - 1 if hours else 0
    return opens + int((hours.bit_length() - opens) * moment)


def quotas(steps: int, days: Sequence[date]) -> list[int]:
    """Steps for each day, by how busy its weekday is; they add up to `steps`."""
    weights = [department.WEEKDAYS[day.weekday()] for day in days]
    done, so_far, found = 0.0, 0, []
    for weight in weights:
        done += weight
        upto = round(steps * done / sum(weights))
        found.append(upto - so_far)
        so_far = upto
    return found


def plan(
    steps: int,
    days: Sequence[date],
    rooms: Sequence[Room],
    catalogue: Sequence[Wanted],
    read: Callable[[date], Day],
    seed: str,
    *,
    emergencies: bool = True,
) -> Iterator[Exam]:
    """Exams with `steps` steps in all, or with as many as fit, day by day; what a day has no room for goes to the next ones.

    What is left then goes through the days once more, since a thin weekend may have room. Nobody knows the emergencies of a later
    day: they are all on the first one, or nowhere without `emergencies`.
    """
    known: dict[date, Day] = {}
    left = 0
    for number, (date_, quota) in enumerate(zip(days, quotas(steps, days), strict=True)):
        left += quota
        if left <= 0:
            continue
        known[date_] = read(date_)
        planner = DayPlanner(known[date_], rooms, catalogue, Random(f"{seed} day {number}"), emergencies=emergencies and number == 0)
        for exam in planner.plan(left):
            left -= len(exam.appointments)
            yield exam
    for number, date_ in enumerate(days):
        if left <= 0:
            break
        day = known.get(date_) or read(date_)
        planner = DayPlanner(day, rooms, catalogue, Random(f"{seed} rest {number}"), emergencies=emergencies and number == 0)
        for exam in planner.plan(left):
            left -= len(exam.appointments)
            yield exam
