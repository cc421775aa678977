"""What stations are set to, for those who deal with their messages: kept per process, read again after each change of a station."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ris.models import Site, Station
from ris.transitions import WAITING


@dataclass(frozen=True, slots=True)
class Profile:
    """A station's settings, as of `ris.models.Station`; the default is that of an AE title which is no station here.

    `character_set` are the terms of SpecificCharacterSet, none where nothing is known.
    """

    ae_title: str = ""
    station_id: int | None = None
    strict: bool = True
    aliases: tuple[str, ...] = ()
    character_set: tuple[str, ...] = ()
    own_list_only: bool = False
    statuses_shown: tuple[str, ...] = WAITING
    requires_arrival: bool = False
    age_limit_hours: int | None = None
    answer_limit: int | None = None
    refuses_at_limit: bool = False
    empty_sequences: bool = False
    only_ff00: bool = False
    refuses_several_items: bool = False
    time_zone: str = ""
    several_performed_steps: bool = False
    reports_performed_steps: bool = True
    refuses_undefined_attributes: bool = False
    warns: bool = False


NOBODY: Final = Profile()
_kept: dict[int, tuple[UUID, Mapping[str, Profile]]] = {}


def of(site: Site) -> Mapping[str, Profile]:
    """The site's stations by AE title. `site` is as just read: its revision tells whether what is kept is still true."""
    kept = _kept.get(site.pk)
    if kept is None or kept[0] != site.stations_revision:
        stations = Station.objects.filter(site=site).prefetch_related("aliases")
        kept = _kept[site.pk] = site.stations_revision, {station.ae_title: profile_of(station) for station in stations}
    return kept[1]


def whose(site: Site, calling_ae_title: str, named: Iterable[str] = ()) -> Profile:
    """The settings that hold for a message: those of the station that calls; when it is none here, of the one station that it names.

    `named` are the AE titles in the message, without padding.
    """
    known = of(site)
    found = known.get(calling_ae_title.strip())
    if found is not None:
        return found
    titles = [title for title in named if title in known]
    return known[titles[0]] if len(titles) == 1 else NOBODY


def profile_of(station: Station) -> Profile:
    return Profile(
        ae_title=station.ae_title,
        station_id=station.pk,
        strict=station.strict,
        aliases=tuple(row.ae_title for row in station.aliases.all()),
        character_set=tuple(station.character_set.split("\\")) if station.character_set else (),
        own_list_only=station.own_list_only,
        statuses_shown=tuple(station.statuses_shown),
        requires_arrival=station.requires_arrival,
        age_limit_hours=station.age_limit_hours,
        answer_limit=station.answer_limit,
        refuses_at_limit=station.at_answer_limit == Station.AtLimit.REFUSED,
        empty_sequences=station.empty_sequences,
        only_ff00=station.only_ff00,
        refuses_several_items=station.refuses_several_items,
        time_zone=station.time_zone,
        several_performed_steps=station.several_performed_steps,
        reports_performed_steps=station.reports_performed_steps,
        refuses_undefined_attributes=station.refuses_undefined_attributes,
        warns=station.warns,
    )
