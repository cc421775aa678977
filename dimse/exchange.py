"""From a request to the handler that serves it and back to the responses, in one go or in several."""

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TypedDict, cast

from pydicom.dataset import Dataset

from dimse import services, statuses, values
from dimse.commands import Response, encode_response
from dimse.decode import Decoded, UndecodableDataSet, decode
from dimse.dispatch import Channel, Message, check, without_values
from dimse.encode import encode
from dimse.entries import Journal
from dimse.errors import DimseFailure
from dimse.exchange_entries import request_entry, response_entry
from dimse.interference import NOTHING, Changed, HangUp, Interference
from dimse.services import (
    AssociationInfo,
    CreateRequest,
    EncodedAnswers,
    FindAnswer,
    FindRequest,
    GetRequest,
    Request,
    Service,
    SetRequest,
    Verb,
)
from dimse.statuses import StatusClass
from dimse.uids import new_uid

logger = logging.getLogger(__name__)

JOURNALLED_ANSWERS = 10  # identifiers of a C-FIND that the journal keeps; all are counted
SLICE = 0.2  # seconds that a C-FIND may keep a worker before others have their turn


class _Common(TypedDict):
    association: AssociationInfo
    message_id: int
    sop_class_uid: str
    transfer_syntax: str
    raw: bytes
    notes: tuple[str, ...]


class Exchange:
    """One request and its responses, in one go or in several: exactly one final response, unless that is interfered with."""

    def __init__(
        self,
        message: Message,
        channel: Channel,
        journal: Journal,
        service: Service | None,
        uid_root: str,
        interference: Interference | None = None,
    ) -> None:
        self.pause = 0.0
        """Seconds after which an exchange that has more to say goes on; 0 when it is the peer that has to read."""
        self._message = message
        self._channel = channel
        self._journal = journal
        self._service = service
        self._uid_was_assigned = message.verb == Verb.N_CREATE and not message.sop_instance_uid
        self._sop_instance_uid = new_uid(uid_root) if self._uid_was_assigned else message.sop_instance_uid or ""
        self._started = perf_counter()
        self._remarks: list[str] = []
        self._answers: list[bytes] = []
        self._answer_count = 0
        self._matches: Iterator[FindAnswer] | None = None  # what a C-FIND handler still has to say
        self._interference = interference
        self._effect = NOTHING
        self._delay = 0.0
        self._changed: Changed | None = None
        self._held: tuple[Response, bytes | None] | None = None  # a final response that waits for its time

    def run(self) -> bool:
        """Answer the request, whatever the peer sent and the handler raises.

        False when there is more to say: the peer has to read first, it is somebody else's turn, or there is a `pause`. The next call
        goes on from there, on any thread; after the channel was closed it ends the handler.
        """
        if self._held is not None:
            self._deliver(*self._held)
            return True
        is_find = self._message.verb == Verb.C_FIND
        try:
            if self._matches is None:
                self._begin()
            if self._matches is not None and (self._pauses() or not self._find(self._matches)):
                return False
            self._close()
        except UndecodableDataSet as error:
            status = statuses.UNDECODABLE_IDENTIFIER if is_find else statuses.PROCESSING_FAILURE
            self._fail(DimseFailure(status, str(error), offending=[error.tag] if error.tag is not None else []))
        except DimseFailure as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001  (a handler's error is the peer's failure status and our log line)
            logger.error("%s handler failed: %s", self._message.verb, without_values(error))
            status = statuses.HANDLER_FAILED if is_find else statuses.PROCESSING_FAILURE
            self._close()
            self._fail(DimseFailure(status, f"Internal error ({type(error).__name__}), see the server's log"))
        return self._held is None

    def _begin(self) -> None:
        """Ask the handler, unless something else was decided for this request."""
        if self._interference is not None:
            asked = self._interference.message(self._channel.info, self._message.abstract_syntax, self._message.verb)
            self._effect = asked or NOTHING
            self._delay = self._effect.delay
        if self._effect.told and self._effect.is_answered:
            self._remarks.append(self._effect.told)
        decoded = self._decoded()
        if self._effect.is_silent:
            return
        self._effect.raise_failure()
        check(self._message, self._service)
        self._call(decoded.dataset, decoded.notes)
        if self._matches is not None and self._effect.changes_answers:
            self._changed = Changed(self._matches, self._effect, self._message.transfer_syntax, encode)
            self._matches = self._changed.answers()

    def _pauses(self) -> bool:
        """Whether what is to be said has to wait: once, and as long as somebody is there to hear it."""
        self.pause, self._delay = self._delay if self._channel.is_open() else 0.0, 0.0
        return self.pause > 0

    def _close(self) -> None:
        """End a handler that is left before its last answer, so that it gives back what it holds."""
        if isinstance(self._matches, Generator):
            try:
                self._matches.close()
            except Exception as error:  # noqa: BLE001  (the request is answered already)
                logger.error("%s handler failed at its end: %s", self._message.verb, without_values(error))

    def _decoded(self) -> Decoded:
        try:
            decoded = decode(self._message.data or b"", self._message.transfer_syntax)
        except UndecodableDataSet as error:
            self._journal_request(str(error))
            check(self._message, self._service)  # what is wrong with the command comes first
            raise
        self._journal_request("; ".join([*values.note_of("asks for", self._message.attribute_identifiers), *decoded.notes]))
        return decoded

    def _call(self, dataset: Dataset, notes: tuple[str, ...]) -> None:
        common = _Common(
            association=self._channel.info,
            message_id=self._message.message_id,
            sop_class_uid=self._message.abstract_syntax,
            transfer_syntax=self._message.transfer_syntax,
            raw=self._message.data or b"",
            notes=notes,
        )
        uid, handler = self._sop_instance_uid, cast(Service, self._service).handlers[Verb(self._message.verb)]
        match self._message.verb:
            case Verb.C_ECHO:
                self._finish(*cast(services.EchoHandler, handler)(Request(**common)))
            case Verb.C_FIND:
                told = self._remarks.append
                find = FindRequest(**common, identifier=dataset, is_cancelled=self._channel.is_cancelled, remark=told)
                self._matches = cast(services.FindHandler, handler)(find)
            case Verb.N_CREATE:
                create = CreateRequest(**common, sop_instance_uid=uid, uid_was_assigned=self._uid_was_assigned, attribute_list=dataset)
                self._done(cast(services.CreateHandler, handler)(create))
            case Verb.N_SET:
                modify = SetRequest(**common, sop_instance_uid=uid, modification_list=dataset)
                self._done(cast(services.SetHandler, handler)(modify))
            case Verb.N_GET:
                tags = self._message.attribute_identifiers
                got = cast(services.GetHandler, handler)(GetRequest(**common, sop_instance_uid=uid, attribute_identifiers=tags))
                self._remarks += values.note_of("left out", got.left_out)
                self._send(replace(self._response(got.status), offending=got.left_out), got.attribute_list)

    def _find(self, matches: Iterator[FindAnswer]) -> bool:
        """Send what matches, until the peer has enough to read."""
        end_of_slice = perf_counter() + SLICE
        while self._channel.is_open():
            if self._channel.is_cancelled():
                self._finish(statuses.CANCELED)
                break
            if self._channel.is_congested() or perf_counter() > end_of_slice:
                return False
            answer = next(matches, None)
            if answer is None:
                self._finish(statuses.SUCCESS)
                break
            if not self._take(answer):
                break
        return True

    def _take(self, answer: FindAnswer) -> bool:
        """Send one answer, or those that come together; False when it was the final one."""
        if isinstance(answer, EncodedAnswers):
            self._pending(answer.status, answer.identifiers)
            return True
        status, identifier = answer
        if statuses.class_of(status) is not StatusClass.PENDING:
            self._finish(status)
            return False
        if identifier is None:
            raise ValueError("a pending answer has no identifier")
        self._pending(status, [encode(identifier, self._message.transfer_syntax)])
        return True

    def _pending(self, status: int, identifiers: Sequence[bytes]) -> None:
        """Pending responses; one command set serves them all."""
        command = encode_response(self._response(status), with_data_set=True)
        self._channel.send_many(command, identifiers)
        self._answers.extend(identifiers[: max(0, JOURNALLED_ANSWERS - len(self._answers))])
        self._answer_count += len(identifiers)

    def _response(self, status: int) -> Response:
        message = self._message
        return Response(
            verb=message.verb,
            message_id=message.message_id,
            status=status,
            sop_class_uid=message.sop_class_uid or "",
            sop_instance_uid=self._sop_instance_uid,
        )

    def _done(self, answer: services.Answer | services.Warned) -> None:
        if isinstance(answer, services.Warned):
            self._send(replace(self._response(answer.status), comment=answer.comment, offending=answer.offending), None)
        else:
            self._finish(*answer)

    def _finish(self, status: int, dataset: Dataset | None = None) -> None:
        self._send(self._response(status), dataset)

    def _fail(self, failure: DimseFailure) -> None:
        response = replace(self._response(failure.status), comment=failure.comment, error_id=failure.error_id, offending=failure.offending)
        if failure.affected_uid is not None:
            response = replace(response, sop_instance_uid=failure.affected_uid)
        elif self._uid_was_assigned:
            response = replace(response, sop_instance_uid="")  # nothing was created that could have it
        self._send(response, failure.attribute_list)
        self._tell_of(failure)

    def _tell_of(self, failure: DimseFailure) -> None:
        """To who keeps what goes wrong with the service. It was answered before."""
        if self._service is None or self._service.on_failure is None or self._effect.failure is not None:
            return
        try:
            self._service.on_failure(self._channel.info, failure)
        except Exception as error:  # noqa: BLE001  (as the database may be what failed)
            logger.error("What %s was refused for is not kept: %s", self._message.verb, without_values(error))

    def _send(self, response: Response, dataset: Dataset | None) -> None:
        """The final response, now or later; none to a request that is to have none. An empty data set is as good as none."""
        if self._effect.is_silent:
            return
        data = encode(dataset, self._message.transfer_syntax) if dataset is not None and len(dataset) else None
        if self._pauses():
            self._held = response, data
        else:
            self._deliver(response, data)

    def _deliver(self, response: Response, data: bytes | None) -> None:
        if self._effect.hang_up is not None:
            self._hang_up(self._effect.hang_up, response, data)
            return
        if self._channel.is_open():
            self._channel.send(encode_response(response, with_data_set=data is not None), data)
        self._journal_response(response, data or b"")

    def _hang_up(self, how: HangUp, response: Response, data: bytes | None) -> None:
        """What breaks off, where that is within a message, is the next answer, if there is one, else the final response."""
        note = f"{self._effect.told} (not sent: {response.status:04X}H)"
        if self._changed is not None and self._changed.next_one is not None:
            response, data = self._response(statuses.PENDING), self._changed.next_one
        self._channel.hang_up(how, note, encode_response(response, with_data_set=data is not None), data)

    def _journal_request(self, note: str) -> None:
        if not self._effect.is_answered:
            note = "; ".join(part for part in (self._effect.told, note) if part)
        self._journal.put(request_entry(self._channel.info.id, self._message, note))

    def _journal_response(self, response: Response, data: bytes) -> None:
        entry = response_entry(
            self._channel.info.id,
            response,
            self._message.transfer_syntax,
            data=data,
            note="; ".join(self._remarks),
            answers=tuple(self._answers),
            answer_count=self._answer_count if self._message.verb == Verb.C_FIND else None,
            duration_ms=(perf_counter() - self._started) * 1000,
        )
        self._journal.put(entry)
