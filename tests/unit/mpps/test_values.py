"""Dates, times and UIDs as modalities write them."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from mpps.values import problem_with, read_date, read_moment, read_offset, read_time
from ris.models import Site

NEW_YORK = Site(code="x", time_zone="America/New_York")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20261123", date(2026, 11, 23)),
        ("2026.11.23", date(2026, 11, 23)),
        ("2026-11-23", date(2026, 11, 23)),
        ("20260230", None),
        ("2026", None),
        ("", None),
        ("２０２６1123", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert read_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("09", time(9)),
        ("0930", time(9, 30)),
        ("093015", time(9, 30, 15)),
        ("093015.5", time(9, 30, 15, 500_000)),
        ("09:30:15", time(9, 30, 15)),
        ("235960", time(23, 59, 59)),
        ("240000", None),
        ("0960", None),
        ("9", None),
        ("", None),
    ],
)
def test_times(text: str, expected: time | None) -> None:
    assert read_time(text) == expected


def test_a_moment_is_in_the_hospital_s_zone() -> None:
    assert read_moment("20260701", "120000", None, NEW_YORK) == datetime(2026, 7, 1, 16, 0, tzinfo=UTC)


def test_a_moment_with_its_own_offset_is_in_that() -> None:
    assert read_moment("20260701", "120000", read_offset("+0200"), NEW_YORK) == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"), [("-0330", timezone(-timedelta(hours=3, minutes=30))), ("+2500", None), ("UTC", None), ("", None)]
)
def test_offsets(text: str, expected: timezone | None) -> None:
    assert read_offset(text) == expected


@pytest.mark.parametrize(
    ("vr", "text", "good"),
    [
        ("UI", "1.2.840.10008", True),
        ("UI", "1.02.3", False),
        ("UI", "1.2.abc", False),
        ("UI", "", True),
        ("DA", "20261123", True),
        ("DA", "2026.11.23", False),
        ("TM", "0930", True),
        ("TM", "09:30", False),
        ("CS", "IN PROGRESS", True),
        ("CS", "ct", False),
        ("SH", "x" * 16, True),
        ("SH", "x" * 17, False),
        ("ST", "x" * 1024, True),
        ("ST", "x" * 1025, False),
        ("CS", "X" * 17, False),
        ("PN", "DOE^Jane=東^京=ひ", True),
        ("PN", "A=B=C=D", False),
        ("PN", "A^B^C^D^E^F", False),
        ("PN", "x" * 65, False),
        ("DT", "20261123093015.5+0100", True),
        ("DT", "yesterday", False),
        ("IS", "-12", True),
        ("IS", "1.5", False),
        ("IS", "99999999999", False),
        ("DS", "1.5E-3", True),
        ("DS", "12 mGy", False),
        ("DS", "0.12345678901234567", False),
        ("US", "65535", True),
        ("US", "65536", False),
        ("UR", "urn:oid:1.2.3", True),
        ("UR", "urn: oid", False),
        ("UT", "x" * 2000, True),
    ],
)
def test_values_by_their_vr(vr: str, text: str, good: bool) -> None:
    assert (problem_with(vr, text) is None) is good
