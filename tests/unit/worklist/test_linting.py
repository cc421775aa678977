"""Every answer is linted behind the answering, however many there are, and who looks at a station is told how far that is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError

from dimse.entries import now
from tests.support.hospital import a_site, an_order, in_minutes, steps_of
from tests.support.wait import wait_until
from tests.support.worklist import a_faulty_step
from worklist import backlog, findings, linting
from worklist.backlog import Backlog, Behind
from worklist.find import Found
from worklist.linting import Linting
from worklist.looked import Looked
from worklist.models import LintBacklog, WorklistEntry, WorklistFinding
from worklist.waiting import Waiting, mark

SEEN = datetime(2026, 11, 23, 10, 41, tzinfo=UTC)
Look = tuple[str, int]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Look]:
    """The answers that were looked at: of which station, of which step."""
    found: list[Look] = []

    def look(site_id: int, station: str, one: Found, seen: datetime, known: Looked) -> None:
        found.append((station, one.step_id))
        known.add(mark(one.item))

    monkeypatch.setattr(linting, "look", look)
    return found


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Linting]:
    """One without patience, so that tests need none."""
    one = Linting(*getattr(request, "param", ()))
    yield one
    one.stop(10)


def answers(*steps: int) -> list[Found]:
    return [Found(step, b"item %d" % step) for step in steps]


@pytest.mark.django_db
def test_a_faulty_answer_is_a_finding_of_its_station_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    step = a_faulty_step()
    gathering, known = findings.Gathering(), Looked()
    monkeypatch.setattr(findings, "report", gathering.put)
    one = Found(step.pk, bytes(WorklistEntry.objects.get(pk=step.pk).item))
    for _ in range(3):
        linting.look(step.site_id, "CT01", one, SEEN, known)
    linting.look(step.site_id, "CT02", one, SEEN, known)
    linting.look(step.site_id, "CT02", one, SEEN + timedelta(days=1), known)
    gathering.write()
    rows = WorklistFinding.objects.order_by("station_ae_title").values_list("station_ae_title", "step", "code", "attribute", "count")
    assert list(rows) == [
        ("CT01", step.pk, "MISSING_IDENTIFIER", "StudyInstanceUID", 1),
        ("CT02", step.pk, "MISSING_IDENTIFIER", "StudyInstanceUID", 2),
    ]


@pytest.mark.django_db(transaction=True)
def test_answers_are_looked_at_behind_the_answering_once_somebody_looks(running: Linting, looked: list[Look]) -> None:
    running.offer(1, "CT01", answers(9), SEEN)
    running.start()
    running.offer(1, "CT01", answers(1, 2), SEEN)
    running.offer(1, "CT01", answers(3), SEEN)
    wait_until(lambda: len(looked) == 3, 10, "all are looked at")
    assert looked == [("CT01", 1), ("CT01", 2), ("CT01", 3)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("running", [(2, 1000)], indirect=True)
def test_of_a_long_list_the_rest_is_read_again_and_nothing_is_left_out(running: Linting, looked: list[Look]) -> None:
    steps = [steps_of(an_order(start=in_minutes(minutes)))[0] for minutes in (10, 50, 90, 130)]
    found = [Found(pk, bytes(kept)) for pk, kept in WorklistEntry.objects.values_list("pk", "item")]
    running.start()
    running.offer(a_site().pk, "CT01", [*answers(7), *answers(8)], SEEN)
    running.offer(a_site().pk, "CT01", [*found, *answers(-1)], SEEN)  # one is gone when its turn comes
    running.offer(a_site().pk, "CT01", found, SEEN)  # asked again before it was looked at: once is enough
    wait_until(lambda: len(looked) == 6, 10, "all are looked at")
    wait_until(lambda: not running.waiting.lines(), 10, "nothing waits")
    assert {step for _, step in looked} == {7, 8, *(step.pk for step in steps)}
    assert len(looked) == 6


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("running", [(0, 1000)], indirect=True)
def test_a_database_that_is_away_or_an_item_that_is_odd_does_not_end_the_lint(
    running: Linting, looked: list[Look], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step = steps_of(an_order())[0]
    (found,) = [Found(pk, bytes(kept)) for pk, kept in WorklistEntry.objects.values_list("pk", "item")]
    real, odd = linting.WorklistEntry.objects.filter, iter([DatabaseError("away")])
    look = linting.look

    def away(**asked: object) -> object:
        for error in odd:
            raise error
        return real(**asked)

    def stumble(site_id: int, station: str, one: Found, seen: datetime, known: Looked) -> None:
        look(site_id, station, one, seen, known)
        raise ValueError("odd")

    monkeypatch.setattr(linting, "_DATABASE_AWAY", 0.01)
    monkeypatch.setattr(linting, "look", stumble)
    monkeypatch.setattr(linting.WorklistEntry.objects, "filter", away)
    running.start()
    running.offer(a_site().pk, "CT01", [found], SEEN)
    wait_until(lambda: looked == [("CT01", step.pk)], 10, "it is looked at in the end")
    running.offer(a_site().pk, "CT02", [found], SEEN)
    wait_until(lambda: not running.waiting.lines(), 10, "nothing waits")
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def test_stations_take_turns_and_what_does_not_fit_is_counted() -> None:
    waiting = Waiting(whole=3, marked=2)
    waiting.put((1, "CT01"), answers(1, 2), SEEN)
    waiting.put((1, "CT01"), answers(3, 4), SEEN)
    waiting.put((1, "CT02"), answers(5), SEEN)
    waiting.put((1, "CT01"), answers(6), SEEN)
    assert {station[1]: (line.waiting, line.passed) for station, line in waiting.lines()} == {"CT01": (4, 1), "CT02": (1, 0)}
    taken = []
    while first := waiting.next():
        station, page = first
        taken.append((station[1], [one.step_id for one in page.found] or list(page.marks[::2])))
        waiting.done(station)
    assert taken == [("CT01", [1, 2]), ("CT02", [5]), ("CT01", [3, 4])]
    assert [(station[1], line.passed) for station, line in waiting.lines()] == [("CT01", 1)]
    waiting.put((1, "CT01"), answers(6), SEEN)  # it asks anew: what was passed over before comes again
    assert [(line.waiting, line.passed) for _, line in waiting.lines()] == [(1, 0)]


def test_of_two_marks_of_one_place_the_later_one_is_remembered() -> None:
    known = Looked(places=4)
    known.add(5)
    known.add(-7)
    assert [one in known for one in (5, -7, 1)] == [False, True, False]


@pytest.mark.django_db
def test_a_station_is_told_how_far_the_lint_is_behind() -> None:
    site = a_site()
    assert backlog.of(site, "CT01") == Behind()
    backlog.record("a:1", [Backlog((site.pk, "CT01"), 90, 0, SEEN), Backlog((site.pk, "CT02"), 1, 0, SEEN)])
    backlog.record("a:2", [Backlog((site.pk, "CT01"), 10, 7, SEEN + timedelta(minutes=1))])
    assert backlog.of(site, "CT01") == Behind(waiting=100, left=7, since=SEEN)
    backlog.record("a:1", [Backlog((site.pk, "CT01"), 50, 0, SEEN)])
    assert (backlog.of(site, "CT01").waiting, backlog.of(site, "CT02")) == (60, Behind())
    LintBacklog.objects.filter(process="a:1").update(at=now() - timedelta(minutes=1))  # it is gone
    assert backlog.of(site, "CT01") == Behind(waiting=10, left=57, since=SEEN + timedelta(minutes=1))
    assert backlog.stations(besides="a:2") == {(site.pk, "CT01")}
    assert not backlog.forget_stale((site.pk, "CT01"))
    assert backlog.of(site, "CT01") == Behind(waiting=10, left=7, since=SEEN + timedelta(minutes=1))
    assert backlog.prune(now() + timedelta(days=1)) == 1


@pytest.mark.django_db(transaction=True)
def test_what_waits_when_the_server_stops_is_told_until_the_station_has_asked_again(
    looked: list[Look], running: Linting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as asleep:
        asleep.setattr(linting, "_SLICE", 0)
        asleep.setattr(linting, "_REST", 1e9)
        running.start()
        running.offer(a_site().pk, "CT01", answers(1, 2, 3), SEEN)
        running.stop(10)
    assert backlog.of(a_site(), "CT01") == Behind(waiting=3, since=SEEN)
    LintBacklog.objects.update(at=now() - backlog.STALE)
    assert backlog.of(a_site(), "CT01") == Behind(left=3)
    running.start()
    running.offer(a_site().pk, "CT01", answers(1, 2, 3), SEEN)
    wait_until(lambda: not LintBacklog.objects.exists(), 10, "it was looked at, as nobody waits any more")
    assert len(looked) == 3


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_seconds_is_told_so_until_it_is_done(looked: list[Look], running: Linting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linting, "_BEHIND", -1.0)
    with monkeypatch.context() as slow:
        slow.setattr(linting, "_SLICE", 0)
        slow.setattr(linting, "_REST", 1)
        running.start()
        running.offer(a_site().pk, "CT01", answers(1, 2, 3), SEEN)
        wait_until(lambda: backlog.of(a_site(), "CT01").waiting == 3, 10, "it is told")
    wait_until(lambda: backlog.of(a_site(), "CT01") == Behind(), 10, "nothing waits any more")
    assert len(looked) == 3
