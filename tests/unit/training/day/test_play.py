"""Deeds are done in order, each when the clock comes to it; what goes wrong ends one story and no other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

import pytest

from ris.console import Stopped
from ris.errors import Conflict
from tests.unit.training.day.a_day import SIX, many, written
from training.day.fleet import Running
from training.day.play import Play
from training.day.story import DESK, Deed, Plan
from training.errors import ModalityError, NoAnswer


@dataclass
class Hands:
    """A clock that is at once where the earliest thing that is not done is."""

    moment: datetime = SIX
    tick: float = 0.001
    kept: list[datetime | None] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    def seconds_until(self, moment: datetime) -> float:
        return 0.0

    def keep(self, undone: datetime | None) -> None:
        self.kept.append(undone)
        self.moment = max(self.moment, undone or self.moment)


Trouble = Callable[[Running, Deed], None]


class Worker:
    """Does all, remembers what, and does what it is told to with some of it."""

    def __init__(
        self, now: Callable[[], datetime], done: list[tuple[int, Deed, datetime]], trouble: Callable[[Running, Deed], None]
    ) -> None:
        self._now, self._done, self._trouble = now, done, trouble

    def do(self, running: Running, deed: Deed) -> None:
        self._trouble(running, deed)
        self._done.append((running.story.number, deed, self._now()))


class Asked:
    def __init__(self, after: int = 10**9) -> None:
        self._left, self.for_the_end = after, Event()

    def heed(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.for_the_end.set()
            raise Stopped(2)


def nothing(running: Running, deed: Deed) -> None:
    pass


class Stage:
    def __init__(self, plan: Plan, trouble: Trouble = nothing) -> None:
        self.clock, self.done = Hands(), []
        whos = {DESK, *(deed.who for story in plan.stories for deed in story.deeds)}
        workers = {who: Worker(self.clock.now, self.done, trouble) for who in whos}
        self.play = Play(plan, workers, self.clock)  # type: ignore[arg-type]
        self.told: list[tuple[int, int]] = []

    def run(self, asked: Asked | None = None) -> None:
        self.play.run(asked or Asked(), lambda done, of: self.told.append((done, of)))


def test_every_deed_is_done_once_in_its_order_and_none_before_its_time() -> None:
    plan = written(many(40))
    stage = Stage(plan)
    stage.run()
    assert sorted((number, deed.at) for number, deed, _ in stage.done) == sorted((story.number, deed.at) for story, deed in plan.deeds())
    assert all(at >= deed.at for _, deed, at in stage.done)
    for story in plan.stories:
        assert [deed for number, deed, _ in stage.done if number == story.number] == list(story.deeds)
    for who in {deed.who for _, deed, _ in stage.done}:
        moments = [deed.at for _, deed, _ in stage.done if deed.who == who]
        assert moments == sorted(moments)
    assert stage.told[-1] == (len(plan.stories), len(plan.stories))


def test_the_clock_is_held_by_the_earliest_deed_that_is_not_done() -> None:
    stage = Stage(written(many(20)))
    stage.run()
    assert stage.clock.kept == sorted(stage.clock.kept, key=lambda moment: moment or datetime.max.replace(tzinfo=SIX.tzinfo))


def test_a_story_that_cannot_go_on_is_over_and_says_why() -> None:
    def refused(running: Running, deed: Deed) -> None:
        if running.story.number == 3:
            raise ModalityError("S3 is not on the list.")
        if running.story.number == 4:
            raise Conflict("somebody was faster")
        if running.story.number == 5:
            raise ZeroDivisionError("a fault")

    stage = Stage(written(many(20)), refused)
    stage.run()
    failed = {one.story.number: one.failed for one in stage.play.stories if one.failed}
    assert set(failed) == {3, 4, 5}
    assert failed[3].endswith("S3 is not on the list.")
    assert failed[5].endswith("ZeroDivisionError: a fault")
    assert all(one.is_over for one in stage.play.stories)


def test_a_message_without_answer_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.day.play._PAUSE", 0.001)
    tries: dict[int, int] = {}

    def silent_twice(running: Running, deed: Deed) -> None:
        if running.story.number == 2 and deed is running.story.deeds[-1]:
            tries[2] = tries.get(2, 0) + 1
            if tries[2] < 3:
                raise NoAnswer("silence")

    stage = Stage(written(many(12)), silent_twice)
    stage.run()
    assert not [one.failed for one in stage.play.stories if one.failed]
    assert (tries, stage.play.repeated) == ({2: 3}, 2)


def test_who_asks_for_the_end_gets_it_when_what_was_begun_is_over() -> None:
    asked = Asked(after=40)

    def slow_to_end(running: Running, deed: Deed) -> None:
        if deed is running.story.deeds[1]:
            assert asked.for_the_end.wait(10)

    stage = Stage(written(many(40)), slow_to_end)
    with pytest.raises(Stopped):
        stage.run(asked)
    done = {number: sum(one == number for one, _, _ in stage.done) for number, _, _ in stage.done}
    assert 0 < sum(done.values()) < sum(len(one.story.deeds) for one in stage.play.stories)
    assert all(one.done == done.get(one.story.number, 0) for one in stage.play.stories)


def test_one_deed_of_a_minute_ago_does_not_wait_for_one_of_now() -> None:
    """The earliest of all that is left can always be done: no two stories wait for each other."""
    for seed in range(1, 6):
        stage = Stage(written(many(60, seed), seed))
        stage.run()
        assert all(one.is_over for one in stage.play.stories)
        assert stage.clock.moment - SIX < timedelta(hours=24)
