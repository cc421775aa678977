"""pynetdicom's side of an association request: sockets that are closed whatever happens, and a watch over what its events tell.

Leans on `ApplicationEntity._create_socket`, `Association._reactor_checkpoint`, `AssociationSocket._shutdown_socket`, `.close` and
`.recv`, on the attributes of its events and on the event names of its state machine (PS3.8 9.2); held by
`tests/unit/dimse/test_requestor_seams.py`.
"""

import logging
import socket
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket

_config.LOG_HANDLER_LEVEL = "none"  # pynetdicom would print data sets at debug level

ENDING_EVENTS = frozenset({"Evt15", "Evt16", "Evt17", "Evt18", "Evt19"})
"""State machine events that end an association (PS3.8 9.2.3): our abort, the peer's, closed connection, ARTIM expired, invalid PDU."""


_LOOK = 0.1  # seconds between two looks at whether a reactor is still alive
_PIECE = 65536  # bytes read at a time
_AT_LEAST = 0.001  # seconds; a time-out of 0 would make the socket non-blocking


@dataclass(slots=True)
class Watch:
    """What pynetdicom's events tell about how an association went wrong."""

    connected: bool = False
    nonsense: bool = False
    ended_by: str = ""  # the first of ENDING_EVENTS
    command: Dataset = field(default_factory=Dataset)  # the last command set received; pynetdicom hands on only part of it
    handlers: list[tuple[Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.handlers = [
            (evt.EVT_CONN_OPEN, self._on_open),
            (evt.EVT_FSM_TRANSITION, self._on_transition),
            (evt.EVT_DIMSE_RECV, self._on_message),
        ]

    def _on_open(self, event: Any) -> None:
        self.connected = True
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_transition(self, event: Any) -> None:
        if not self.ended_by and event.fsm_event in ENDING_EVENTS:
            self.ended_by = event.fsm_event
        self.nonsense = self.nonsense or event.action == "AA-8"  # an unexpected or invalid PDU (PS3.8 Table 9-9)

    def _on_message(self, event: Any) -> None:
        self.command = event.message.command_set


class ClosingSocket(AssociationSocket):
    """Closes the descriptor also when the connection is gone already, or never was."""

    def _shutdown_socket(self) -> None:
        if self.socket is None:
            return
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # not connected any more, which is what we want
        finally:
            self.socket.close()


class RequestorSocket(ClosingSocket):
    """Stays "connected" after it was closed: pynetdicom's requestor takes an answer that came and closed quickly for no connection.

    A PDU that was begun is waited for as long as an answer is, where pynetdicom waits for ever, deaf to its own time-outs and to Ctrl-C.
    """

    stalled = False  # whether the peer began a PDU and did not complete it in time

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes, or fewer when the peer closed the connection. Raises TimeoutError."""
        connection, received = cast(socket.socket, self.socket), bytearray()
        patience = self.patience
        until = monotonic() + patience
        try:
            while len(received) < nr_bytes:
                connection.settimeout(max(until - monotonic(), _AT_LEAST))
                piece = connection.recv(min(nr_bytes - len(received), _PIECE))
                if not piece:
                    break
                received += piece
        except TimeoutError:
            self.stalled = True
            raise
        connection.settimeout(patience)  # for what is sent
        return received

    @property
    def patience(self) -> float:
        """Seconds for what the peer is to send or take: of an answer to an association request, of a DIMSE response later."""
        return cast(float, self.assoc.dimse_timeout if self.assoc.is_established else self.assoc.acse_timeout)

    def close(self) -> None:
        was_connected = self._is_connected
        super().close()
        self._is_connected = was_connected


class Turnstile(threading.Event):
    """The checkpoint of an association's reactor: who clears it knows that the reactor is not on its way past it.

    pynetdicom pauses its reactor by clearing the event and looking at a flag that the reactor sets before it waits. A reactor that
    has just been let through still shows the flag, and takes the response to the next request for a request of the peer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._on_its_way = threading.RLock()
        self._walker: threading.Thread | None = None
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Only the reactor waits; until it does so again, it is on its way."""
        if self._walker is threading.current_thread():
            self._walker = None
            self._on_its_way.release()
        while super().wait(timeout):
            self._on_its_way.acquire()
            if self.is_set():
                self._walker = threading.current_thread()
                return True
            self._on_its_way.release()
        return False

    def clear(self) -> None:
        while not self._on_its_way.acquire(timeout=_LOOK):
            if self._walker is not None and not self._walker.is_alive():
                super().clear()  # the reactor has ended on its way
                return
        super().clear()
        self._on_its_way.release()


class Requestor(ApplicationEntity):
    """An application entity whose sockets are closed whatever happens, and whose associations know their responses."""

    def _create_socket(self, assoc: Association, address: AddressInformation, tls_args: Any) -> AssociationSocket:
        assoc._reactor_checkpoint = Turnstile()
        return RequestorSocket(assoc, address=address)


def stalled(association: Association) -> bool:
    """Whether the peer began to send something and did not go on in time."""
    return cast(RequestorSocket, association.dul.socket).stalled


def abort(association: Association) -> None:
    """A-ABORT, also between two responses, where pynetdicom holds up the reactor until the last of them."""
    association.abort()
    association._reactor_checkpoint.set()


def join(association: Association, timeout: float) -> None:
    """Wait for the association's threads, for at most `timeout` seconds each; then all that happened is known."""
    for thread in (association, association.dul):
        if thread.is_alive():
            thread.join(timeout)


def _is_told_elsewhere(record: logging.LogRecord) -> bool:
    return record.funcName != "_read_pdu_data"


# What pynetdicom prints there, tracebacks and all, is about a peer's bytes: an association's note says it in one line.
logging.getLogger("pynetdicom.dul").addFilter(_is_told_elsewhere)
