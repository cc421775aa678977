"""pynetdicom's transport sockets, made to close what they open and to read only what is believable.

Leans on `AssociationSocket._shutdown_socket`, `.ready`, `.recv` and on the event names of the DUL state machine (PS3.8 9.2).
"""

import logging
import select
import socket

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from dimse.strangers import HEADER_LENGTH, complaint

logger = logging.getLogger(__name__)

_MOST_DRAINED = 2**20  # bytes of a stranger that are read away, so that our A-ABORT is not lost to a reset

ENDING_EVENTS = frozenset({"Evt15", "Evt16", "Evt17", "Evt18", "Evt19"})
"""State machine events that end an association (PS3.8 9.2.3): our abort, the peer's, closed connection, ARTIM expired, invalid PDU."""


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
    """Stays "connected" after it was closed: pynetdicom's requestor takes an answer that came and closed quickly for no connection."""

    def close(self) -> None:
        was_connected = self._is_connected
        super().close()
        self._is_connected = was_connected


class BoundedSocket(ClosingSocket):
    """Reads no PDU that cannot be one, and looks for data with poll(): select() ends at descriptor 1023.

    `complaint` says in words why nothing more is read; `received` counts the bytes that came.
    """

    def __init__(self, assoc: Association, client_socket: socket.socket) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self.complaint = ""
        self.received = 0
        self._header_is_next = True

    @property
    def ready(self) -> bool:
        if self.complaint or self.socket is None or not self._is_connected:
            return False
        try:
            return self._has_data(self.socket)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """A PDU's header and its body in turn; nothing, with a complaint, when that cannot be: pynetdicom then closes in silence."""
        is_header = self._header_is_next
        is_first = self.received == 0
        try:
            read = super().recv(nr_bytes)
        except OSError as error:
            self.complaint = f"nothing more could be read: {error.strerror or error}"
            return bytearray()
        self.received += len(read)
        self._header_is_next = not is_header or not read
        if not is_header:
            if len(read) < nr_bytes:
                self.complaint = f"the connection was closed after {len(read)} of the {nr_bytes} bytes of a PDU"
            return read
        if read and complaint(bytes(read), b"", is_first):
            self.complaint = complaint(bytes(read), self._drained() if len(read) == HEADER_LENGTH else b"", is_first)
            self.event_queue.put("Evt19")  # unrecognized or invalid PDU: A-ABORT
            return bytearray()
        return read

    @staticmethod
    def _has_data(connection: socket.socket) -> bool:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))

    def _drained(self) -> bytes:
        """What is there to be read now, without waiting for more."""
        drained = bytearray()
        try:
            while self.socket is not None and len(drained) < _MOST_DRAINED and self._has_data(self.socket):
                more = self.socket.recv(4096)
                if not more:
                    break
                drained += more
        except OSError as error:
            logger.debug("Nothing more is there: %s", error)
        return bytes(drained)


def _is_told_elsewhere(record: logging.LogRecord) -> bool:
    return record.funcName != "_read_pdu_data"


# What pynetdicom prints there, tracebacks and all, is about a peer's bytes: an association's note says it in one line.
logging.getLogger("pynetdicom.dul").addFilter(_is_told_elsewhere)
