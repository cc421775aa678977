"""Parts of the product ended with kill -9, one after the other by chance, as long as exams go on."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import psutil

from tests.support.stack import Stack
from tests.support.supervised import command_line
from tests.support.wait import patience

_PARTS: Mapping[str, tuple[str, ...]] = {
    "worker": ("celery", " worker"),
    "beat": ("celery", " beat"),
    "Redis": ("redis-server",),
    "dicom process": ("manage.py", " dicom"),
    "charge processor": ("charge_processor",),
}


@dataclass
class Killer:
    """`gap`: mean seconds between two kills, more on a busy machine, where a part needs longer to be back.

    `database`: processes of a database server, of which one is killed in its turn.
    """

    stack: Stack
    seed: int
    gap: float
    database: Callable[[], Sequence[psutil.Process]] | None = None
    killed: Counter[str] = field(default_factory=Counter)
    _thread: threading.Thread | None = None

    def start(self, over: threading.Event) -> None:
        self._thread = threading.Thread(target=self._work, args=(over,))
        self._thread.start()

    def join(self) -> None:
        if self._thread:
            self._thread.join()

    def _work(self, over: threading.Event) -> None:
        """Every part once, in an order by chance, then again, until the exams are over and each was killed."""
        chance, left, parts = Random(self.seed), list[str](), [*_PARTS, *(["database"] if self.database else [])]
        while not over.wait(patience(chance.uniform(0.5, 1.5) * self.gap)) or len(self.killed) < len(parts):
            if not left:
                left = chance.sample(parts, len(parts))
            part = left.pop()
            victims = self.database() if part == "database" and self.database else self._processes(_PARTS.get(part, ()))
            if victims:
                chance.choice(victims).kill()
                self.killed[part] += 1

    def _processes(self, words: Sequence[str]) -> list[psutil.Process]:
        """None while the part is not back from the last time."""
        children = psutil.Process(self.stack.supervisor.pid).children()
        return [child for child in children if all(word in command_line(child) for word in words)]


def sessions_of(postmaster: int) -> list[psutil.Process]:
    """The client sessions of a PostgreSQL server. When one is killed the server ends all of them and recovers from its log."""
    return [child for child in psutil.Process(postmaster).children() if "[local]" in command_line(child)]
