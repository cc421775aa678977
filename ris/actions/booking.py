"""Where and when a step can be performed: slots, conflicts, opening hours."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TypeVar

from django.db.models import Q, QuerySet

from ris import clock, titles
from ris.errors import InvalidInput, NotFound, SlotTaken
from ris.models import ProcedureStepTemplate, ScheduledProcedureStep, Site, Station, StationPool
from ris.transitions import OCCUPYING

SLOT_MINUTES = 15
_LONGEST_MINUTES = 24 * 60
S = TypeVar("S", ScheduledProcedureStep, ProcedureStepTemplate)


@dataclass(frozen=True)
class Place:
    """A station, or a pool whose stations can stand in for each other."""

    stations: tuple[Station, ...]
    pool: StationPool | None = None

    @property
    def label(self) -> str:
        return self.pool.code if self.pool else self.stations[0].ae_title

    def performs(self, modality: str) -> tuple[Station, ...]:
        """The enabled stations of the place that perform the modality."""
        return tuple(s for s in self.stations if s.enabled and modality in {m.modality for m in s.modalities.all()})


def find_place(site: Site, name: str) -> Place:
    """A station by AE title or a pool by code; NotFound in words when there is neither."""
    stations = Station.objects.filter(site=site).prefetch_related("modalities")
    station = stations.filter(ae_title=name).first()
    if station is not None:
        return Place((station,))
    pool = StationPool.objects.filter(site=site, code=name).first()
    if pool is not None:
        return Place(tuple(stations.filter(pools=pool)), pool)
    if said := titles.moved(site, name):
        raise NotFound(f"{said} Book there.")
    known = ", ".join(stations.filter(enabled=True).values_list("ae_title", flat=True))
    raise NotFound(f"There is no station or pool {name!r} here; known stations: {known or 'none'}.")


def check_place(place: Place, modality: str) -> tuple[Station, ...]:
    """The stations of the place that can perform the modality; InvalidInput in words when none can."""
    able = place.performs(modality)
    if able:
        return able
    if not any(station.enabled for station in place.stations):
        raise InvalidInput({"station_ae_title": f"{place.label} is disabled; choose another station."})
    has = ", ".join(sorted({m.modality for s in place.stations for m in s.modalities.all()}))
    raise InvalidInput({"station_ae_title": f"{place.label} performs {has or 'no modality'}, not {modality}; choose another station."})


def in_a_row(place: Place, steps: Iterable[S]) -> list[S]:
    """Of the steps of a procedure those that are booked at the place one after the other: the first, and what it performs of the rest."""
    return [step for number, step in enumerate(steps) if number == 0 or place.performs(step.modality)]


def _occupants(station_ids: set[int], start: datetime, end: datetime) -> QuerySet[ScheduledProcedureStep]:
    """Steps that keep a slot on any of the stations between start and end."""
    return (
        ScheduledProcedureStep.objects.filter(stations__station__in=station_ids, status__in=OCCUPYING)
        .filter(Q(start__lt=end) & Q(end__gt=start), requested_procedure__is_test=False)
        .select_related("requested_procedure__order__patient")
        .prefetch_related("stations")
        .distinct()
        .order_by("start")
    )


def _reach(ids: Iterable[int]) -> set[int]:
    """The stations and all that pools connect with them, over any number of pools: exams could be moved along the whole chain."""
    pools: dict[int, set[int]] = {}
    for pool_id, station_id in StationPool.stations.through.objects.values_list("stationpool_id", "station_id"):
        pools.setdefault(pool_id, set()).add(station_id)
    reach = set(ids)
    while True:
        wider = reach.union(*(members for members in pools.values() if members & reach))
        if wider == reach:
            return reach
        reach = wider


def _taken(ids: Iterable[int], start: datetime, end: datetime) -> tuple[set[int], list[ScheduledProcedureStep]]:
    """Stations that could change whether these are free between start and end, and the steps that keep a slot on any of them.

    An exam connects stations too: those it may be on, which its pool may have lost since.
    """
    reach = _reach(ids)
    while True:
        steps = list(_occupants(reach, start, end))
        wider = reach.union(*(_claim(step) for step in steps))
        if wider == reach:
            return reach, steps
        reach = _reach(wider)


def _assignable(claims: list[set[int]]) -> bool:
    """Whether every claim (ids of stations that would do) can have a station of its own: a bipartite matching."""
    holder: dict[int, int] = {}

    def place(claim: int, tried: set[int]) -> bool:
        for station in claims[claim] - tried:
            tried.add(station)
            if station not in holder or place(holder[station], tried):
                holder[station] = claim
                return True
        return False

    return all(place(claim, set()) for claim in range(len(claims)))


def _clash(wanted: set[int], start: datetime, end: datetime, taken: Iterable[ScheduledProcedureStep]) -> ScheduledProcedureStep | None:
    """The exam in the way of one more from start to end on any of the wanted stations, or None."""
    overlapping = [(step, _claim(step)) for step in taken if step.start and step.end and step.start < end and step.end > start]
    moments = {start} | {step.start for step, _ in overlapping if step.start and step.start > start}
    for moment in sorted(moments):
        running = [(step, claim) for step, claim in overlapping if step.start and step.end and step.start <= moment < step.end]
        if not _assignable([wanted, *(claim for _, claim in running)]):
            return next((step for step, claim in running if claim & wanted), running[0][0])
    return None


def _claim(step: ScheduledProcedureStep) -> set[int]:
    return {row.station_id for row in step.stations.all() if row.station_id}


def in_the_way(step: ScheduledProcedureStep, start: datetime, end: datetime) -> ScheduledProcedureStep | None:
    """The exam that does not leave this one a station between start and end, or None."""
    wanted = set(step.stations.values_list("station_id", flat=True)) - {None}
    _, taken = _taken(wanted, start, end)
    return _clash(wanted, start, end, [other for other in taken if other.pk != step.pk])


def refuse_clash(stations: tuple[Station, ...], label: str, step: ScheduledProcedureStep, start: datetime) -> None:
    """Lock the stations that matter and raise SlotTaken when the step would overlap another one.

    The row locks make two bookings that compete for one slot wait for each other on PostgreSQL, be it over pools; on SQLite
    the transaction itself does.
    """
    wanted = {station.pk for station in stations}
    end = start + timedelta(minutes=step.duration_minutes)
    locked: set[int] = set()
    reach = _reach(wanted)
    taken: list[ScheduledProcedureStep] = []
    while not reach <= locked:
        locked |= reach
        list(Station.objects.select_for_update().filter(pk__in=locked).order_by("pk").values_list("pk"))
        reach, taken = _taken(wanted, start, end)
    other = _clash(wanted, start, end, [other for other in taken if other.pk != step.pk])
    if other is not None:
        exam = describe(other)
        raise SlotTaken(f"{label} is taken at {clock.local(start, step.site):%H:%M}: {exam}. Choose another time or station.", exam)


def minutes_until(end: datetime, start: datetime, site: Site) -> int:
    """The length of an exam from start to end (both aware) in whole minutes; InvalidInput when it has none, or is longer than a day."""
    if end.tzinfo is None:
        raise InvalidInput({"end": "has no time zone; write it as 2026-11-23T10:00:00-05:00"})
    minutes = ceil((end - start).total_seconds() / 60)
    written = f"{clock.local(end, site):%d-%b-%Y %H:%M}"
    if end <= start:
        relation = "is the start" if end == start else "lies before the start"
        raise InvalidInput({"end": f"{written} {relation} ({clock.local(start, site):%d-%b-%Y %H:%M}); give a later end, or none"})
    if minutes > _LONGEST_MINUTES:
        raise InvalidInput({"end": f"{written} is more than a day after the start; an exam takes at most {_LONGEST_MINUTES} minutes"})
    return minutes


def describe(step: ScheduledProcedureStep) -> str:
    """`A261123-014, CT chest, 23-Nov-2026 09:30-10:00` for conflict messages, which reach people and tokens that may see no patient."""
    order = step.requested_procedure.order
    when = ""
    if step.start and step.end:
        start, end = clock.local(step.start, step.site), clock.local(step.end, step.site)
        when = f", {start:%d-%b-%Y %H:%M}-{end:%H:%M}"
    return f"{order.accession_number}, {step.description}{when}"


def free_slots(place: Place, modality: str, minutes: int, start: datetime, limit: int, days: int = 14) -> list[tuple[datetime, datetime]]:
    """First `limit` free slots of `minutes` within the opening hours, on quarter hours, from `start` on, at most `days` ahead."""
    stations = check_place(place, modality)
    site = stations[0].site
    found: list[tuple[datetime, datetime]] = []
    length = timedelta(minutes=minutes)
    horizon = start + timedelta(days=days)
    wanted = {station.pk for station in stations}
    _, taken = _taken(wanted, start, horizon)
    for begin in _quarter_hours(site, stations, start, length, horizon):
        if len(found) >= limit:
            break
        if _clash(wanted, begin, begin + length, taken) is None:
            found.append((begin, begin + length))
    return found


def _quarter_hours(site: Site, stations: tuple[Station, ...], start: datetime, length: timedelta, horizon: datetime) -> Iterator[datetime]:
    """Quarter hours of the opening hours from start to horizon on which an exam of this length still fits."""
    opens, closes = max(s.opens for s in stations), min(s.closes for s in stations)
    day = clock.local(start, site).date()
    slot = timedelta(minutes=SLOT_MINUTES)
    while True:
        begin, shut = clock.at(day, opens, site), clock.at(day, closes, site)
        if begin >= horizon:
            return
        while begin + length <= shut and begin < horizon:
            if begin >= start:
                yield begin
            begin += slot
        day = day + timedelta(days=1)
