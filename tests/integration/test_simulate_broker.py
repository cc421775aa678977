"""Celery over a real Redis that is killed and comes back."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stepwise.broker import PromptConnection
from tests.support.processes import Process
from tests.support.redis import RedisServer
from tests.support.wait import wait_until

WORKER = ("worker", "--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def test_on_a_connection_that_is_gone_acknowledging_and_closing_end_no_worker(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    connection = PromptConnection(server.url.replace("unix://", "redis+socket://"))
    with connection.SimpleQueue("celery") as queue:
        queue.put("a task")
    channel = connection.default_channel
    message = channel.basic_get("celery")
    assert message is not None
    server.kill()
    channel._disconnect_pools()  # as it is after a worker's first step has closed the transport
    channel.connection.client = None
    message.ack_log_error(logging.getLogger("worker"), connection.connection_errors)
    assert "the connection to Redis is gone" in caplog.text
    connection.release()
    assert channel.closed


def _said(process: Process, text: str, times: int = 1) -> None:
    wait_until(lambda: process.output().count(text) >= times, 20, f"{process.arguments} says {text!r} {times} times")


def test_worker_and_beat_go_on_by_themselves_when_redis_was_killed(server: RedisServer, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    env = {"RIS_DATA_DIR": str(tmp_path), "REDIS_URL": server.url, "PROBE_FILE": str(notes), "DJANGO_SETTINGS_MODULE": "stepwise.settings"}

    def is_done_within(seconds: float, text: str) -> None:
        """Send a task from a process of its own and wait for its trace."""
        with Process([sys.executable, "-m", "tests.support.probe_task", text], tmp_path / "send.log", env) as sender:
            assert sender.wait() == 0, sender.output()
        wait_until(lambda: notes.exists() and text in notes.read_text().splitlines(), seconds, f"the task {text!r} is done")

    worker = Process.celery(*WORKER, "-I", "tests.support.probe_task", log=tmp_path / "worker.log", env=env)
    beat = Process.celery("beat", "--pidfile", "", log=tmp_path / "beat.log", env=env)
    with worker, beat:
        is_done_within(20, "before")
        _said(beat, "beat: Starting...")
        for outage in (1, 2):
            server.kill()
            _said(worker, "Connection to broker lost", outage)
            if outage == 2:  # its task is due every five seconds
                wait_until(lambda: server.socket.name in beat.output(), 20, "beat notices")
            server.start()
            is_done_within(5, f"after outage {outage}")
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(10) == 0
        assert beat.alive
        with redis.Redis.from_url(server.url) as client:
            client.delete("celery")
            wait_until(lambda: client.llen("celery"), 10, "beat still sends the sweep")
