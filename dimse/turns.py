"""The requests of one association: served one at a time, in the order they came, on the host's workers."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from dimse.dispatch import Message
from dimse.exchange import Exchange
from dimse.interference import HangUp
from dimse.outlet import ContextChannel, Outlet

T = TypeVar("T")

MOST_WAITING: Final = 16
"""Requests that may wait behind the one being served; then nothing more is read from the peer."""


class Workers(Protocol):
    """Threads that may use the database, beside the event loop."""

    def tell(self, hear: Callable[[T], None], what: T) -> None:
        """From any thread: `hear(what)` on the loop; nothing when the server has stopped."""

    def work(self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """`job` on one of the threads, then `done` or `failed` on the loop."""

    def later(self, delay: float, hear: Callable[[], None]) -> Callable[[], None]:
        """`hear` on the loop after `delay` seconds; returns what calls it off."""


@dataclass(frozen=True, slots=True)
class _Turn:
    message: Message
    channel: ContextChannel
    exchange: Exchange


class Turns:
    """Who is next. Lives on the event loop; `begin` makes the exchange that serves a message, `changed` hears of every end of a turn."""

    def __init__(
        self,
        workers: Workers,
        outlet: Outlet,
        begin: Callable[[Message, ContextChannel], Exchange],
        changed: Callable[[], None],
        failed: Callable[[Exception], None],
        hung_up: Callable[[HangUp, str], None],
    ) -> None:
        self._workers = workers
        self._outlet = outlet
        self._begin = begin
        self._changed = changed
        self._failed = failed
        self._hung_up = hung_up
        self._waiting: deque[_Turn] = deque()
        self._current: _Turn | None = None
        self._is_parked = False
        self._is_closed = False
        self._wake: Callable[[], None] | None = None  # calls off what ends the pause of the current exchange

    @property
    def is_idle(self) -> bool:
        return self._current is None

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    def add(self, message: Message, channel: ContextChannel) -> None:
        """Serve `message` when its turn comes; a Message ID that is outstanding is marked as such."""
        outstanding = any(turn.message.message_id == message.message_id for turn in self._all())
        message = replace(message, is_duplicate=True) if outstanding else message
        self._waiting.append(_Turn(message, channel, self._begin(message, channel)))
        if self._current is None:
            self._next()

    def cancel(self, message_id: int) -> None:
        """C-CANCEL (PS3.7 9.3.2.3); one for no outstanding request is ignored."""
        for turn in self._all():
            if turn.message.message_id == message_id:
                turn.channel.cancel()

    def drained(self) -> None:
        """The peer has read what was waiting for it: a parked exchange goes on."""
        if self._is_parked and self._current is not None:
            self._is_parked = False
            self._run(self._current)

    def close(self) -> None:
        """Serve nothing more. What runs ends by itself, for its channel is closed; what is parked is told to end."""
        self._is_closed = True
        self._waiting.clear()
        self.drained()
        self._rested()

    def _all(self) -> list[_Turn]:
        return [*([self._current] if self._current else []), *self._waiting]

    def _next(self) -> None:
        self._current = self._waiting.popleft() if self._waiting else None
        if self._current is not None:
            self._run(self._current)

    def _run(self, turn: _Turn) -> None:
        self._workers.work(turn.exchange.run, self._ran, self._broke)

    def _ran(self, is_answered: bool) -> None:
        self._outlet.flush()
        farewell = self._current.channel.farewell if self._current is not None else None
        if is_answered and farewell is not None:
            self._current = None
            self._hung_up(*farewell)
        elif is_answered:
            self._next()
            self._changed()
        elif self._current is not None and self._current.exchange.pause:
            self._wake = self._workers.later(self._current.exchange.pause, self._rested)
            if self._is_closed:
                self._rested()
        elif self._current is not None and not self._current.channel.is_congested():
            self._run(self._current)
        else:
            self._is_parked = True
            if self._is_closed:
                self.drained()

    def _rested(self) -> None:
        """The pause is over, or nobody is there any more to wait for what comes after it."""
        if self._wake is not None and self._current is not None:
            self._wake()
            self._wake = None
            self._run(self._current)

    def _broke(self, error: Exception) -> None:
        self._current = None
        self._failed(error)
