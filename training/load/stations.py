"""Where the exams stand: the site's stations, what is booked on them, and further stations when a load needs them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import count, islice

from django.db.models import QuerySet

from ris import clock
from ris.actions import stations as station_actions
from ris.actions.stations import StationData
from ris.actor import Actor
from ris.models import ScheduledProcedureStep, Site, Station, StationPool, StepStation
from ris.transitions import CANCELED
from training.load import department
from training.load.planner import SLOT, SLOT_MINUTES, Day, Room, Wanted, bits, quotas

_FILLED = 0.8  # part of the opening hours that can be filled with exams of several lengths
_OPENS, _CLOSES = 7, 19
STANDARD_SLOTS = (_CLOSES - _OPENS) * 60 // SLOT_MINUTES
"""Slots of a day on a station that is added."""


def enabled(site: Site) -> list[Station]:
    """Stations that can be booked, with their modalities, in order of their AE titles."""
    found = Station.objects.filter(site=site, enabled=True).prefetch_related("modalities")
    return sorted(found, key=lambda one: one.ae_title)  # not by the database, whose collation may be another one


def rooms(stations: Iterable[Station]) -> list[Room]:
    return [Room(one.ae_title, frozenset(row.modality for row in one.modalities.all()), one.opens, one.closes) for one in stations]


def to_be(data: StationData) -> Room:
    """The room of a station that is not registered yet."""
    return Room(data.ae_title, frozenset(data.modalities), data.opens, data.closes)


def longest_hours(rooms: Iterable[Room]) -> Mapping[str, int]:
    """Slots that a station of each modality is open at most: one of these rooms, or one that would be added."""
    found: dict[str, int] = {}
    for room in rooms:
        minutes = (room.closes.hour - room.opens.hour) * 60 + room.closes.minute - room.opens.minute
        for modality in room.modalities:
            found[modality] = max(found.get(modality, STANDARD_SLOTS), minutes // SLOT_MINUTES)
    return found


def read_day(site: Site, stations: Sequence[Room], day: date) -> Day:
    """The day as it stands in the database: opening hours, and slots that are taken."""
    begins, ends = clock.day_bounds(day, site)
    slots = (ends - begins) // SLOT
    hours = {
        one.ae_title: bits(_slot(clock.at(day, one.opens, site), begins), _slot(clock.at(day, one.closes, site), begins))
        for one in stations
    }
    taken = dict.fromkeys(hours, 0)
    for ae_title, start, end in _booked(site, begins, ends):
        if ae_title in taken:
            taken[ae_title] |= bits(max((start - begins) // SLOT, 0), min(-((begins - end) // SLOT), slots))
    return Day(day, begins, slots, hours, taken)


def _slot(moment: datetime, begins: datetime) -> int:
    return (moment - begins) // SLOT


def _booked(site: Site, begins: datetime, ends: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """AE title, start and end of what has a slot, or had it and is over; an exam on a pool has it on each of its stations."""
    steps = ScheduledProcedureStep.objects.filter(site=site, start__lt=ends, start__gt=begins - timedelta(days=1)).exclude(status=CANCELED)
    rows: QuerySet[StepStation, tuple[str, datetime | None, datetime | None]] = StepStation.objects.filter(
        step__in=steps, step__end__gt=begins
    ).values_list("ae_title", "step__start", "step__end")
    for ae_title, start, end in rows.iterator(chunk_size=2000):
        if start and end:
            yield ae_title, start, end


def further(
    rooms: Sequence[Room], catalogue: Sequence[Wanted], steps: int, days: Sequence[date], more: float, reserved: set[str]
) -> list[StationData]:
    """Stations to add so that there are enough of each modality on the busiest day: `more` times what is estimated.

    Their AE titles are none of `reserved`.
    """
    busiest = max(quotas(steps, days))
    used = {modality for room in rooms for modality in room.modalities}
    minutes = _minutes(catalogue, used)
    per_exam = sum(len(one.parts) * one.weight for one in catalogue) / sum(one.weight for one in catalogue)
    names = {*reserved, *(room.ae_title for room in rooms)}
    found = []
    for modality in sorted(minutes):
        have = sum(modality in room.modalities for room in rooms)
        capacity = (_CLOSES - _OPENS) * 60 * _FILLED
        need = -int(-(busiest / per_exam * minutes[modality] * more) // capacity)
        free = (number for number in count(1) if _title(modality, number) not in names)
        found += [_station(modality, number) for number in islice(free, max(need - have, 0))]
    return found


def _minutes(catalogue: Sequence[Wanted], used: set[str]) -> Mapping[str, float]:
    """Minutes that one exam takes of each modality on average."""
    usable = [one for one in catalogue if all(part.modality in used for part in one.parts)]
    firsts = {one.parts[0].modality for one in usable}
    mix = {modality: department.MIX.get(modality, department.OTHER) for modality in firsts}
    minutes: dict[str, float] = {}
    for modality, share in mix.items():
        ours = [one for one in usable if one.parts[0].modality == modality]
        for one in ours:
            often = share / sum(mix.values()) * one.weight / sum(other.weight for other in ours)
            for part in one.parts:
                minutes[part.modality] = minutes.get(part.modality, 0.0) + often * part.slots * 5
    return minutes


def _title(modality: str, number: int) -> str:
    """CT03: at most 16 characters, since a modality of the catalogue is a CS of at most 16 that is cut short."""
    return f"{modality[:8]}{number:02d}"


def _station(modality: str, number: int) -> StationData:
    room = f"Room {(number - 1) // 20 + 1}.{(number - 1) % 20 + 1:02d}"
    return StationData(_title(modality, number), (modality,), f"{modality[:8]} {number}", room, opens=time(_OPENS), closes=time(_CLOSES))


def add(site: Site, wanted: Iterable[StationData], actor: Actor) -> Iterator[Station]:
    """Register the stations, one transaction each."""
    for data in wanted:
        yield station_actions.save_station(site, data, actor)


def reserved_titles(site: Site) -> set[str]:
    """AE titles of disabled stations and codes of pools, which a further station cannot have."""
    disabled = Station.objects.filter(site=site, enabled=False).values_list("ae_title", flat=True)
    return {*disabled, *StationPool.objects.filter(site=site).values_list("code", flat=True)}
