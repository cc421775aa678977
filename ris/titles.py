"""AE titles of stations over time: which one a station has, which it had, and what was said under each of them.

A station that is renamed stays the same station, and what it said stays its own: rows keep the title that was on the wire, so that who
looks for its traffic asks for each of its titles in the span in which it was its.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final

from django.db import connection
from django.db.models import Q

from ris import clock
from ris.models import FormerTitle, Site, Station
from ris.statements import run

_TITLES: Final = 0x4145
"""The first half of the key of advisory locks on titles, “AE”; the other one is the site's."""
Renamed = tuple[tuple[str, str], ...]
"""Former AE titles of a site that are still accepted, each with what its station is called now."""


@dataclass(frozen=True)
class Claim:
    """A title that is a site's (its key) from a moment on and until another; None: always.

    Stations of before that was kept were always there.
    """

    ae_title: str
    site: int
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def when(self, column: str, time: str = "started") -> Q:
        """Rows that have the title in the column, of the times at which it holds."""
        found = Q(**{column: self.ae_title})
        if self.since is not None:
            found &= Q(**{f"{time}__gte": self.since})
        return found if self.until is None else found & Q(**{f"{time}__lt": self.until})


def any_of(claims: Iterable[Claim], column: str, time: str = "started") -> Q:
    """Rows of which one of the claims holds."""
    return reduce(or_, (claim.when(column, time) for claim in claims))


def of(site: Site, ae_title: str) -> tuple[Claim, ...]:
    """Under which titles the station that is called so now calls, and called before. A title that no other station of the site had is
    its own however long ago, as is one that is no station's: it may have called before it was registered."""
    rows = list(FormerTitle.objects.filter(Q(ae_title=ae_title) | Q(station__ae_title=ae_title), site=site).select_related("station"))
    station = Station.objects.filter(site=site, ae_title=ae_title).first() if rows else None
    if station is None:
        return (Claim(ae_title, site.pk),)
    own = [one for one in rows if one.station_id == station.pk]
    others = FormerTitle.objects.filter(site=site, ae_title__in=[ae_title, *(one.ae_title for one in own)]).exclude(station=station)
    shared = set(others.values_list("ae_title", flat=True))
    spans = [(one.ae_title, one.since, one.until) for one in own]
    spans += [(ae_title, station.called_so_since, None)]
    return tuple(Claim(title, site.pk, since if title in shared else None, until) for title, since, until in spans)


def had(site: Site, ae_title: str) -> tuple[Claim, ...]:
    """Under which titles the station that is called so now was known here, and when: what it called itself before is not among them.
    Nothing where there is no such station."""
    station = Station.objects.filter(site=site, ae_title=ae_title).first()
    if station is None:
        return ()
    former = (Claim(one.ae_title, site.pk, one.since, one.until) for one in station.former_titles.all())
    return (Claim(ae_title, site.pk, station.called_so_since), *former)


def on_its_clock(site: Site, ae_title: str) -> tuple[Claim, ...]:
    """The same on the site's clock, which may be simulated, for what is kept by that."""

    def shown(at: datetime | None) -> datetime | None:
        return None if at is None else clock.shown_at(at, site)

    return tuple(replace(claim, since=shown(claim.since), until=shown(claim.until)) for claim in of(site, ae_title))


def hold(site_id: int) -> None:
    """Have the site's stations keep their titles until the transaction ends: who writes by a title waits for a rename that is under way,
    and a rename waits for who writes. Of what is read of titles, only what is read after it is sure; locks come after it, too."""
    _lock("pg_advisory_xact_lock_shared", site_id)


def hold_alone(site_id: int) -> None:
    """The same for who gives a station another title."""
    _lock("pg_advisory_xact_lock", site_id)


def _lock(function: str, site_id: int) -> None:
    """On SQLite a transaction has the whole database to itself."""
    if connection.vendor == "postgresql":
        run(f"SELECT {function}(%s, %s)", [_TITLES, site_id])


def named(site: Site, ae_title: str) -> Station | None:
    """The station that is called so; where none is, the one that was called so last."""
    found = Station.objects.filter(site=site, ae_title=ae_title).first()
    if found is not None:
        return found
    former = FormerTitle.objects.filter(site=site, ae_title=ae_title).select_related("station").last()
    return former.station if former else None


def calling(site: Site, ae_title: str) -> Station | None:
    """The station that a caller of this title is: under its present title, or a former one that is still accepted."""
    found = Station.objects.filter(site=site, ae_title=ae_title).first()
    return found or Station.objects.filter(site=site, former_titles__ae_title=ae_title, former_titles__until=None).first()


def calling_so(site: Site, ae_titles: Iterable[str]) -> dict[str, Station]:
    """The stations by each of these titles that is theirs, or a former one of theirs that is still accepted."""
    wanted = list(ae_titles)
    rows = FormerTitle.objects.filter(site=site, ae_title__in=wanted, until=None).select_related("station")
    present = {station.ae_title: station for station in Station.objects.filter(site=site, ae_title__in=wanted)}
    return {row.ae_title: row.station for row in rows} | present


def renamed(site: Site | int) -> Renamed:
    return tuple(FormerTitle.objects.filter(site=site, until=None).values_list("ae_title", "station__ae_title"))


def of_one_list(renamed: Renamed, ae_titles: Iterable[str]) -> list[str]:
    """The titles and all that stand for the list of one of them while former ones are accepted: an exam may be on it under any of these."""
    wanted = set(ae_titles)
    wanted |= {present for former, present in renamed if former in wanted}
    return sorted(wanted.union(former for former, present in renamed if present in wanted))


def moved(site: Site, ae_title: str) -> str:
    """`CT01 is called CT1 now.`, for who names a title that was a station's; empty where none had it."""
    station = named(site, ae_title)
    return f"{ae_title} is called {station.ae_title} now." if station is not None and station.ae_title != ae_title else ""
