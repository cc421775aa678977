"""How long a client lets a query go on that is still being answered."""

import socket
from time import monotonic
from typing import Final

_AT_LEAST: Final = 0.001  # seconds; a time-out of 0 would not wait at all


class Deadline:
    """Begins with its making; without `seconds` it never comes."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._until = None if seconds is None else monotonic() + seconds

    def at_most(self, seconds: float) -> float:
        """So many seconds, or what is left."""
        return seconds if self._until is None else max(min(seconds, self._until - monotonic()), _AT_LEAST)

    def missed(self, peer: str, operation: str) -> str:
        """What happened, as a sentence; empty before the deadline."""
        if self._until is None or monotonic() < self._until:
            return ""
        return f"{peer} had not ended its answer to {operation} after {self._seconds:g} seconds, so the association was aborted."

    def read(self, connection: socket.socket, most: int) -> bytes:
        """Some bytes, none when the peer closed the connection. Raises TimeoutError after the socket's time-out, or past the deadline."""
        if self._until is not None:
            if monotonic() >= self._until:
                raise TimeoutError
            connection.settimeout(self.at_most(connection.gettimeout() or self._until))
        return connection.recv(most)
