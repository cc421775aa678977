"""pynetdicom's transport sockets, made to close what they open and to read only what is believable.

Leans on `AssociationSocket._shutdown_socket`, `.ready`, `.recv` and on the event names of the DUL state machine (PS3.8 9.2).
"""

import select
import socket

from pynetdicom.transport import AssociationSocket

MAXIMUM_RECEIVED_PDU = 2**20
"""Bytes of the largest PDU that is read at all; an announced length beyond it is not believed."""

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
    """Refuses to read what is announced as too long, and looks for data with poll(): select() ends at descriptor 1023."""

    @property
    def ready(self) -> bool:
        if self.socket is None or not self._is_connected:
            return False
        try:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        if nr_bytes > MAXIMUM_RECEIVED_PDU:
            self.event_queue.put("Evt19")  # unrecognized or invalid PDU: A-ABORT
            raise ConnectionError(f"a PDU of {nr_bytes} bytes is announced, at most {MAXIMUM_RECEIVED_PDU} are read")
        return super().recv(nr_bytes)
