"""Pools: stations that stand in for each other, and the exams that wait on them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from django.db.models import F, QuerySet

from ris import clock, events, validation
from ris.actions import booking
from ris.actions.booking import Place
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, save_station
from ris.actor import Actor
from ris.crossing import LOOK_AGAIN, crossed, since
from ris.db import action, lock
from ris.errors import Conflict, InvalidInput, NotFound, SlotTaken
from ris.models import RecordChange, RequestedProcedure, ScheduledProcedureStep, Site, Station, StationPool, StepChange, StepStation
from ris.transitions import WAITING
from ris.validation import Checker


@action
def save_pool(
    site: Site,
    code: str,
    name: str | None,
    ae_titles: Iterable[str],
    actor: Actor,
    before: Sequence[str] | None = None,
    name_before: str | None = None,
) -> StationPool:
    """Make the pool of this code, or change its name and stations. Exams from today on that wait on it follow. Without a name (None) it
    keeps the one that it has; an empty one is its code.

    The code stands where an AE title could and must not be one. `before` are the AE titles that were seen when it was decided, none for
    a new pool, `name_before` the name.
    Raises InvalidInput, NotFound (a station), ChangedMeanwhile, or SlotTaken when an exam would be left without a station.
    """
    code, name = _checked(site, code, _name_of(site, code) if name is None else name)
    stations = [_station(site, ae_title) for ae_title in dict.fromkeys(ae_titles)]
    if not stations:
        raise InvalidInput({"stations": "is empty; a pool needs at least one station"})
    _, made = StationPool.objects.get_or_create(site=site, code=code, defaults={"name": name})
    pool = StationPool.objects.select_for_update().get(site=site, code=code)  # of two who change it the later sees what the earlier did
    had = list(pool.stations.order_by("ae_title"))
    _expect(pool, [] if made else [station.ae_title for station in had], before, None if made else name_before)
    detail: dict[str, list[str]] = {}
    if pool.name != name:
        detail["name"] = [pool.name, name]
        pool.name = name
        pool.save(update_fields=["name"])
    after = sorted(station.ae_title for station in stations)
    if [station.ae_title for station in had] != after:
        detail["stations"] = [", ".join(station.ae_title for station in had), ", ".join(after)]
        _lock_stations({*had, *stations})
        pool.stations.set(stations)
        _let_follow(pool, actor)
    if detail:
        verb = "register" if made else "edit"
        RecordChange.by(actor, at=clock.now(site), verb=verb, subject="pool", subject_id=pool.pk, detail=detail)
    return pool


@action
def save_station_and_pools(
    site: Site,
    data: StationData,
    actor: Actor,
    version: int | None,
    codes: Collection[str],
    before: Collection[str],
    renaming: Renaming | None = None,
) -> Station:
    """Save the station and have it stand in the pools of these codes; exams that wait on them follow. `before` are those that were seen
    when it was decided: what somebody else did meanwhile with other pools stays. `renaming` says under which AE title it was seen.

    Raises what `rename_station`, `save_station` and `save_pool` raise; InvalidInput names `pools` where one would have no station left.
    """
    if renaming is not None:
        version = rename_station(site, renaming, data.ae_title, actor, version).version
        data = _of_new_title(data, renaming.before)
    station = save_station(site, data, actor, version)
    changed = set(codes) ^ set(before)
    for pool in StationPool.objects.filter(site=site, code__in=changed).prefetch_related("stations").order_by("code"):
        has = [one.ae_title for one in pool.stations.all()]
        others = [one for one in has if one != station.ae_title]
        if not others and pool.code not in codes:
            raise InvalidInput({"pools": f"cannot lack {pool.code}, which would have no station then; put another one into it first"})
        save_pool(site, pool.code, None, [*others, station.ae_title] if pool.code in codes else others, actor, has)
    return station


def _of_new_title(data: StationData, before: str) -> StationData:
    """As typed, less what was about the title: an alias that it is called itself now, and a name that was its former title."""
    if data.ae_title.strip() == before:
        return data
    aliases = tuple(title for title in data.aliases if title.strip() != data.ae_title.strip())
    return replace(data, aliases=aliases, name="" if data.name.strip() == before else data.name)


def _checked(site: Site, code: str, name: str) -> tuple[str, str]:
    checked = Checker()
    code = checked("code", validation.text, code, "SH") or ""
    name = checked("name", validation.text, name, "LO") or code
    if not code:
        checked.refuse("code", "is empty; write a short code, e.g. ANYCT")
    elif Station.objects.filter(site=site, ae_title=code).exists():
        checked.refuse("code", f"is the AE title of a station; choose another one than {code}")
    checked.done()
    return code, name


def _station(site: Site, ae_title: str) -> Station:
    station = Station.objects.filter(site=site, ae_title=ae_title).first()
    if station is None:
        raise NotFound(f"There is no station {ae_title!r} here; register it before it joins a pool.")
    return station


def _expect(pool: StationPool, has: Sequence[str], before: Sequence[str] | None, name: str | None) -> None:
    if (before is None or sorted(before) == sorted(has)) and name in (None, pool.name):
        return
    if not before:
        raise Conflict(f"There is a pool {pool.code} already; open it to change it, or choose another code.")
    raise crossed("this pool", pool.site, since("pool", pool.pk, 1), f"It has {', '.join(has)} now. {LOOK_AGAIN}")


def _lock_stations(stations: Iterable[Station]) -> None:
    """Lock them as a booking does, so that none is made meanwhile for stations that are about to change."""
    ids = {station.pk for station in stations}
    lock(lambda: Station.objects.filter(pk__in=ids).order_by("pk"))


def _name_of(site: Site, code: str) -> str:
    return StationPool.objects.filter(site=site, code=code).values_list("name", flat=True).first() or ""


def _let_follow(pool: StationPool, actor: Actor) -> None:
    """Exams that wait on the pool from today on get the stations that can perform them now."""
    today, _ = clock.day_bounds(clock.today(pool.site), pool.site)
    waiting = ScheduledProcedureStep.objects.filter(pool=pool, status__in=WAITING, start__gte=today)
    lock(lambda: RequestedProcedure.objects.filter(steps__in=waiting.order_by()).order_by("pk"))
    place = Place(tuple(pool.stations.prefetch_related("modalities")), pool)
    left = [step for step in _locked(waiting) if _rebook(step, place, actor)]
    for step in left:
        _refuse_without_station(step, pool)


def _locked(waiting: QuerySet[ScheduledProcedureStep]) -> list[ScheduledProcedureStep]:
    found = waiting.select_for_update(of=("self",)).select_related("site", "requested_procedure__order__patient")
    return list(found.prefetch_related("stations").order_by("pk"))


def _rebook(step: ScheduledProcedureStep, place: Place, actor: Actor) -> bool:
    """Whether the step lost a station. One that no station of the pool can perform stays as it is: people have to move it."""
    had = [row.ae_title for row in step.stations.all()]
    able = place.performs(step.modality)
    has = [station.ae_title for station in able]
    if not able or sorted(had) == sorted(has):
        return False
    step.stations.all().delete()
    rows = [StepStation(step=step, ae_title=one.ae_title, station=one, position=i) for i, one in enumerate(able)]
    StepStation.objects.bulk_create(rows)
    ScheduledProcedureStep.objects.filter(pk=step.pk).update(version=F("version") + 1)
    at = step.start.isoformat() if step.start else ""
    detail = {"start": [at, at], "stations": [had, has]}
    now, status = clock.now(step.site), step.status
    StepChange.by(actor, step=step, at=now, verb="follow_pool", from_status=status, to_status=status, detail=detail)
    events.publish(events.StepChanged(step.pk))
    return not set(had) <= set(has)


def _refuse_without_station(step: ScheduledProcedureStep, pool: StationPool) -> None:
    """Raise SlotTaken when the exams of its time cannot have a station each any more."""
    if step.start is None or step.end is None:
        return
    other = booking.in_the_way(step, step.start, step.end)
    if other is not None:
        exam = booking.describe(step)
        beside = booking.describe(other)
        raise SlotTaken(f"{pool.code} would have too few stations for {exam} and {beside}. Move one of them first.", exam)
