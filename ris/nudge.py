"""A nudge to Celery after a row of an outbox was committed, from a thread of its own.

The caller never waits for Redis and never fails with it. A nudge that is lost costs a few seconds: the sweep finds the row.
Rows that come in quick succession share a nudge: to hand one over takes as long as half of an exam.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dimse.dispatch import without_values

CAPACITY = 1000
GATHERING = 0.1  # seconds after a nudge in which those that follow are gathered
PAUSE = 1.0  # seconds without an attempt after one that failed: the sweep works meanwhile
EXPIRES = 30  # seconds; a task that waited longer for a worker would find its row taken by the sweep

log = structlog.get_logger(__name__)


class Nudger:
    """A bounded queue and the daemon thread that empties it, started with the first nudge and again in a forked child."""

    def __init__(self, send: Callable[[int], None], sweep: Callable[[], None] | None = None, *, what: str) -> None:
        """`send` hands an id to the broker, `sweep` asks it for all that is due, when there are several. `what` they are, for the log.

        OperationalError, RedisError and OSError mean that it is away.
        """
        self._send = send
        self._sweep = sweep
        self._what = what
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._waiting: queue.Queue[int] = queue.Queue(CAPACITY)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def nudge(self, key: int) -> None:
        """Have a worker send it soon, if that can be arranged."""
        try:
            self._waiting.put_nowait(key)
        except queue.Full:
            log.warning(f"nudge dropped, the sweep will send the {self._what}", id=key, waiting=CAPACITY)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=f"{self._what} nudge", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            key = self._waiting.get()
            others = self._drain() if self._sweep else 0
            try:
                if self._sweep and others:
                    self._sweep()
                else:
                    self._send(key)
            except (OperationalError, RedisError, OSError) as error:
                dropped = 1 + others + self._drain()
                log.warning(f"nudges dropped, the sweep will send the {self._what}s", dropped=dropped, error=without_values(error))
                time.sleep(PAUSE)
            else:
                time.sleep(GATHERING)

    def _drain(self) -> int:
        """Take all that waits off the queue and return how many there were."""
        dropped = 0
        while True:
            try:
                self._waiting.get_nowait()
            except queue.Empty:
                return dropped
            dropped += 1


_is_left_to_the_sweep = ContextVar("is_left_to_the_sweep", default=False)


def is_left_to_the_sweep() -> bool:
    """Whether what is committed now waits for the next sweep."""
    return _is_left_to_the_sweep.get()


@contextmanager
def left_to_the_sweep() -> Iterator[None]:
    """What is committed in the block waits for the next sweep: for a load that runs before there is a broker."""
    token = _is_left_to_the_sweep.set(True)
    try:
        yield
    finally:
        _is_left_to_the_sweep.reset(token)
