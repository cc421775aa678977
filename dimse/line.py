"""An association of a client that has many of them: no thread, no polling, so that one that is open and idle costs nothing.

It asks the same as `dimse.scu.ScuAssociation` and raises the same errors. One thread uses it at a time.
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Self

from pydicom.dataset import Dataset

from dimse import associate, pdu, statuses
from dimse.associate import NegotiatedContext, ProposedContext
from dimse.calling import connect
from dimse.commands import Response, UndecodableCommand, encode_cancel, encode_request, read_response
from dimse.deadline import Deadline
from dimse.decode import UndecodableDataSet, decode
from dimse.encode import encode
from dimse.outcomes import Aborted, FailureStatus, NonsenseAnswer, NothingAccepted, Refused, ScuAnswer, ScuError, SlowQuery, TimedOut
from dimse.pdu import COMMAND, LAST, Framer, InvalidPdu, Kind, Packer
from dimse.reception import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dimse.scu import DEFAULT_TRANSFER_SYNTAXES, Timeouts
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP as MPPS
from dimse.services import MODALITY_WORKLIST, VERIFICATION
from dimse.statuses import StatusClass

_MAXIMUM_LENGTH: Final = 2**17
_READ: Final = 2**16
_LONGEST_ANSWER: Final = 2**24  # bytes of a data set
_PATIENT: Final = Timeouts()
_SCP: Final = (0, 1)  # the SCU and the SCP role of who proposes


class Line:
    """An open association with the SOP classes `contexts`. `last_answer` is the latest response. Raises ScuError."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        calling: str,
        called: str,
        contexts: Sequence[str] = (VERIFICATION,),
        syntaxes: Sequence[tuple[str, ...]] = (DEFAULT_TRANSFER_SYNTAXES,),
        as_scp: bool = False,
        timeouts: Timeouts = _PATIENT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """For each of `syntaxes` a context of each SOP class is proposed. `as_scp`: as their SCP (role selection, PS3.7 D.3.3.4)."""
        self.last_answer: ScuAnswer | None = None
        self._peer = f"{called} at {host}:{port}"
        self._timeouts = timeouts
        self._deadline = self._whole = Deadline(timeouts.whole)
        self._framer = Framer(_MAXIMUM_LENGTH)
        self._message_id = 0
        self._socket = connect(host, port, self._peer, timeouts, tls)
        try:
            self._negotiate(calling, called, [(uid, chosen) for uid in contexts for chosen in syntaxes], as_scp)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.release()
        else:
            self.abort()

    @property
    def is_open(self) -> bool:
        """Whether the peer has kept it: between two requests it says nothing. Its wish to release it is granted. Not over TLS."""
        if self._socket.fileno() < 0:
            return False
        self._socket.setblocking(False)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            self._socket.close()
            return False
        with suppress(OSError, ScuError), self._socket:
            self._socket.settimeout(self._timeouts.connect)
            if self._next_pdu("nothing")[0] is Kind.RELEASE_RQ:
                self._socket.sendall(pdu.RELEASE_RP)
        return False

    def echo(self) -> None:
        """C-ECHO."""
        answer, _ = self._ask("C-ECHO", VERIFICATION)
        if not answer.ok:
            raise FailureStatus(self._peer, "C-ECHO", answer)

    def find(self, query: Dataset, sop_class_uid: str = MODALITY_WORKLIST, limit: int | None = None) -> Iterator[Dataset]:
        """C-FIND: the identifiers that match. After `limit` of them the query is cancelled; left early, the association is over.

        Raises FailureStatus when the query fails.
        """
        answer, identifier = self._ask("C-FIND", sop_class_uid, query)
        received = 0
        try:
            while statuses.class_of(answer.status) is StatusClass.PENDING:
                if identifier is None:
                    raise NonsenseAnswer(f"{self._peer} sent an answer without its identifier.")
                if limit is None or received < limit:
                    received += 1
                    yield identifier
                    if received == limit:
                        self.cancel(sop_class_uid)
                answer, identifier = self._receive_answer("C-FIND")
        except GeneratorExit:
            self.abort()  # what is still on its way would answer the next request
            raise
        if not answer.ok and not (limit is not None and answer.status == statuses.CANCELED):
            raise FailureStatus(self._peer, "C-FIND", answer)

    def cancel(self, sop_class_uid: str = MODALITY_WORKLIST) -> None:
        """C-CANCEL for the latest request, also when it is answered already and nothing is left to cancel."""
        self._send(self._packers[self._accepted[sop_class_uid].id].message(encode_cancel(self._message_id), None), "C-CANCEL")

    def n_create(self, attribute_list: Dataset, sop_instance_uid: str | None = None, sop_class_uid: str = MPPS) -> ScuAnswer:
        """N-CREATE. Failure statuses are answers, not errors."""
        return self._ask("N-CREATE", sop_class_uid, attribute_list, sop_instance_uid or "")[0]

    def n_set(self, modification_list: Dataset, sop_instance_uid: str, sop_class_uid: str = MPPS) -> ScuAnswer:
        """N-SET. Failure statuses are answers, not errors."""
        return self._ask("N-SET", sop_class_uid, modification_list, sop_instance_uid)[0]

    def release(self) -> None:
        """A-RELEASE, and the connection is closed, whatever the peer answers."""
        self._deadline = self._whole
        with suppress(OSError, InvalidPdu), self._socket:
            self._socket.settimeout(self._timeouts.association)
            self._socket.sendall(pdu.RELEASE_RQ)
            while self._next_pdu("the release")[0] is not Kind.RELEASE_RP:
                pass

    def abort(self) -> None:
        """A-ABORT."""
        with suppress(OSError), self._socket:
            self._socket.settimeout(self._timeouts.connect)
            self._socket.sendall(pdu.abort(0, 0))

    def cut(self) -> None:
        """Close the connection without a word."""
        self._socket.close()

    def _negotiate(self, calling: str, called: str, contexts: Sequence[tuple[str, tuple[str, ...]]], as_scp: bool) -> None:
        proposed = [ProposedContext(2 * n + 1, uid, syntaxes) for n, (uid, syntaxes) in enumerate(contexts)]
        roles = {uid: _SCP for uid, _ in contexts} if as_scp else {}
        self._socket.settimeout(self._timeouts.association)
        self._send(
            associate.request(
                called,
                calling,
                proposed,
                maximum_length=_MAXIMUM_LENGTH,
                implementation_class_uid=IMPLEMENTATION_CLASS_UID,
                implementation_version=IMPLEMENTATION_VERSION_NAME,
                roles=roles,
            ),
            "the association request",
        )
        kind, body = self._next_pdu("the association request")
        if kind is Kind.ASSOCIATE_RJ:
            raise Refused(self._peer, *body[1:4])
        if kind is not Kind.ASSOCIATE_AC:
            raise NonsenseAnswer(f"{self._peer} answered the association request with something else. Is the port right?")
        try:
            answer = associate.read_accept(body, proposed)
        except InvalidPdu as error:
            raise NonsenseAnswer(f"{self._peer} answered the association request with something that cannot be decoded.") from error
        self._contexts = [one for one in answer.contexts if one.result == 0]
        self._accepted: dict[str, NegotiatedContext] = {one.abstract_syntax: one for one in reversed(self._contexts)}
        self._packers = {one.id: Packer(one.id, answer.maximum_length) for one in self._contexts}
        if not self._contexts:
            raise NothingAccepted(f"{self._peer} accepted the association but none of the services asked for.")
        if roles and not any(answer.roles.get(uid) == _SCP for uid in self._accepted):
            self.release()
            raise NothingAccepted(f"{self._peer} accepted the service but not us as its SCP (role selection, PS3.7 D.3.3.4).")

    def _ask(self, verb: str, sop_class_uid: str, data: Dataset | None = None, instance: str = "") -> tuple[ScuAnswer, Dataset | None]:
        """Send a request; its first response, with the response's data set."""
        context = self._accepted.get(sop_class_uid)
        encoded = None if data is None or context is None else encode(data, context.transfer_syntax)
        return self._request(verb, context, encoded, instance)

    def _request(
        self, verb: str, context: NegotiatedContext | None, data: bytes | None, instance: str, event_type: int | None = None
    ) -> tuple[ScuAnswer, Dataset | None]:
        if context is None:
            raise NothingAccepted(f"{self._peer} accepted the association but not the service that {verb} needs.")
        if self._socket.fileno() < 0:
            raise Aborted(f"{self._peer} closed the connection before {verb}.")
        self._message_id = self._message_id % 0xFFFF + 1
        has_data = data is not None
        command = encode_request(verb, self._message_id, context.abstract_syntax, instance, with_data_set=has_data, event_type=event_type)
        self._deadline = Deadline(self._timeouts.query) if verb == "C-FIND" and self._timeouts.query else self._whole
        self._socket.settimeout(self._timeouts.response)
        self._send(self._packers[context.id].message(command, data), verb)
        return self._receive_answer(verb, instance)

    def _receive_answer(self, verb: str, instance: str = "") -> tuple[ScuAnswer, Dataset | None]:
        response, context_id, data = self._receive_message(verb)
        if (response.verb, response.message_id) != (verb, self._message_id):
            raise NonsenseAnswer(f"{self._peer} answered {verb} with a response to something else.")
        dataset = None
        if data is not None:
            syntax = next((one.transfer_syntax for one in self._contexts if one.id == context_id), "")
            try:
                dataset = decode(data, syntax).dataset
            except UndecodableDataSet as error:
                raise NonsenseAnswer(f"{self._peer} sent an answer that cannot be decoded: {error}.") from error
        self.last_answer = ScuAnswer(
            response.status,
            response.comment,
            response.error_id,
            response.offending,
            response.sop_instance_uid or instance,
            dataset if verb != "C-FIND" else None,
        )
        return self.last_answer, dataset

    def _receive_message(self, verb: str) -> tuple[Response, int, bytes | None]:
        """The next whole message (PS3.8 E.1): command set first, then its data set."""
        command, data = bytearray(), bytearray()
        response: Response | None = None
        while True:
            kind, body = self._next_pdu(verb)
            if kind is not Kind.P_DATA_TF:
                raise Aborted(f"{self._peer} ended the association during {verb}.")
            try:
                for one in pdu.pdvs(body):
                    (command if one.control & COMMAND else data).extend(one.fragment)
                    if max(len(command), len(data)) > _LONGEST_ANSWER:
                        raise InvalidPdu(f"a message of more than {_LONGEST_ANSWER} bytes")
                    if not one.control & LAST:
                        continue
                    if response is None:
                        response, has_data_set = read_response(bytes(command))
                        if has_data_set:
                            continue
                    return response, one.context_id, bytes(data) or None
            except (InvalidPdu, UndecodableCommand) as error:
                self.abort()
                raise NonsenseAnswer(f"{self._peer} answered {verb} with something that is not DICOM ({error}).") from error

    def _send(self, data: bytes, what: str) -> None:
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            self._socket.close()
            raise TimedOut(f"{self._peer} did not take {what} in time.") from error
        except OSError as error:
            self._socket.close()
            raise Aborted(f"{self._peer} closed the connection during {what}.") from error

    def _next_pdu(self, what: str) -> tuple[Kind, bytes]:
        while True:
            try:
                found = self._framer.next()
                if found is not None:
                    break
                received = self._deadline.read(self._socket, _READ)
            except InvalidPdu as error:
                self.abort()
                raise NonsenseAnswer(f"{self._peer} answered {what} with something that is not DICOM ({error}).") from error
            except TimeoutError as error:
                self.abort()
                if missed := self._deadline.missed(self._peer, what):
                    raise SlowQuery(missed) from error
                raise TimedOut(f"{self._peer} did not answer {what} in time.") from error
            except OSError as error:
                self._socket.close()
                raise Aborted(f"{self._peer} closed the connection during {what}.") from error
            if not received:
                self._socket.close()
                raise Aborted(f"{self._peer} closed the connection during {what}.")
            self._framer.feed(received)
        if found[0] is Kind.ABORT:
            self._socket.close()
            raise Aborted(f"{self._peer} aborted the association during {what}.")
        return found
