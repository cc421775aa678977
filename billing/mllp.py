"""The sender's side of MLLP: one connection, one message, one acknowledgement.

The whole exchange ends within `CONNECT_TIMEOUT + ANSWER_TIMEOUT`, well below the lease of a delivery.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from hl7.mllp import InvalidBlockError, open_hl7_connection

from billing.errors import Garbled, NoAnswer, NotReached
from billing.hl7 import Ack, preview, read_ack

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


async def _exchange(message: bytes, receiver: Target, connect_timeout: float, answer_timeout: float) -> bytes:
    try:
        async with asyncio.timeout(connect_timeout):
            reader, writer = await open_hl7_connection(receiver.host, receiver.port, limit=MAX_ANSWER_BYTES)
    except TimeoutError as error:
        raise NotReached(f"{receiver} did not accept a connection within {connect_timeout:g} s.") from error
    except OSError as error:
        raise NotReached(f"{receiver} cannot be reached: {error.strerror or error}.") from error
    try:
        async with asyncio.timeout(answer_timeout):
            writer.writeblock(message)
            await writer.drain()
            return bytes(await reader.readblock())
    except TimeoutError as error:
        raise NoAnswer(f"{receiver} took the message and gave no answer within {answer_timeout:g} s.") from error
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Garbled(f"{receiver} closed the connection in the middle of its answer: {preview(error.partial)}") from error
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
