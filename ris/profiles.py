"""What stations are set to, for those who deal with their messages: kept per process, read again after each change of a station."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ris import titles
from ris.models import Site, Station
from ris.titles import Renamed
from ris.transitions import WAITING


@dataclass(frozen=True, slots=True)
class Profile:
    """A station's settings, as of `ris.models.Station`; the default is that of an AE title which is no station here.

    `character_set` are the terms of SpecificCharacterSet, none where nothing is known. `aliases` are the AE titles whose lists it sees
    too: as typed, and whatever stands for one of these, or for the station itself, as long as former titles are accepted.
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

    @property
    def lists(self) -> tuple[str, ...]:
        """The AE titles whose exams are its own, the present one first."""
        return (self.ae_title, *self.aliases)


NOBODY: Final = Profile()


@dataclass(frozen=True, slots=True)
class _Known:
    revision: UUID
    by_title: Mapping[str, Profile]
    renamed: Renamed


_kept: dict[int, _Known] = {}


def of(site: Site) -> Mapping[str, Profile]:
    """The site's stations by AE title, and by each former one that is still accepted.

    `site` is as just read: its revision tells whether what is kept is still true.
    """
    return _known(site).by_title


def renamed(site: Site) -> Renamed:
    return _known(site).renamed


def _known(site: Site) -> _Known:
    kept = _kept.get(site.pk)
    if kept is None or kept.revision != site.stations_revision:
        renamed = titles.renamed(site)
        stations = Station.objects.filter(site=site).prefetch_related("aliases")
        by_title = {station.ae_title: _profile_of(station, renamed) for station in stations}
        by_title |= {former: by_title[present] for former, present in renamed if present in by_title}
        kept = _kept[site.pk] = _Known(site.stations_revision, by_title, renamed)
    return kept


def present_title(site: Site, calling_ae_title: str) -> str:
    """What a caller is called here now: what is odd about it is told of the station, whichever of its titles it called under."""
    found = of(site).get(calling_ae_title.strip())
    return found.ae_title if found is not None else calling_ae_title


def whose(site: Site, calling_ae_title: str, named: Iterable[str] = ()) -> Profile:
    """The settings that hold for a message: those of the station that calls; when it is none here, of the one station that it names.

    `named` are the AE titles in the message, without padding.
    """
    known = of(site)
    found = known.get(calling_ae_title.strip())
    if found is not None:
        return found
    found_by_name = {profile.station_id: profile for profile in (known.get(title) for title in named) if profile is not None}
    return next(iter(found_by_name.values())) if len(found_by_name) == 1 else NOBODY


def _profile_of(station: Station, renamed: Renamed) -> Profile:
    typed = [row.ae_title for row in station.aliases.all()]
    lists = dict.fromkeys((*typed, *titles.of_one_list(renamed, [station.ae_title, *typed])))
    return Profile(
        ae_title=station.ae_title,
        station_id=station.pk,
        strict=station.strict,
        aliases=tuple(title for title in lists if title != station.ae_title),
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
