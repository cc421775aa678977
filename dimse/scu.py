"""A small DICOM client: Verification, worklist query, N-CREATE, N-SET and N-GET, with errors split by what to do next.

with open_association("ris", 11112, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:
    for identifier in association.find(query):
        ...
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from dimse import statuses
from dimse.deadline import Deadline
from dimse.manners import POLITE, Ending, Manners, alter_requests, with_group_lengths
from dimse.outcomes import (
    Aborted,
    FailureStatus,
    NonsenseAnswer,
    NothingAccepted,
    NotReachable,
    Obstacle,
    Refused,
    ScuAnswer,
    ScuError,
    SlowQuery,
    TimedOut,
)
from dimse.requestor import ClosingSocket, Requestor, Watch, abort, join, stalled
from dimse.services import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST,
    MPPS_RETRIEVE,
    VERIFICATION,
)
from dimse.statuses import StatusClass

DEFAULT_TRANSFER_SYNTAXES = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)

_ENDED = {"Evt16": "aborted the association", "Evt17": "closed the connection"}
_SETTLING = 1.0  # seconds for the threads of a broken association to end


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: to connect, for the answer to an association request or release, for a DIMSE response, for silence in between.

    `query` is for all responses to a C-FIND; None lets it go on as long as they come. `whole` is for all that a `dimse.line.Line` reads,
    from the first byte on, so that a peer that dribbles does not go on for ever.
    """

    connect: float = 5.0
    association: float = 10.0
    response: float = 30.0
    idle: float = 60.0
    query: float | None = None
    whole: float | None = None


class ScuAssociation:
    """An open association; made by `open_association`. `last_answer` is the latest response, the final one of a query that is over."""

    def __init__(self, association: Association, watch: Watch, peer: str, timeouts: Timeouts) -> None:
        self.last_answer: ScuAnswer | None = None
        self._association = association
        self._watch = watch
        self._peer = peer
        self._timeouts = timeouts
        self._message_id = 0

    @property
    def is_open(self) -> bool:
        """Whether the peer can still be asked."""
        return bool(self._association.is_established)

    def echo(self) -> None:
        """C-ECHO. Raises ScuError."""
        answer = self._answer("C-ECHO", self._association.send_c_echo(self._next_id()))
        if not answer.ok:
            raise FailureStatus(self._peer, "C-ECHO", answer)

    def find(self, query: Dataset, sop_class_uid: str = MODALITY_WORKLIST, limit: int | None = None) -> Iterator[Dataset]:
        """C-FIND: yields the identifiers that match. After `limit` of them, or when left early, the query is cancelled (C-CANCEL).

        Raises ScuError (FailureStatus when the query fails), ValueError for a query without keys (PS3.7 9.1.2).
        """
        if not len(query):
            raise ValueError("a C-FIND has at least one key")
        self._require_open()
        message_id = self._next_id()
        responses = self._in_time(self._association.send_c_find(query, sop_class_uid, msg_id=message_id))
        received, finished = 0, False
        try:
            for status, identifier in responses:
                answer = self._answer("C-FIND", status)
                if statuses.class_of(answer.status) is not StatusClass.PENDING:
                    finished = True
                    if not answer.ok and not (limit is not None and answer.status == statuses.CANCELED):
                        raise FailureStatus(self._peer, "C-FIND", answer)
                elif identifier is None:
                    raise NonsenseAnswer(f"{self._peer} sent an answer that cannot be decoded.")
                elif limit is None or received < limit:
                    received += 1
                    yield identifier
                    if received == limit:
                        self._association.send_c_cancel(message_id, query_model=UID(sop_class_uid))
        finally:
            if not finished and self._association.is_established:
                self._association.send_c_cancel(message_id, query_model=UID(sop_class_uid))
                for _ in responses:
                    pass  # what was on its way when we stopped listening

    def _in_time(self, responses: Iterator[tuple[Dataset, Dataset | None]]) -> Iterator[tuple[Dataset, Dataset | None]]:
        """The responses to a query. Raises SlowQuery, with the association aborted, when they do not end in time."""
        deadline = Deadline(self._timeouts.query)
        while True:
            self._be_patient(deadline.at_most(self._timeouts.response))
            response = next(responses, None)
            if missed := deadline.missed(self._peer, "C-FIND"):
                abort(self._association)
                raise SlowQuery(missed)
            if response is None:
                self._be_patient(self._timeouts.response)
                return
            yield response

    def _be_patient(self, seconds: float) -> None:
        """Behind pynetdicom's own setter: that waits for a lock which is held while a response that cannot be decoded is handed out."""
        self._association._dimse_timeout = seconds

    def cancel(self, sop_class_uid: str = MODALITY_WORKLIST) -> None:
        """C-CANCEL for the latest request, also when it is answered already and nothing is left to cancel."""
        self._require_open()
        self._association.send_c_cancel(self._message_id, query_model=UID(sop_class_uid))

    def n_create(
        self, attribute_list: Dataset, sop_instance_uid: str | None = None, sop_class_uid: str = MODALITY_PERFORMED_PROCEDURE_STEP
    ) -> ScuAnswer:
        """N-CREATE; without `sop_instance_uid` the peer assigns one, returned in the answer. Failure statuses are answers, not errors."""
        self._require_open()
        status, dataset = self._association.send_n_create(
            attribute_list if len(attribute_list) else None,
            UID(sop_class_uid),
            UID(sop_instance_uid) if sop_instance_uid else None,
            msg_id=self._next_id(),
        )
        return self._answer("N-CREATE", self._watch.command if status else status, dataset, sop_instance_uid)

    def n_set(self, modification_list: Dataset, sop_instance_uid: str, sop_class_uid: str = MODALITY_PERFORMED_PROCEDURE_STEP) -> ScuAnswer:
        """N-SET. Failure statuses are answers, not errors. Raises ValueError for a list that modifies nothing (PS3.7 10.1.3)."""
        if not len(modification_list):
            raise ValueError("an N-SET modifies at least one attribute")
        self._require_open()
        status, dataset = self._association.send_n_set(modification_list, UID(sop_class_uid), UID(sop_instance_uid), msg_id=self._next_id())
        return self._answer("N-SET", self._watch.command if status else status, dataset, sop_instance_uid)

    def n_get(self, sop_instance_uid: str, tags: Sequence[int] = (), sop_class_uid: str = MPPS_RETRIEVE) -> ScuAnswer:
        """N-GET of the attributes with these tags, of all without any. Failure statuses are answers, not errors."""
        self._require_open()
        asked: Any = [BaseTag(tag) for tag in tags] or None  # pynetdicom knows None, its annotations do not
        status, dataset = self._association.send_n_get(asked, UID(sop_class_uid), UID(sop_instance_uid), msg_id=self._next_id())
        return self._answer("N-GET", self._watch.command if status else status, dataset, sop_instance_uid)

    def _next_id(self) -> int:
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def _require_open(self) -> None:
        if not self._association.is_established:
            raise self._broken("the request")

    def _answer(self, operation: str, status: Dataset, dataset: Dataset | None = None, uid: str | None = None) -> ScuAnswer:
        """The response's status elements; pynetdicom gives none when there was no good response."""
        if "Status" not in status:
            raise self._broken(operation)
        tags = status.get("AttributeIdentifierList") or status.get("OffendingElement") or ()
        self.last_answer = ScuAnswer(
            status=int(status.Status),
            comment=str(status.get("ErrorComment") or ""),
            error_id=status.get("ErrorID"),
            offending=tuple(int(tag) for tag in ([tags] if isinstance(tags, int) else tags)),
            sop_instance_uid=str(status.get("AffectedSOPInstanceUID") or uid or ""),
            dataset=dataset,
        )
        return self.last_answer

    def _broken(self, operation: str) -> ScuError:
        join(self._association, _SETTLING)
        if self._watch.nonsense:
            return NonsenseAnswer(f"{self._peer} answered {operation} with something that is not DICOM.")
        if stalled(self._association):
            return TimedOut(f"{self._peer} began to answer {operation} and did not go on in time.")
        if self._watch.ended_by in _ENDED:
            return Aborted(f"{self._peer} {_ENDED[self._watch.ended_by]} during {operation}.")
        return TimedOut(f"{self._peer} did not answer {operation} in time, or not properly.")


@contextmanager
def open_association(
    host: str,
    port: int,
    *,
    calling: str,
    called: str,
    contexts: Sequence[str] = (VERIFICATION,),
    transfer_syntaxes: Sequence[str] = DEFAULT_TRANSFER_SYNTAXES,
    timeouts: Timeouts = Timeouts(),
    manners: Manners = POLITE,
) -> Iterator[ScuAssociation]:
    """An association for the SOP classes `contexts`, aborted when the body raises, else ended as its manners are. Raises ScuError."""
    peer = f"{called} at {host}:{port}"
    ae = Requestor(calling)
    ae.connection_timeout, ae.acse_timeout = timeouts.connect, timeouts.association
    ae.dimse_timeout, ae.network_timeout = timeouts.response, timeouts.idle
    watch = Watch()
    requested = [build_context(uid, list(transfer_syntaxes)) for uid in contexts]
    try:
        association = ae.associate(host, port, requested, ae_title=called, evt_handlers=cast(Any, watch.handlers))
    except socket.gaierror as error:
        raise NotReachable(f"{peer} is not reachable: the host name cannot be resolved ({error.strerror}).", Obstacle.UNRESOLVED) from error
    try:
        if not association.is_established:
            join(association, _SETTLING)
            raise _not_established(association, watch, peer)
        if manners.group_lengths:
            alter_requests(association, with_group_lengths)
        yield ScuAssociation(association, watch, peer, timeouts)
    except ScuError:
        raise
    except BaseException:
        association.abort()
        raise
    finally:
        _end(association, manners.ending)
        join(association, timeouts.association)
        cast(ClosingSocket, association.dul.socket)._shutdown_socket()


def _end(association: Association, ending: Ending) -> None:
    if ending is Ending.RELEASE or not association.is_established:
        association.release()
    elif ending is Ending.ABORT:
        association.abort()
    else:
        cast(ClosingSocket, association.dul.socket)._shutdown_socket()


def _not_established(association: Association, watch: Watch, peer: str) -> ScuError:
    if not watch.connected:
        return NotReachable(f"{peer} is not reachable: nothing answers there. Is it running, and are host and port right?")
    reply = association.acceptor.primitive
    if association.is_rejected and reply is not None:
        return Refused(peer, reply.result or 0, reply.result_source or 0, reply.diagnostic or 0)
    if watch.nonsense:
        return NonsenseAnswer(f"{peer} answered the association request with something that is not DICOM. Is the port right?")
    if stalled(association):
        return TimedOut(f"{peer} began to answer the association request and did not go on in time.")
    if watch.ended_by in _ENDED:
        return Aborted(f"{peer} {_ENDED[watch.ended_by]} instead of answering.")
    if reply is not None:
        return NothingAccepted(f"{peer} accepted the association but none of the services asked for.")
    return TimedOut(f"{peer} did not answer the association request in time.")
