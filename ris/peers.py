"""Whose hospital an association is about."""

from ris import queries
from ris.models import Site, Station
from ris.prepared import Prepared

_called = Prepared(lambda ae_title: Site.objects.filter(ae_title=ae_title), "ae_title")


def site_called(ae_title: str) -> Site | None:
    """The site of this AE title, which comes without padding."""
    return _called.first(ae_title)


def site_of(called_ae_title: str, calling_ae_title: str) -> Site:
    """The site that is called so, else the one whose only station calls so, else the default one; NotFound when there is none at all."""
    called = site_called(called_ae_title.strip())
    if called is not None:
        return called
    stations = Station.objects.filter(ae_title=calling_ae_title.strip()).select_related("site")[:2]
    return stations[0].site if len(stations) == 1 else queries.default_site()
