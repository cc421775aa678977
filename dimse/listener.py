"""The listening socket, on the event loop. Other processes may share it: what one sees, another may be the one to accept."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

logger = logging.getLogger(__name__)

_BACKLOG: Final = 512
_FAREWELL: Final = 1.0  # seconds that a peer has to close TLS when we have
_PAUSE: Final = 0.2  # seconds until it is tried again when accepting failed


def bound(address: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def inherited(descriptor: int) -> socket.socket:
    """The listening socket behind a descriptor that another process bound; the descriptor itself stays open. Raises OSError."""
    return socket.socket(fileno=os.dup(descriptor))


@dataclass(frozen=True, slots=True)
class Handshake:
    """How connections are secured: `failed` hears of peers with which that came to nothing, and why. Times in seconds."""

    context: ssl.SSLContext
    timeout: float
    failed: Callable[[Any, Exception], None]


class Listener:
    """Accepts connections and makes a protocol of each; one at a turn, so that processes that share the socket share the work."""

    def __init__(
        self,
        listening: socket.socket,
        loop: asyncio.AbstractEventLoop,
        protocol: Callable[[], asyncio.Protocol],
        handshake: Handshake | None = None,
    ) -> None:
        self._listening = listening
        self._listening.setblocking(False)
        self._loop = loop
        self._protocol = protocol
        self._handshake = handshake
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def open(self) -> None:
        """Accept from now on; on the loop."""
        if not self._is_closed:
            self._loop.add_reader(self._listening, self._accept)

    async def close(self) -> None:
        """Accept no more; processes that share the socket go on. Handshakes that are not finished come to nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for opening in self._opening:
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _accept(self) -> None:
        try:
            connection, address = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors or memory: the connection stays in the queue, and asking at once would spin
            logger.error("No connection can be accepted for %g s: %s", _PAUSE, error.strerror)
            self._loop.remove_reader(self._listening)
            self._loop.call_later(_PAUSE, self.open)
            return
        connection.setblocking(False)
        # asyncio does it only for sockets made with an explicit protocol number; without it a last short PDU waits 40 ms for an ACK.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._secure(connection, address, self._handshake) if self._handshake else self._open(connection))
        self._opening.add(task)
        task.add_done_callback(partial(self._opened, connection))

    def _opened(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.info("A connection was lost while it was set up: %s", type(error).__name__)
        if task.cancelled() or error is not None:
            connection.close()

    async def _open(self, connection: socket.socket) -> None:
        await self._loop.connect_accepted_socket(self._protocol, connection)

    async def _secure(self, connection: socket.socket, address: Any, handshake: Handshake) -> None:
        """Shake hands first: until then there is no association, and nobody else waits."""
        try:
            await self._loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=handshake.context,
                ssl_handshake_timeout=handshake.timeout,
                ssl_shutdown_timeout=_FAREWELL,
            )
        except OSError as error:
            handshake.failed(address, error)
