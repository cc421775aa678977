"""A DICOM peer down to the byte: PDUs and command sets as a test makes them, over a plain socket."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, VERIFICATION
from tests.support.wait import patience

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
CONTEXTS = ((1, VERIFICATION), (3, MODALITY_WORKLIST), (5, MODALITY_PERFORMED_PROCEDURE_STEP))
RELEASE_RQ = struct.pack(">BBLL", 5, 0, 4, 0)
RELEASE_RP = struct.pack(">BBLL", 6, 0, 4, 0)
ABORT = struct.pack(">BBLL", 7, 0, 4, 0)
C_FIND, C_ECHO, C_CANCEL, N_GET, N_SET, N_CREATE, N_DELETE = 0x20, 0x30, 0x0FFF, 0x110, 0x120, 0x140, 0x150
NO_DATA_SET, DATA_SET = 0x0101, 0x0001


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBL", kind, 0, len(body)) + body


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def proposed(number: int, abstract: str, *transfer: str) -> bytes:
    syntaxes = b"".join(item(0x40, uid.encode()) for uid in transfer or (IMPLICIT_VR_LITTLE_ENDIAN,))
    return item(0x20, bytes((number, 0, 0, 0)) + item(0x30, abstract.encode()) + syntaxes)


def associate_rq(
    calling: str = "CT01",
    called: str = "STEPWISE",
    *,
    contexts: bytes | None = None,
    application_context: str = APPLICATION_CONTEXT,
    version: int = 1,
    max_pdu: int = 16384,
    user_items: bytes = b"",
) -> bytes:
    if contexts is None:
        contexts = b"".join(proposed(number, uid) for number, uid in CONTEXTS)
    user = item(0x50, item(0x51, struct.pack(">L", max_pdu)) + item(0x52, b"1.2.3.4") + user_items)
    titles = called.encode().ljust(16) + calling.encode().ljust(16)
    head = struct.pack(">HH", version, 0) + titles + bytes(32)
    return pdu(1, head + item(0x10, application_context.encode()) + contexts + user)


def element(number: int, value: bytes | int | str, group: int = 0) -> bytes:
    if isinstance(value, int):
        value = struct.pack("<H", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0" * (len(value) % 2)
    return struct.pack("<HHL", group, number, len(value)) + value


def command(
    field: int | None,
    message_id: int | None = 1,
    *,
    sop_class: str | None = None,
    instance: str | None = None,
    data_set: int | None = NO_DATA_SET,
    responds_to: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """A command set; what is None is left out. `sop_class` and `instance` are Requested ones for N-SET, N-GET and N-DELETE."""
    requested = field in (N_GET, N_SET, N_DELETE)
    parts: dict[int, Any] = {
        0x0003 if requested else 0x0002: sop_class,
        0x0100: field,
        0x0110: message_id,
        0x0120: responds_to,
        0x0800: data_set,
        0x1001 if requested else 0x1000: instance,
    }
    body = b"".join(element(number, value) for number, value in sorted(parts.items()) if value is not None) + extra
    return element(0, struct.pack("<L", len(body))) + body


def pdv(context: int, control: int, fragment: bytes) -> bytes:
    return struct.pack(">LBB", len(fragment) + 2, context, control) + fragment


def message(context: int, command_set: bytes, data: bytes | None = None) -> bytes:
    """A whole message, its command and its data set in a PDU each."""
    sent = pdu(4, pdv(context, 3, command_set))
    return sent if data is None else sent + pdu(4, pdv(context, 2, data))


def echo(message_id: int = 1) -> bytes:
    return message(1, command(C_ECHO, message_id, sop_class=VERIFICATION))


def find(message_id: int = 1, data: bytes = b"\x10\0\x10\0\0\0\0\0") -> bytes:
    return message(3, command(C_FIND, message_id, sop_class=MODALITY_WORKLIST, data_set=DATA_SET), data)


class Peer:
    """One connection. Reading raises EOFError when the server has closed it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def _exactly(self, count: int) -> bytes:
        got = bytearray()
        while len(got) < count:
            more = self.connection.recv(count - len(got))
            if not more:
                raise EOFError(f"closed after {len(got)} of {count} bytes")
            got += more
        return bytes(got)

    def pdu(self) -> tuple[int, bytes]:
        """Type and body of the next PDU."""
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def associate(self, request: bytes | None = None) -> "Peer":
        self.send(request or associate_rq())
        kind, body = self.pdu()
        assert kind == 2, f"refused with {body.hex(' ')}"
        return self

    def response(self) -> dict[int, bytes]:
        """The command elements of the next message; its data set, if any, is under -1."""
        parts = {1: b"", 0: b""}
        read: dict[int, bytes] = {}
        while True:
            kind, body = self.pdu()
            assert kind == 4, f"PDU of type {kind}: {body.hex(' ')}"
            while body:
                (length,) = struct.unpack(">L", body[:4])
                control = body[5]
                parts[control & 1] += body[6 : 4 + length]
                body = body[4 + length :]
                if control == 3:
                    read = _elements(parts[1])
                if control & 2 and (control == 2 or read[0x0800] == b"\x01\x01"):
                    return read | ({-1: parts[0]} if control == 2 else {})

    def status(self) -> int:
        return int.from_bytes(self.response()[0x0900], "little")

    def final_status(self) -> int:
        """Of a C-FIND, past its pending answers."""
        while (status := self.status()) in (0xFF00, 0xFF01):
            pass
        return status

    def is_closed(self) -> bool:
        """Whether the server closes without another byte, within the socket's timeout."""
        try:
            return self.connection.recv(1) == b""
        except ConnectionResetError:
            return True


def _elements(data: bytes) -> dict[int, bytes]:
    read, position = {}, 0
    while position < len(data):
        _, number, length = struct.unpack_from("<HHL", data, position)
        read[number] = data[position + 8 : position + 8 + length]
        position += 8 + length
    return read


@contextmanager
def connected(port: int, timeout: float = 10.0) -> Iterator[Peer]:
    """A connection whose answers may take `timeout` seconds each, or more on a busy machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience(timeout)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Peer(connection)
