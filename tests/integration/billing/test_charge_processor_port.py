"""Bad input on the charge processor's own port: told in its log, the connection closed, everybody else served."""

import socket
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from billing.charge_processor import server
from billing.charge_processor.ledger import Ledger
from billing.hl7 import build
from billing.mllp import Target, send
from tests.support.charge_processor import charge_processor
from tests.support.wait import wait_until
from tests.unit.billing.test_hl7 import MESSAGE

TEXT = build(MESSAGE)
Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def ledger(logs: Logs, tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


@pytest.fixture
def port(ledger: Ledger) -> Iterator[int]:
    with charge_processor(ledger.path) as port:
        yield port


def framed(data: bytes) -> bytes:
    return b"\x0b" + data + b"\x1c\r"


def everything(connection: socket.socket) -> bytes:
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def others_are_served(port: int, ledger: Ledger, repeats: int = 0) -> None:
    assert send(TEXT, MESSAGE.control_id, Target("127.0.0.1", port)).code == "AA"
    assert ({entry.control_id for entry in ledger.entries()}, ledger.duplicates()) == ({MESSAGE.control_id}, repeats)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"GET / HTTP/1.1\r\n\r\n\x1c\r", "not MLLP: no start of block, connection closed"),
        (b"\x0bMSH|^~\\&|half a frame", "connection closed in the middle of a message"),
        (b"no frame at all", "not MLLP: no start of block, connection closed"),
        (b"\x0b", "connection closed in the middle of a message"),
        (b"\x0b" + b"x" * 1_200_000, "message longer than allowed, connection closed"),
    ],
    ids=["garbage", "half a frame", "no frame", "a start", "oversize"],
)
def test_what_is_no_frame_is_told_and_closes_its_connection_alone(port: int, ledger: Ledger, logs: Logs, data: bytes, told: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            assert everything(connection) == b""
        except ConnectionError:
            pass  # closed while it was still being sent
    wait_until(lambda: told in [log["event"] for log in logs], 5, "it is in the log")
    assert all(log["limit"] == server.MAX_MESSAGE_BYTES for log in logs if "longer than allowed" in log["event"])
    others_are_served(port, ledger)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not MLLP: no start of block, connection closed"),
        (b"\x0bMSH|^~\\&|half a frame", "message not whole in time, connection closed"),
    ],
    ids=["garbage", "half a frame"],
)
def test_a_sender_that_stays_after_what_is_no_frame_is_told_and_hung_up_on(
    port: int, ledger: Ledger, logs: Logs, monkeypatch: pytest.MonkeyPatch, data: bytes, told: str
) -> None:
    monkeypatch.setattr(server, "MESSAGE_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        assert everything(connection) == b""
    assert told in [log["event"] for log in logs]
    others_are_served(port, ledger)


def test_two_messages_in_one_write_are_two_messages(port: int, ledger: Ledger) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(framed(TEXT.encode()) + framed(TEXT.encode()))
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection).count(f"MSA|AA|{MESSAGE.control_id}".encode()) == 2
    others_are_served(port, ledger, repeats=2)


def test_slow_sender_is_waited_for_and_holds_nobody_up(port: int, ledger: Ledger) -> None:
    data = framed(TEXT.encode())
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in data[:200]:
            connection.sendall(bytes([octet]))
        began = time.monotonic()
        others_are_served(port, ledger)
        assert time.monotonic() - began < 3
        connection.sendall(data[200:])
        connection.shutdown(socket.SHUT_WR)
        assert f"MSA|AA|{MESSAGE.control_id}".encode() in everything(connection)
    assert ledger.duplicates() == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (TEXT.encode().replace("田".encode(), b"\xff\xfe"), "The bytes are not UNICODE UTF-8 as MSH-18 says."),
        (TEXT.replace("UNICODE UTF-8", "ASCII").encode(), "The bytes are not ASCII as MSH-18 says."),
        (TEXT.replace("UNICODE UTF-8", "KS X 1001").encode(), "Character set 'KS X 1001' in MSH-18 is not known here."),
    ],
    ids=["no UTF-8", "no ASCII", "unknown"],
)
def test_wrong_character_set_is_refused_with_words_and_kept(port: int, ledger: Ledger, logs: Logs, data: bytes, text: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(framed(data))
        connection.shutdown(socket.SHUT_WR)
        assert f"MSA|AE|{MESSAGE.control_id}|{text}".encode() in everything(connection)
    assert [(one.control_id, one.code, one.text) for one in ledger.refusals()] == [(MESSAGE.control_id, "AE", text)]
    assert [log["code"] for log in logs if log["event"] == "message refused"] == ["AE"]
    others_are_served(port, ledger)
