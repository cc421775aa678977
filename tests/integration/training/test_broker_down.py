"""The broker down on purpose, with a real Redis: what it holds back, when it goes on, and what it says when it does not play along."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.db import connection

from ris.actor import Actor
from ris.errors import Conflict
from tests.support.hospital import a_site
from tests.support.redis import RedisServer
from training.actions import faults
from training.actions.faults import FaultData
from training.faults import active, broker
from training.faults.kinds import BROKER
from training.models import FaultChange

MAYA = Actor.system("maya")
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def client(server: RedisServer, settings) -> Iterator[redis.Redis]:
    settings.REDIS_URL = server.url
    with redis.Redis.from_url(server.url, socket_timeout=5) as connected:
        yield connected
        connected.client_unpause()


def test_what_would_write_waits_until_its_time_and_the_rest_is_answered(client: redis.Redis) -> None:
    began = time.monotonic()
    broker.pause(0.4)
    assert client.ping()
    client.rpush("celery", "a task")
    assert time.monotonic() - began >= 0.4


def test_it_goes_on_when_the_fault_is_switched_off(server: RedisServer, client: redis.Redis) -> None:
    fault = faults.switch_on(a_site(), FaultData(BROKER), MAYA)
    with redis.Redis.from_url(server.url, socket_timeout=0.2) as impatient, pytest.raises(redis.TimeoutError):
        impatient.set("probe", "1")
    faults.switch_off(a_site(), fault.pk, MAYA)
    assert client.set("probe", "2")


def test_a_redis_that_refuses_or_is_away_is_told_in_words_and_nothing_is_on(client: redis.Redis, settings, tmp_path: Path) -> None:
    client.acl_setuser("nobody", enabled=True, nopass=True, categories=["-@all"])
    settings.REDIS_URL = settings.REDIS_URL.replace("unix://", "unix://nobody@")
    with pytest.raises(Conflict, match="Redis refused CLIENT PAUSE"):
        faults.switch_on(a_site(), FaultData(BROKER), MAYA)
    settings.REDIS_URL = f"unix://{tmp_path}/nothing.sock"
    with pytest.raises(Conflict, match=r"Redis does not answer CLIENT PAUSE .* is it running"):
        faults.switch_on(a_site(), FaultData(BROKER), MAYA)
    assert not active.current()
    assert {change.reason for change in FaultChange.objects.filter(verb=faults.OFF)} == {"Redis did not play along"}


def test_a_fault_stays_on_when_redis_cannot_be_told_to_go_on(client: redis.Redis, settings, tmp_path: Path) -> None:
    fault = faults.switch_on(a_site(), FaultData(BROKER), MAYA)
    settings.REDIS_URL = f"unix://{tmp_path}/nothing.sock"
    with pytest.raises(Conflict, match="Redis does not answer CLIENT UNPAUSE"):
        faults.switch_off(a_site(), fault.pk, MAYA)
    fault.refresh_from_db()
    assert fault.ended is None


@pytest.mark.django_db(transaction=True)
def test_no_transaction_waits_for_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(broker, "pause", lambda seconds: asked.append(connection.in_atomic_block))
    monkeypatch.setattr(broker, "go_on", lambda: asked.append(connection.in_atomic_block))
    fault = faults.switch_on(a_site(), FaultData(BROKER), MAYA)
    faults.switch_off(a_site(), fault.pk, MAYA)
    assert asked == [False, False]
