"""The sender's side of MLLP: one connection, one message, one acknowledgement.

The whole exchange ends within `CONNECT_TIMEOUT + ANSWER_TIMEOUT`, well below the lease of a delivery.
"""

import asyncio
import errno
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from hl7.mllp import InvalidBlockError, open_hl7_connection

from billing.errors import Garbled, NoAnswer, NotReached
from billing.hl7_answers import Ack, preview, read_ack

CONNECT_TIMEOUT = 3.0
ANSWER_TIMEOUT = 10.0
MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where charge messages are sent."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def send(self, message: str, control_id: str) -> Ack:
        """As the function `send`, with the usual patience."""
        return send(message, control_id, self, CONNECT_TIMEOUT, ANSWER_TIMEOUT)


def port_file() -> Path:
    """Where the demo charge processor records the port it listens on."""
    return Path(settings.DATA_DIR) / "mllp.port"


def recorded_port() -> int | None:
    """The port last recorded by the demo charge processor; None when there is none that can be read."""
    try:
        port = int(port_file().read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return port if 0 < port < 65536 else None


def target() -> Target:
    """The receiver as configured at this moment; NotReached while the port of the demo charge processor is not known."""
    port = settings.MLLP_PORT or recorded_port()
    if not port:
        raise NotReached(f"The charge processor has not started yet: no port can be read from {port_file()}.")
    return Target(settings.MLLP_HOST or "127.0.0.1", port)


def send(
    message: str, control_id: str, receiver: Target, connect_timeout: float = CONNECT_TIMEOUT, answer_timeout: float = ANSWER_TIMEOUT
) -> Ack:
    """Send one message and return its accepting acknowledgement; raise NotReached, NoAnswer, Garbled or Refused. Times in seconds."""
    loop = asyncio.new_event_loop()
    try:
        answer = loop.run_until_complete(_exchange(message.encode(), receiver, connect_timeout, answer_timeout))
    finally:
        loop.close()  # unlike asyncio.run it does not wait for a name that is still being looked up
    return read_ack(answer, control_id)


def _cut(receiver: Target, partial: bytes) -> str:
    """What is wrong with an answer after which the connection ended."""
    if not partial.startswith(_BEGIN):
        return f"{receiver} answered without the start of an MLLP block: {preview(partial)}"
    if partial.endswith(_END):
        return f"{receiver} ended its answer by FS without the CR after it: it is not whole: {preview(partial)}"
    return f"{receiver} closed the connection in the middle of its answer: {preview(partial)}"


_BEGIN, _END = b"\x0b", b"\x1c"
_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused, nothing listens at that port",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to its network",
    errno.ETIMEDOUT: "nobody answers there",
    errno.ECONNRESET: "it ended the connection at once",
}


def _why(error: OSError) -> str:
    """In words. asyncio tells of an address that failed as `Connect call failed (…)`, and of several addresses all of it."""
    if isinstance(error, socket.gaierror):
        return "host not found"
    known = _WORDS.get(error.errno or 0) or next((words for number, words in _WORDS.items() if f"[Errno {number}]" in str(error)), "")
    return known or (error.strerror or str(error)).rstrip(".")


async def _exchange(message: bytes, receiver: Target, connect_timeout: float, answer_timeout: float) -> bytes:
    try:
        async with asyncio.timeout(connect_timeout):
            reader, writer = await open_hl7_connection(receiver.host, receiver.port, limit=MAX_ANSWER_BYTES)
    except TimeoutError as error:
        raise NotReached(f"{receiver} did not accept a connection within {connect_timeout:g} s.") from error
    except OSError as error:
        raise NotReached(f"{receiver} cannot be reached: {_why(error)}.") from error
    try:
        async with asyncio.timeout(answer_timeout):
            writer.writeblock(message)
            await writer.drain()
            return bytes(await reader.readblock())
    except TimeoutError as error:
        raise NoAnswer(f"{receiver} took the message and gave no answer within {answer_timeout:g} s.") from error
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Garbled(_cut(receiver, error.partial)) from error
        raise NoAnswer(f"{receiver} closed the connection without an answer.") from error
    except InvalidBlockError as error:
        raise Garbled(f"{receiver} answered without the start of an MLLP block.") from error
    except ValueError as error:
        raise Garbled(f"{receiver} answered more than {MAX_ANSWER_BYTES} bytes without the end of an MLLP block.") from error
    except OSError as error:
        raise NoAnswer(f"The connection to {receiver} broke before the answer: {error.strerror or error}.") from error
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)  # in which the socket is closed
