"""How checks of health are run: side by side, one round at a time, bounded in time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.test import Client

from billing.outages import watch
from ris.actions.passwords import require_change
from ris.actions.tokens import create_token
from ris.actor import Actor
from stepwise import health
from stepwise.health import Checkup, UnhealthyError
from tests.support.addresses import somebody
from tests.support.hospital import a_site
from tests.support.sites import another_site


def test_a_failed_check_says_why_and_the_others_stand() -> None:
    def broken() -> str:
        raise UnhealthyError("the pump is off\nsecond line")

    found = Checkup({"pump": broken, "valve": lambda: "open"}).findings()
    assert (found["pump"].ok, found["pump"].detail) == (False, "the pump is off")
    assert found["valve"].as_json() == {"status": "ok", "detail": "open"}


class Quiet:
    """A station that has gone quiet; `station` is its AE title."""

    due = 3

    def __init__(self, station: str) -> None:
        self.station = station


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """Redis is away, and a station of each of two hospitals is quiet."""

    def away() -> str:
        raise redis.ConnectionError("Error 111 connecting to 10.1.2.3:6399. Connection refused.")

    a_site()
    another_site()
    monkeypatch.setattr(watch, "outages", lambda site: [Quiet(f"QUIET-{site.code}".upper())])
    checkup = Checkup({"redis": away, "dicom": lambda: "C-ECHO in 1 ms"})
    monkeypatch.setattr(health, "findings", lambda: checkup.findings() | {"stations": health.Finding(True, health.check_stations())})


def details(client: Client, **headers: str) -> list[str]:
    answer = client.get("/healthz", headers=headers)
    assert answer.status_code == 503
    parts = answer.json()["components"]
    assert [parts[name]["status"] for name in ("redis", "dicom", "stations")] == ["failed", "ok", "ok"]
    return [parts[name]["detail"] for name in ("redis", "stations")]


@pytest.mark.usefixtures("broken")
def test_strangers_are_told_what_fails_and_neither_where_it_is_nor_which_station_is_quiet(client: Client) -> None:
    plain = ["Redis does not answer; the log says more", "2 are quiet: exams due, none started"]
    scheduler = create_token(somebody("anna", "scheduler"), "tests")
    assert details(client) == plain
    assert details(client, Authorization="Bearer sw_wrong") == plain
    assert details(client, Authorization=f"Bearer {scheduler}") == plain
    client.force_login(somebody("norole"))
    assert details(client) == plain
    foot = client.get("/pulse/").content.decode()
    assert "Redis does not answer" in foot and "10.1.2.3" not in foot


@pytest.mark.usefixtures("broken")
def test_who_may_see_the_association_log_is_told_exactly_and_of_their_own_hospital(client: Client) -> None:
    integrator = somebody("ines", "integrator")
    own = f"QUIET-{a_site().code}".upper()
    exactly = ["Error 111 connecting to 10.1.2.3:6399. Connection refused.", f"{own} is quiet, 3 exams due, none started"]
    assert details(client, Authorization=f"Bearer {create_token(integrator, 'monitor')}") == exactly
    client.force_login(integrator)
    assert details(client) == exactly
    assert "10.1.2.3:6399" in client.get("/pulse/").content.decode()


@pytest.mark.usefixtures("broken")
def test_who_has_to_choose_another_password_is_told_as_little_as_a_stranger(client: Client) -> None:
    integrator = somebody("ines", "integrator")
    client.force_login(integrator)
    require_change(integrator.pk, Actor.system("tests"))
    client.force_login(integrator)  # the sessions of before have ended
    assert client.get("/associations/").status_code == 302
    assert details(client) == ["Redis does not answer; the log says more", "2 are quiet: exams due, none started"]


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
