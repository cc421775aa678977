"""One message over MLLP against receivers that behave and receivers that do not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from billing.charge_processor.intake import acknowledge, read_header
from billing.errors import Garbled, NoAnswer, NotReached, Refused
from billing.hl7 import build
from billing.mllp import Target, send, target
from ris import clock
from tests.support.ports import free_port
from tests.unit.billing.test_hl7 import MESSAGE

TEXT = build(MESSAGE)
CONTROL_ID = MESSAGE.control_id
Conversation = Callable[[socket.socket], None]


def framed(data: bytes) -> bytes:
    return b"\x0b" + data + b"\x1c\r"


def ack(code: str = "AA", text: str = "") -> bytes:
    return acknowledge(read_header(TEXT.encode()), code, text, clock.now(), "A1")


def read_block(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\x1c\r"):
        part = connection.recv(4096)
        if not part:
            return data
        data += part
    return data


@contextmanager
def receiver(converse: Conversation) -> Iterator[Target]:
    """A listener that has one conversation in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                converse(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Target("127.0.0.1", listener.getsockname()[1])
        thread.join(timeout=5)
        assert not thread.is_alive()


def answering(data: bytes) -> Conversation:
    def converse(connection: socket.socket) -> None:
        read_block(connection)
        connection.sendall(data)

    return converse


def test_message_arrives_framed_and_its_ack_is_returned() -> None:
    received: list[bytes] = []

    def converse(connection: socket.socket) -> None:
        received.append(read_block(connection))
        connection.sendall(framed(ack()))

    with receiver(converse) as address:
        assert send(TEXT, CONTROL_ID, address).code == "AA"
    assert received == [framed(TEXT.encode())]


def test_ack_in_pieces_is_put_together() -> None:
    def converse(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_block(connection)
        for position in range(len(framed(ack()))):
            connection.sendall(framed(ack())[position : position + 1])

    with receiver(converse) as address:
        assert send(TEXT, CONTROL_ID, address).code == "AA"


def test_refusal_carries_code_and_text() -> None:
    with receiver(answering(framed(ack("AE", "Unknown account 88-1043")))) as address, pytest.raises(Refused, match="88-1043"):
        send(TEXT, CONTROL_ID, address)


def test_a_name_that_is_looked_up_for_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found.wait(20) or [])
    began = time.monotonic()
    try:
        with pytest.raises(NotReached, match="did not accept a connection within"):
            send(TEXT, CONTROL_ID, Target("slow.example.org", 2575), connect_timeout=0.2)
        assert time.monotonic() - began < 5
    finally:
        found.set()


def test_closed_port_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="cannot be reached: connection refused, nothing listens at that port"):
        send(TEXT, CONTROL_ID, Target("127.0.0.1", free_port()))


def test_unknown_host_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="cannot be reached: host not found"):
        send(TEXT, CONTROL_ID, Target("host.invalid", 1))


def test_receiver_that_never_answers_is_given_up_in_time() -> None:
    done = threading.Event()

    def converse(connection: socket.socket) -> None:
        read_block(connection)
        done.wait(5)

    began = time.monotonic()
    with receiver(converse) as address:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
            send(TEXT, CONTROL_ID, address, answer_timeout=0.2)
        done.set()
    assert time.monotonic() - began < 3


def test_connection_closed_before_the_answer_is_no_answer() -> None:
    with receiver(answering(b"")) as address, pytest.raises(NoAnswer, match="without an answer"):
        send(TEXT, CONTROL_ID, address)


def test_connection_closed_within_the_answer_is_garbled() -> None:
    with receiver(answering(framed(ack())[:-2])) as address, pytest.raises(Garbled, match="middle of its answer"):
        send(TEXT, CONTROL_ID, address)


def test_answer_without_mllp_is_garbled() -> None:
    with receiver(answering(b"HTTP/1.1 400 Bad Request\r\n\x1c\r")) as address, pytest.raises(Garbled, match="start of an MLLP block"):
        send(TEXT, CONTROL_ID, address)


def test_endless_answer_is_garbled_at_its_limit() -> None:
    with receiver(answering(b"\x0b" + b"x" * 70_000)) as address, pytest.raises(Garbled, match="65536"):
        send(TEXT, CONTROL_ID, address)


def test_ack_for_another_message_is_garbled() -> None:
    other = framed(ack().replace(CONTROL_ID.encode(), b"C00000099"))
    with receiver(answering(other)) as address, pytest.raises(Garbled, match="C00000099"):
        send(TEXT, CONTROL_ID, address)


def test_target_is_the_configured_port_else_the_recorded_one(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.MLLP_HOST, settings.MLLP_PORT = tmp_path, "127.0.0.1", 0
    with pytest.raises(NoAnswer, match="has not started yet"):
        target()
    for wrong in ("", "none", "70000"):
        (tmp_path / "mllp.port").write_text(wrong)
        with pytest.raises(NoAnswer):
            target()
    (tmp_path / "mllp.port").write_text("2575\n")
    assert str(target()) == "127.0.0.1:2575"
    settings.MLLP_PORT = 2600
    assert target().port == 2600
