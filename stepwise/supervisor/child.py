"""One process of the table, kept alive."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process as Running
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from stepwise.supervisor.errors import StartError
from stepwise.supervisor.guard import Guard
from stepwise.supervisor.output import LineSplitter, Output
from stepwise.supervisor.process import Process


@dataclass(frozen=True)
class Backoff:
    """Seconds before a process that died is started again: doubled each time, from the first again when it ran for `steady` seconds."""

    first: float = 1.0
    longest: float = 10.0
    steady: float = 30.0

    def after(self, previous: float | None, ran_for: float) -> float:
        if previous is None or ran_for >= self.steady:
            return self.first
        return min(previous * 2, self.longest)


class Child:
    """Runs a process in a group of its own and starts it again when it ends, until `stop()`."""

    def __init__(self, process: Process, env: Mapping[str, str], output: Output, guard: Guard, backoff: Backoff) -> None:
        self.process = process
        self._env = {**env, **process.env}
        self._output = output
        self._guard = guard
        self._backoff = backoff
        self._running: Running | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._first_end: str | None = None
        self._last_lines: deque[str] = deque(maxlen=3)
        self._is_silent = process.ready is not None

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Start, and wait until ready. Raises StartError when the process ends, or takes too long, before it is."""
        self._task = asyncio.create_task(self._keep())
        if self.process.ready is None:
            return
        deadline = asyncio.get_running_loop().time() + self.process.ready_within
        while not self.process.ready():
            if self._stopping.is_set():
                return
            if self._first_end is not None:
                raise StartError(f"{self.process.name} could not be started ({self._first_end}). {' '.join(self._last_lines)}".rstrip())
            if asyncio.get_running_loop().time() > deadline:
                raise StartError(f"{self.process.name} was started but did not answer within {self.process.ready_within:g} s.")
            await asyncio.sleep(0.05)
        self._is_silent = False

    async def stop(self, began: float) -> None:
        """SIGTERM, SIGKILL when its time is over; returns when nothing of the group is left. `began`: loop time of the whole stop."""
        self._stopping.set()
        if self._task is None:
            return
        self._signal(signal.SIGTERM)
        left = began + self.process.stop_by - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait([self._task], timeout=max(left, 0))
        if not done:
            self._output.say(f"{self.process.name} did not stop in time and is killed")
            self.kill()
        await self._task

    def kill(self) -> None:
        """SIGKILL to the whole group, at once."""
        self._stopping.set()
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                self._running.send_signal(number)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        delay: float | None = None
        while not self._stopping.is_set():
            started = loop.time()
            reason = await self._run_once()
            self._first_end = self._first_end or reason
            if self._stopping.is_set():
                return
            delay = self._backoff.after(delay, loop.time() - started)
            self._output.say(f"{self.process.name} died ({reason}); back in {delay:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _run_once(self) -> str:
        """Run until the process ends and return how, in words."""
        read_end, write_end = os.pipe()
        try:
            self._running = await asyncio.create_subprocess_exec(
                *self.process.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=self._env,
                pass_fds=self.process.fds,
                process_group=0,
            )
        except OSError as error:
            os.close(read_end)
            return f"{self.process.command[0]}: {error.strerror}"
        finally:
            os.close(write_end)
        group = self._running.pid
        self._guard.add(group)
        if self._stopping.is_set():  # asked to stop while it was being started
            self._signal(signal.SIGTERM)
        drained = self._print(read_end)
        code = await self._running.wait()
        with contextlib.suppress(ProcessLookupError):  # what it left behind in its group
            os.killpg(group, signal.SIGKILL)
        self._running = None
        self._guard.remove(group)
        with contextlib.suppress(TimeoutError):  # a process that left the group may hold the pipe
            await asyncio.wait_for(drained.wait(), 0.5)
        return _how(code)

    def _print(self, read_end: int) -> asyncio.Event:
        """Print what comes through the pipe; the event is set at its end."""
        loop = asyncio.get_running_loop()
        splitter = LineSplitter()
        drained = asyncio.Event()
        os.set_blocking(read_end, False)

        def show(lines: list[str]) -> None:
            for line in filter(str.strip, lines):
                self._last_lines.append(line)
                if not self._is_silent:
                    self._output.line(self.process.name, line)

        def on_readable() -> None:
            chunk = os.read(read_end, 65_536)
            if chunk:
                show(splitter.feed(chunk))
                return
            show(splitter.end())
            loop.remove_reader(read_end)
            os.close(read_end)
            drained.set()

        loop.add_reader(read_end, on_readable)
        return drained


def _how(code: int) -> str:
    """In words: `killed by signal 9`, `exit code 1`."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
