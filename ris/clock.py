"""The hospital's time. Domain code asks here and nowhere else, so that a site can run on a simulated clock.

Leases, timeouts, measurements, and what is about this machine rather than the hospital (tokens, how long findings are kept) use wall time.
"""

import logging
import threading
import time as stopwatch
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from ris.timeline import LOOK, Timeline

if TYPE_CHECKING:
    from ris.models import Site

logger = logging.getLogger(__name__)
_JUST_NOW = 0.01  # seconds for which what was read is as good as new
_PATIENCE = 2.0  # seconds to wait for another thread's look
_GOOD_FOR = LOOK * 1.25  # seconds that what was read can be answered with: less than a clock is set ahead of its begin


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name, e.g. Europe/Berlin. Raises ZoneInfoNotFoundError, ValueError."""
    return ZoneInfo(name)


_here: ContextVar[Callable[[], "Site | None"] | None] = ContextVar("here", default=None)


@contextmanager
def answering_for(site: Callable[[], "Site | None"]) -> Iterator[None]:
    """Who names no site in this thread means this one: that of the person whose request is answered. It is asked for when it is needed."""
    token = _here.set(site)
    try:
        yield
    finally:
        _here.reset(token)


def _meant(site: "Site | None") -> "Site | None":
    here = _here.get() if site is None else None
    return here() if here is not None else site


def zone(site: "Site | None" = None) -> ZoneInfo:
    """Time zone of the site; the configured one when no site is given or meant."""
    meant = _meant(site)
    return zone_named(meant.time_zone if meant is not None else settings.TIME_ZONE)


def wall() -> datetime:
    """Wall time, aware, in UTC: whatever the site's clock shows."""
    return datetime.now(UTC)


class Timelines:
    """The simulated clocks that this process knows of: read again on demand, at most once a second (oftener while one runs fast)."""

    def __init__(self) -> None:
        self._read: Callable[[], Mapping[int | None, Timeline]] = dict
        self._known: Mapping[int | None, Timeline] = {}
        self._look_at = self._looked_at = self._good_until = 0.0
        self._looking = threading.Lock()
        self._failed = False

    def follow(self, read: Callable[[], Mapping[int | None, Timeline]]) -> None:
        """Where they are read: by site, the default site's under None, too."""
        self._read, self._known = read, {}
        self.forget()

    def of(self, site: "Site | None") -> Timeline | None:
        """The site's timeline, the default site's without one. It may be over, or still to begin."""
        asked = stopwatch.monotonic()
        if asked >= self._look_at and self._looking.acquire(blocking=False):
            self._look()  # the others go on with what is known, while that is recent enough
        elif asked >= self._good_until:
            self._wait_for_a_look(lambda: asked < self._good_until)
        return self._known.get(site.pk if site is not None else None) if self._known else None

    def look_again(self) -> None:
        """Read them anew, or wait for who is about it: what is known has run out, and would be behind."""
        asked = stopwatch.monotonic()
        self._wait_for_a_look(lambda: self._looked_at >= asked - _JUST_NOW)

    def forget(self) -> None:
        """Read them again at the next question: who sets a clock sees it at once."""
        self._look_at = self._good_until = 0.0

    def _wait_for_a_look(self, will_do: Callable[[], bool]) -> None:
        """Another thread's look that `will_do`, or one of our own; what is known holds when neither can be had."""
        if not self._looking.acquire(timeout=_PATIENCE):
            return
        if will_do():
            self._looking.release()
        else:
            self._look()

    def _look(self) -> None:
        """By the thread that has acquired `_looking`, which is free afterwards."""
        if connection.needs_rollback:  # this thread cannot read now: the next that asks does
            self._looking.release()
            return
        try:
            self._looked_at = stopwatch.monotonic()
            self._look_at = again = self._looked_at + LOOK
            self._known = self._read()
            self._failed = False
            soonest = min((one.look_again for one in self._known.values()), default=LOOK)
            if self._look_at == again:  # else a clock was set meanwhile, which this look may not have seen
                self._look_at, self._good_until = stopwatch.monotonic() + soonest, self._looked_at + _GOOD_FOR
        except (DatabaseError, InterfaceError) as error:
            if not self._failed:
                logger.warning("Whether the clock is simulated cannot be read (%s); what was known holds", type(error).__name__)
            self._failed = True
            self._good_until = stopwatch.monotonic() + _GOOD_FOR
        finally:
            self._looking.release()


timelines = Timelines()

_stands_at: ContextVar[datetime | None] = ContextVar("stands_at", default=None)


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Let the clock stand at `moment` (aware) in this thread, to record work as of the time it is said to have happened."""
    token = _stands_at.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _stands_at.reset(token)


def now(site: "Site | None" = None) -> datetime:
    """Present moment of the site's clock, aware, in UTC; without a site the default site's, or that of who asks."""
    stands = _stands_at.get()
    if stands is not None:
        return stands
    site = _meant(site)
    timeline = timelines.of(site)
    if timeline is None:
        return wall()
    if timeline.has_run_out(wall()):
        timelines.look_again()
        timeline = timelines.of(site)
    moment = wall()
    return moment if timeline is None else timeline.at(moment) or moment


def simulation(site: "Site | None" = None) -> Timeline | None:
    """The timeline that the site's clock runs on now; None on real time."""
    timeline = timelines.of(_meant(site))
    return timeline if timeline is not None and timeline.at(wall()) is not None else None


def shown_at(moment: datetime, site: "Site | None" = None) -> datetime:
    """What the site's clock showed at a moment of wall time (of the journal), as far as the simulation that runs now knows."""
    timeline = timelines.of(_meant(site))
    return moment if timeline is None else timeline.at(moment) or moment


def local(moment: datetime, site: "Site | None" = None) -> datetime:
    """The same moment on the hospital's wall clock."""
    return moment.astimezone(zone(site))


def today(site: "Site | None" = None) -> date:
    """The hospital's local date."""
    return local(now(site), site).date()


def at(day: date, wall_time: time, site: "Site | None" = None) -> datetime:
    """Moment (UTC) at which the hospital's wall clock shows this time; of a repeated hour the first."""
    return datetime.combine(day, wall_time, tzinfo=zone(site)).astimezone(UTC)


def day_bounds(day: date, site: "Site | None" = None) -> tuple[datetime, datetime]:
    """First moment of the hospital's day and first moment after it: 23 or 25 hours apart twice a year."""
    return at(day, time.min, site), at(date.fromordinal(day.toordinal() + 1), time.min, site)
