"""The DICOM server of one process: associations under a policy, services with handlers, a journal, an orderly stop."""

import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from socketserver import BaseServer
from typing import Final

from django.db import close_old_connections
from pydicom.uid import UID
from pynetdicom.ae import ApplicationEntity
from pynetdicom.presentation import build_context

from dimse import policy, services, statuses
from dimse.dispatch import Channel, Dispatcher, Message, without_values
from dimse.engine import ServedAssociation
from dimse.entries import HEALTH_AE_TITLE, AssociationEnded, AssociationStarted, Journal, NoJournal, now
from dimse.listener import Listener, listen
from dimse.policy import Accept, Policy, Reject
from dimse.services import Answer, AssociationInfo, Request, Service, Verb
from dimse.uids import UUID_ROOT

logger = logging.getLogger(__name__)

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS_UID: Final = "2.25.180962107405218716531823943118713622345"
IMPLEMENTATION_VERSION_NAME: Final = "STEPWISE_1"
_MOST_FILES = 65_536
_MOST_NAMED = 2  # refused presentation contexts that a note names
_STOPPERS = 32  # threads that release associations at the stop
_STOP_POLL = 0.1  # seconds until the accepting thread notices a stop
_FAREWELL = 0.1  # seconds for a peer that got its answer to release by itself
_RELEASE_TIMEOUT = 1.0  # seconds a peer has to confirm our A-RELEASE-RQ


class CannotListen(Exception):
    """The address cannot be had; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How the server listens and what it tolerates; times in seconds, sizes in bytes.

    `inherited_fd` is a listening socket bound by another process; then `bind` and `port` are not used. `arrival_timeout` bounds the
    wait for an association request (ARTIM), `idle_timeout` the silence within an association, `io_timeout` one read or write.
    """

    ae_title: str = "STEPWISE"
    bind: str = "127.0.0.1"
    port: int = 11112
    inherited_fd: int | None = None
    policy: Policy = policy.accept_all
    max_associations: int = 1000
    max_pdu: int = 2**17
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
    """Serves `offered` services and Verification until it is stopped."""

    def __init__(self, offered: Iterable[Service], settings: ServerSettings, journal: Journal | None = None) -> None:
        self.settings = settings
        self._services = {service.sop_class_uid: service for service in (VERIFICATION_SERVICE, *offered)}
        self._journal = journal or NoJournal()
        self._dispatcher = Dispatcher(self._services, settings.uid_root)
        self._listener: Listener | None = None
        self._accepting: threading.Thread | None = None
        self._workers = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="dimse-worker")
        self._lock = threading.Lock()
        self._connections: set[ServedAssociation] = set()
        self._admitted = 0

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._listener is None:
            raise RuntimeError("the server is not started")
        return int(self._listener.server_address[1])

    @property
    def associations(self) -> int:
        """How many associations are accepted at this moment."""
        return self._admitted

    def start(self) -> None:
        """Listen and accept, in a thread of its own. Raises CannotListen."""
        raise_file_limit()
        self._listener = self._listen()
        self._accepting = threading.Thread(target=self._listener.serve_forever, args=[_STOP_POLL], name="dimse-accept", daemon=True)
        self._accepting.start()
        logger.info("DICOM server %s listens on port %d", self.settings.ae_title, self.port)

    def serve_until(self, stop: threading.Event, grace: float = 8.0) -> None:
        """Serve until `stop` is set, then stop within `grace` seconds."""
        self.start()
        try:
            stop.wait()
        finally:
            self.stop(grace)

    def stop(self, grace: float = 8.0) -> None:
        """Accept no more, let what is being answered finish, release the associations; abort what is left after `grace` seconds."""
        if self._listener is None:
            return
        deadline = time.monotonic() + grace
        BaseServer.shutdown(self._listener)
        self._listener.server_close()
        self._listener = None
        with self._lock:
            left = list(self._connections)
        with ThreadPoolExecutor(_STOPPERS, thread_name_prefix="dimse-stop") as stoppers:
            for association in left:
                stoppers.submit(_wind_down, association, deadline)
        self._workers.shutdown(wait=False, cancel_futures=True)

    # --- What associations ask of their server (engine.Host) ------------------------------------------------------

    def connected(self, association: ServedAssociation) -> None:
        with self._lock:
            self._connections.add(association)

    def admit(self, association: ServedAssociation) -> Reject | None:
        """None when the association is welcome, else why not; never raises, for pynetdicom would then accept."""
        verdict = self._verdict(association)
        if verdict is not None:
            words = policy.reason_in_words(verdict.source, verdict.reason)
            logger.warning(
                "Association from %r at %s refused: %s", association.info.calling_ae_title, association.info.address, verdict.why
            )
            rejection = f"{words} ({verdict.result}/{verdict.source}/{verdict.reason}): {verdict.why}"
            self._journal_start(association, rejection)
        return verdict

    def established(self, association: ServedAssociation) -> None:
        if association.journalled:
            note = _why_nothing_can_be_asked(association.negotiated)
            if note:
                logger.warning("Association from %r at %s: %s", association.info.calling_ae_title, association.info.address, note)
            self._journal_start(association, note=note)

    def serve(self, association: ServedAssociation, message: Message, channel: Channel) -> None:
        journal = self._journal if association.journalled else NoJournal()
        self._workers.submit(self._work, message, channel, journal).result()

    def ended(self, association: ServedAssociation) -> None:
        with self._lock:
            self._connections.discard(association)
            self._admitted -= association.admitted
        note = association.note
        if note:
            logger.warning("Connection from %s: %s", association.info.address, note)
        if not association.was_requested and note:
            self._journal.put(AssociationStarted(association.info, now(), implementation="", note=note))
        if association.journalled and (association.admitted or (note and not association.was_requested)):
            self._journal.put(AssociationEnded(association.info.id, now(), association.ending, note))

    # --- Inside ---------------------------------------------------------------------------------------------------

    def _listen(self) -> Listener:
        settings = self.settings
        ae = ApplicationEntity(settings.ae_title)
        ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        ae.maximum_pdu_size = settings.max_pdu
        ae.maximum_associations = 2**31  # counted here, where the refusal is journalled
        ae.acse_timeout = settings.arrival_timeout
        ae.network_timeout = settings.idle_timeout
        for service in self._services.values():
            ae.add_supported_context(service.sop_class_uid, list(service.transfer_syntaxes))
        address = (settings.bind, settings.port)
        try:
            if settings.inherited_fd is not None:
                with socket.socket(fileno=os.dup(settings.inherited_fd)) as inherited:
                    address = inherited.getsockname()
            return listen(ae, address, self, settings.inherited_fd, settings.io_timeout)
        except OSError as error:
            where = f"inherited socket {settings.inherited_fd}" if settings.inherited_fd is not None else f"{settings.bind}:{settings.port}"
            raise CannotListen(f"The DICOM server cannot listen on {where}: {error.strerror or error}.") from error

    def _verdict(self, association: ServedAssociation) -> Reject | None:
        info, settings = association.info, self.settings
        if association.application_context != APPLICATION_CONTEXT:
            return policy.application_context_unknown(association.application_context)
        if info.calling_ae_title == HEALTH_AE_TITLE:
            association.journalled = False
            association.acceptor.supported_contexts = [build_context(services.VERIFICATION, list(services.TRANSFER_SYNTAXES))]
        else:
            try:
                verdict = self._workers.submit(self._decide, info).result()
            except Exception as error:  # noqa: BLE001  (a policy that cannot decide lets nobody in)
                logger.error("The association policy failed: %s", without_values(error))
                return policy.out_of_order(f"the association policy failed ({type(error).__name__})")
            if isinstance(verdict, Reject):
                return verdict
        with self._lock:
            if self._admitted >= settings.max_associations:
                return policy.local_limit_exceeded(settings.max_associations)
            self._admitted += 1
            association.admitted = True
        return None

    def _decide(self, info: AssociationInfo) -> Accept | Reject:
        """On a worker, as all work on the database: associations are many, its connections few."""
        close_old_connections()
        try:
            return self.settings.policy(info.calling_ae_title, info.called_ae_title, info.address)
        finally:
            close_old_connections()

    def _work(self, message: Message, channel: Channel, journal: Journal) -> None:
        close_old_connections()
        try:
            self._dispatcher.serve(message, channel, journal)
        finally:
            close_old_connections()

    def _journal_start(self, association: ServedAssociation, rejection: str = "", note: str = "") -> None:
        user = association.requestor
        self._journal.put(
            AssociationStarted(
                association=association.info,
                time=now(),
                implementation=" ".join(str(part) for part in (user.implementation_version_name, user.implementation_class_uid) if part),
                rejection=rejection,
                contexts=() if rejection else association.negotiated,
                note=note,
            )
        )


def _why_nothing_can_be_asked(contexts: tuple[tuple[str, str, str], ...]) -> str:
    """The presentation contexts that were asked for and why each was refused; empty when one was accepted."""
    if any(transfer_syntax for _, transfer_syntax, _ in contexts):
        return ""
    asked = list(dict.fromkeys(f"{UID(abstract_syntax).name} ({result})" for abstract_syntax, _, result in contexts))
    more = f" and {len(asked) - _MOST_NAMED} more" if len(asked) > _MOST_NAMED else ""
    return f"no presentation context accepted: asked for {', '.join(asked[:_MOST_NAMED]) or 'none'}{more}"


def _wind_down(association: ServedAssociation, deadline: float) -> None:
    """Release an association once it has answered what it was asked; cut it at the deadline."""
    if association.admitted and association.idle.wait(max(0.0, deadline - time.monotonic())):
        association.join(_FAREWELL)
    if association.is_established and association.idle.is_set() and time.monotonic() < deadline:
        association.acse_timeout = _RELEASE_TIMEOUT
        association.release()
        association.join(_RELEASE_TIMEOUT)
    if association.is_alive():
        association.close_connection()


def raise_file_limit() -> None:
    """Each association is a file descriptor: raise the soft limit to the hard one, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
