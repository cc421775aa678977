"""From a received message to the handler that serves it and back to the response; knows nothing of sockets or of pynetdicom."""

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol, TypedDict, cast

from pydicom.dataset import Dataset

from dimse import services, statuses
from dimse.commands import Response, encode_response
from dimse.decode import Decoded, UndecodableDataSet, decode
from dimse.encode import encode
from dimse.entries import Journal, MessageEntry, now
from dimse.errors import DimseFailure
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


class _Common(TypedDict):
    association: AssociationInfo
    message_id: int
    sop_class_uid: str
    transfer_syntax: str
    raw: bytes
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request as its command set gives it; what is missing there is None."""

    verb: str
    message_id: int
    sop_class_uid: str | None
    sop_instance_uid: str | None
    attribute_identifiers: tuple[int, ...] = ()
    data: bytes | None = None
    abstract_syntax: str
    transfer_syntax: str


class Channel(Protocol):
    """The way back to the peer, in the presentation context of the request."""

    @property
    def info(self) -> AssociationInfo: ...
    def send(self, command: bytes, data: bytes | None) -> None: ...
    def is_cancelled(self) -> bool: ...
    def is_open(self) -> bool: ...


class Dispatcher:
    """Serves messages with the handlers of `offered` services; every request gets exactly one final response."""

    def __init__(self, offered: Mapping[str, Service], uid_root: str) -> None:
        self._services = offered
        self._uid_root = uid_root

    def serve(self, message: Message, channel: Channel, journal: Journal) -> None:
        """Answer `message`. Never raises for what the handler or the peer did wrong."""
        _Exchange(message, channel, journal, self._services.get(message.abstract_syntax), self._uid_root).run()


class _Exchange:
    """One request and its responses."""

    def __init__(self, message: Message, channel: Channel, journal: Journal, service: Service | None, uid_root: str) -> None:
        self._message = message
        self._channel = channel
        self._journal = journal
        self._service = service
        self._uid_root = uid_root
        self._uid_was_assigned = message.verb == Verb.N_CREATE and not message.sop_instance_uid
        self._sop_instance_uid = new_uid(uid_root) if self._uid_was_assigned else message.sop_instance_uid or ""
        self._started = perf_counter()
        self._answers: list[bytes] = []
        self._answer_count = 0

    def run(self) -> None:
        """Answer the request, whatever the peer sent and the handler raises."""
        is_find = self._message.verb == Verb.C_FIND
        try:
            decoded = self._decoded()
            self._check()
            self._call(decoded.dataset, decoded.notes)
        except UndecodableDataSet as error:
            status = statuses.UNDECODABLE_IDENTIFIER if is_find else statuses.PROCESSING_FAILURE
            self._fail(DimseFailure(status, str(error), offending=[error.tag] if error.tag is not None else []))
        except DimseFailure as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001  (a handler's error is the peer's failure status and our log line)
            logger.error("%s handler failed: %s", self._message.verb, without_values(error))
            status = statuses.HANDLER_FAILED if is_find else statuses.PROCESSING_FAILURE
            self._fail(DimseFailure(status, f"Internal error ({type(error).__name__}), see the server's log"))

    def _decoded(self) -> Decoded:
        try:
            decoded = decode(self._message.data or b"", self._message.transfer_syntax)
        except UndecodableDataSet as error:
            self._journal_request(str(error))
            self._check()  # what is wrong with the command comes first
            raise
        self._journal_request("; ".join(decoded.notes))
        return decoded

    def _check(self) -> None:
        """What must hold before any handler is asked (PS3.7 9.1, 10.1)."""
        message = self._message
        if message.sop_class_uid is None:
            raise DimseFailure(statuses.NO_SUCH_SOP_CLASS, "The request names no SOP class")
        if message.sop_class_uid != message.abstract_syntax:
            status = statuses.SOP_CLASS_NOT_SUPPORTED if message.verb.startswith("C-") else statuses.NO_SUCH_SOP_CLASS
            raise DimseFailure(status, "Not the SOP class of this presentation context")
        if self._service is None or message.verb not in self._service.handlers:
            raise DimseFailure(statuses.UNRECOGNIZED_OPERATION, f"{message.verb} is not offered for this SOP class")
        if message.verb in (Verb.N_SET, Verb.N_GET) and not message.sop_instance_uid:
            raise DimseFailure(statuses.INVALID_SOP_INSTANCE, "The request names no SOP instance")
        if message.verb == Verb.C_FIND and message.data is None:
            raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, "The request has no Identifier")

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
                find = FindRequest(**common, identifier=dataset, is_cancelled=self._channel.is_cancelled)
                self._find(cast(services.FindHandler, handler)(find))
            case Verb.N_CREATE:
                create = CreateRequest(**common, sop_instance_uid=uid, uid_was_assigned=self._uid_was_assigned, attribute_list=dataset)
                self._finish(*cast(services.CreateHandler, handler)(create))
            case Verb.N_SET:
                modify = SetRequest(**common, sop_instance_uid=uid, modification_list=dataset)
                self._finish(*cast(services.SetHandler, handler)(modify))
            case Verb.N_GET:
                tags = self._message.attribute_identifiers
                self._finish(*cast(services.GetHandler, handler)(GetRequest(**common, sop_instance_uid=uid, attribute_identifiers=tags)))

    def _find(self, answers: Iterator[FindAnswer]) -> None:
        for answer in answers:
            if not self._channel.is_open():
                return  # nobody is listening any more
            if isinstance(answer, EncodedAnswers):
                self._pending(answer.status, answer.identifiers)
                continue
            status, identifier = answer
            if statuses.class_of(status) is not StatusClass.PENDING:
                self._finish(status)
                return
            if identifier is None:
                raise ValueError("a pending answer has no identifier")
            self._pending(status, [encode(identifier, self._message.transfer_syntax)])
        self._finish(statuses.SUCCESS)

    def _pending(self, status: int, identifiers: Sequence[bytes]) -> None:
        """Pending responses; one command set serves them all."""
        command = encode_response(self._response(status), with_data_set=True)
        for identifier in identifiers:
            self._channel.send(command, identifier)
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

    def _finish(self, status: int, dataset: Dataset | None = None) -> None:
        self._send(self._response(status), dataset)

    def _fail(self, failure: DimseFailure) -> None:
        response = replace(self._response(failure.status), comment=failure.comment, error_id=failure.error_id, offending=failure.offending)
        if failure.affected_uid is not None:
            response = replace(response, sop_instance_uid=failure.affected_uid)
        elif self._uid_was_assigned:
            response = replace(response, sop_instance_uid="")  # nothing was created that could have it
        self._send(response, failure.attribute_list)

    def _send(self, response: Response, dataset: Dataset | None) -> None:
        """The final response; an empty data set is as good as none."""
        data = encode(dataset, self._message.transfer_syntax) if dataset is not None and len(dataset) else None
        if self._channel.is_open():
            self._channel.send(encode_response(response, with_data_set=data is not None), data)
        self._journal_response(response, data or b"")

    def _journal_request(self, note: str) -> None:
        message = self._message
        self._journal.put(
            MessageEntry(
                association_id=self._channel.info.id,
                time=now(),
                incoming=True,
                verb=message.verb,
                message_id=message.message_id,
                sop_class_uid=message.sop_class_uid or "",
                sop_instance_uid=message.sop_instance_uid or "",
                transfer_syntax=message.transfer_syntax,
                data=message.data or b"",
                note=note,
            )
        )

    def _journal_response(self, response: Response, data: bytes) -> None:
        is_find = self._message.verb == Verb.C_FIND
        self._journal.put(
            MessageEntry(
                association_id=self._channel.info.id,
                time=now(),
                incoming=False,
                verb=response.verb,
                message_id=response.message_id,
                sop_class_uid=response.sop_class_uid,
                sop_instance_uid=response.sop_instance_uid,
                status=response.status,
                comment=response.comment,
                transfer_syntax=self._message.transfer_syntax,
                data=data,
                answers=tuple(self._answers),
                answer_count=self._answer_count if is_find else None,
                duration_ms=(perf_counter() - self._started) * 1000,
            )
        )


def without_values(error: BaseException) -> str:
    """The error's type and where it was raised, without its message: that may hold what a patient is called."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__}{f' after {type(cause).__name__}' if cause else ''}\n{frames}".rstrip()
