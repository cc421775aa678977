"""Our own C-ECHO: what it meets, as a value, and never for longer than it may take."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from dimse import policy
from dimse.echo import ADVICE, Echo, echo
from dimse.interference import Effect
from dimse.scu import Timeouts
from dimse.server import DicomServer, ServerSettings
from dimse.services import AssociationInfo
from dimse.tls import client_context
from tests.support.ports import free_port

HASTE = Timeouts(connect=2.0, association=0.3, response=0.3, whole=1.0)
AUTHORITY = Path("tests/data/tls/authority.pem")


def asked(port: int, host: str = "127.0.0.1", **more: object) -> Echo:
    return echo(host, port, calling="STEPWISE", called="CT01", timeouts=HASTE, **more)  # type: ignore[arg-type]


@contextmanager
def a_peer(*pieces: bytes, hangs_up: bool = False) -> Iterator[int]:
    """Somebody who takes the connection and sends these pieces, a moment apart."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            for piece in pieces:
                connection.sendall(piece)
                if over.wait(0.2):
                    return
            if not hangs_up:
                over.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening])
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


@contextmanager
def a_server(**settings: object) -> Iterator[int]:
    server = DicomServer([], ServerSettings(ae_title="CT01", port=0, **settings))  # type: ignore[arg-type]
    server.start()
    try:
        yield server.port
    finally:
        server.stop(grace=1)


def test_an_answer_tells_how_long_it_took() -> None:
    with a_server() as port:
        met = asked(port)
    assert met.ok and met.milliseconds is not None and "0000 Success" in met.words


def test_a_rejection_is_told_with_source_and_reason() -> None:
    with a_server(policy=lambda calling, called, address: policy.calling_ae_title_unknown(calling)) as port:
        met = asked(port)
    assert (met.result, "calling AE title not recognized (1/1/3)" in met.words) == ("REJECTED", True)


def test_nobody_there_is_told_by_what_is_missing() -> None:
    assert asked(free_port()).result == "REFUSED"
    assert asked(104, "no-such-host.invalid").result == "UNRESOLVED"
    assert asked(104, "a" * 70 + ".example").result == "UNRESOLVED"


class Silence:
    """Lets everybody in and answers nothing."""

    def association(self, info: AssociationInfo, abstract_syntaxes: frozenset[str]) -> None:
        return None

    def message(self, info: AssociationInfo, abstract_syntax: str, verb: str) -> Effect:
        return Effect(is_silent=True)


def test_who_lets_us_in_and_then_says_nothing_is_not_told_to_look_at_the_firewall() -> None:
    with a_server(interference=Silence()) as port:
        met = asked(port)
    assert met.result == "HUNG" and "firewall" not in ADVICE["HUNG"]


def test_tls_to_a_port_without_it_is_told() -> None:
    with a_server() as port:
        assert asked(port, "localhost", tls=client_context(AUTHORITY)).result == "TLS"


def test_who_takes_a_connection_for_tls_and_says_nothing_is_mute() -> None:
    with a_peer() as port:
        met = asked(port, "localhost", tls=client_context(AUTHORITY))
    assert met.result == "MUTE" and "The connection was accepted (TCP), and TLS was not begun within 0.3 s." in met.words


@pytest.mark.parametrize(
    ("pieces", "hangs_up", "result"),
    [
        ((), False, "MUTE"),
        ((), True, "ABORTED"),
        ((b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",), False, "ABORTED"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), False, "NOT_DICOM"),
        (tuple(bytes([byte]) for byte in b"\x02\x00\x00\x00\x00\xff" + bytes(20)), False, "MUTE"),
    ],
)
def test_whatever_a_peer_does_ends_in_time_with_a_word_for_it(pieces: tuple[bytes, ...], hangs_up: bool, result: str) -> None:
    began = monotonic()
    with a_peer(*pieces, hangs_up=hangs_up) as port:
        met = asked(port)
    assert met.result == result and ADVICE[met.result]
    assert ("The connection was accepted (TCP), and no A-ASSOCIATE-AC came within 0.3 s." in met.words) == (result == "MUTE")
    assert monotonic() - began < 4
