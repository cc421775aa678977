"""`GET /healthz` of a real web process while the parts behind it come and go."""

import json
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.support import prepared
from tests.support.ports import free_port
from tests.support.processes import ROOT, Process
from tests.support.redis import RedisServer
from tests.support.wait import wait_until

COMPONENTS = {"database", "redis", "worker", "dicom", "stations"}


class Parts:
    """The processes behind /healthz, each started and ended by the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.http_port, self.dicom_port = free_port(), free_port()
        self.redis = RedisServer(directory / "redis")
        self.environment = {
            "RIS_DATA_DIR": str(self.data),
            "RIS_DICOM_PORT": str(self.dicom_port),
            "RIS_DICOM_HOST": "127.0.0.1",
            "RIS_UNKNOWN_CALLERS": "reject",
            "REDIS_URL": self.redis.url,
            "DATABASE_URL": "",
            "RIS_API_TOKEN": "",
        }

    def manage(self, *arguments: str) -> Process:
        return Process.manage(*arguments, log=self.directory / f"{arguments[0]}.log", env=self.environment)

    def worker(self) -> Process:
        options = ("worker", "--pool", "threads", "--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat")
        return Process.celery(*options, log=self.directory / "worker.log", env=self.environment)

    @contextmanager
    def web(self, **environment: str) -> Iterator[int]:
        """A web process and its port."""
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "stepwise" / "web_process.py")]
        arguments = [*command, "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
        with Process(arguments, self.directory / f"web-{port}.log", self.environment | environment):
            wait_until(lambda: ask(port)[0], 20, "the web process answers")
            yield port

    def age_heartbeat(self, seconds: int) -> None:
        """Let the worker's last sign of life be older."""
        then = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)
        with sqlite3.connect(self.data / "stepwise.sqlite3", timeout=10) as database:
            database.execute("UPDATE ris_heartbeat SET at = ?", (str(then),))
        database.close()


def ask(port: int, method: str = "/healthz") -> tuple[int, dict[str, Any]]:
    """Status and body; status 0 while nothing listens."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{method}", timeout=15) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


def failed(port: int) -> set[str]:
    status, body = ask(port)
    assert set(body["components"]) == COMPONENTS
    assert all(component["detail"] for component in body["components"].values())
    found = {name for name, component in body["components"].items() if component["status"] != "ok"}
    assert (status, body["status"]) == ((503, "failed") if found else (200, "ok"))
    return found


def becomes(port: int, expected: set[str], timeout: float = 20) -> dict[str, Any]:
    wait_until(lambda: failed(port) == expected, timeout, f"exactly {expected or 'nothing'} fails", interval=0.3)
    components: dict[str, Any] = ask(port)[1]["components"]
    return components


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path)
    prepared.migrated(made.data)
    try:
        yield made
    finally:
        made.redis.kill()


def test_it_names_exactly_what_does_not_answer_and_why(parts: Parts) -> None:
    with parts.web() as port:
        components = becomes(port, {"redis", "worker", "dicom"})
        assert "sign of life" in components["worker"]["detail"]
        assert "C-ECHO" in components["dicom"]["detail"]
        assert str(parts.dicom_port) not in json.dumps(components), "where it listens is told to nobody who asks"
        parts.redis.start()
        dicom = parts.manage("dicom").start()
        worker = parts.worker().start()
        try:
            components = becomes(port, set(), 30)
            assert "C-ECHO" in components["dicom"]["detail"]
            parts.redis.kill()
            becomes(port, {"redis"})
            parts.redis.start()
            becomes(port, set())
            worker.kill()
            parts.age_heartbeat(60)
            components = becomes(port, {"worker"})
            assert "s old" in components["worker"]["detail"]
            assert dicom.terminate() == 0
            becomes(port, {"worker", "dicom"})
        finally:
            worker.kill()
            dicom.kill()
    with sqlite3.connect(parts.data / "journal.sqlite3") as journal:
        assert journal.execute("SELECT count(*) FROM dimse_association").fetchone() == (0,), "the check itself is not journalled"
    journal.close()


def test_a_dicom_port_that_takes_connections_and_says_nothing_is_no_healthy_one(parts: Parts) -> None:
    with socket.create_server(("127.0.0.1", parts.dicom_port)), parts.web() as port:
        _, body = ask(port)
        assert body["components"]["dicom"]["status"] == "failed"
        assert "answer" in body["components"]["dicom"]["detail"]


def test_a_database_that_is_away_is_named_without_its_password(parts: Parts) -> None:
    with parts.web(DATABASE_URL=f"postgres://ris:hush-hush@127.0.0.1:{free_port()}/ris") as port:
        status, body = ask(port)
        assert status == 503
        assert body["components"]["database"]["status"] == "failed"
        assert "hush-hush" not in json.dumps(body)


def test_who_is_on_this_machine_is_no_proxy_unless_it_is_named(parts: Parts) -> None:
    """What the web server itself would believe of a neighbour: by HTTPS, and under a prefix."""
    said = {"Host": "localhost", "X-Forwarded-Proto": "https", "SCRIPT_NAME": "/elsewhere"}
    production = {"RIS_HTTPS": "1", "RIS_SECRET_KEY": "k" * 60, "RIS_ALLOWED_HOSTS": "localhost,127.0.0.1"}
    for proxies, status in (("", 301), ("127.0.0.1", 200)):
        with parts.web(**production, RIS_TRUSTED_PROXIES=proxies) as port:
            connection = HTTPConnection("127.0.0.1", port, timeout=15)
            connection.request("GET", "/sign-in/", headers=said)
            answer = connection.getresponse()
            assert (answer.status, b"/elsewhere" in answer.read()) == (status, False)
            connection.close()
