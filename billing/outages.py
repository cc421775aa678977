"""Stations that have gone quiet: exams are due there, and no MPPS comes where one usually comes every few minutes.

What is usual is the station's own history: how many N-CREATEs came in the same hours of the same weekday in the weeks before; for a
station without those weeks, in the hours before its last MPPS today.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from django.db.models import Count, Max, Q, QuerySet

from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import ScheduledProcedureStep, Site, Station
from ris.transitions import WAITING

WEEKS: Final = 4
AROUND: Final = timedelta(minutes=90)
"""The hours that are compared: this long before and after the present time of day."""
MIN_EXAMS: Final = 4
"""Fewer than these in the hours compared are no history: nothing is said of the station."""
MIN_DUE: Final = 2
"""Exams that are due and not begun."""
PATIENCE: Final = 3
"""Usual intervals without an MPPS before anything is said."""
SHORTEST: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=4)
"""However busy or quiet a station is, it is given between these two."""


@dataclass(frozen=True)
class Outage:
    """`since` is the last MPPS of the station, None when there was none in the hours looked at; `interval` in minutes."""

    station: str
    due: int
    since: datetime | None
    interval: int


def outages(site: Site) -> list[Outage]:
    """The stations that are quiet now, by AE title. Reads by index what is due, and a few hours of a few days."""
    now = clock.now(site)
    due = _due(site, now)
    if not due:
        return []
    usual = _usual(site, now, list(due))
    last = _last(site, now, list(usual))
    found = []
    for station, count in sorted(usual.items()):
        interval = WEEKS * 2 * AROUND / count
        patience = min(max(PATIENCE * interval, SHORTEST), LONGEST)
        since = last.get(station)
        waiting = sum(start <= now - SHORTEST and (since is None or start > since - SHORTEST) for start in due[station])
        if waiting >= MIN_DUE and (since is None or now - since > patience) and now - min(due[station]) > patience:
            found.append(Outage(station, waiting, since, ceil(interval.total_seconds() / 60)))
    return found


def _due(site: Site, now: datetime) -> dict[str, list[datetime]]:
    """Starts of the exams that should have begun in the last hours, by station."""
    rows = ScheduledProcedureStep.objects.filter(site=site, status__in=WAITING, start__gte=now - LONGEST - AROUND, start__lte=now)
    rows = rows.filter(requested_procedure__is_test=False)
    found: dict[str, list[datetime]] = {}
    for station, start in rows.order_by("start").values_list("stations__ae_title", "start"):
        if station and start:
            found.setdefault(station, []).append(start)
    return {station: starts for station, starts in found.items() if len(starts) >= MIN_DUE}


def _usual(site: Site, now: datetime, stations: list[str]) -> dict[str, int]:
    """N-CREATEs of each station in the same hours of the weeks before; those without a history or without MPPS to come are left out."""
    day, wall_time = clock.local(now, site).date(), clock.local(now, site).time()
    of_all: Counter[str] = Counter()
    for week in range(1, WEEKS + 1):
        then = clock.at(day - timedelta(weeks=week), wall_time, site)
        rows = _received(site, then - AROUND).filter(received_at__lt=then + AROUND)
        of_all.update(dict(rows.values_list("station_ae_title").annotate(Count("pk"))))
    counts = Counter({station: of_all[station] for station in stations})
    new = [station for station in stations if counts[station] < MIN_EXAMS]
    counts.update(_of_today(site, now, new) if new else {})
    silent = Station.objects.filter(site=site, ae_title__in=stations).filter(Q(reports_performed_steps=False) | Q(enabled=False))
    not_expected = set(silent.values_list("ae_title", flat=True))
    return {station: count for station, count in counts.items() if count >= MIN_EXAMS and station not in not_expected}


def _of_today(site: Site, now: datetime, stations: list[str]) -> dict[str, int]:
    """N-CREATEs of each station in the hours before its last MPPS, as if each of the weeks had been like that."""
    came: dict[str, list[datetime]] = {}
    for station, at in _received(site, now - LONGEST - 4 * AROUND).order_by("received_at").values_list("station_ae_title", "received_at"):
        if station in stations:
            came.setdefault(station, []).append(at)
    alike = {station: sum(at > moments[-1] - 2 * AROUND for at in moments) for station, moments in came.items()}
    return {station: count * WEEKS for station, count in alike.items() if count >= MIN_EXAMS}


def _last(site: Site, now: datetime, stations: list[str]) -> dict[str, datetime]:
    """The last sign of each station in the last day: an N-CREATE, or what it sent of one since."""
    last = dict(_received(site, now - timedelta(days=1)).values_list("station_ae_title").annotate(Max("received_at")))
    return {station: last[station] for station in stations if station in last}


def _received(site: Site, since: datetime) -> QuerySet[PerformedProcedureStep]:
    """Of all stations: asked for one, or for hours of several weeks, a database may take the index of stations, which holds all years."""
    return PerformedProcedureStep.objects.filter(site=site, received_at__gte=since).order_by()


class Watch:
    """The outages of each hospital, worked out once a minute of its clock, whoever asks."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._known: dict[int, tuple[datetime, list[Outage]]] = {}

    def outages(self, site: Site) -> list[Outage]:
        minute = clock.now(site).replace(second=0, microsecond=0)
        known = self._known.get(site.pk)
        if known is None or known[0] != minute:
            known = self._known[site.pk] = (minute, outages(site))
        return known[1]


watch = Watch()
