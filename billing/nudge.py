"""A nudge to Celery after a charge was committed, from a thread of its own.

The caller never waits for Redis and never fails with it. A nudge that is lost costs a few seconds: the sweep finds the charge.
Charges that come in quick succession share a nudge: to hand one over takes as long as half of an exam.
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

CAPACITY = 1000
GATHERING = 0.1  # seconds after a nudge in which those that follow are gathered
PAUSE = 1.0  # seconds without an attempt after one that failed: the sweep works meanwhile
EXPIRES = 30  # seconds; a task that waited longer for a worker would find the charge taken by the sweep

log = structlog.get_logger(__name__)


class Nudger:
    """A bounded queue and the daemon thread that empties it, started with the first nudge and again in a forked child."""

    def __init__(self, send: Callable[[int], None], sweep: Callable[[], None] | None = None) -> None:
        """`send` hands the id of a charge to the broker, `sweep` asks it for all that are due, when there are several.

        OperationalError, RedisError and OSError mean that it is away.
        """
        self._send = send
        self._sweep = sweep
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._waiting: queue.Queue[int] = queue.Queue(CAPACITY)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def nudge(self, charge_id: int) -> None:
        """Have a worker deliver the charge soon, if that can be arranged."""
        try:
            self._waiting.put_nowait(charge_id)
        except queue.Full:
            log.warning("nudge dropped, the sweep will send the charge", charge=charge_id, waiting=CAPACITY)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="charge nudge", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            charge_id = self._waiting.get()
            others = self._drain() if self._sweep else 0
            try:
                if self._sweep and others:
                    self._sweep()
                else:
                    self._send(charge_id)
            except (OperationalError, RedisError, OSError) as error:
                log.warning("nudges dropped, the sweep will send the charges", dropped=1 + others + self._drain(), error=str(error))
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


def _send(charge_id: int) -> None:
    # Imported here: tasks import the delivery, which imports the actions, which import this.
    from billing.tasks import deliver

    deliver.apply_async((charge_id,), expires=EXPIRES)


def _sweep() -> None:
    from billing.tasks import sweep

    sweep.apply_async(expires=EXPIRES)


_nudger = Nudger(_send, _sweep)
_is_left_to_the_sweep = ContextVar("is_left_to_the_sweep", default=False)


def nudge(charge_id: int) -> None:
    """Have a worker deliver the charge soon, if that can be arranged; never waits, never fails."""
    if not _is_left_to_the_sweep.get():
        _nudger.nudge(charge_id)


@contextmanager
def left_to_the_sweep() -> Iterator[None]:
    """Charges committed in the block wait for the next sweep: for a load that runs before there is a broker."""
    token = _is_left_to_the_sweep.set(True)
    try:
        yield
    finally:
        _is_left_to_the_sweep.reset(token)
