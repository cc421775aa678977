"""Stations and pools of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time

from ris import clock, events, validation
from ris.actor import Actor
from ris.db import action
from ris.errors import ChangedMeanwhile, InvalidInput, NotFound
from ris.models import RecordChange, Site, Station, StationModality, StationPool
from ris.validation import Checker


@dataclass(frozen=True)
class StationData:
    """A station as typed. `modalities`: the first is its main one. Hours are the hospital's wall time."""

    ae_title: str
    modalities: tuple[str, ...]
    name: str = ""
    room: str = ""
    enabled: bool = True
    strict: bool = True
    character_set: str = "ISO_IR 192"
    opens: time = time(7, 0)
    closes: time = time(19, 0)


def _check(data: StationData) -> tuple[dict[str, object], list[str]]:
    """Column values and modalities, or InvalidInput that names every wrong field."""
    checked = Checker()
    columns: dict[str, object] = {
        "ae_title": checked("ae_title", validation.text, data.ae_title, "AE"),
        "name": checked("name", validation.text, data.name or data.ae_title.strip()[:16], "SH"),
        "room": checked("room", validation.text, data.room, "SH"),
        "character_set": checked("character_set", validation.text, data.character_set, "LO"),
        "enabled": data.enabled,
        "strict": data.strict,
        "opens": data.opens,
        "closes": data.closes,
    }
    modalities = checked("modalities", lambda: [validation.code_string(modality) for modality in data.modalities]) or []
    if not data.ae_title.strip():
        checked.refuse("ae_title", "is empty; write the AE title that the modality calls with")
    if not any(modalities):
        checked.refuse("modalities", "is empty; name at least one, e.g. CT")
    if data.opens >= data.closes:
        checked.refuse("closes", f"must be later than the opening at {data.opens:%H:%M}")
    checked.done()
    return columns, list(dict.fromkeys(modality for modality in modalities if modality))


@action
def save_station(site: Site, data: StationData, actor: Actor, expected_version: int | None = None) -> Station:
    """Make the station of this AE title, or change it. InvalidInput or ChangedMeanwhile."""
    columns, modalities = _check(data)
    if StationPool.objects.filter(site=site, code=columns["ae_title"]).exists():
        raise InvalidInput({"ae_title": f"is the code of a pool of stations; choose another one than {columns['ae_title']}"})
    station = Station.objects.select_for_update().filter(site=site, ae_title=columns["ae_title"]).first()
    if expected_version is not None and (station is None or station.version != expected_version):
        raise ChangedMeanwhile("Somebody else changed this station meanwhile; look at the present values and change them again.")
    if station is None:
        station = Station.objects.create(site=site, **columns)
        verb, detail = "register", {}
    else:
        had = list(station.modalities.values_list("modality", flat=True))
        detail = {name: [str(getattr(station, name)), str(value)] for name, value in columns.items() if getattr(station, name) != value}
        if had != modalities:
            detail["modalities"] = [", ".join(had), ", ".join(modalities)]
        if not detail:
            return station
        verb = "edit"
        station.version += 1
        for name, value in columns.items():
            setattr(station, name, value)
        station.save()
        station.modalities.all().delete()
    StationModality.objects.bulk_create(
        [StationModality(station=station, modality=modality, position=i) for i, modality in enumerate(modalities)]
    )
    RecordChange.by(actor, at=clock.now(site), verb=verb, subject="station", subject_id=station.pk, detail=detail)
    events.publish(events.StationChanged(station.pk))
    return station


@action
def save_pool(site: Site, code: str, name: str, ae_titles: Iterable[str], actor: Actor) -> StationPool:
    """Make the pool of this code, or change its name and stations.

    Raises InvalidInput or NotFound (a station). The code stands where an AE title could and must not be one.
    """
    checked = Checker()
    code = checked("code", validation.text, code, "SH") or ""
    name = checked("name", validation.text, name, "LO") or code
    if not code:
        checked.refuse("code", "is empty; write a short code, e.g. ANYCT")
    elif Station.objects.filter(site=site, ae_title=code).exists():
        checked.refuse("code", f"is the AE title of a station; choose another one than {code}")
    checked.done()
    stations = [_station(site, ae_title) for ae_title in ae_titles]
    if not stations:
        raise InvalidInput({"stations": "is empty; a pool needs at least one station"})
    pool, made = StationPool.objects.get_or_create(site=site, code=code, defaults={"name": name})
    detail: dict[str, list[str]] = {}
    if pool.name != name:
        detail["name"] = [pool.name, name]
        pool.name = name
        pool.save(update_fields=["name"])
    before = sorted(pool.stations.values_list("ae_title", flat=True))
    after = sorted(station.ae_title for station in stations)
    if before != after:
        pool.stations.set(stations)
        detail["stations"] = [", ".join(before), ", ".join(after)]
    if detail:
        verb = "register" if made else "edit"
        RecordChange.by(actor, at=clock.now(site), verb=verb, subject="pool", subject_id=pool.pk, detail=detail)
    return pool


def _station(site: Site, ae_title: str) -> Station:
    station = Station.objects.filter(site=site, ae_title=ae_title).first()
    if station is None:
        raise NotFound(f"There is no station {ae_title!r} here; register it before it joins a pool.")
    return station
