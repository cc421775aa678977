"""Waits that grow, counted before the result is known, by account, browser and address."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from ris import clock, throttling
from ris.actions import attempts
from ris.models import Attempts
from ris.throttling import ACCOUNT, ADDRESS, RULES, in_words, of_account, of_address


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_waits_begin_after_the_free_ones_double_and_end_at_the_longest(rule: throttling.Rule) -> None:
    waits = [rule.wait(failures).total_seconds() for failures in range(rule.free + 14)]
    assert not any(waits[: rule.free])
    assert waits[rule.free : rule.free + 2] == [rule.first, 2 * rule.first]
    assert waits == sorted(waits) and waits[-1] == rule.longest
    assert rule.wait(1_000_000).total_seconds() == rule.longest


def test_what_is_left_is_rounded_up() -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    assert ACCOUNT.left(5, now - timedelta(seconds=4.2), now) == 1
    assert ACCOUNT.left(5, now - timedelta(seconds=5), now) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (900, "15 minutes"), (3600, "1 hour"), (28_800, "8 hours")],
)
def test_waits_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


def test_one_account_however_it_is_typed_and_no_name_is_kept() -> None:
    assert of_account("Admin ") == of_account("admin") != of_account("admin2")
    assert "admin" not in of_account("admin").key
    assert len({of_account(name).key for name in ("\ud800", "\0", "x" * 5000)}) == 3


def test_a_customer_s_whole_network_of_ipv6_is_one_address() -> None:
    assert of_address("2001:db8:1:2::a") == of_address("2001:db8:1:2:ffff::b") != of_address("2001:db8:1:3::a")
    assert of_address("192.0.2.1") != of_address("192.0.2.2")
    assert of_address("") == of_address("unknown")


@pytest.mark.django_db
def test_failures_count_until_the_password_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: now)
    account, address = of_account("jo"), of_address("192.0.2.1")
    assert [attempts.begin(account, address) for _ in range(7)] == [0, 0, 0, 0, 0, 5, 5]
    now += timedelta(seconds=5)
    assert [attempts.begin(account, address), attempts.begin(account, address)] == [0, 10]
    now += timedelta(seconds=10)
    assert attempts.begin(account, address) == 0
    attempts.succeeded(account, address)
    assert attempts.begin(account, address) == 0
    assert Attempts.objects.get(key=address.key).failures == 7, "a right password takes back itself alone"


@pytest.mark.django_db
def test_counts_are_forgotten_after_a_while_and_their_rows_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: now)
    for _ in range(6):
        attempts.begin(of_account("jo"), of_address("192.0.2.1"))
    now += ADDRESS.forgotten + timedelta(seconds=1)
    assert attempts.forget_old() == 1
    now += ACCOUNT.forgotten
    assert attempts.begin(of_account("jo")) == 0
    assert Attempts.objects.get().failures == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_hundred_tries_at_one_moment_are_not_a_hundred_free_ones() -> None:
    barrier, waits = threading.Barrier(12), []

    def attempt() -> None:
        try:
            barrier.wait(10)
            waits.append(attempts.begin(of_account("jo"), of_address("192.0.2.1")))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(waits) == 12
    assert waits.count(0) == ACCOUNT.free
