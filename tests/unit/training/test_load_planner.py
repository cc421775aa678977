"""The plan of a load: slots, quotas, and no station booked twice."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from training.load.planner import SLOT, Day, Exam, Part, Room, Wanted, bits, first_run, plan, quotas

SUNDAY, MONDAY = date(2026, 11, 22), date(2026, 11, 23)
OPENS, CLOSES = 84, 228  # 07:00 and 19:00 in slots
ROOMS = [Room("CT01", frozenset({"CT"})), Room("DX01", frozenset({"DX", "CR"})), Room("NM01", frozenset({"NM"}))]
CATALOGUE = [
    Wanted(0, (Part("CT", 20),), 1.0),
    Wanted(1, (Part("DX", 10),), 2.0),
    Wanted(2, (Part("NM", 10), Part("NM", 40)), 1.0),
    Wanted(3, (Part("MR", 30),), 1.0),
]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def empty(day: date) -> Day:
    titles = [room.ae_title for room in ROOMS]
    return Day(day, midnight(day), 288, dict.fromkeys(titles, bits(OPENS, CLOSES)), dict.fromkeys(titles, 0))


def planned(steps: int, days: int, seed: str = "1") -> list[Exam]:
    return list(plan(steps, [MONDAY + timedelta(days=number) for number in range(days)], ROOMS, CATALOGUE, empty, seed))


def spans(exams: list[Exam]) -> dict[str, list[tuple[datetime, datetime]]]:
    found = defaultdict(list)
    for exam in exams:
        for part, appointment in zip(CATALOGUE[exam.key].parts, exam.appointments, strict=True):
            found[appointment.ae_title].append((appointment.start, appointment.start + timedelta(minutes=part.minutes)))
    return {ae_title: sorted(rows) for ae_title, rows in found.items()}


@given(st.integers(0, 2**40 - 1), st.integers(1, 12), st.integers(0, 45))
def test_the_first_free_run_is_the_one_that_looking_at_each_slot_finds(free: int, length: int, earliest: int) -> None:
    slow = next((slot for slot in range(earliest, 60) if all(free >> (slot + more) & 1 for more in range(length))), -1)
    assert first_run(free, length, earliest) == slow


@given(st.integers(1, 5000), st.integers(1, 40))
def test_quotas_add_up(steps: int, days: int) -> None:
    found = quotas(steps, [SUNDAY + timedelta(days=number) for number in range(days)])
    assert sum(found) == steps
    assert min(found) >= 0


def test_a_weekend_is_thin() -> None:
    saturday, sunday, monday = quotas(1000, [MONDAY - timedelta(days=2), SUNDAY, MONDAY])
    assert saturday + sunday < monday / 3


def test_a_full_plan_books_no_station_twice_and_says_how_many_fit() -> None:
    exams = planned(5000, 2)
    assert 200 < sum(len(exam.appointments) for exam in exams) < 600
    for rows in spans(exams).values():
        assert all(end <= start for (_, end), (start, _) in pairwise(rows))


def test_as_many_steps_are_planned_as_were_asked_for() -> None:
    for steps in (1, 2, 7, 150):
        assert sum(len(exam.appointments) for exam in planned(steps, 2)) == steps


def test_the_steps_of_a_procedure_follow_each_other_after_a_pause() -> None:
    pairs = [exam.appointments for exam in planned(300, 3) if exam.key == 2]
    assert pairs
    for injection, scan in pairs:
        assert scan.start - injection.start >= timedelta(minutes=120)


def test_what_nobody_performs_is_not_planned_and_planned_exams_keep_the_opening_hours() -> None:
    exams = planned(200, 3)
    assert {exam.key for exam in exams} == {0, 1, 2}
    for exam in exams:
        for part, one in zip(CATALOGUE[exam.key].parts, exam.appointments, strict=True):
            if not exam.urgent:
                slot = (one.start - midnight(exam.day)) // SLOT
                assert OPENS <= slot <= slot + part.slots <= CLOSES


def test_what_is_longer_than_the_opening_hours_is_no_emergency() -> None:
    catalogue = [Wanted(0, (Part("CT", 750),), 1.0), Wanted(1, (Part("CT", 15),), 0.1)]
    for number in range(5):
        assert {exam.key for exam in plan(40, [SUNDAY], ROOMS, catalogue, empty, str(number))} == {1}
        assert list(plan(40, [SUNDAY], ROOMS, catalogue[:1], empty, str(number))) == []


def test_only_the_first_day_has_emergencies() -> None:
    assert {exam.day for exam in planned(900, 10) if exam.urgent} == {MONDAY}


def test_days_that_get_nothing_are_not_read() -> None:
    read: list[date] = []

    def reading(day: date) -> Day:
        read.append(day)
        return empty(day)

    days = [MONDAY + timedelta(days=number) for number in range(3650)]
    assert sum(len(exam.appointments) for exam in plan(10, days, ROOMS, CATALOGUE, reading, "1")) == 10
    assert len(read) <= 10


def test_urgent_exams_come_at_night_too() -> None:
    at_night = [exam for exam in planned(900, 10) if exam.appointments[0].start.hour < 7 or exam.appointments[0].start.hour >= 19]
    assert at_night
    assert all(exam.urgent for exam in at_night)


def test_slots_that_are_taken_stay_free_of_exams() -> None:
    def read(day: date) -> Day:
        one = empty(day)
        one.taken["CT01"] = bits(0, 200)
        return one

    exams = plan(400, [MONDAY], ROOMS, CATALOGUE, read, "1")
    starts = [one.start for exam in exams for one in exam.appointments if one.ae_title == "CT01"]
    assert starts
    assert min(starts) >= midnight(MONDAY) + 200 * SLOT


def test_the_same_seed_plans_the_same_and_another_one_does_not() -> None:
    assert planned(100, 3) == planned(100, 3)
    assert planned(100, 3) != planned(100, 3, "2")


def test_a_catalogue_of_two_step_procedures_goes_one_step_over_an_odd_number() -> None:
    exams = plan(3, [MONDAY], ROOMS, CATALOGUE[2:3], empty, "1")
    assert sum(len(exam.appointments) for exam in exams) == 4
