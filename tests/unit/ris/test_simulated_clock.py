"""A site's clock that is simulated while a day is played."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ris import clock, expiry
from ris.actions import clocks, tokens
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import ApiToken, RecordChange, SimulatedClock, Site
from ris.timeline import Timeline
from tests.support.hospital import a_site

SEVEN = datetime(2026, 11, 30, 6, tzinfo=UTC)
NIGHT = SEVEN + timedelta(hours=14)
WALL = datetime(2026, 11, 27, 12, tzinfo=UTC)
PLAYER = Actor.system("play day")
SECOND = timedelta(seconds=1)


def timeline(**other: object) -> Timeline:
    known = {"begins": WALL, "anchored": WALL, "shows": SEVEN, "speed": 60, "horizon": NIGHT, "until": WALL + 15 * SECOND}
    return Timeline(**(known | other))  # type: ignore[arg-type]


@pytest.fixture
def followed() -> Iterator[None]:
    """This process looks for simulated clocks, as those of the product do."""
    clock.timelines.follow(clocks.timelines)
    yield
    clock.timelines.follow(dict)


@pytest.fixture
def at_wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """`at_wall(moment)` is wall time from then on, and this process looks again."""

    def put(moment: datetime) -> None:
        monkeypatch.setattr(clock, "wall", lambda: moment)
        clock.timelines.forget()

    put(WALL)
    return put


def play(site: Site, speed: float = 60, horizon: datetime = NIGHT) -> clocks.Held:
    return clocks.simulate(site, SEVEN, speed, horizon, PLAYER, "play_day, seed 5")


def test_a_simulated_clock_runs_at_its_speed_from_its_begin_to_the_end_of_its_lease() -> None:
    line = timeline()
    assert line.at(WALL - SECOND) is None
    assert line.at(WALL) == SEVEN
    assert line.at(WALL + 10 * SECOND) == SEVEN + timedelta(minutes=10)
    assert line.at(WALL + 15 * SECOND) is None


def test_a_simulated_clock_stands_at_its_horizon_and_before_its_anchor() -> None:
    line = timeline(anchored=WALL + 5 * SECOND, horizon=SEVEN + timedelta(minutes=3))
    assert line.at(WALL + 4 * SECOND) == SEVEN
    assert line.at(WALL + 7 * SECOND) == SEVEN + timedelta(minutes=2)
    assert line.at(WALL + 12 * SECOND) == SEVEN + timedelta(minutes=3)


@pytest.mark.parametrize("speed, seconds", [(1, 1), (60, 1), (600, 0.1), (1000, 0.06), (5000, 0.05)])
def test_the_faster_a_clock_runs_the_sooner_processes_look_again(speed: float, seconds: float) -> None:
    assert timeline(speed=speed).look_again == pytest.approx(seconds)


@pytest.mark.django_db
def test_the_site_and_whoever_names_none_see_the_clock_that_was_set(followed: None, at_wall: Callable[[datetime], None]) -> None:
    held = play(a_site())
    assert clock.now(a_site()) == WALL, "it begins in a moment, so that all processes have heard of it"
    at_wall(held.timeline.begins + SECOND)
    assert clock.now(a_site()) == clock.now() == SEVEN + timedelta(minutes=1)
    assert clock.today(a_site()) == clock.local(SEVEN, a_site()).date()
    assert clock.now(Site(pk=4711, time_zone="UTC")) == clock.wall(), "another hospital's clock is its own"


@pytest.mark.django_db
def test_without_its_player_the_site_is_on_real_time_again_by_itself(followed: None, at_wall: Callable[[datetime], None]) -> None:
    held = play(a_site())
    at_wall(held.timeline.until - SECOND)
    assert clock.simulation(a_site()) is not None
    at_wall(held.timeline.until)
    assert clock.now(a_site()) == held.timeline.until
    assert clock.simulation(a_site()) is None
    with pytest.raises(Conflict, match="went back to real time"):
        clocks.run_on(held, NIGHT)


@pytest.mark.django_db
def test_the_clock_runs_on_from_where_it_stood(followed: None, at_wall: Callable[[datetime], None]) -> None:
    held = play(a_site(), horizon=SEVEN + timedelta(minutes=5))
    at_wall(held.timeline.begins + 10 * SECOND)
    assert clock.now(a_site()) == SEVEN + timedelta(minutes=5)
    held = clocks.run_on(held, NIGHT, anchored=clock.wall() + SECOND)
    assert clock.now(a_site()) == SEVEN + timedelta(minutes=5)
    at_wall(held.timeline.anchored + SECOND)
    assert clock.now(a_site()) == SEVEN + timedelta(minutes=6)
    assert held.timeline.until > clock.wall() + 12 * SECOND


@pytest.mark.django_db
def test_two_cannot_play_at_once(at_wall: Callable[[datetime], None]) -> None:
    held = play(a_site())
    with pytest.raises(Conflict, match=r"simulated already: play_day, seed 5 \(at 60×\)"):
        play(a_site())
    clocks.end_simulation(held, PLAYER)
    play(a_site())


@pytest.mark.django_db
def test_setting_the_clock_and_giving_it_back_are_in_the_history(followed: None, at_wall: Callable[[datetime], None]) -> None:
    held = play(a_site())
    at_wall(held.timeline.begins + SECOND)
    clocks.end_simulation(held, PLAYER)
    assert clock.now(a_site()) == clock.wall()
    changes = RecordChange.objects.filter(subject="site").order_by("pk")
    assert [(change.verb, change.actor, change.at) for change in changes] == [
        ("simulate clock", "play day", WALL),
        ("end simulated clock", "play day", clock.wall()),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("speed", [0.5, 1001, float("nan")])
def test_a_speed_out_of_bounds_is_refused(speed: float) -> None:
    with pytest.raises(InvalidInput, match="outside of 1 to 1000"):
        play(a_site(), speed=speed)
    assert not SimulatedClock.objects.exists()


@pytest.mark.django_db
def test_a_process_asks_the_database_at_most_once_a_second(followed: None) -> None:
    a_site()
    with CaptureQueriesContext(connection) as asked:
        for _ in range(1000):
            clock.now()
    assert len(asked) == 1


@pytest.mark.django_db
def test_who_has_come_to_the_end_of_what_it_knows_looks_again(followed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [timeline(horizon=SEVEN + timedelta(minutes=1)), timeline(horizon=NIGHT)]
    asked = []

    def read() -> dict[int | None, Timeline]:
        asked.append(clock.wall())
        return {None: known[min(len(asked), 2) - 1]}

    monkeypatch.setattr(clock, "_JUST_NOW", 0.0)
    monkeypatch.setattr(clock, "wall", lambda: WALL)
    clock.timelines.follow(read)
    assert clock.now() == SEVEN
    monkeypatch.setattr(clock, "wall", lambda: WALL + 10 * SECOND)
    assert clock.now() == SEVEN + timedelta(minutes=10)
    assert len(asked) == 2


@pytest.mark.django_db
def test_a_clock_that_is_set_while_somebody_looks_is_seen_at_the_next_question(followed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read() -> dict[int | None, Timeline]:
        asked.append(clock.wall())
        if len(asked) > 1:
            return {None: timeline()}
        clock.timelines.forget()
        return {}

    monkeypatch.setattr(clock, "wall", lambda: WALL)
    clock.timelines.follow(read)
    assert clock.now() == WALL
    assert clock.now() == SEVEN


class Looks:
    """A reading that takes until it may end, and knows a clock then."""

    def __init__(self) -> None:
        self.began, self.may_end = Event(), Event()

    def __call__(self) -> dict[int | None, Timeline]:
        self.began.set()
        assert self.may_end.wait(10)
        return {None: timeline()}


@pytest.mark.django_db
@pytest.mark.parametrize("recent", [True, False])
def test_who_asks_while_another_looks_waits_for_it_unless_what_is_known_is_recent(recent: bool) -> None:
    slow, known = Looks(), clock.Timelines()
    known.of(None)
    known._read, known._look_at = slow, 0.0
    if not recent:
        known._good_until = 0.0
    with ThreadPoolExecutor(2) as threads:
        looking = threads.submit(known.of, None)
        assert slow.began.wait(10)
        asking = threads.submit(known.of, None)
        if recent:
            assert asking.result(10) is None
        slow.may_end.set()
        assert asking.result(10) == (None if recent else timeline())
        assert looking.result(10) == timeline()


@pytest.mark.django_db
def test_who_cannot_look_leaves_it_to_the_next() -> None:
    known = clock.Timelines()
    known.follow(lambda: {None: timeline()})
    with transaction.atomic():
        transaction.set_rollback(True)
        assert known.of(None) is None
    assert known.of(None) == timeline()


@pytest.mark.django_db
def test_what_was_known_holds_while_the_database_cannot_be_read(
    followed: None, at_wall: Callable[[datetime], None], caplog: pytest.LogCaptureFixture
) -> None:
    held = play(a_site())
    at_wall(held.timeline.begins)
    assert clock.now() == SEVEN

    def broken() -> dict[int | None, Timeline]:
        raise DatabaseError("gone")

    clock.timelines._read = broken
    for _ in range(2):
        clock.timelines.forget()
        assert clock.now() == SEVEN
    assert [record.message for record in caplog.records] == [
        "Whether the clock is simulated cannot be read (DatabaseError); what was known holds"
    ]


@pytest.mark.django_db
def test_tokens_and_what_housekeeping_closes_know_nothing_of_a_simulated_clock(
    followed: None, at_wall: Callable[[datetime], None], django_user_model: type
) -> None:
    held = play(a_site())
    at_wall(held.timeline.begins)
    assert expiry.due_before(a_site(), expiry.WAITS) is None, "a day of next month that is played closes nothing of this month"
    tokens.create_token(django_user_model.objects.create_user("jo"), "script")  # type: ignore[attr-defined]
    assert ApiToken.objects.get().created_at == clock.wall()
