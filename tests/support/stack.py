"""The whole product, started as `manage.py simulate` starts it: real processes on free ports, with data of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil

from billing.charge_processor.ledger import Ledger
from tests.support.daytime import zone
from tests.support.ports import free_port
from tests.support.prepared import DEMO_PASSWORD
from tests.support.supervised import command_line
from tests.support.wait import patience, wait_until

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "test-token-of-the-whole-stack"


@dataclass
class Stack:
    """A running Stepwise and the ways in: REST, commands, its processes, the charge processor's ledger."""

    data_dir: Path
    environment: dict[str, str]
    http_port: int
    dicom_port: int
    supervisor: subprocess.Popen[bytes] = field(init=False)

    @property
    def log(self) -> Path:
        return self.data_dir / "simulate.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.supervisor = subprocess.Popen(
                [sys.executable, "manage.py", "simulate"], cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until(self._is_healthy, 150, "healthz answers 200", interval=0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}; its log:\n{self.log.read_text()[-3000:]}") from error

    def _is_healthy(self) -> bool:
        if self.supervisor.poll() is not None:
            raise AssertionError(f"simulate ended with {self.supervisor.returncode}:\n{self.log.read_text()[-5000:]}")
        try:
            return self.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.supervisor.send_signal(signal.SIGINT)
        self.supervisor.wait(patience(15))

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status and decoded body of a REST call."""
        call = Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urlopen(call, timeout=patience(20)) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> Any:
        status, body = self.request("GET", path)
        if status != 200:
            raise AssertionError(f"GET {path} answered {status}: {body}")
        return body

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        status, answer = self.request("POST", path, body or {})
        if status not in (200, 201):
            raise AssertionError(f"POST {path} answered {status}: {answer}")
        return answer

    def manage(self, *arguments: str, check: bool = True) -> str:
        """Output of a management command against the running stack."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=patience(60)
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def process(self, *words: str) -> psutil.Process:
        """The child of the supervisor whose command line holds all the words."""

        def find() -> psutil.Process | None:
            for child in psutil.Process(self.supervisor.pid).children():
                if all(word in command_line(child) for word in words):
                    return child
            return None

        return wait_until(find, 15, f"a process {words} runs")

    def kill(self, *words: str) -> None:
        """kill -9 of one of the stack's own processes."""
        self.process(*words).kill()

    @contextmanager
    def without(self, *words: str) -> Iterator[int]:
        """While the block runs one of the stack's own processes is dead and nobody starts it again; yields its pid."""
        victim = self.process(*words)
        self.supervisor.send_signal(signal.SIGSTOP)
        try:
            members = [victim, *victim.children(recursive=True)]
            for member in members:
                member.kill()
            wait_until(lambda: all(_is_dead(member) for member in members), 10, f"{words} is dead")
            yield victim.pid
        finally:
            self.supervisor.send_signal(signal.SIGCONT)

    def ledger(self) -> Ledger:
        return Ledger(self.data_dir / "ledger.sqlite3")


def _is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def running_stack(data_dir: Path, **environment: str) -> Iterator[Stack]:
    """Start the demo hospital in `data_dir`, for the first time or on what is there.

    Everything is stopped at the end, whatever happened.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    http, dicom = free_port(), free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RIS_", "DATABASE_URL", "REDIS_URL", "DJANGO_"))}
    stack = Stack(
        data_dir,
        inherited
        | {
            "RIS_DATA_DIR": str(data_dir),
            "RIS_HTTP_PORT": str(http),
            "RIS_DICOM_PORT": str(dicom),
            "RIS_DEMO": "1",
            "RIS_DEMO_PASSWORD": DEMO_PASSWORD,
            "RIS_API_TOKEN": TOKEN,
            "RIS_TIME_ZONE": zone().key,
        }
        | environment,
        http,
        dicom,
    )
    try:
        stack.start()
        yield stack
    finally:
        if stack.supervisor.poll() is None:
            stack.stop()
