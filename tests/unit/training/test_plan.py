from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from training.hospital.catalogue import PROCEDURES
from training.hospital.plan import WAITING, Course, Exam, Planner, Span, Window, window
from training.hospital.stations import STATIONS

ZONE = ZoneInfo("America/New_York")
HOURS = ["00:00", "00:07", "03:30", "08:29", "08:31", "13:37", "13:57", "17:31", "21:03", "23:41", "23:59"]
AUTUMN_NIGHT = "2026-11-01T01:20"


def planned(text: str, busy: dict[str, list[Span]] | None = None, seed: int = 20) -> tuple[Window, list[Exam]]:
    when = window(datetime.fromisoformat(text).replace(tzinfo=ZONE))
    return when, Planner(when, STATIONS, PROCEDURES, busy or {}, Random(seed)).plan("ANYCT", ("CT01", "CT02"))


def spans_of(exams: list[Exam]) -> dict[str, list[Span]]:
    spans = defaultdict(list)
    for exam in exams:
        for appointment in exam.appointments:
            spans[appointment.place].append(appointment.span)
    return spans


@pytest.mark.parametrize("text", [*(f"2026-11-22T{hour}" for hour in HOURS), AUTUMN_NIGHT])
def test_no_station_is_booked_twice_at_any_hour(text):
    _, exams = planned(text)

    for spans in spans_of(exams).values():
        ordered = sorted(spans, key=lambda span: span.start)
        assert not [pair for pair in pairwise(ordered) if pair[0].meets(pair[1])]


@pytest.mark.parametrize("hour", HOURS)
def test_something_of_everything_is_going_on_at_any_hour(hour):
    when, exams = planned(f"2026-11-22T{hour}")
    courses = {appointment.course for exam in exams for appointment in exam.appointments}

    assert {*Course} - {Course.DISCONTINUED} <= courses
    assert sum(exam.stat for exam in exams) == 1
    assert all(exam.appointments[0].course in WAITING for exam in exams if exam.stat)
    assert any(len(exam.appointments) == 2 for exam in exams)
    assert "ANYCT" in spans_of(exams)
    assert all(span.start >= when.span.start and span.end <= when.span.end for spans in spans_of(exams).values() for span in spans)


@pytest.mark.parametrize("hour", HOURS)
def test_every_station_has_something_on_todays_worklist(hour):
    when, exams = planned(f"2026-11-22T{hour}")
    waiting = [appointment for exam in exams for appointment in exam.appointments if appointment.course in WAITING]
    morning = when.midnight - timedelta(days=1)
    todays = {appointment.place for appointment in waiting if morning <= appointment.span.start < when.midnight}

    assert {station.ae_title for station in STATIONS} <= todays


@pytest.mark.parametrize("hour", HOURS)
def test_courses_fit_the_time(hour):
    when, exams = planned(f"2026-11-22T{hour}")

    for exam in exams:
        for appointment in exam.appointments:
            if appointment.course in (Course.COMPLETED, Course.DISCONTINUED):
                assert appointment.span.end <= when.now
            if appointment.course == Course.IN_PROGRESS:
                assert appointment.span.start <= when.now
            if appointment.course == Course.SCHEDULED:
                assert appointment.span.start > when.now


def test_by_day_the_usual_opening_hours_are_filled_and_by_night_the_hours_around_now():
    day, _ = planned("2026-11-22T13:37")
    night, _ = planned("2026-11-22T23:50")

    assert not day.night
    assert day.span.start == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert day.span.end - day.span.start == timedelta(hours=12)
    assert night.night
    assert night.span.start < night.now < night.span.end


def test_the_same_seed_makes_the_same_plan():
    assert planned("2026-11-22T13:37") == planned("2026-11-22T13:37")
    assert planned("2026-11-22T13:37") != planned("2026-11-22T13:37", seed=5)


def test_what_is_booked_already_is_left_alone():
    taken = Span(datetime(2026, 11, 22, 15, tzinfo=UTC), datetime(2026, 11, 22, 19, tzinfo=UTC))
    _, exams = planned("2026-11-22T13:37", {"CT01": [taken]})

    assert not [span for span in spans_of(exams)["CT01"] if span.meets(taken)]
    assert spans_of(exams)["CT01"]
