"""The day goes by: each deed is done by who does it when the site's clock comes to it, and the clock waits for what is not done.

The desk and each console do one deed after the other, in order of time; a story's deeds keep their order. Of all deeds that are left the
earliest can therefore always be done.
"""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event
from typing import Protocol

from django.db import DatabaseError, connections

from ris.errors import RisError
from training.day.fleet import Running
from training.day.pace import Pace
from training.day.story import DESK, Deed, Plan
from training.errors import ModalityError, NoAnswer

_AT_ONCE = 6  # consoles that talk at the same moment
_PATIENCE, _PAUSE = 120, 0.5  # how often, and how many seconds after another, a message without answer is repeated

Progress = Callable[[int, int], None]
"""Told how many stories are over, and of how many."""


class Doer(Protocol):
    """The desk or a console."""

    def do(self, running: Running, deed: Deed) -> None: ...


class Heeding(Protocol):
    """`ris.console.Asked`."""

    def heed(self) -> None: ...


@dataclass(frozen=True)
class _Due:
    """The deed number `number` of a story."""

    running: Running
    deed: Deed
    number: int


class Play:
    """Plays a plan. `stories` is how far each has come; it stays readable when the play is broken off."""

    def __init__(self, plan: Plan, doers: Mapping[str, Doer], pace: Pace) -> None:
        self.stories = [Running(story) for story in plan.stories]
        self.repeated = 0
        self._doers = doers
        self._pace = pace
        self._queues: dict[str, deque[_Due]] = {who: deque() for who in doers}
        self._busy: dict[str, _Due] = {}
        self._done: SimpleQueue[tuple[_Due, str]] = SimpleQueue()
        self._stopping = Event()
        running = {one.story.number: one for one in self.stories}
        numbers: dict[int, int] = {}
        for story, deed in plan.deeds():
            number = numbers[story.number] = numbers.get(story.number, -1) + 1
            self._queues[deed.who].append(_Due(running[story.number], deed, number))

    def run(self, asked: Heeding, progress: Progress) -> None:
        """Until all is done. What `asked` raises breaks it off when what was begun is over. Raises Conflict when the clock was lost."""
        try:
            self._play(asked, progress)
        finally:
            while not self._done.empty():  # what was still at it when the play was broken off, and is over now
                self._note(*self._done.get())

    def _play(self, asked: Heeding, progress: Progress) -> None:
        with ThreadPoolExecutor(_AT_ONCE, "console") as consoles, ThreadPoolExecutor(1, "desk") as desk:
            try:
                while any(self._queues.values()) or self._busy:
                    asked.heed()
                    self._set_going(consoles, desk)
                    self._pace.keep(self._undone())
                    self._hear(self._wait())
                    progress(sum(one.is_over for one in self.stories), len(self.stories))
            finally:
                self._stopping.set()
                desk.submit(connections.close_all)

    def _set_going(self, consoles: ThreadPoolExecutor, desk: ThreadPoolExecutor) -> None:
        now = self._pace.now()
        for who, queue in self._queues.items():
            while queue and queue[0].running.failed:
                queue.popleft()
            if who in self._busy or not queue or queue[0].deed.at > now or queue[0].running.done != queue[0].number:
                continue
            due = self._busy[who] = queue.popleft()
            (desk if who == DESK else consoles).submit(self._do, due)

    def _undone(self) -> datetime | None:
        """The earliest moment whose deeds are due and not done."""
        waiting = [queue[0].deed.at for queue in self._queues.values() if queue]
        return min([*waiting, *(due.deed.at for due in self._busy.values())], default=None)

    def _wait(self) -> float:
        """Seconds until something is due, or the clock is to be kept going."""
        free = [queue[0].deed.at for who, queue in self._queues.items() if queue and who not in self._busy]
        return min(self._pace.tick, *(max(self._pace.seconds_until(at), 0.001) for at in free)) if free else self._pace.tick

    def _hear(self, seconds: float) -> None:
        try:
            self._note(*self._done.get(timeout=seconds))
            while True:
                self._note(*self._done.get_nowait())
        except Empty:
            return

    def _note(self, due: _Due, failure: str) -> None:
        self._busy.pop(due.deed.who, None)
        if failure:
            due.running.failed = f"{due.deed.what}: {failure}"
        else:
            due.running.done += 1

    def _do(self, due: _Due) -> None:
        """In a thread of the pool: whatever goes wrong is the story's failure."""
        try:
            failure = self._tried(due)
        except Exception as error:  # noqa: BLE001  (told as the story's failure)
            failure = f"{type(error).__name__}: {error}"
        self._done.put((due, failure))

    def _tried(self, due: _Due) -> str:
        """Why it could not be done. A message that had no answer is repeated for a while: the other side may be starting again."""
        for _ in range(_PATIENCE):
            try:
                self._doers[due.deed.who].do(due.running, due.deed)
            except NoAnswer as error:
                last = str(error)
                self.repeated += 1
                if self._stopping.wait(_PAUSE):
                    break
            except (ModalityError, RisError, DatabaseError) as error:
                return str(error)
            else:
                return ""
        return last
