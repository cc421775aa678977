"""Which AE titles may call a hospital, and from where: kept per process, read again after each change of the hospital's stations."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ris import networks
from ris.models import FormerTitle, Site, Station
from ris.networks import Network


@dataclass(frozen=True, slots=True)
class _Callers:
    revision: UUID
    networks: Mapping[str, tuple[Network, ...]]


_kept: dict[int, _Callers] = {}


def of(site: Site) -> Mapping[str, tuple[Network, ...]]:
    """The networks that each station of the site may call from, by AE title and by those of its former ones that are still accepted; none
    means from anywhere.

    `site` is as just read: its revision tells whether what is kept is still true.
    """
    kept = _kept.get(site.pk)
    if kept is None or kept.revision != site.stations_revision:
        stations = Station.objects.filter(site=site).values_list("ae_title", "addresses")
        formers = FormerTitle.objects.filter(site=site, until=None).values_list("ae_title", "station__addresses")
        allowed = {title: networks.parsed(addresses) for title, addresses in (*formers, *stations)}
        kept = _kept[site.pk] = _Callers(site.stations_revision, allowed)
    return kept.networks
