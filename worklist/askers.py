"""Who asks a query, and what that makes of it: for the SCP, and for those who explain afterwards what it did."""

from ris import clock, profiles
from ris.models import Site
from ris.profiles import Profile
from worklist import scope
from worklist.query import STATION, Query
from worklist.scope import Scope


def profile_of(site: Site, calling_ae_title: str, asked: Query) -> Profile:
    """Whose settings hold for a query: those of the station that calls; when it is none here, of the one station that is asked for."""
    station = asked.asked(STATION)
    return profiles.whose(site, calling_ae_title, station.values if station else ())


def scope_of(profile: Profile, site: Site) -> Scope:
    """What a station is shown at all, now."""
    return scope.of(profile, clock.local(clock.now(site), site))


def as_asked(site: Site, calling_ae_title: str, asked: Query) -> Query:
    """The query as it is answered to who asks it."""
    return asked.under(scope_of(profile_of(site, calling_ae_title, asked), site))
