"""A DICOM client that costs next to nothing: requests are encoded once, responses are counted without being read (PS3.8 9.3)."""

import selectors
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from dimse.encode import encode
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_PERFORMED_PROCEDURE_STEP, VERIFICATION

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION = b"2.25.180962107405218716531823943118713622346"
CONTEXT_ID = 1
_ACCEPT, _DATA, _RELEASED = 2, 4, 6
_STATUS = b"\x00\x00\x00\x09\x02\x00\x00\x00"  # (0000,0900), two bytes, in Implicit VR Little Endian
_MESSAGE_ID = b"\x00\x00\x10\x01\x02\x00\x00\x00"  # (0000,0110), two bytes
_MESSAGE_IDS = 0x200  # and no more: in the bytes around a 0209H a status would be found
_RELEASE_RQ = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_PENDING = (0xFF00, 0xFF01)
TIMEOUT = 120.0


class Failed(Exception):
    """The server did something else than answer; the text says what."""


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def associate_request(called: str, calling: str, abstract_syntax: str, transfer_syntax: str) -> bytes:
    """A-ASSOCIATE-RQ with one presentation context."""
    context = struct.pack(">Bxxx", CONTEXT_ID) + _item(0x30, abstract_syntax.encode()) + _item(0x40, transfer_syntax.encode())
    user = _item(0x51, struct.pack(">L", 2**17)) + _item(0x52, IMPLEMENTATION)
    content = struct.pack(">Hxx16s16s32x", 1, called.encode().ljust(16), calling.encode().ljust(16))
    content += _item(0x10, APPLICATION_CONTEXT) + _item(0x20, context) + _item(0x50, user)
    return struct.pack(">BxL", 1, len(content)) + content


def _command(**elements: object) -> bytes:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    content = encode(dataset, IMPLICIT_VR_LITTLE_ENDIAN)
    return struct.pack("<HHLL", 0, 0, 4, len(content)) + content


def _data(content: bytes, flags: int) -> bytes:
    value = struct.pack(">LBB", len(content) + 2, CONTEXT_ID, flags) + content
    return struct.pack(">BxL", _DATA, len(value)) + value


def echo_request() -> bytes:
    """C-ECHO-RQ."""
    return _data(_command(AffectedSOPClassUID=VERIFICATION, CommandField=0x0030, MessageID=1, CommandDataSetType=0x0101), 3)


def find_request(identifier: Dataset, abstract_syntax: str, transfer_syntax: str) -> bytes:
    """C-FIND-RQ with its identifier."""
    command = _command(AffectedSOPClassUID=abstract_syntax, CommandField=0x0020, MessageID=1, Priority=0, CommandDataSetType=1)
    return _data(command, 3) + _data(encode(identifier, transfer_syntax), 2)


def create_request(uid: str, attributes: Dataset) -> bytes:
    """N-CREATE-RQ of a performed procedure step."""
    command = _command(
        AffectedSOPClassUID=MODALITY_PERFORMED_PROCEDURE_STEP,
        CommandField=0x0140,
        MessageID=1,
        CommandDataSetType=1,
        AffectedSOPInstanceUID=uid,
    )
    return _data(command, 3) + _data(encode(attributes, IMPLICIT_VR_LITTLE_ENDIAN), 2)


def set_request(uid: str, modifications: Dataset) -> bytes:
    """N-SET-RQ of a performed procedure step."""
    command = _command(
        RequestedSOPClassUID=MODALITY_PERFORMED_PROCEDURE_STEP,
        CommandField=0x0120,
        MessageID=1,
        CommandDataSetType=1,
        RequestedSOPInstanceUID=uid,
    )
    return _data(command, 3) + _data(encode(modifications, IMPLICIT_VR_LITTLE_ENDIAN), 2)


@dataclass
class Reader:
    """Counts what arrives: pending answers, and the status of the final response when it has come."""

    answers: int = 0
    status: int | None = None
    accepted: bool = False
    released: bool = False
    _left: bytes = b""

    def feed(self, received: bytes) -> None:
        data = self._left + received if self._left else received
        position, end = 0, len(data)
        while end - position >= 6:
            kind, length = struct.unpack_from(">BxL", data, position)
            after = position + 6 + length
            if after > end:
                break
            if kind == _DATA:
                self._values(data, position + 6, after)
            elif kind == _ACCEPT:
                self.accepted = True
            elif kind == _RELEASED:
                self.released = True
            else:
                raise Failed(f"PDU of type {kind}: {data[position:after][:12]!r}")
            position = after
        self._left = data[position:]

    def _values(self, data: bytes, position: int, end: int) -> None:
        while position < end:
            length, _, flags = struct.unpack_from(">LBB", data, position)
            if flags & 1:
                at = data.index(_STATUS, position, position + 4 + length)
                (status,) = struct.unpack_from("<H", data, at + 8)
                if status in _PENDING:
                    self.answers += 1
                else:
                    self.status = status
            position += 4 + length


@dataclass
class Association:
    """An association that asks one thing after another. Raises Failed, OSError."""

    port: int
    called: str
    abstract_syntax: str = VERIFICATION
    transfer_syntax: str = IMPLICIT_VR_LITTLE_ENDIAN
    calling: str = "BENCH"
    _socket: socket.socket = field(init=False)
    _asked: int = 0

    def __enter__(self) -> "Association":
        self._socket = connect(self.port)
        self._reader = Reader()
        self._socket.sendall(associate_request(self.called, self.calling, self.abstract_syntax, self.transfer_syntax))
        while not self._reader.accepted:
            self._receive()
        return self

    def ask(self, request: bytes) -> int:
        """Send a request; the number of pending answers when it has ended well."""
        reader = self._reader
        reader.answers, reader.status = 0, None
        self._asked += 1
        at = request.index(_MESSAGE_ID) + len(_MESSAGE_ID)
        self._socket.sendall(request[:at] + struct.pack("<H", self._asked % _MESSAGE_IDS) + request[at + 2 :])
        while reader.status is None:
            self._receive()
        if reader.status:
            raise Failed(f"status {reader.status:04X}H")
        return reader.answers

    def _receive(self) -> None:
        received = self._socket.recv(2**18)
        if not received:
            raise Failed("the connection was closed")
        self._reader.feed(received)

    def __exit__(self, *error: object) -> None:
        with self._socket:
            if error[0] is None:
                self._socket.sendall(_RELEASE_RQ)
                while not self._reader.released:
                    self._receive()


def connect(port: int) -> socket.socket:
    connected = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


@dataclass
class _Asking:
    reader: Reader
    request: bytes
    asked: bool = False


def all_at_once(port: int, called: str, abstract_syntax: str, requests: Iterable[bytes]) -> tuple[list[float], int, int]:
    """Each request on an association of its own, all begun at the same moment.

    Returns the seconds until each had its final response, how many failed or were rejected, and the number of answers.
    """
    begun, times, failed, answers = time.monotonic(), [], 0, 0
    with selectors.DefaultSelector() as selector:
        for number, request in enumerate(requests):
            connected = connect(port)
            connected.sendall(associate_request(called, f"BENCH{number}", abstract_syntax, IMPLICIT_VR_LITTLE_ENDIAN))
            selector.register(connected, selectors.EVENT_READ, _Asking(Reader(), request))
        while selector.get_map():
            ready = selector.select(TIMEOUT)
            if not ready:
                raise Failed(f"{len(selector.get_map())} associations are not answered in {TIMEOUT:.0f} s")
            for key, _ in ready:
                connected, asking = key.fileobj, key.data
                try:
                    done = _go_on(connected, asking)
                except (Failed, OSError):
                    failed, done = failed + 1, True
                else:
                    if done:
                        times.append(time.monotonic() - begun)
                        answers += asking.reader.answers
                if done:
                    selector.unregister(connected)
                    connected.close()
    return times, failed, answers


def _go_on(connected: socket.socket, asking: _Asking) -> bool:
    """Take what has arrived; True when the final response is there."""
    received = connected.recv(2**16)
    if not received:
        raise Failed("the connection was closed")
    asking.reader.feed(received)
    if asking.reader.accepted and not asking.asked:
        asking.asked = True
        connected.sendall(asking.request)
    if asking.reader.status:
        raise Failed(f"status {asking.reader.status:04X}H")
    return asking.reader.status == 0
