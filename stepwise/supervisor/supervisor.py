"""Starts the processes of a table in order, keeps them alive, and stops them in order."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import groupby
from typing import Any

from stepwise.supervisor.child import Backoff, Child
from stepwise.supervisor.guard import Guard
from stepwise.supervisor.output import Output
from stepwise.supervisor.process import Process
from stepwise.supervisor.reaper import MARK

INTERRUPTED = 130  # exit code after a second Ctrl-C, as a shell reports SIGINT


class Supervisor:
    """Runs a process table in the foreground until SIGINT, SIGTERM or SIGHUP; a second SIGINT kills everything at once.

    `env` is the environment of all processes, `when_started` is awaited beside them once all are started (the banner), and `keep_open`
    are descriptors that stay open until the last process has ended, even when the supervisor itself is killed.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        output: Output,
        *,
        env: Mapping[str, str] | None = None,
        when_started: Callable[[], Coroutine[Any, Any, None]] | None = None,
        keep_open: tuple[int, ...] = (),
        backoff: Backoff | None = None,
    ) -> None:
        self._processes = processes
        self._output = output
        self._env = dict(os.environ if env is None else env)
        self._when_started = when_started
        self._keep_open = keep_open
        self._backoff = backoff or Backoff()
        self._children: list[Child] = []
        self._interrupts = 0

    def run(self) -> int:
        """Return the exit code once nothing is left. Raises StartError when a process that others wait for does not start."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        self._stop = asyncio.Event()
        self._listen_for_signals()
        guard = Guard(self._keep_open)
        await guard.start()
        env = {**self._env, MARK: guard.mark}
        self._children = [Child(process, env, self._output, guard, self._backoff) for process in self._processes]
        work = asyncio.create_task(self._start())
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()  # raises what kept it from starting
                await stop
        finally:
            work.cancel()
            stop.cancel()
            await asyncio.wait([work, stop])
            await self._end()
            await guard.stop()
        return INTERRUPTED if self._interrupts > 1 else 0

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started with nohup
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if number == signal.SIGINT:
            self._interrupts += 1
        if not self._stop.is_set():
            self._output.say("stopping …" if number != signal.SIGINT else "stopping … (Ctrl-C again kills everything at once)")
            self._stop.set()
        elif self._interrupts > 1:
            for child in self._children:
                child.kill()

    async def _start(self) -> None:
        """Start all, then watch the terminal: nobody reading any more means stop."""
        for child in self._children:
            await child.start()
        if self._when_started is not None:
            await self._when_started()
        while not self._output.broken:
            await asyncio.sleep(1)
        self._stop.set()

    async def _end(self) -> None:
        began = asyncio.get_running_loop().time()
        running = sorted((child for child in self._children if child.alive), key=lambda child: child.process.stop_rank)
        for _, rank in groupby(running, key=lambda child: child.process.stop_rank):
            await asyncio.gather(*(child.stop(began) for child in rank))
        if running:
            self._output.say("stopped")
