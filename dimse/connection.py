"""A transport connection of an association: bytes from the event loop, deadlines, and what is held back when a peer does not read."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, cast
from uuid import uuid4

from dimse import tls
from dimse.association import Association, Host
from dimse.machine import State
from dimse.outlet import HIGH_WATER
from dimse.pdu import Framer, InvalidPdu
from dimse.services import AssociationInfo

_LINGER: Final = 2.0  # seconds that a peer has to close the connection after the last PDU


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds; see `ServerSettings`."""

    max_pdu: int
    max_message: int
    arrival_timeout: float
    idle_timeout: float
    io_timeout: float
    release_timeout: float = 1.0  # that a peer has to confirm our A-RELEASE-RQ


class ConnectionHost(Host, Protocol):
    """What a connection asks of its server."""

    def connected(self, connection: "Connection") -> None: ...
    def disconnected(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """One accepted connection; `association` is what it carries."""

    association: Association
    _transport: asyncio.Transport

    def __init__(self, host: ConnectionHost, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._host = host
        self._loop = loop
        self._limits = limits
        self._framer = Framer(limits.max_pdu)
        self._is_paused = False
        self._state = State.STA2
        self._entered = self._heard = loop.time()  # when the state was entered; when something was last asked or answered
        self._pdu_since: float | None = None
        self._message_since: float | None = None
        self._blocked_since: float | None = None
        self._messages = 0
        self._timer: asyncio.TimerHandle | None = None

    # --- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        address, port = (transport.get_extra_info("peername") or ("", 0))[:2]
        secured = tls.secured(transport.get_extra_info("ssl_object"))
        info = AssociationInfo(uuid4(), "", "", str(address), int(port), secured=secured)
        self.association = Association(self._host, self, info, self._limits.max_message)
        self._host.connected(self)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self.association.ending is None:
            self._framer.feed(data)
            self._read()

    def pause_writing(self) -> None:
        self.association.outlet.is_blocked = True
        self._blocked_since = self._loop.time()
        self._arm()

    def resume_writing(self) -> None:
        self.association.outlet.is_blocked = False
        self._blocked_since = None
        self.association.turns.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        self.association.disconnected(self._note_of_loss())
        if self._timer is not None:
            self._timer.cancel()
        self._host.disconnected(self)

    # --- association.Wire -----------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():  # else the connection is gone, and its end is about to be told
            self._transport.write(data)

    def finish(self) -> None:
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def close(self) -> None:
        self._transport.close()

    def heed(self) -> None:
        if self.association.state is not self._state:
            self._state = self.association.state
            self._entered = self._heard = self._loop.time()
        elif self.association.turns.is_idle:
            self._heard = self._loop.time()
        if self._is_paused and not self.association.turns.is_full:
            self._is_paused = False
            self._transport.resume_reading()
            self._loop.call_soon(self._read)
        self._arm()

    def cut(self) -> None:
        """End the connection without waiting for what is left to be sent."""
        self._transport.abort()

    # --- Reading --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Hand on the PDUs that are complete, as long as there is room for their requests."""
        association = self.association
        try:
            while association.ending is None and not self._pause_when_full():
                complete = self._framer.next()
                if complete is None:
                    break
                self._pdu_since = None
                association.received(*complete)
        except InvalidPdu as problem:
            association.broken(problem)
        self._look_for_beginnings()
        self._arm()

    def _pause_when_full(self) -> bool:
        if self.association.turns.is_full and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        return self._is_paused

    def _look_for_beginnings(self) -> None:
        """Since when a PDU or a message is there in part."""
        now, assembler = self._loop.time(), self.association.assembler
        if self._is_paused or self._framer.incomplete is None:
            self._pdu_since = None
        elif self._pdu_since is None:
            self._pdu_since = now
        if not assembler.has_begun:
            self._message_since = None
        elif self._message_since is None or assembler.count != self._messages:
            self._message_since, self._messages = now, assembler.count

    def _note_of_loss(self) -> str:
        """A connection that was opened and closed again without a word is no news."""
        if not self._framer.received:
            return ""
        if self._framer.incomplete and self._framer.incomplete[1]:
            return "the connection was closed after {} of the {} bytes of a PDU".format(*self._framer.incomplete)
        return "" if self.association.request else "the connection was closed before an association was requested"

    # --- Deadlines ------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Be woken at the next deadline; a timer that is too early finds nothing due and is set again."""
        when = min((when for when, _ in self._deadlines()), default=None)
        if when is None or (self._timer is not None and self._timer.when() <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = next((why for when, why in self._deadlines() if when <= now), None)
        if due is not None:
            self._expire(due)
        if not self._transport.is_closing():
            self._arm()

    def _expire(self, why: str) -> None:
        if self.association.state is State.STA2:
            self.association.expired(why)
        elif self.association.state is State.STA13:
            self.cut()
        else:
            self.association.abort(why, timed_out=True)

    def _deadlines(self) -> Iterator[tuple[float, str]]:
        """When patience ends, and with what."""
        limits, association = self._limits, self.association
        match association.state:
            case State.STA2:
                yield self._entered + limits.arrival_timeout, "no association request came in time"
            case State.STA7 | State.STA10:
                yield self._entered + limits.release_timeout, "the peer did not confirm the release"
            case State.STA13:
                yield self._entered + _LINGER, ""
            case State.STA6 | State.STA8:
                if association.turns.is_idle:
                    yield self._heard + limits.idle_timeout, f"nothing was asked for {limits.idle_timeout:g} s"
                yield from self._stalls(limits.io_timeout)

    def _stalls(self, timeout: float) -> Iterator[tuple[float, str]]:
        if self._pdu_since is not None:
            yield self._pdu_since + timeout, f"a PDU was not complete within {timeout:g} s"
        if self._message_since is not None:
            yield self._message_since + timeout, f"a message was not complete within {timeout:g} s"
        if self._blocked_since is not None:
            yield self._blocked_since + timeout, f"the peer did not read its answers for {timeout:g} s"
