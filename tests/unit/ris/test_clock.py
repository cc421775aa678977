from datetime import UTC, date, datetime, time, timedelta

import pytest

from ris import clock
from ris.models import Site

SITE = Site(code="x", name="X", ae_title="X", time_zone="America/New_York")


def test_the_hospitals_day_has_23_and_25_hours_twice_a_year() -> None:
    spring, autumn = date(2026, 3, 8), date(2026, 11, 1)
    assert [b - a for a, b in (clock.day_bounds(spring, SITE), clock.day_bounds(autumn, SITE))] == [
        timedelta(hours=23),
        timedelta(hours=25),
    ]


def test_wall_time_becomes_a_moment() -> None:
    assert clock.at(date(2026, 11, 23), time(9, 30), SITE) == datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Auckland"])
def test_today_is_the_hospitals_date(zone: str) -> None:
    site = Site(code="x", name="X", ae_title="X", time_zone=zone)
    assert clock.today(site) == clock.local(clock.now(site), site).date()
