"""Writes the stories of a day: pure, and the same for the same bookings, moment and seed.

Exams are taken in order of their booked start. A station does one after the other, and nobody is in two places at once: who is late makes
the next ones late.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from training.day import dealing, kinds, walk_ins
from training.day.kinds import Performance, Scan
from training.day.story import Begun, Booked, Deed, Kind, Outage, Plan, Story, What, Worth
from training.performed import COMPLETED
from training.typed import TypedPatient

_TURNOVER = timedelta(minutes=2)
_WAY = timedelta(minutes=4)  # from one room to the next
_SHORTEST = timedelta(minutes=4)
_LATEST = timedelta(hours=2)  # an exam whose time is over for longer is not played
_GIVEN_UP = timedelta(minutes=40)  # after its start somebody who did not come is given up
_MINUTE = timedelta(minutes=1)
_GRID = timedelta(minutes=5)
_TRIES = 12  # starts that are tried on another station, one grid line after the other


@dataclass(frozen=True)
class Machine:
    """A station whose console plays: its AE title and what it performs, the first of which it is when a patient is typed."""

    ae_title: str
    modalities: tuple[str, ...]


@dataclass(frozen=True)
class _Next:
    """What comes next: steps, or a walk-in on a station. `before` are deeds of the desk that are told already."""

    kind: Kind
    steps: tuple[Booked, ...] = ()
    station: str = ""
    before: tuple[Deed, ...] = ()

    @property
    def minutes(self) -> timedelta:
        return timedelta(minutes=sum(one.minutes for one in self.steps))


@dataclass
class Writer:
    """Writes one day from `begins` on. `taken` are spans in which a station is booked, by AE title, for where a moved exam may go."""

    begins: datetime
    machines: Sequence[Machine]
    seed: int
    taken: Mapping[str, Sequence[tuple[datetime, datetime]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = Random(f"{self.seed} day")
        self._stories: list[Story] = []
        self._outages: tuple[Outage, ...] = ()
        self._free: dict[str, datetime] = {}  # stations
        self._left: dict[str, datetime] = {}  # patients
        self._taken = {one.ae_title: list(self.taken.get(one.ae_title, ())) for one in self.machines}
        self._queue: list[tuple[datetime, int, _Next]] = []
        self._pushed = 0

    def write(self, booked: Sequence[Booked], begun: Sequence[Begun] = ()) -> Plan:
        """The plan of these exams, with some walk-ins among them. What was begun before is completed first."""
        for going in begun:
            self._go_on(going)
        requests = sorted((one for one in booked if one.start > self.begins - _LATEST), key=lambda one: (one.start, one.pk))
        self._outages = tuple(dealing.outages(requests, self._chance))
        for kind, steps in dealing.dealt(requests, self._chance):
            self._push(steps[0].start, _Next(kind, steps))
        for station, start in dealing.walk_ins(requests, self._chance):
            self._push(start, _Next(Kind.WALK_IN, station=station))
        known = [one.patient for one in requests if one.patient.patient_id]
        modality = {one.ae_title: one.modalities[0] for one in self.machines}
        while self._queue:
            start, _, one = heappop(self._queue)
            if one.kind is Kind.WALK_IN:
                self._walk_in(start, one.station, walk_ins.typed(known, modality[one.station], self._chance))
            elif one.kind in (Kind.NO_SHOW, Kind.CALLED_OFF):
                self._stay_away(start, one)
            else:
                self._come(start, one)
        stories = [self._with_wrong_entry(story) for story in self._stories]
        return Plan(self.seed, self.begins, tuple(sorted(stories, key=lambda one: (one.begins, one.number))), self._outages)

    def _push(self, start: datetime, one: _Next) -> None:
        """In order of start; of equal ones the first that came."""
        self._pushed += 1
        heappush(self._queue, (start, self._pushed, one))

    def _come(self, start: datetime, one: _Next) -> None:
        """An exam whose patient comes; unless its station is down then."""
        first = one.steps[0]
        station = one.station or min(first.places, key=lambda place: (self._free.get(place, self.begins), place))
        arrival, begin = self._times(start, one, station)
        down = next((outage for outage in self._outages if outage.station == station and outage.covers(begin)), None)
        if down is not None:
            self._meet_outage(down, one, arrival, begin)
            return
        scan = Scan(station, begin, self._length(one.minutes))
        self._perform(one, arrival, scan, kinds.perform(one.kind, scan, self._chance))

    def _times(self, start: datetime, one: _Next, station: str) -> tuple[datetime, datetime]:
        """When the patient arrives, and when it begins: both are here, the station is free, and the patient was not elsewhere."""
        chance, first = self._chance, one.steps[0]
        minutes = chance.randint(5, 25) if one.kind is Kind.LATE else -chance.randint(8, 25)
        soonest = self.begins + chance.randint(1, 6) * _MINUTE
        arrival = max(start + minutes * _MINUTE, soonest, self._left.get(first.patient.patient_id, soonest) + _WAY)
        if one.before or first.is_here:
            arrival = one.before[-1].at if one.before else self.begins
        prepared = arrival + chance.randint(6, 9) * _MINUTE
        return arrival, max(start + timedelta(seconds=chance.randint(0, 240)), prepared, self._free.get(station, prepared) + _TURNOVER)

    def _length(self, booked: timedelta) -> timedelta:
        return max(booked * self._chance.uniform(0.5, 1.05), _SHORTEST)

    def _perform(self, one: _Next, arrival: datetime, scan: Scan, done: Performance) -> None:
        """Let it happen; what the station goes down in is hit."""
        kind = one.kind
        down = next((outage for outage in self._outages if outage.station == scan.station and scan.begin < outage.since < done.done), None)
        if down is not None:
            kind, done = Kind.HIT, kinds.hit(scan, down.since, down.until)
        comes = () if one.before or one.steps[0].is_here else kinds.comes(arrival, scan.begin, self._chance)
        deeds = (*one.before, *_for_each(one.steps, comes), *done.deeds)
        self._add(kind, scan.station, deeds, done.ends, done.performed, done.worth, steps=one.steps)
        self._free[scan.station] = done.done
        for step in one.steps:
            self._left[step.patient.patient_id] = done.done

    def _stay_away(self, start: datetime, one: _Next) -> None:
        """Nobody comes: called off in time, or given up when it is over."""
        chance = self._chance
        if one.kind is Kind.CALLED_OFF:
            moment, why = start - chance.randint(20, 120) * _MINUTE, chance.choice(kinds.CALLED_OFF)
        else:
            moment, why = start + _GIVEN_UP, kinds.DID_NOT_COME
        self._cancel(one, max(moment, self.begins + _MINUTE), why)

    def _cancel(self, one: _Next, moment: datetime, why: str, before: Sequence[Deed] = ()) -> None:
        deeds = _for_each(one.steps, (*before, Deed(moment, What.CANCEL, reason=why)))
        self._add(one.kind, one.station or one.steps[0].places[0], deeds, kinds.CANCELED, (), Worth.NOTHING, steps=one.steps)

    def _meet_outage(self, down: Outage, one: _Next, arrival: datetime, begin: datetime) -> None:
        """Moved to another station when one is free soon; else it waits, or is sent home."""
        first, why = one.steps[0], kinds.IS_DOWN.format(station=down.station)
        arrives = () if first.is_here or one.before else (Deed(arrival, What.ARRIVE),)
        told = max(arrival + _MINUTE, down.since + 2 * _MINUTE)
        place = self._elsewhere(first, told + 2 * _GRID) if len(one.steps) == 1 and not one.before else None
        if place is not None:
            station, start = place
            self._taken[station].append((start, start + one.minutes))
            moved = Deed(told, What.MOVE, reason=why, place=station, start=start)
            self._push(start, _Next(Kind.MOVED, one.steps, station, (*arrives, moved)))
        elif not one.before and first.of == 1 and self._chance.random() < 0.3:
            self._cancel(replace(one, kind=Kind.SENT_HOME, station=down.station), told + 2 * _GRID, why, arrives)
        else:
            later = max(down.until + self._chance.randint(3, 8) * _MINUTE, self._free.get(down.station, begin) + _TURNOVER)
            scan = Scan(down.station, later, self._length(one.minutes))
            waits = one if one.kind in (Kind.GROUP, Kind.MOVED) else replace(one, kind=Kind.WAITS)
            self._perform(waits, arrival, scan, kinds.perform(waits.kind, scan, self._chance))

    def _elsewhere(self, one: Booked, earliest: datetime) -> tuple[str, datetime] | None:
        """A station of the modality that is free soon, and from when."""
        others = [m.ae_title for m in self.machines if one.modality in m.modalities and m.ae_title not in one.places]
        first = earliest.replace(second=0, microsecond=0)
        first += (_GRID - timedelta(minutes=first.minute % 5)) % _GRID
        for start in (first + number * _GRID for number in range(_TRIES)):
            end = start + timedelta(minutes=one.minutes)
            for station in others:
                if not any(begin < end and start < until for begin, until in self._taken[station]):
                    return station, start
        return None

    def _go_on(self, begun: Begun) -> None:
        """What is in progress already is completed within a quarter of an hour."""
        end = self.begins + self._chance.randint(4, 15) * _MINUTE
        worth = Worth.FULL if begun.steps else Worth.NOTHING
        ends = COMPLETED if begun.steps else ""
        deeds = (Deed(end, What.COMPLETE, begun.station),)
        self._add(Kind.BEGUN_BEFORE, begun.station, deeds, ends, (COMPLETED,), worth, steps=begun.steps, begun=begun)
        self._free[begun.station] = max(end, self._free.get(begun.station, end))

    def _walk_in(self, start: datetime, station: str, typed: TypedPatient) -> None:
        """As soon as the station is free and not down; those who have an appointment wait."""
        begin = max(start, self.begins + _MINUTE, self._free.get(station, start) + _TURNOVER)
        length = self._chance.randint(6, 10) * _MINUTE
        for outage in self._outages:
            if outage.station == station and begin < outage.until and outage.since < begin + length:
                begin = outage.until + 3 * _MINUTE
        scan = Scan(station, begin, length)
        deeds = (Deed(begin, What.WALK_IN, station), Deed(scan.at(1), What.COMPLETE, station))
        self._add(Kind.WALK_IN, station, deeds, "", (COMPLETED,), Worth.NOTHING, typed=typed)
        self._free[station] = scan.at(1)

    def _add(
        self, kind: Kind, station: str, deeds: tuple[Deed, ...], ends: str, performed: tuple[str, ...], worth: Worth,
        steps: tuple[Booked, ...] = (), typed: TypedPatient | None = None, begun: Begun | None = None,
    ) -> None:  # fmt: skip
        self._stories.append(Story(len(self._stories) + 1, kind, station, steps, deeds, ends, performed, worth, typed, begun))

    def _with_wrong_entry(self, story: Story) -> Story:
        """Who is to pick a wrong entry picks that of somebody else on the station's list; where nobody is, all goes well."""
        if story.kind is not Kind.WRONG_ENTRY:
            return story
        at = next(number for number, deed in enumerate(story.deeds) if deed.what is What.START)
        begin, end = story.deeds[at].at, story.deeds[-1].at
        other = dealing.entry_beside(story, begin, self._stories)
        if other is None:
            return replace(story, kind=Kind.PLAIN)
        done = kinds.wrong_entry(Scan(story.station, begin, end - begin), other.name)
        return replace(story, deeds=(*story.deeds[:at], *done.deeds), performed=done.performed)


def _for_each(steps: Sequence[Booked], deeds: Iterator[Deed] | Sequence[Deed]) -> tuple[Deed, ...]:
    """The desk's deeds for each of several requests."""
    return tuple(replace(deed, entry=one.name) for deed in deeds for one in steps)
