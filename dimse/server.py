"""The DICOM server of one process: associations under a policy, services with handlers, a journal, an orderly stop."""

import asyncio
import logging
import resource
import socket
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from dimse import listener, policy, services, statuses
from dimse.connection import Connection, Limits
from dimse.dispatch import without_values
from dimse.entries import Journal, NoJournal
from dimse.listener import Listener
from dimse.policy import Policy
from dimse.reception import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, Reception
from dimse.services import Answer, Request, Service, Verb
from dimse.uids import UUID_ROOT

__all__ = ["IMPLEMENTATION_CLASS_UID", "IMPLEMENTATION_VERSION_NAME", "CannotListen", "DicomServer", "ServerSettings"]

logger = logging.getLogger(__name__)

_MOST_FILES = 65_536


class CannotListen(Exception):
    """The address cannot be had; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How the server listens and what it tolerates; times in seconds, sizes in bytes.

    `inherited_fd` is a listening socket bound by another process; then `bind` and `port` are not used. `arrival_timeout` bounds the
    wait for an association request (ARTIM), `idle_timeout` the silence within an association, `io_timeout` the time a peer takes for one
    PDU or one message, and for reading what was sent to it. `max_pdu` is what we announce; a longer PDU is refused, and so is a message
    longer than `max_message`. `max_per_caller` limits the associations of one calling AE title.
    """

    ae_title: str = "STEPWISE"
    bind: str = "127.0.0.1"
    port: int = 11112
    inherited_fd: int | None = None
    policy: Policy = policy.accept_all
    max_associations: int = 1000
    max_per_caller: int | None = None
    max_pdu: int = 2**17
    max_message: int = 2**24
    arrival_timeout: float = 30.0
    idle_timeout: float = 900.0
    io_timeout: float = 60.0
    worker_threads: int = 8
    uid_root: str = UUID_ROOT


def echo(request: Request) -> Answer:
    """C-ECHO (PS3.4 A): whoever asks is answered."""
    return statuses.SUCCESS, None


VERIFICATION_SERVICE: Final = Service(services.VERIFICATION, "Verification", {Verb.C_ECHO: echo})


class DicomServer:
    """Serves `offered` services and Verification until it is stopped: one thread for the network, `worker_threads` for the work."""

    def __init__(self, offered: Iterable[Service], settings: ServerSettings, journal: Journal | None = None) -> None:
        self.settings = settings
        self._services = {service.sop_class_uid: service for service in (VERIFICATION_SERVICE, *offered)}
        self._journal = journal or NoJournal()
        self._listener: Listener | None = None
        self._reception: Reception | None = None
        self._workers = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="dimse-worker")

    @property
    def is_listening(self) -> bool:
        return self._listener is not None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._listener is None:
            raise RuntimeError("the server is not started")
        return self._listener.port

    @property
    def associations(self) -> int:
        """How many associations are accepted at this moment."""
        return self._reception.admitted if self._reception else 0

    @property
    def connections(self) -> int:
        """How many transport connections are open at this moment, with an association or without."""
        return len(self._reception.connections) if self._reception else 0

    def start(self) -> None:
        """Listen and accept, in a thread of its own. Raises CannotListen."""
        raise_file_limit()
        listening = self._bound()
        settings, self._loop = self.settings, asyncio.new_event_loop()
        self._loop.set_exception_handler(_on_loop_error)
        self._reception = Reception(
            self._loop,
            self._workers,
            self._services,
            self._journal,
            decide=settings.policy,
            max_associations=settings.max_associations,
            max_per_caller=settings.max_per_caller,
            max_pdu=settings.max_pdu,
            uid_root=settings.uid_root,
        )
        limits = Limits(
            max_pdu=settings.max_pdu,
            max_message=settings.max_message,
            arrival_timeout=settings.arrival_timeout,
            idle_timeout=settings.idle_timeout,
            io_timeout=settings.io_timeout,
        )
        self._listener = Listener(listening, self._loop, partial(Connection, self._reception, self._loop, limits))
        self._loop.call_soon(self._listener.open)
        self._thread = threading.Thread(target=_run, args=[self._loop], name="dimse-network", daemon=True)
        self._thread.start()
        logger.info("DICOM server %s listens on port %d", settings.ae_title, self.port)

    def serve_until(self, stop: threading.Event, grace: float = 8.0) -> None:
        """Serve until `stop` is set, then stop within `grace` seconds."""
        self.start()
        try:
            stop.wait()
        finally:
            self.stop(grace)

    def stop(self, grace: float = 8.0) -> None:
        """Accept no more, let what is being answered finish, release the associations; abort what is left after `grace` seconds."""
        if self._listener is None or self._reception is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(self._listener, self._reception, grace), self._loop).result()
        self._listener = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _close(self, listener: Listener, reception: Reception, grace: float) -> None:
        listener.close()
        await reception.close(self._loop.time() + grace)

    def _bound(self) -> socket.socket:
        settings = self.settings
        try:
            if settings.inherited_fd is not None:
                return listener.inherited(settings.inherited_fd)
            return listener.bound(settings.bind, settings.port)
        except OSError as error:
            where = f"inherited socket {settings.inherited_fd}" if settings.inherited_fd is not None else f"{settings.bind}:{settings.port}"
            raise CannotListen(f"The DICOM server cannot listen on {where}: {error.strerror or error}.") from error


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught on the loop is logged without the values that it was about."""
    error = context.get("exception")
    logger.error("On the network's thread: %s", without_values(error) if error else context["message"])


def raise_file_limit() -> None:
    """Each association is a file descriptor: raise the soft limit to the hard one, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
