"""A receiver of charge messages that answers as it is told."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from billing.charge_processor.intake import acknowledge, read_header
from ris import clock

Answer = Callable[[bytes], bytes | None]
"""From a message to the acknowledgement; None closes the connection without one."""


def ack(code: str = "AA", text: str = "") -> Answer:
    return lambda message: acknowledge(read_header(message), code, text, clock.now(), "A1")


def silence(message: bytes) -> None:
    """Take the message and hang up."""


class Receiver:
    """Listens on a free port while in use, keeps what it received, and answers with `answer`, which may be changed at any time."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or ack()
        self.received: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the end
                return
            with connection, suppress(ConnectionError):
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        data = b""
        while not data.endswith(b"\x1c\r"):
            part = connection.recv(65536)
            if not part:
                return
            data += part
        self.received.append(data[1:-2])
        self.respond(connection, data[1:-2])

    def respond(self, connection: socket.socket, message: bytes) -> None:
        """What is done when a message has been read; then the connection is closed."""
        reply = self.answer(message)
        if reply is not None:
            connection.sendall(b"\x0b" + reply + b"\x1c\r")
