"""Where the hospital of the tests lies: where it is day now, so that its waiting rooms are full at whatever hour tests run."""

import os
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo", "Asia/Kolkata", "Pacific/Auckland", "America/Los_Angeles", "Pacific/Honolulu")
_DAY = range(9, 16)  # hours in which a run may begin: its hospital has some hours of its day left


def zone_by_day(now: datetime) -> str:
    """The first of some zones in which it is day."""
    return next(zone for zone in _ZONES if now.astimezone(ZoneInfo(zone)).hour in _DAY)


def zone() -> ZoneInfo:
    """That of this run of tests; of a program that is none, the zone in which it is day now."""
    return ZoneInfo(os.environ.get("RIS_TEST_TIME_ZONE") or zone_by_day(datetime.now(UTC)))
