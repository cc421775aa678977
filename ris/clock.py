"""The hospital's time. Domain code asks here and nowhere else, so that a site can run on a simulated clock.

Leases, timeouts and measurements use wall time (`time.monotonic`, the database's own clock), not this one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings

if TYPE_CHECKING:
    from ris.models import Site


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name, e.g. Europe/Berlin. Raises ZoneInfoNotFoundError, ValueError."""
    return ZoneInfo(name)


def zone(site: "Site | None" = None) -> ZoneInfo:
    """Time zone of the site; the configured one when no site is given."""
    return zone_named(site.time_zone if site is not None else settings.TIME_ZONE)


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
    """Present moment of the site's clock, aware, in UTC."""
    return _stands_at.get() or datetime.now(UTC)


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
