"""Stations and what they are set to; pools of them are in `ris.actions.pools`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from typing import Any, Final
from uuid import uuid4
from zoneinfo import available_timezones

from dimse import charsets
from ris import clock, events, hosts, networks, outgoing, validation
from ris.actor import Actor
from ris.crossing import CHANGE_AGAIN, crossed, since
from ris.db import action
from ris.errors import Conflict, InvalidInput
from ris.models import FormerTitle, RecordChange, Site, Station, StationAlias, StationModality, StationPool
from ris.transitions import SCHEDULED, STATUSES, WAITING
from ris.validation import Checker

MOST_ALIASES: Final = 16
MOST_ANSWERS: Final = 100_000
MOST_HOURS: Final = 10 * 366 * 24
NEW: Final = 0
"""The version that is expected of a station that is not there yet."""


@dataclass(frozen=True)
class StationData:
    """A station as typed. `modalities`: the first is its main one. Hours are the hospital's wall time.

    `aliases`: AE titles whose lists it sees beside its own. `statuses_shown`: what it is shown unless a query asks for statuses.
    `addresses`: addresses and networks (CIDR) that its AE title may call from, none meaning from anywhere.
    `host`, `port` and `tls`: where it answers a C-ECHO of ours, if it does.
    `age_limit_hours` and `answer_limit`: None is no limit. The other settings are those of `ris.models.Station`.
    """

    ae_title: str
    modalities: tuple[str, ...]
    name: str = ""
    room: str = ""
    enabled: bool = True
    strict: bool = True
    character_set: str = "ISO_IR 192"
    opens: time = time(7, 0)
    closes: time = time(19, 0)
    aliases: tuple[str, ...] = ()
    own_list_only: bool = False
    statuses_shown: tuple[str, ...] = WAITING
    requires_arrival: bool = False
    age_limit_hours: int | None = None
    answer_limit: int | None = None
    at_answer_limit: str = Station.AtLimit.SUCCESS
    empty_sequences: bool = False
    only_ff00: bool = False
    refuses_several_items: bool = False
    addresses: tuple[str, ...] = ()
    time_zone: str = ""
    several_performed_steps: bool = False
    reports_performed_steps: bool = True
    refuses_undefined_attributes: bool = False
    warns: bool = False
    host: str = ""
    port: int | None = None
    tls: bool = False


_AS_THEY_ARE = (
    "enabled", "strict", "opens", "closes", "own_list_only", "requires_arrival", "empty_sequences", "only_ff00", "refuses_several_items",
    "several_performed_steps", "reports_performed_steps", "refuses_undefined_attributes", "warns",
)  # fmt: skip
_LISTS = ("modalities", "aliases", "statuses_shown", "addresses")


@dataclass(frozen=True)
class _Settings:
    """What is saved: columns of the station, and the lists that are rows of their own."""

    columns: dict[str, Any]
    modalities: list[str]
    aliases: list[str]


def data_of(station: Station) -> StationData:
    """The station as it would be typed, for those who change a part of it."""
    columns = (name for name in StationData.__dataclass_fields__ if name not in _LISTS)
    return StationData(
        **{name: getattr(station, name) for name in columns},
        modalities=tuple(row.modality for row in station.modalities.all()),
        aliases=tuple(row.ae_title for row in station.aliases.all()),
        statuses_shown=tuple(station.statuses_shown),
        addresses=tuple(station.addresses),
    )


def _checked(data: StationData) -> _Settings:
    """What is to be saved, or InvalidInput that names every wrong field."""
    checked = Checker()
    ae_title = checked("ae_title", validation.text, data.ae_title, "AE")
    columns: dict[str, Any] = {
        "ae_title": ae_title,
        "name": checked("name", validation.text, data.name or data.ae_title.strip()[:16], "SH"),
        "room": checked("room", validation.text, data.room, "SH"),
        "character_set": checked("character_set", _character_set, data.character_set),
        "statuses_shown": checked("statuses_shown", _statuses, data.statuses_shown),
        "age_limit_hours": checked("age_limit_hours", _limit, data.age_limit_hours, MOST_HOURS, "hours"),
        "answer_limit": checked("answer_limit", _limit, data.answer_limit, MOST_ANSWERS, "answers"),
        "at_answer_limit": checked("at_answer_limit", _at_limit, data.at_answer_limit),
        "time_zone": checked("time_zone", _time_zone, data.time_zone),
        "addresses": checked("addresses", networks.listed, data.addresses),
        "host": checked("host", hosts.host, data.host),
        "port": checked("port", hosts.port, data.port),
        "tls": checked("tls", outgoing.tls, data.tls),
        **{name: getattr(data, name) for name in _AS_THEY_ARE},
    }
    modalities = checked("modalities", lambda: [validation.code_string(modality) for modality in data.modalities]) or []
    aliases = checked("aliases", _aliases, data.aliases, data.ae_title.strip()) or []
    if not data.ae_title.strip():
        checked.refuse("ae_title", "is empty; write the AE title that the modality calls with")
    if not any(modalities):
        checked.refuse("modalities", "is empty; name at least one, e.g. CT")
    if columns["port"] and not columns["host"] and "host" not in checked.errors:
        checked.refuse("host", "is empty; a port alone leads nowhere")
    if data.opens >= data.closes:
        checked.refuse("closes", f"must be later than the opening at {data.opens:%H:%M}")
    if data.requires_arrival and columns["statuses_shown"] == [SCHEDULED]:
        checked.refuse("statuses_shown", "holds nothing but SCHEDULED, which is not shown where arrival is required; add ARRIVED and READY")
    checked.done()
    return _Settings(columns, list(dict.fromkeys(modality for modality in modalities if modality)), aliases)


def _character_set(declared: str) -> str:
    """The defined terms (PS3.3 C.12.1.1.2), separated by backslashes, with their spelling corrected."""
    known = charsets.read(declared)
    if known.unknown:
        raise ValueError(f"holds {known.unknown[0][:32]!r}, which is no character set of PS3.3 C.12.1.1.2; ISO_IR 192 (UTF-8) has all")
    if not known.terms:
        raise ValueError("is empty; ISO_IR 192 (UTF-8) has all characters, ISO_IR 6 is ASCII")
    return "\\".join(known.terms)


def _time_zone(name: str) -> str:
    """A zone of the IANA database; empty for the hospital's."""
    name = name.strip()
    if name and name not in available_timezones():
        raise ValueError(f"is {name[:64]!r}, which is no time zone; write one like Europe/Berlin, or nothing for the hospital's")
    return name


def _statuses(given: Iterable[str]) -> list[str]:
    """In the order in which an exam has them."""
    asked = {status.strip().upper() for status in given}
    unknown = sorted(asked - set(STATUSES))
    if unknown:
        raise ValueError(f"holds {unknown[0][:16]!r}; known statuses are {', '.join(STATUSES)}")
    if not asked:
        raise ValueError("is empty, so that nothing would ever be shown; choose at least one status, or disable the station")
    return [status for status in STATUSES if status in asked]


def _limit(given: int | None, most: int, unit: str) -> int | None:
    if given is not None and not 1 <= given <= most:
        raise ValueError(f"is {given}; it must be 1 to {most} {unit}, or empty for no limit")
    return given


def _at_limit(given: str) -> str:
    if given not in Station.AtLimit.values:
        raise ValueError(f"is {given[:16]!r}; it must be 0000 (success) or A700 (refused)")
    return given


def _aliases(given: Iterable[str], own: str) -> list[str]:
    found = [title for title in dict.fromkeys(validation.text(title, "AE") for title in given) if title]
    if own in found:
        raise ValueError(f"holds {own}, its own AE title, whose list it sees anyway; leave it out")
    if len(found) > MOST_ALIASES:
        raise ValueError(f"holds {len(found)} AE titles; a station sees at most {MOST_ALIASES} lists beside its own")
    return found


@action
def save_station(site: Site, data: StationData, actor: Actor, expected_version: int | None = None) -> Station:
    """Make the station of this AE title, or change it.

    `expected_version` is that of the station as it was seen, `NEW` when there was none. Raises InvalidInput, Conflict or ChangedMeanwhile.
    """
    settings = _checked(data)
    ae_title = settings.columns["ae_title"]
    revise(site)  # before anything else is locked, and before it is asked whether the title is free
    station = Station.objects.select_for_update().filter(site=site, ae_title=ae_title).first()
    expect(site, station, ae_title, expected_version)
    if station is None:
        refuse_taken(site, ae_title)
        station, changed = Station.objects.create(site=site, registered_at=clock.wall(), **settings.columns), {}
        _list(station, settings)
        verb = "register"
    else:
        changed = _changes(station, settings)
        if not changed:
            return station
        verb = "edit"
        _change(station, settings)
    revise(site)
    RecordChange.by(actor, at=clock.now(site), verb=verb, subject="station", subject_id=station.pk, detail=changed)
    events.publish(events.StationChanged(station.pk, tuple(changed)))
    return station


def revise(site: Site) -> None:
    """Have every process read again what it keeps of the site's stations, and of who else is told over the network."""
    Site.objects.filter(pk=site.pk).update(stations_revision=uuid4())


def refuse_taken(site: Site, ae_title: str, station: Station | None = None) -> None:
    """InvalidInput when the title is somebody else's than the station's. The site's row has been written before it is asked."""
    others = Station.objects.filter(site=site, ae_title=ae_title)
    formers = FormerTitle.objects.filter(site=site, ae_title=ae_title, until=None)
    if station is not None:
        others, formers = others.exclude(pk=station.pk), formers.exclude(station=station)
    why = ""
    if StationPool.objects.filter(site=site, code=ae_title).exists():
        why = f"is the code of a pool of stations; choose another one than {ae_title}"
    elif others.exists():
        why = f"is that of another station; choose another one than {ae_title}, or give that station another one first"
    elif (former := formers.select_related("station").first()) is not None:
        now = former.station.ae_title
        why = f"is still accepted as the former one of {now}; when that modality is changed, stop accepting {ae_title} on the form of {now}"
    if why:
        raise InvalidInput({"ae_title": why})


def expect(site: Site, station: Station | None, ae_title: str, version: int | None) -> None:
    """Conflict or ChangedMeanwhile unless the station is of this version, `NEW` for none; anything will do for None."""
    if version is None or version == (station.version if station else NEW):
        return
    if version == NEW:
        raise Conflict(f"There is a station {ae_title} already; open it to change it, or choose another AE title.")
    changes = since("station", station.pk, station.version - version) if station else []
    raise crossed("this station", site, changes, CHANGE_AGAIN)


def _changes(station: Station, settings: _Settings) -> dict[str, list[str]]:
    """Names of what is to change, each with its value before and after."""
    before = {name: getattr(station, name) for name in settings.columns}
    before["modalities"] = [row.modality for row in station.modalities.all()]
    before["aliases"] = [row.ae_title for row in station.aliases.all()]
    after = settings.columns | {"modalities": settings.modalities, "aliases": settings.aliases}
    return {name: [_told(before[name]), _told(value)] for name, value in after.items() if before[name] != value}


def _told(value: Any) -> str:
    """A value in the history."""
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return "" if value is None else str(value)


def _change(station: Station, settings: _Settings) -> None:
    station.version += 1
    for name, value in settings.columns.items():
        setattr(station, name, value)
    station.save()
    station.modalities.all().delete()
    station.aliases.all().delete()
    _list(station, settings)


def _list(station: Station, settings: _Settings) -> None:
    """Write the rows of what a station has several of, in order."""
    StationModality.objects.bulk_create(
        [StationModality(station=station, modality=modality, position=i) for i, modality in enumerate(settings.modalities)]
    )
    StationAlias.objects.bulk_create(
        [StationAlias(station=station, ae_title=title, position=i) for i, title in enumerate(settings.aliases)]
    )
