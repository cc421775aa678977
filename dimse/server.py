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

from dimse import listener, policy, services, statuses, tls
from dimse.connection import Connection, Limits
from dimse.dispatch import without_values
from dimse.entries import Journal, NoJournal
from dimse.interference import Interference
from dimse.listener import Handshake, Listener
from dimse.policy import Policy, UserIdentities
from dimse.reception import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, Reception
from dimse.services import Answer, Request, Service, Verb
from dimse.tls import TlsSettings
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
    `user_identities` tells what becomes of a request that offers one. `interference` is what may be done to messages on purpose.
    """

    ae_title: str = "STEPWISE"
    bind: str = "127.0.0.1"
    port: int = 11112
    inherited_fd: int | None = None
    policy: Policy = policy.accept_all
    interference: Interference | None = None
    max_associations: int = 1000
    max_per_caller: int | None = None
    user_identities: UserIdentities = UserIdentities.IGNORE
    max_pdu: int = 2**17
    max_message: int = 2**24
    arrival_timeout: float = 30.0
    idle_timeout: float = 900.0
    io_timeout: float = 60.0
    worker_threads: int = 8
    uid_root: str = UUID_ROOT
    tls: TlsSettings | None = None

    @property
    def limits(self) -> Limits:
        """What a connection has to know of them."""
        return Limits(
            max_pdu=self.max_pdu,
            max_message=self.max_message,
            arrival_timeout=self.arrival_timeout,
            idle_timeout=self.idle_timeout,
            io_timeout=self.io_timeout,
        )


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
        self._listeners: list[Listener] = []  # the plain one, and the one for TLS when there is one
        self._reception: Reception | None = None
        self._workers = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="dimse-worker")

    @property
    def is_listening(self) -> bool:
        return bool(self._listeners)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if not self._listeners:
            raise RuntimeError("the server is not started")
        return self._listeners[0].port

    @property
    def tls_port(self) -> int | None:
        """The port for TLS, when there is one."""
        return self._listeners[1].port if len(self._listeners) > 1 else None

    @property
    def associations(self) -> int:
        """How many associations are accepted at this moment."""
        return self._reception.admitted if self._reception else 0

    @property
    def connections(self) -> int:
        """How many transport connections are open at this moment, with an association or without."""
        return len(self._reception.connections) if self._reception else 0

    def start(self) -> None:
        """Listen and accept, in a thread of its own. Raises CannotListen, BadTlsSettings."""
        raise_file_limit()
        settings = self.settings
        context = tls.context(settings.tls) if settings.tls else None
        listening = self._bound()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_on_loop_error)
        reception = self._reception = self._receiving()
        protocol = partial(Connection, reception, self._loop, settings.limits)
        self._listeners = [Listener(listening[0], self._loop, protocol)]
        if settings.tls is not None and context is not None:
            handshake = Handshake(context, settings.tls.handshake_timeout, reception.not_secured)
            self._listeners.append(Listener(listening[1], self._loop, protocol, handshake))
        for each in self._listeners:
            self._loop.call_soon(each.open)
        self._thread = threading.Thread(target=_run, args=[self._loop], name="dimse-network", daemon=True)
        self._thread.start()
        ports = ", with TLS on ".join(str(each.port) for each in self._listeners)
        logger.info("DICOM server %s listens on port %s", settings.ae_title, ports)

    def _receiving(self) -> Reception:
        return Reception(
            self._loop,
            self._workers,
            self._services,
            self._journal,
            decide=self.settings.policy,
            interference=self.settings.interference,
            max_associations=self.settings.max_associations,
            max_per_caller=self.settings.max_per_caller,
            user_identities=self.settings.user_identities,
            max_pdu=self.settings.max_pdu,
            uid_root=self.settings.uid_root,
        )

    def serve_until(self, stop: threading.Event, grace: float = 8.0) -> None:
        """Serve until `stop` is set, then stop within `grace` seconds."""
        self.start()
        try:
            stop.wait()
        finally:
            self.stop(grace)

    def stop(self, grace: float = 8.0) -> None:
        """Accept no more, let what is being answered finish, release the associations; abort what is left after `grace` seconds."""
        if not self._listeners or self._reception is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(self._listeners, self._reception, grace), self._loop).result()
        self._listeners = []
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _close(self, listeners: Iterable[Listener], reception: Reception, grace: float) -> None:
        for each in listeners:
            await each.close()
        await reception.close(self._loop.time() + grace)

    def _bound(self) -> list[socket.socket]:
        """The listening sockets: the plain one, and that for TLS."""
        settings = self.settings
        wanted = [(settings.inherited_fd, settings.port), *([(settings.tls.inherited_fd, settings.tls.port)] if settings.tls else [])]
        found: list[socket.socket] = []
        for inherited_fd, port in wanted:
            try:
                found.append(listener.bound(settings.bind, port) if inherited_fd is None else listener.inherited(inherited_fd))
            except OSError as error:
                for each in found:
                    each.close()
                where = f"{settings.bind}:{port}" if inherited_fd is None else f"inherited socket {inherited_fd}"
                raise CannotListen(f"The DICOM server cannot listen on {where}: {error.strerror or error}.") from error
        return found


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
