"""One association, as its acceptor: PDUs in, the state machine, messages to their turns, PDUs out. On the event loop; without sockets."""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from dimse import pdu
from dimse.associate import AssociateRequest, read_request
from dimse.commands import CANCEL, RESPONSE, UndecodableCommand
from dimse.dispatch import Message
from dimse.entries import Ending
from dimse.exchange import Exchange
from dimse.interference import HangUp
from dimse.machine import Action, Event, Machine, State
from dimse.messages import Assembler, Received
from dimse.negotiation import Negotiated
from dimse.outlet import ContextChannel, Outlet
from dimse.pdu import AbortReason, InvalidPdu, Kind, Packer
from dimse.policy import Reject
from dimse.services import AssociationInfo
from dimse.strangers import NoDicom
from dimse.turns import Turns, Workers

_EVENTS: Final = {
    Kind.ASSOCIATE_RQ: Event.EVT6,
    Kind.ASSOCIATE_AC: Event.EVT3,
    Kind.ASSOCIATE_RJ: Event.EVT4,
    Kind.P_DATA_TF: Event.EVT10,
    Kind.RELEASE_RQ: Event.EVT12,
    Kind.RELEASE_RP: Event.EVT13,
    Kind.ABORT: Event.EVT16,
}
_SERVICE_USER, _SERVICE_PROVIDER = 0, 2


class Wire(Protocol):
    """The transport connection."""

    def write(self, data: bytes) -> None: ...
    def finish(self) -> None:
        """Nothing more will be written; the peer is to close."""

    def close(self) -> None:
        """End the connection now."""

    def heed(self) -> None:
        """The association may have more to be read, or another deadline."""


class Host(Workers, Protocol):
    """What an association asks of its server."""

    def requested(self, association: "Association") -> None:
        """Decide on `association.request`, by `accept` or `reject`, now or later."""

    def begin(self, association: "Association", message: Message, channel: ContextChannel) -> Exchange: ...
    def idle(self, association: "Association") -> None:
        """Every request is answered."""

    def ended(self, association: "Association") -> None: ...


class Association:
    """What is known of one connection. `ending` is None while it lives; `note` says in words what went wrong beside the services,
    `taken_for` what the peer took the port for that spoke no DICOM."""

    def __init__(self, host: Host, wire: Wire, info: AssociationInfo, max_message: int) -> None:
        self.info = info
        self.request: AssociateRequest | None = None
        self.negotiated = Negotiated()
        self.journalled = True
        self.was_admitted = False
        self.ending: Ending | None = None
        self.note = ""
        self.taken_for: NoDicom | None = None
        self.timed_out = False
        self.outlet = Outlet(host.tell, self._send)
        self.turns = Turns(host, self.outlet, partial(host.begin, self), self._turned, self._broke, self._hung_up)
        self.assembler = Assembler({}, max_message)
        self._max_message = max_message
        self._host = host
        self._wire = wire
        self._machine = Machine()
        self._machine.step(Event.EVT5)

    @property
    def state(self) -> State:
        return self._machine.state

    # --- What comes from the peer ---------------------------------------------------------------------------------

    def received(self, kind: Kind, body: bytes) -> None:
        """A whole PDU."""
        event = _EVENTS[kind]
        if event is Event.EVT6 and self.state is State.STA2:
            try:
                self.request = read_request(body)
            except InvalidPdu as problem:
                self.broken(problem)
                return
        elif self.state is State.STA2:
            self._noted("the first PDU was no association request")
        self._handle(event, body)

    def broken(self, problem: InvalidPdu) -> None:
        """What came is no PDU, or not a valid one."""
        self._noted(str(problem), problem.taken_for)
        self._handle(Event.EVT19, reason=problem.reason)

    def disconnected(self, note: str) -> None:
        """The transport connection is gone."""
        if self.ending is None:
            self._noted(note)
        if self._machine.knows(Event.EVT17):
            self._handle(Event.EVT17)

    # --- What is decided here -------------------------------------------------------------------------------------

    def accept(self, negotiated: Negotiated, answer: bytes) -> None:
        """`answer` is the A-ASSOCIATE-AC."""
        self.negotiated = negotiated
        self.was_admitted = True
        self.assembler = Assembler(negotiated.accepted, self._max_message)
        self._handle(Event.EVT7, answer)

    def reject(self, verdict: Reject) -> None:
        self._handle(Event.EVT8, pdu.reject(verdict.result, verdict.source, verdict.reason))

    def release(self) -> None:
        self._handle(Event.EVT11)

    def abort(self, note: str, *, timed_out: bool = False) -> None:
        """End what is open; nothing is done to what has ended, or has not begun."""
        if self._machine.knows(Event.EVT15):
            self._noted(note)
            self.timed_out = timed_out
            self._handle(Event.EVT15)

    def expired(self, note: str) -> None:
        """ARTIM has run out."""
        if self.state is State.STA2:
            self._noted(note)
            self.timed_out = True
        self._handle(Event.EVT18)

    # --- The actions of the state machine -------------------------------------------------------------------------

    def _handle(self, event: Event, data: bytes = b"", reason: AbortReason = AbortReason.UNEXPECTED_PDU) -> None:
        """`data` is what the event brings or wants to be sent; `reason` that of an A-ABORT, if it comes to one."""
        before = self.state
        action = self._machine.step(event)
        if action is Action.AA8:
            self._noted(f"not expected by an acceptor {before}: {event}")
        act = _ACTIONS.get(action)
        if act is not None:
            act(self, data, reason)
        self._wire.heed()

    def _release_requested(self) -> None:
        """Answered at once, or when the last request is."""
        if self.turns.is_idle:
            self._handle(Event.EVT14)

    def _last_words(self, data: bytes, ending: Ending) -> None:
        self._wire.write(data)
        self._wire.finish()
        self._ended(ending)

    def _over(self, ending: Ending) -> None:
        self._wire.close()
        self._ended(ending)

    def _ended(self, ending: Ending) -> None:
        if self.ending is not None:
            return
        self._noted(self.assembler.what_is_missing)
        if self.request is not None:
            self._noted(self._who_ended(ending))
        self.ending = ending
        self.outlet.is_open = False
        self.turns.close()
        self._host.ended(self)

    def _who_ended(self, ending: Ending) -> str:
        """A bad end in words, and whether a request was still being answered."""
        words = {Ending.ABORTED: "the peer aborted", Ending.CLOSED: "the peer closed without releasing"}.get(ending, "")
        if words and not self.turns.is_idle:
            return f"{words} while a request was being answered; what it read is not known"
        identity = self.request.user_identity if self.request else None
        if words and identity is not None and identity.wants_response:
            return f"{words}; it had asked for its user identity ({identity.in_words}) to be confirmed, which is not done here"
        return words

    def _noted(self, note: str, taken_for: NoDicom | None = None) -> None:
        """The first thing that goes wrong is the one to tell."""
        if not self.note:
            self.note, self.taken_for = note, taken_for

    # --- Messages -------------------------------------------------------------------------------------------------

    def _take(self, body: bytes) -> None:
        try:
            for pdv in pdu.pdvs(body):
                message = self.assembler.add(pdv)
                if message is not None and self.state is State.STA6:
                    self._message(message)
        except InvalidPdu as problem:
            self.broken(problem)
        except UndecodableCommand as problem:
            self.abort(str(problem))

    def _message(self, received: Received) -> None:
        command, context = received.command, received.context
        if command.field == CANCEL:
            if command.responds_to is not None:
                self.turns.cancel(command.responds_to)
        elif command.field & RESPONSE:
            self.abort("a response came to a request that was never made")
        elif command.message_id is None:
            self.abort(f"{command.verb} has no Message ID, so that it cannot be answered")
        else:
            message = Message(
                verb=command.verb,
                message_id=command.message_id,
                sop_class_uid=command.sop_class_uid,
                sop_instance_uid=command.sop_instance_uid,
                attribute_identifiers=command.attribute_identifiers,
                data=received.data or None,
                abstract_syntax=context.abstract_syntax,
                transfer_syntax=context.transfer_syntax,
            )
            maximum = self.request.maximum_length if self.request else 0
            self.turns.add(message, ContextChannel(self.outlet, Packer(context.id, maximum), self.info))

    def _send(self, data: bytes) -> None:
        if self._machine.knows(Event.EVT9):
            self._handle(Event.EVT9, data)

    def _turned(self) -> None:
        """A request is answered, or will never be."""
        if self.turns.is_idle:
            if self.state is State.STA8:
                self._handle(Event.EVT14)
            else:
                self._host.idle(self)
        self._wire.heed()

    def _hung_up(self, how: HangUp, note: str) -> None:
        """An exchange ends the association on purpose."""
        if how is HangUp.ABORT:
            self.abort(note)
        else:
            self.disconnected(note)

    def _broke(self, error: Exception) -> None:
        self.abort(f"an answer could not be made ({type(error).__name__})")


_ACTIONS: Final[dict[Action, Callable[[Association, bytes, AbortReason], None]]] = {
    Action.AE6: lambda association, data, reason: association._host.requested(association),
    Action.AE7: lambda association, data, reason: association._wire.write(data),
    Action.AE8: lambda association, data, reason: association._last_words(data, Ending.REJECTED),
    Action.DT1: lambda association, data, reason: association._wire.write(data),
    Action.DT2: lambda association, data, reason: association._take(data),
    Action.AR1: lambda association, data, reason: association._wire.write(pdu.RELEASE_RQ),
    Action.AR2: lambda association, data, reason: association._release_requested(),
    Action.AR3: lambda association, data, reason: association._over(Ending.RELEASED),
    Action.AR4: lambda association, data, reason: association._last_words(pdu.RELEASE_RP, Ending.RELEASED),
    Action.AR7: lambda association, data, reason: association._wire.write(data),
    Action.AR10: lambda association, data, reason: association._handle(Event.EVT14),
    Action.AA1: lambda association, data, reason: association._last_words(pdu.abort(_SERVICE_USER, 0), Ending.ABORTED_HERE),
    Action.AA2: lambda association, data, reason: association._over(Ending.ABORTED_HERE),
    Action.AA3: lambda association, data, reason: association._over(Ending.ABORTED),
    Action.AA4: lambda association, data, reason: association._over(Ending.CLOSED),
    Action.AA5: lambda association, data, reason: association._over(Ending.CLOSED),
    Action.AA8: lambda association, data, reason: association._last_words(pdu.abort(_SERVICE_PROVIDER, reason), Ending.ABORTED_HERE),
}
"""What is done for an action; the others (AE-5, AR-5, AR-6, AR-8, AA-6) ask for nothing beside the new state."""
