"""The clock of a played day runs on as long as all is done, and waits for what is not."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ris import clock
from ris.actions import clocks
from ris.actor import Actor
from ris.errors import Conflict
from tests.support.hospital import a_site
from training.day.pace import LEASH, Pace

pytestmark = pytest.mark.django_db
WALL = datetime(2026, 11, 27, 12, tzinfo=UTC)
SEVEN = datetime(2026, 11, 30, 7, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Hands:
    """A wall clock that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = WALL
        monkeypatch.setattr(clock, "wall", lambda: self.moment)

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


@pytest.fixture
def started(wall: Hands) -> Iterator[Callable[[float], Pace]]:
    """`started(60)` is a pace that has just begun to run."""

    def start(speed: float) -> Pace:
        pace = Pace.start(a_site(), SEVEN, speed, Actor.system("play"), "play_day")
        wall.forward(clocks.LEAD.total_seconds())
        return pace

    yield start


@pytest.mark.parametrize("speed", [1, 60, 1000])
def test_while_all_is_done_the_clock_runs_at_its_speed(started: Callable[[float], Pace], wall: Hands, speed: float) -> None:
    pace = started(speed)
    for _ in range(100):
        wall.forward(pace.tick)
        pace.keep(None)
    assert pace.now() == SEVEN + timedelta(seconds=100 * pace.tick) * speed


def test_what_is_not_done_holds_the_clock_on_a_leash(started: Callable[[float], Pace], wall: Hands) -> None:
    pace = started(1000)
    for _ in range(50):
        wall.forward(0.05)
        pace.keep(SEVEN + MINUTE)
    assert pace.now() == SEVEN + MINUTE + LEASH


def test_it_runs_on_from_where_it_stood_at_a_moment_that_all_have_heard_of(started: Callable[[float], Pace], wall: Hands) -> None:
    pace = started(1000)
    for _ in range(20):
        wall.forward(0.05)
        pace.keep(SEVEN)
    stood = pace.now()
    pace.keep(None)
    assert pace.now() == stood
    assert pace.held.timeline.anchored - wall.moment > timedelta(seconds=pace.held.timeline.look_again)
    assert pace.seconds_until(stood + 100 * SECOND) == pytest.approx(0.1 + (pace.held.timeline.anchored - wall.moment).total_seconds())
    wall.forward(pace.seconds_until(stood + 100 * SECOND))
    assert abs(pace.now() - stood - 100 * SECOND) < SECOND


def test_a_clock_that_stands_is_kept_from_falling_back_to_real_time(started: Callable[[float], Pace], wall: Hands) -> None:
    pace = started(1000)
    for _ in range(100):
        wall.forward(1)
        pace.keep(SEVEN)
    assert pace.held.timeline.at(wall.moment) == SEVEN + LEASH


def test_a_player_that_slept_too_long_has_lost_the_clock(started: Callable[[float], Pace], wall: Hands) -> None:
    pace = started(60)
    wall.forward(60)
    with pytest.raises(Conflict, match="went back to real time"):
        pace.keep(None)
    pace.stop()
