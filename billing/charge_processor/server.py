"""The charge processor on the network: MLLP blocks in, acknowledgements out, a message booked before it is acknowledged."""

import asyncio
import errno
import os
import socket
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path

import structlog
from hl7.mllp import HL7StreamReader, HL7StreamWriter, InvalidBlockError, start_hl7_server
from hl7.mllp.streams import CARRIAGE_RETURN, END_BLOCK, START_BLOCK

from billing.charge_processor import behaviour
from billing.charge_processor.behaviour import Refusal
from billing.charge_processor.intake import RejectedError, acknowledge, read_header, read_message
from billing.charge_processor.ledger import Book, Booking
from dimse.dispatch import without_values
from ris import clock

MAX_MESSAGE_BYTES = 1024 * 1024
MESSAGE_SECONDS = 30.0
"""How long a message may take from its first byte to its last; between two messages a connection may be silent for as long as it likes."""
log = structlog.get_logger(__name__)

_END = END_BLOCK + CARRIAGE_RETURN

Answerer = Callable[[bytes, Refusal | None], bytes | None]
"""From a received message, and how it is refused on purpose, to its acknowledgement; None leaves it unanswered."""


class ChargeProcessor:
    """Books each message once and says so. A repeat of a booked control ID is acknowledged again and counted."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._answers = 0

    def answer(self, data: bytes, refusal: Refusal | None = None) -> bytes | None:
        """The acknowledgement of one message; None when the ledger cannot be written, so that the sender asks again.

        A message that is to be refused is neither read nor booked.
        """
        header = read_header(data)
        now = clock.local(clock.wall())  # another system than the hospital
        self._answers += 1
        own_id = f"A{os.getpid()}.{self._answers}"
        try:
            code, text = (refusal.code, refusal.text) if refusal else self._book(data, now.isoformat(timespec="milliseconds"))
            if code != "AA":
                self.book.refuse(header.control_id, code, text, now.isoformat(timespec="milliseconds"))
        except sqlite3.Error as error:
            log.error("ledger cannot be written, message left unanswered", control_id=header.control_id, error=without_values(error))
            return None
        return acknowledge(header, code, text, now, own_id)

    def _book(self, data: bytes, received_at: str) -> tuple[str, str]:
        try:
            message = read_message(data)
        except RejectedError as error:
            log.warning("message refused", code=error.code)
            return error.code, str(error)
        booking = self.book.book(message, received_at)
        log.info("charge " + booking.value, control_id=message.control_id, lines=len(message.postings))
        if booking is Booking.OTHER_CONTENT:
            return "AE", f"Control ID {message.control_id} was booked before with other content."
        return "AA", ""


async def serve_but_for_outages(listener: socket.socket, answer: Answerer, stop: asyncio.Event) -> None:
    """As `serve`, but during an outage nobody is let in; the port is kept meanwhile. OSError when somebody else got it."""
    host, port = listener.getsockname()[:2]
    while True:
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_set_after(behaviour.outage_begins(stop), closing))
            await serve(listener, answer, closing)
        if stop.is_set():
            return
        log.warning("down on purpose", port=port)
        listener = _bound(host, port)
        await behaviour.outage_ends(stop)
        log.warning("up again", port=port)


async def _set_after(waiting: Coroutine[None, None, None], event: asyncio.Event) -> None:
    await waiting
    event.set()


def listening_socket(host: str, port: int, preferred: int | None = None) -> socket.socket:
    """A bound TCP socket; port 0 takes `preferred` when that is still free, else any. OSError when `port` is taken."""
    if port == 0 and preferred:
        try:
            return _listening(host, preferred)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    return _listening(host, port)


def record_port(path: Path, port: int) -> None:
    """Write the port in one step: a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    draft.replace(path)


async def serve(listener: socket.socket, answer: Answerer, stop: asyncio.Event) -> None:
    """Answer on `listener` until `stop` is set; then close the port and all connections."""
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        task = asyncio.create_task(_converse(reader, writer, answer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await start_hl7_server(connected, sock=listener, limit=MAX_MESSAGE_BYTES)
    await stop.wait()
    server.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


async def _converse(reader: HL7StreamReader, writer: HL7StreamWriter, answer: Answerer) -> None:
    """One connection: message after message until the peer closes it or sends what is not MLLP."""
    peer = writer.get_extra_info("peername")
    try:
        while True:
            data = await _block(reader)
            how = await behaviour.asked()
            reply = answer(data, how.refusal)
            await asyncio.sleep(how.delay)
            if reply is None or how.drops:
                return
            writer.writeblock(reply)
            await writer.drain()
    except asyncio.IncompleteReadError as error:
        if error.partial:
            log.warning("connection closed in the middle of a message", peer=peer, octets=len(error.partial))
    except InvalidBlockError:
        log.warning("not MLLP: no start of block, connection closed", peer=peer)
    except asyncio.LimitOverrunError:
        log.warning("message longer than allowed, connection closed", peer=peer, limit=MAX_MESSAGE_BYTES)
    except TimeoutError:
        log.warning("message not whole in time, connection closed", peer=peer, seconds=MESSAGE_SECONDS)
    except OSError as error:
        log.warning("connection broke", peer=peer, error=without_values(error))
    finally:
        writer.close()


async def _block(reader: HL7StreamReader) -> bytes:
    """The next message. The library's own reading tells what is not MLLP when the end of a block has come, which it never may.

    Raises InvalidBlockError at the first byte that begins no block, TimeoutError, asyncio.LimitOverrunError, and
    asyncio.IncompleteReadError, with an empty `partial` between two messages.
    """
    start = await reader.readexactly(1)
    if start != START_BLOCK:
        raise InvalidBlockError
    async with asyncio.timeout(MESSAGE_SECONDS):
        try:
            block: bytes = await reader.readuntil(_END)
        except asyncio.IncompleteReadError as error:
            raise asyncio.IncompleteReadError(start + error.partial, None) from error
    return block.removesuffix(_END)


def _listening(host: str, port: int) -> socket.socket:
    listener = _bound(host, port)
    try:
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has the port; nobody is let in before it listens."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
