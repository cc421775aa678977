"""The way out of an association for the threads that serve it: whole messages, in order, without waiting for the peer."""

from collections.abc import Callable, Sequence
from typing import Final

from dimse.interference import HangUp
from dimse.pdu import Packer
from dimse.services import AssociationInfo

HIGH_WATER: Final = 2**18
"""Bytes that may wait for a peer before its answers are held back."""
_CUT: Final = 7  # bytes that are kept back of a message that is to break off within its last PDU


class Outlet:
    """Hands bytes to the event loop by `tell`; there they are written with `write`.

    One worker at a time posts and one loop takes, so that each counter has a single writer.
    """

    def __init__(self, tell: Callable[[Callable[[bytes], None], bytes], None], write: Callable[[bytes], None]) -> None:
        self.is_open = True
        self.is_blocked = False  # the peer does not read what was written
        self._tell = tell
        self._write = write
        self._posted = 0
        self._taken = 0
        self._kept = b""

    @property
    def is_congested(self) -> bool:
        return self.is_blocked or self._posted - self._taken > HIGH_WATER

    def post(self, data: bytes) -> None:
        self._posted += len(data)
        if self.is_open:
            self._tell(self._take, data)

    def keep(self, data: bytes) -> None:
        """Last words of a turn, whose end wakes the loop anyway."""
        self._kept += data

    def flush(self) -> None:
        """Write what was kept; on the loop, between two turns."""
        kept, self._kept = self._kept, b""
        if kept and self.is_open:
            self._write(kept)

    def _take(self, data: bytes) -> None:
        self._taken += len(data)
        self._write(data)


class ContextChannel:
    """The way back to the peer of one request (`dispatch.Channel`)."""

    def __init__(self, outlet: Outlet, packer: Packer, info: AssociationInfo) -> None:
        self.info = info
        self._outlet = outlet
        self._packer = packer
        self._is_cancelled = False
        self.farewell: tuple[HangUp, str] | None = None  # how the association is to end, and why

    def send(self, command: bytes, data: bytes | None) -> None:
        self._outlet.keep(self._packer.message(command, data))

    def hang_up(self, how: HangUp, note: str, command: bytes, data: bytes | None) -> None:
        if how is HangUp.CUT:
            self._outlet.keep(self._packer.message(command, data)[:-_CUT])
        self.farewell = how, note

    def send_many(self, command: bytes, data_sets: Sequence[bytes]) -> None:
        for piece in self._packer.messages(command, data_sets):
            self._outlet.post(piece)

    def cancel(self) -> None:
        """The peer's C-CANCEL has come."""
        self._is_cancelled = True

    def is_cancelled(self) -> bool:
        return self._is_cancelled

    def is_open(self) -> bool:
        return self._outlet.is_open

    def is_congested(self) -> bool:
        return self._outlet.is_congested
