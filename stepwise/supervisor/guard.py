"""The supervisor's side of the reaper."""

import asyncio
import os
import sys
import uuid
from asyncio.subprocess import Process as Running

from stepwise.supervisor import reaper


class Guard:
    """Keeps a reaper that knows every process group alive at this moment.

    `keep_open` are descriptors that the reaper holds until it is done: with the lock of the data directory among them, no other simulator
    starts there while the leftovers of a killed one still run. A reaper that is killed is replaced.
    """

    def __init__(self, keep_open: tuple[int, ...] = ()) -> None:
        self.mark = uuid.uuid4().hex
        self._keep_open = keep_open
        self._groups: set[int] = set()
        self._pipe = -1
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        reaper_process = await self._spawn()
        self._watcher = asyncio.create_task(self._watch(reaper_process))

    async def stop(self) -> None:
        """Let the reaper end whatever is left, and wait until it has."""
        os.close(self._pipe)
        self._pipe = -1
        if self._watcher is not None:
            await self._watcher

    def add(self, group: int) -> None:
        self._groups.add(group)
        self._write(f"+{group}")

    def remove(self, group: int) -> None:
        self._groups.discard(group)
        self._write(f"-{group}")

    async def _spawn(self) -> Running:
        read_end, write_end = os.pipe()
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-IS", reaper.__file__, self.mark),
            stdin=read_end,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=self._keep_open,
            start_new_session=True,
        )
        os.close(read_end)
        self._pipe = write_end
        for group in self._groups:
            self._write(f"+{group}")
        return started

    async def _watch(self, running: Running) -> None:
        while True:
            await running.wait()
            if self._pipe == -1:
                return
            os.close(self._pipe)
            running = await self._spawn()

    def _write(self, word: str) -> None:
        try:
            os.write(self._pipe, f"{word}\n".encode())
        except BrokenPipeError:  # the reaper was killed: `_watch` starts another, which is told all groups
            return
