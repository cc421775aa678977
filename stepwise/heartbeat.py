"""The worker's sign of life: a row in the database, written from a thread of its own so that a busy worker does not miss it."""

import threading

import structlog

from dimse.dispatch import without_values

INTERVAL = 5.0  # seconds between two beats

log = structlog.get_logger(__name__)


class WorkerHeartbeat:
    """Beats as process `worker` from `start()` until `stop()`. A beat that fails is logged and the next one tried."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=1)
            self._thread = None

    def _run(self) -> None:
        # Imported here: Celery's application is loaded with the package, before Django's models can be.
        from django.db import DatabaseError, connections

        from ris.actions.operations import beat

        while True:
            try:
                beat(process="worker")
            except DatabaseError as error:
                log.warning("the worker's heartbeat could not be written", error=without_values(error))
            finally:
                connections.close_all()  # back to the pool; and after a restart of the database the next beat connects anew
            if self._stopped.wait(self._interval):
                return
