"""Who asks a query, and what that makes of it: for the SCP, and for those who explain afterwards what it did."""

from ris import clock, profiles, sandboxes
from ris.models import Site
from ris.profiles import Profile
from worklist import scope
from worklist.agreement import NOTHING, Agreement
from worklist.query import STATION, Query
from worklist.scope import Scope
from worklist.zones import View


def profile_of(site: Site, calling_ae_title: str, asked: Query) -> Profile:
    """Whose settings hold for a query: those of the station that calls; when it is none here, of the one station that is asked for."""
    station = asked.asked(STATION)
    return profiles.whose(site, calling_ae_title, station.values if station else ())


def view_of(profile: Profile, site: Site, asked: Query, agreed: Agreement = NOTHING) -> View | None:
    """The time zone that a query is in: its own offset where that was agreed, else the station's; None for the hospital's, undeclared."""
    home = clock.zone(site)
    if agreed.time_zone and asked.offset is not None:
        return View(home, asked.offset)
    if profile.time_zone:
        return View(home, clock.zone_named(profile.time_zone))
    return View(home, home) if agreed.time_zone else None


def scope_of(profile: Profile, site: Site, view: View | None = None) -> Scope:
    """What a station is shown at all, now, in the time zone of its query."""
    now = clock.now(site)
    hidden = sandboxes.of_others(site, (profile.ae_title,))
    local = clock.local(now, site) if view is None else now.astimezone(view.away)
    return scope.of(profile, local, hidden, profiles.renamed(site))


def as_answered(asked: Query, shown: Scope, agreed: Agreement, view: View | None = None) -> Query:
    """The query under what its station is shown and what its association agreed on, in the time zone of the view."""
    ours = asked.under(shown).seen_from(view)
    return ours.fuzzy() if agreed.fuzzy_names else ours


def as_asked(site: Site, calling_ae_title: str, asked: Query, agreed: Agreement = NOTHING) -> Query:
    """The query as it is answered to who asks it."""
    profile = profile_of(site, calling_ae_title, asked)
    view = view_of(profile, site, asked, agreed)
    return as_answered(asked, scope_of(profile, site, view), agreed, view)
