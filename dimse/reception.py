"""The server's side of its associations: who is let in, which handlers answer, what the journal hears, and how all come to an end."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

from django.db import close_old_connections

from dimse import associate, negotiation, policy, services, tls
from dimse.associate import AssociateRequest
from dimse.association import Association
from dimse.connection import Connection
from dimse.dispatch import Message, without_values
from dimse.entries import HEALTH_AE_TITLE, AssociationEnded, AssociationStarted, Ending, Journal, NoJournal, now
from dimse.exchange import Exchange
from dimse.interference import Interference
from dimse.machine import State
from dimse.outlet import ContextChannel
from dimse.policy import Accept, Policy, Reject, UserIdentities
from dimse.services import AssociationInfo, Service

logger = logging.getLogger(__name__)

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS_UID: Final = "2.25.180962107405218716531823943118713622345"
IMPLEMENTATION_VERSION_NAME: Final = "STEPWISE_1"
_FAREWELL: Final = 0.1  # seconds for a peer that got its answer to release by itself

T = TypeVar("T")


class Reception:
    """Receives the associations of one process (`connection.ConnectionHost`). All but the jobs of the workers happens on the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        workers: ThreadPoolExecutor,
        offered: Mapping[str, Service],
        journal: Journal,
        *,
        decide: Policy,
        interference: Interference | None = None,
        max_associations: int,
        max_per_caller: int | None,
        user_identities: UserIdentities,
        max_pdu: int,
        uid_root: str,
    ) -> None:
        self.connections: set[Connection] = set()
        self.admitted = 0
        self._callers: Counter[str] = Counter()
        self._loop = loop
        self._workers = workers
        self._services = offered
        self._journal = journal
        self._uid_root = uid_root
        self._policy = decide
        self._interference = interference
        self._max_associations = max_associations
        self._max_per_caller = max_per_caller
        self._user_identities = user_identities
        self._max_pdu = max_pdu
        self._is_closing = False
        self._hurried: set[Association] = set()
        self._jobs = 0
        self._something_ended = asyncio.Event()

    # --- Jobs (turns.Workers) -------------------------------------------------------------------------------------

    def tell(self, hear: Callable[[T], None], what: T) -> None:
        try:
            self._loop.call_soon_threadsafe(hear, what)
        except RuntimeError:  # the loop is closed: nobody is there to hear
            logger.info("A worker ended after the server did")

    def work(self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """Associations are many, the database's connections few."""
        self._jobs += 1
        self._workers.submit(self._work, job, done, failed)

    def later(self, delay: float, hear: Callable[[], None]) -> Callable[[], None]:
        return self._loop.call_later(delay, hear).cancel

    def _work(self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        close_old_connections()
        try:
            result = job()
        except Exception as error:  # noqa: BLE001  (a job that breaks must not take the association along without a word)
            logger.error("%s", without_values(error))
            self.tell(partial(self._worked, failed), error)
        else:
            self.tell(partial(self._worked, done), result)
        finally:
            close_old_connections()

    def _worked(self, hear: Callable[[T], None], what: T) -> None:
        self._jobs -= 1
        self._something_ended.set()
        hear(what)

    # --- Connections and association requests ---------------------------------------------------------------------

    def connected(self, connection: Connection) -> None:
        self.connections.add(connection)
        if self._is_closing:
            connection.cut()

    def not_secured(self, address: Any, error: Exception) -> None:
        """The TLS handshake with the peer at `address` came to nothing."""
        failure = tls.failure(error)
        if failure is None:
            return
        info = AssociationInfo(uuid4(), "", "", str(address[0]), int(address[1]))
        logger.warning("Connection from %s: %s", info.address, failure.words)
        self._journal.put(AssociationStarted(info, now(), implementation="", note=failure.words, taken_for=failure.kind))
        self._journal.put(AssociationEnded(info.id, now(), Ending.ABORTED_HERE, failure.words))

    def disconnected(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._something_ended.set()

    def requested(self, association: Association) -> None:
        """Refuse what nobody need be asked about, else ask the policy on a worker."""
        request = _request_of(association)
        info = association.info = replace(association.info, calling_ae_title=request.calling, called_ae_title=request.called)
        association.journalled = info.calling_ae_title != HEALTH_AE_TITLE
        if not request.protocol_version & 1:
            self._refuse(association, policy.protocol_version_unknown(request.protocol_version))
        elif request.application_context != APPLICATION_CONTEXT:
            self._refuse(association, policy.application_context_unknown(request.application_context))
        elif request.user_identity is not None and self._user_identities is UserIdentities.REFUSE:
            self._refuse(association, policy.user_identity_refused(request.user_identity.in_words))
        elif not association.journalled:
            self._decided(association, Accept())
        else:
            asked = frozenset(context.abstract_syntax for context in request.contexts)
            self.work(partial(self._judge, info, asked), partial(self._decided, association), partial(self._undecided, association))

    def _judge(self, info: AssociationInfo, abstract_syntaxes: frozenset[str]) -> Accept | Reject:
        """On a worker: the policy's verdict, and what is made of an acceptance on purpose."""
        verdict = self._policy(info.calling_ae_title, info.called_ae_title, info.address)
        if self._interference is None or isinstance(verdict, Reject):
            return verdict
        return self._interference.association(info, abstract_syntaxes) or verdict

    def _undecided(self, association: Association, error: Exception) -> None:
        self._decided(association, policy.out_of_order(f"the association policy failed ({type(error).__name__})"))

    def _decided(self, association: Association, verdict: Accept | Reject) -> None:
        if association.state is not State.STA3:
            return  # the peer did not wait
        if isinstance(verdict, Accept):
            verdict = self._limit(association.info.calling_ae_title) or verdict
        if isinstance(verdict, Reject):
            self._refuse(association, verdict)
        else:
            self._admit(association, verdict)

    def _limit(self, caller: str) -> Reject | None:
        if self._is_closing:
            return policy.temporary_congestion("the server stops")
        if self.admitted >= self._max_associations:
            return policy.local_limit_exceeded(self._max_associations)
        if self._max_per_caller is not None and self._callers[caller] >= self._max_per_caller:
            return policy.local_limit_exceeded(self._max_per_caller, caller)
        return None

    def _refuse(self, association: Association, verdict: Reject) -> None:
        info, words = association.info, policy.reason_in_words(verdict.source, verdict.reason)
        logger.warning("Association from %r at %s refused: %s", info.calling_ae_title, info.address, verdict.why)
        self._journal_start(association, f"{words} ({verdict.result}/{verdict.source}/{verdict.reason}): {verdict.why}")
        association.reject(verdict)

    def _admit(self, association: Association, verdict: Accept) -> None:
        info, request = association.info, _request_of(association)
        self.admitted += 1
        self._callers[info.calling_ae_title] += 1
        only = {services.VERIFICATION: self._services[services.VERIFICATION]}
        offered = {uid: service for uid, service in self._services.items() if uid not in verdict.withheld}
        negotiated = negotiation.negotiate(request, offered if association.journalled else only)
        answer = associate.accept(
            request,
            negotiated.contexts,
            negotiated.roles,
            negotiated.extended,
            maximum_length=self._max_pdu,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version=IMPLEMENTATION_VERSION_NAME,
        )
        association.info = replace(info, extended=negotiated.extended)
        association.accept(negotiated, answer)
        if association.journalled:
            note = verdict.note or negotiated.why_nothing_can_be_asked
            if note:
                logger.warning("Association from %r at %s: %s", info.calling_ae_title, info.address, note)
            self._journal_start(association, note=note)

    # --- The life of an association -------------------------------------------------------------------------------

    def begin(self, association: Association, message: Message, channel: ContextChannel) -> Exchange:
        service = self._services.get(message.abstract_syntax)
        if not association.journalled:
            return Exchange(message, channel, NoJournal(), service, self._uid_root)
        return Exchange(message, channel, self._journal, service, self._uid_root, self._interference)

    def idle(self, association: Association) -> None:
        if not self._is_closing:
            return
        if association in self._hurried:
            self._release(association)
        else:
            self._loop.call_later(_FAREWELL, self._hurry, association)

    def ended(self, association: Association) -> None:
        info, note = association.info, association.note
        if association.was_admitted:
            self.admitted -= 1
            self._callers[info.calling_ae_title] -= 1
            if not self._callers[info.calling_ae_title]:
                del self._callers[info.calling_ae_title]
        if note:
            who = f"Association from {info.calling_ae_title!r} at" if association.request else "Connection from"
            logger.warning("%s %s: %s", who, info.address, note)
        is_stranger = association.request is None and bool(note)
        if is_stranger:
            self._journal_start(association, note=note)
        if association.journalled and (association.was_admitted or is_stranger):
            self._journal.put(AssociationEnded(info.id, now(), association.ending or Ending.CLOSED, note, association.timed_out))

    # --- The stop -------------------------------------------------------------------------------------------------

    async def close(self, deadline: float) -> None:
        """Let what is being answered finish, release the associations, and abort what is left at `deadline` (the loop's time)."""
        self._is_closing = True
        for connection in list(self.connections):
            association = connection.association
            if association.state in (State.STA2, State.STA13):
                connection.close()
            elif association.turns.is_idle:
                self.idle(association)
        await self._quiet(deadline)
        for connection in list(self.connections):
            connection.association.abort("the server stopped before all was answered")
            connection.cut()
        await self._quiet(self._loop.time() + _FAREWELL)

    async def _quiet(self, deadline: float) -> None:
        """Wait until no connection and no job is left, or `deadline`."""
        try:
            async with asyncio.timeout_at(deadline):
                while self.connections or self._jobs:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        except TimeoutError:
            logger.info("%d connections and %d jobs are left at the end", len(self.connections), self._jobs)

    def _hurry(self, association: Association) -> None:
        """A peer that asks on and on is released between two of its requests."""
        self._hurried.add(association)
        self._release(association)

    def _release(self, association: Association) -> None:
        if association.state is State.STA6 and association.turns.is_idle:
            association.release()

    def _journal_start(self, association: Association, rejection: str = "", note: str = "") -> None:
        request = association.request
        parts = (request.implementation_version, request.implementation_class_uid) if request else ()
        self._journal.put(
            AssociationStarted(
                association=association.info,
                time=now(),
                implementation=" ".join(part for part in parts if part),
                rejection=rejection,
                contexts=() if rejection else association.negotiated.in_words,
                note=note,
                taken_for=association.taken_for,
            )
        )


def _request_of(association: Association) -> AssociateRequest:
    """The request of an association that has made one."""
    if association.request is None:
        raise RuntimeError("no association was requested")
    return association.request
