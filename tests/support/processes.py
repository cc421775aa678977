"""Real processes for tests: started with an environment of their own, watched through their output, ended by their process ID."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.wait import patience, wait_until

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A child in a process group of its own; `with` starts it and leaves nothing of it behind. `fds`: descriptors that it inherits."""

    def __init__(self, arguments: list[str], log: Path, env: Mapping[str, str] | None = None, fds: tuple[int, ...] = ()) -> None:
        self.arguments = arguments
        self.fds = fds
        self.log = log
        self.env = os.environ | {"PYTHONUNBUFFERED": "1"} | dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def manage(cls, *arguments: str, log: Path, env: Mapping[str, str] | None = None, fds: tuple[int, ...] = ()) -> Self:
        """`manage.py` with these arguments."""
        return cls([sys.executable, str(ROOT / "manage.py"), *arguments], log, env, fds)

    @classmethod
    def celery(cls, *arguments: str, log: Path, env: Mapping[str, str] | None = None) -> Self:
        """`celery -A stepwise` with these arguments."""
        return cls([sys.executable, "-m", "celery", "-A", "stepwise", *arguments], log, env)

    def start(self) -> Self:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.arguments,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=self.fds,
            )
        return self

    def wait_for(self, text: str, timeout: float = 20) -> str:
        """Wait until the output holds the text and return the output; fail with the output when the process ends before."""

        def said() -> str:
            output = self.output()
            if text in output:
                return output
            assert self.alive, f"{self.arguments} ended with {self.returncode} before it said {text!r}:\n{output}"
            return ""

        return wait_until(said, timeout, f"{self.arguments} says {text!r}")

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self._process.poll() if self._process else None

    def wait(self, timeout: float = 20) -> int:
        """Exit code of a process that ends by itself."""
        assert self._process is not None, "not started"
        return self._process.wait(patience(timeout))

    def terminate(self, timeout: float = 15) -> int:
        """SIGTERM and the exit code; killed when it does not end in time."""
        assert self._process is not None, "not started"
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(patience(timeout))
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self._process.wait()

    def kill(self) -> None:
        """SIGKILL for the process and its whole group."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.poll()
        self._process.wait()

    def __enter__(self) -> Self:
        return self if self._process else self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
