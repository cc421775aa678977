"""How checks of health are run: side by side, one round at a time, bounded in time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwise.health import Checkup, UnhealthyError


def test_a_failed_check_says_why_and_the_others_stand() -> None:
    def broken() -> str:
        raise UnhealthyError("the pump is off\nsecond line")

    found = Checkup({"pump": broken, "valve": lambda: "open"}).findings()
    assert (found["pump"].ok, found["pump"].detail) == (False, "the pump is off")
    assert found["valve"].as_json() == {"status": "ok", "detail": "open"}


def test_checks_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=5)

    def meet() -> str:
        meeting.wait()
        return "met"

    found = Checkup({"one": meet, "other": meet}).findings()
    assert all(finding.ok for finding in found.values())


def test_a_check_that_hangs_is_a_failure_after_the_patience_and_is_not_started_twice() -> None:
    begun, release = [], threading.Event()

    def hang() -> str:
        begun.append(1)
        release.wait(10)
        return "late"

    checkup = Checkup({"slow": hang}, kept=0, patience=0.05)
    started = time.monotonic()
    for _ in range(3):
        assert checkup.findings()["slow"].detail == "no answer within 0.05 s"
    assert time.monotonic() - started < 5
    assert len(begun) == 1
    release.set()
    assert Checkup({"slow": hang}, patience=5).findings()["slow"].ok


def test_what_was_found_is_kept_and_many_who_ask_at_once_cost_one_round() -> None:
    rounds = []

    def count() -> str:
        rounds.append(1)
        return "counted"

    checkup = Checkup({"counter": count}, kept=60)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: checkup.findings(), range(32)))
    assert len(rounds) == 1
    assert all(answer["counter"].ok for answer in answers)


def test_an_error_nobody_expects_is_not_hidden_and_not_kept() -> None:
    def buggy() -> str:
        raise LookupError("a bug")

    checkup = Checkup({"buggy": buggy})
    for _ in range(2):
        with pytest.raises(LookupError):
            checkup.findings()
