"""Which destinations a message is for: asked for each that is accepted, and answered out of what a process keeps of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from mpps.models import Destination, PerformedProcedureStep
from ris import profiles
from ris.models import Site
from ris.profiles import Profile


@dataclass(frozen=True, slots=True)
class Listener:
    """A destination, as it is asked for each message."""

    pk: int
    called_ae_title: str
    stations: frozenset[str]
    modalities: frozenset[str]

    def hears_of(self, performed: PerformedProcedureStep, known: Mapping[str, Profile]) -> bool:
        """Whether it is set to the station (of those `known`, under its name or an alias, as for the worklist) and modality of the step."""
        return (not self.stations or not self.stations.isdisjoint(_titles(performed, known))) and (
            not self.modalities or performed.modality.upper() in self.modalities
        )


_kept: dict[int, tuple[UUID, tuple[Listener, ...]]] = {}


def listeners(site: Site) -> tuple[Listener, ...]:
    """The site's enabled destinations. `site` is as just read: its revision tells whether what is kept is still true."""
    kept = _kept.get(site.pk)
    if kept is None or kept[0] != site.stations_revision:
        rows = Destination.objects.filter(site=site, enabled=True).order_by("pk")
        kept = _kept[site.pk] = site.stations_revision, tuple(map(listener, rows))
    return kept[1]


def listener(row: Destination) -> Listener:
    return Listener(row.pk, row.called_ae_title, frozenset(row.stations), frozenset(row.modalities))


def concerned(site: Site, performed: PerformedProcedureStep, calling_ae_title: str) -> list[int]:
    """Ids of the destinations that a message about the step is for: never who sent it."""
    enabled = listeners(site)
    if not enabled:
        return []
    known = profiles.of(site)
    return [one.pk for one in enabled if one.called_ae_title != calling_ae_title and one.hears_of(performed, known)]


def _titles(performed: PerformedProcedureStep, known: Mapping[str, Profile]) -> set[str]:
    titles = {performed.station_ae_title.strip(), performed.calling_ae_title}
    return titles.union(*(known[title].lists for title in titles if title in known))
