"""Who asks a query, and what that makes of it: for the SCP, and for those who explain afterwards what it did."""

from ris import clock, profiles
from ris.models import Site
from ris.profiles import Profile
from worklist import scope
from worklist.agreement import NOTHING, Agreement
from worklist.query import STATION, Query
from worklist.scope import Scope


def profile_of(site: Site, calling_ae_title: str, asked: Query) -> Profile:
    """Whose settings hold for a query: those of the station that calls; when it is none here, of the one station that is asked for."""
    station = asked.asked(STATION)
    return profiles.whose(site, calling_ae_title, station.values if station else ())


def scope_of(profile: Profile, site: Site) -> Scope:
    """What a station is shown at all, now."""
    return scope.of(profile, clock.local(clock.now(site), site))


def as_answered(asked: Query, shown: Scope, agreed: Agreement) -> Query:
    """The query under what its station is shown and what its association agreed on."""
    ours = asked.under(shown)
    return ours.fuzzy() if agreed.fuzzy_names else ours


def as_asked(site: Site, calling_ae_title: str, asked: Query, agreed: Agreement = NOTHING) -> Query:
    """The query as it is answered to who asks it."""
    return as_answered(asked, scope_of(profile_of(site, calling_ae_title, asked), site), agreed)
