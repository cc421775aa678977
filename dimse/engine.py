"""An association of pynetdicom that hands its requests to us. What leans on pynetdicom's inside is here, in `sockets.py`
and in `listener.py`.

What is used beyond pynetdicom's documented API, and held by `tests/unit/dimse/test_engine_seams.py`:

- `Association._serve_request(message, context_id)` is called for each complete request, on the association's thread, and
  `Association.run_reactor()` is that thread's whole life;
- in EVT_REQUESTED an association may be refused with `acse.send_reject()` and `kill()`;
- `DIMSEServiceProvider.cancel_req` holds the C-CANCEL requests that arrived, by message ID;
- `DULServiceProvider.send_pdu()` takes P-DATA primitives made here, `.state_machine` does what its queued events ask for.
"""

import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any, Protocol, cast
from uuid import uuid4

from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_CANCEL
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import StateMachine
from pynetdicom.pdu_primitives import A_ASSOCIATE, P_DATA

from dimse.commands import COMMAND_FIELDS
from dimse.dispatch import Channel, Message, without_values
from dimse.entries import Ending
from dimse.policy import Reject
from dimse.services import AssociationInfo
from dimse.sockets import ENDING_EVENTS, BoundedSocket

logger = logging.getLogger(__name__)

_config.LOG_HANDLER_LEVEL = "none"  # the journal records messages; pynetdicom would print data sets at debug level

_PDV_OVERHEAD = 6  # item length, context ID and message control header (PS3.8 9.3.5)
_RESULTS = {0: "accepted", 1: "user rejection", 2: "no reason", 3: "abstract syntax not supported", 4: "transfer syntaxes not supported"}
_DATA_SETS = ("Identifier", "AttributeList", "ModificationList")
_COMMAND, _LAST = 0x01, 0x02  # bits of the message control header (PS3.8 E.2)


class Host(Protocol):
    """What an association needs from its server."""

    def connected(self, association: "ServedAssociation") -> None: ...
    def admit(self, association: "ServedAssociation") -> Reject | None: ...
    def established(self, association: "ServedAssociation") -> None: ...
    def serve(self, association: "ServedAssociation", message: Message, channel: Channel) -> None: ...
    def ended(self, association: "ServedAssociation") -> None: ...


class OrderlyStateMachine(StateMachine):
    """Remembers what ended the association first: an abort from here (Evt15) or there (Evt16), a closed connection (Evt17), …

    It also drops an A-RELEASE of ours that the peer's own release or abort has overtaken: pynetdicom's thread would die of it.
    """

    def __init__(self, dul: DULServiceProvider) -> None:
        super().__init__(dul)
        self.ended_by = ""

    def do_action(self, event: str) -> None:
        was_waiting = self.current_state == "Sta2"  # for the A-ASSOCIATE-RQ, Evt6
        if not self.ended_by and (event in ENDING_EVENTS or (was_waiting and event != "Evt6")):
            self.ended_by = event
        if event == "Evt11" and self.current_state != "Sta6":
            self.dul.to_provider_queue.get(block=False)
            return
        super().do_action(event)
        if was_waiting and self.current_state != "Sta3":
            self.dul.to_user_queue.put(cast(A_ASSOCIATE, None))  # there will be no request to wait for


class ServedAssociation(Association):
    """One accepted connection: pynetdicom negotiates and moves bytes, the host decides and answers."""

    def __init__(self, ae: ApplicationEntity, host: Host) -> None:
        super().__init__(ae, "acceptor")
        self.info = AssociationInfo(uuid4(), "", "", "", 0)
        self.journalled = True
        self.admitted = False
        self.idle = threading.Event()
        self.idle.set()
        self.transport: BoundedSocket | None = None
        self._host = host
        self._machine = self.dul.state_machine = OrderlyStateMachine(self.dul)
        self.bind(evt.EVT_REQUESTED, self._on_requested)
        self.bind(evt.EVT_ESTABLISHED, self._on_established)

    @property
    def application_context(self) -> str:
        """The application context name of the request; empty when it has none."""
        return str(cast(A_ASSOCIATE, self.requestor.primitive).application_context_name or "")

    @property
    def ending(self) -> Ending:
        """How it ended; only to be asked when it has."""
        if self.is_rejected:
            return Ending.REJECTED
        if self.is_released:
            return Ending.RELEASED
        return {"Evt16": Ending.ABORTED, "Evt17": Ending.CLOSED}.get(self._machine.ended_by, Ending.ABORTED_HERE)

    @property
    def negotiated(self) -> tuple[tuple[str, str, str], ...]:
        """Abstract syntax, transfer syntax and result in words of each presentation context that was asked for."""
        contexts = [*self.accepted_contexts, *self.rejected_contexts]
        return tuple(
            (str(cx.abstract_syntax), str(cx.transfer_syntax[0]) if cx.result == 0 else "", _RESULTS.get(cx.result or 0, str(cx.result)))
            for cx in contexts
        )

    @property
    def was_requested(self) -> bool:
        """Whether an association request came at all."""
        return isinstance(self.requestor.primitive, A_ASSOCIATE)

    @property
    def note(self) -> str:
        """What went wrong beside the services, in words; empty when nothing did. Only to be asked when it has ended."""
        ended_by = self._machine.ended_by
        if self.transport is not None and self.transport.complaint:
            return self.transport.complaint
        if not self.was_requested:
            return self._note_of_no_request(ended_by, self.transport.received if self.transport is not None else 0)
        if ended_by == "Evt19":
            return "a PDU or message came that cannot be decoded"
        announced = getattr(getattr(self.dimse.message, "command_set", None), "CommandField", None)
        verb = next((verb for verb, field in COMMAND_FIELDS.items() if field == announced), "")
        return f"{verb} announced a data set that never came" if verb else ""

    @staticmethod
    def _note_of_no_request(ended_by: str, received: int) -> str:
        """A connection that was opened and closed again without a word is no news."""
        if not received:
            return "" if ended_by == "Evt17" else "no association request came in time"
        if ended_by == "Evt17":
            return "the connection was closed before an association was requested"
        return "the association request cannot be decoded" if ended_by == "Evt19" else "the first PDU was no association request"

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self._host.ended(self)

    def close_connection(self) -> None:
        """Cut the connection and let pynetdicom's threads end by themselves."""
        transport = self.dul.socket
        connection = transport.socket if transport is not None else None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                logger.debug("Connection to %s was closed already: %s", self.info.address, error)
        self._kill = True
        self.dul.kill_dul()

    def _on_requested(self, event: evt.Event) -> None:
        request = cast(A_ASSOCIATE, self.requestor.primitive)
        self.info = AssociationInfo(
            id=self.info.id,
            calling_ae_title=str(request.calling_ae_title or "").strip(),
            called_ae_title=str(request.called_ae_title or "").strip(),
            address=self.requestor.address,
            port=self.requestor.port,
        )
        verdict = self._host.admit(self)
        if verdict is not None:
            self.acse.send_reject(verdict.result, verdict.source, verdict.reason)
            self.kill()

    def _on_established(self, event: evt.Event) -> None:
        self._host.established(self)

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Answer one request on a worker thread of the host and wait for it: the messages of an association are served in turn."""
        if self._sent_release or isinstance(msg, C_CANCEL):
            return
        context = self._accepted_cx.get(context_id)
        if context is None or msg.MessageID is None or msg.MessageIDBeingRespondedTo is not None:
            self.abort()  # nothing that could be answered
            return
        self.idle.clear()
        try:
            message = read_message(msg, str(context.abstract_syntax), str(context.transfer_syntax[0]))
            self._host.serve(self, message, _ContextChannel(self, context_id, message.message_id))
        except Exception as error:  # noqa: BLE001  (what cannot be answered ends the association, not the thread with a traceback)
            logger.error("Association with %s is aborted: %s", self.info.calling_ae_title, without_values(error))
            self.abort()
        finally:
            self.dimse.cancel_req = {}
            self.idle.set()


class _ContextChannel:
    """The way back to the peer of one request."""

    def __init__(self, association: ServedAssociation, context_id: int, message_id: int) -> None:
        self._association = association
        self._context_id = context_id
        self._message_id = message_id
        self._fragment = max((association.requestor.maximum_length or 2**17) - _PDV_OVERHEAD, 2) & ~1

    @property
    def info(self) -> AssociationInfo:
        return self._association.info

    def send(self, command: bytes, data: bytes | None) -> None:
        """Send the command set and data set as P-DATA-TF PDUs that respect the peer's maximum length; both in one where they fit."""
        fragments = [*self._fragments(command, _COMMAND), *(self._fragments(data, 0) if data is not None else ())]
        if sum(len(fragment) - 1 + _PDV_OVERHEAD for fragment in fragments) <= self._fragment + _PDV_OVERHEAD:  # the peer's limit
            self._put(fragments)
        else:
            for fragment in fragments:
                self._put([fragment])

    def is_cancelled(self) -> bool:
        return self._message_id in self._association.dimse.cancel_req

    def is_open(self) -> bool:
        return bool(self._association.is_established) and not self._association.acse.is_aborted()

    def _fragments(self, data: bytes, kind: int) -> Iterator[bytes]:
        for start in range(0, max(len(data), 1), self._fragment):
            last = _LAST if start + self._fragment >= len(data) else 0
            yield bytes([kind | last]) + data[start : start + self._fragment]

    def _put(self, fragments: list[bytes]) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list.extend((self._context_id, fragment) for fragment in fragments)
        self._association.dul.send_pdu(primitive)


def read_message(msg: Any, abstract_syntax: str, transfer_syntax: str) -> Message:
    """pynetdicom's primitive of a request as our Message."""
    verb = msg.__class__.__name__.replace("_", "-")
    if verb not in COMMAND_FIELDS:
        raise ValueError(f"{verb} is no request")
    stream = next((value for name in _DATA_SETS if (value := getattr(msg, name, None)) is not None), None)
    sop_class = getattr(msg, "AffectedSOPClassUID", None) or getattr(msg, "RequestedSOPClassUID", None)
    instance = getattr(msg, "AffectedSOPInstanceUID", None) or getattr(msg, "RequestedSOPInstanceUID", None)
    asked = getattr(msg, "AttributeIdentifierList", None) or ()
    return Message(
        verb=verb,
        message_id=int(msg.MessageID),
        sop_class_uid=None if sop_class is None else str(sop_class),
        sop_instance_uid=None if instance is None else str(instance),
        attribute_identifiers=tuple(int(tag) for tag in ([asked] if isinstance(asked, int) else asked)),
        data=(stream.getvalue() or None) if stream is not None else None,
        abstract_syntax=abstract_syntax,
        transfer_syntax=transfer_syntax,
    )
