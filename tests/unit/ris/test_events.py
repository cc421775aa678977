from dataclasses import dataclass

import pytest

from ris import clock, events


@dataclass(frozen=True)
class Bell:
    number: int


@dataclass(frozen=True)
class Whistle:
    number: int


@pytest.fixture
def heard(monkeypatch):
    monkeypatch.setattr(events, "_subscribers", {Bell: [], Whistle: []})
    rung: list[object] = []
    events.subscribe(Bell, rung.append)
    events.subscribe(Whistle, rung.append)
    return rung


def test_events_reach_their_subscribers_at_once(heard):
    events.publish(Bell(1))
    events.publish(Bell(1))

    assert heard == [Bell(1), Bell(1)]


def test_held_back_events_are_published_once_at_the_end(heard):
    with events.once_each(Bell):
        events.publish(Bell(1))
        events.publish(Whistle(1))
        events.publish(Bell(2))
        events.publish(Bell(1))
        assert heard == [Whistle(1)]

    assert heard == [Whistle(1), Bell(1), Bell(2)]


def test_held_back_events_of_failed_work_are_not_published(heard):
    with pytest.raises(ValueError, match="broken"), events.once_each(Bell):
        events.publish(Bell(1))
        raise ValueError("broken")

    assert heard == []
    events.publish(Bell(2))
    assert heard == [Bell(2)]


def test_the_clock_can_stand_at_a_moment_in_one_block():
    before = clock.now()
    moment = clock.at(before.date(), before.time().replace(tzinfo=None))
    with clock.standing_at(moment):
        assert clock.now() == moment
    assert clock.now() >= before
