"""The SCU's errors: each kind of trouble has a class of its own and says what to look at, with an association of its own or a line."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from pynetdicom.association import Association

from dimse import outcomes, scu, statuses
from dimse.line import Line
from dimse.scu import Timeouts, open_association
from dimse.server import DicomServer
from tests.support.dicom import worklist_query
from tests.support.ports import free_port

QUICK = Timeouts(connect=2, association=0.3, response=0.3, idle=10)
ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00"


@contextmanager
def peer(behaviour: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server for one connection that behaves as told; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                behaviour(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def until_closed(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def say(reply: bytes) -> Callable[[socket.socket], None]:
    def behaviour(connection: socket.socket) -> None:
        connection.recv(65536)
        if reply:
            connection.sendall(reply)
            until_closed(connection)

    return behaviour


Opener = Callable[..., AbstractContextManager[Any]]
ways = pytest.mark.parametrize("opened", [open_association, Line], ids=["association", "line"])


def fails_with(error: type[outcomes.ScuError], opened: Opener, port: int, words: str) -> None:
    with pytest.raises(error, match=words), opened("127.0.0.1", port, calling="CT01", called="RIS", timeouts=QUICK):
        pass


@ways
def test_nothing_listening_is_not_reachable(opened: Opener) -> None:
    fails_with(outcomes.NotReachable, opened, free_port(), "RIS at 127.0.0.1:.* is not reachable")


@ways
def test_an_unknown_host_is_not_reachable(opened: Opener) -> None:
    with (
        pytest.raises(outcomes.NotReachable, match="cannot be resolved"),
        opened("no.such.host.invalid", 104, calling="A", called="B"),
    ):
        pass


@ways
def test_something_that_is_not_dicom_is_nonsense(opened: Opener) -> None:
    with peer(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        fails_with(outcomes.NonsenseAnswer, opened, port, "not DICOM")


@ways
def test_an_abort_and_a_closed_connection_are_told_apart_from_silence(opened: Opener) -> None:
    with peer(say(ABORT)) as port:
        fails_with(outcomes.Aborted, opened, port, "aborted the association")
    with peer(say(b"")) as port:
        fails_with(outcomes.Aborted, opened, port, "closed the connection")
    with peer(until_closed) as port:
        fails_with(outcomes.TimedOut, opened, port, "did not answer the association request in time")


@ways
def test_a_peer_that_falls_silent_within_its_answer_times_out(opened: Opener) -> None:
    with peer(say(b"\x02\x00\x00\x00\x01\x00" + bytes(20))) as port:
        fails_with(outcomes.TimedOut, opened, port, "in time")


@ways
def test_a_peer_that_falls_silent_later_times_out(server: DicomServer, ris, opened: Opener) -> None:
    go_on = threading.Event()

    def slow(request):
        go_on.wait(10)
        yield from ()

    ris.on_find = slow
    try:
        with (
            pytest.raises(outcomes.TimedOut, match="did not answer C-FIND"),
            opened("127.0.0.1", server.port, calling="CT01", called="RIS", contexts=[scu.MODALITY_WORKLIST], timeouts=QUICK) as association,
        ):
            list(association.find(worklist_query()))
    finally:
        go_on.set()


@ways
@pytest.mark.parametrize("limit", [None, 1], ids=["all", "cancel not heeded"])
def test_a_query_that_is_answered_for_ever_is_given_up_in_time(
    server: DicomServer, ris, opened: Opener, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    def endless(request):
        while not given_up.wait(0.02):
            yield statuses.PENDING, worklist_query()

    ris.on_find = endless
    monkeypatch.setattr(Line, "cancel", lambda *_: None)  # the server here would heed it
    monkeypatch.setattr(Association, "send_c_cancel", lambda *_, **__: None)
    said = r"had not ended its answer to C-FIND after 0\.3 seconds, so the association was aborted"
    asked = {"calling": "CT01", "called": "RIS", "contexts": [scu.MODALITY_WORKLIST], "timeouts": replace(QUICK, response=5, query=0.3)}
    begun = monotonic()
    try:
        with pytest.raises(outcomes.SlowQuery, match=said), opened("127.0.0.1", server.port, **asked) as association:
            list(association.find(worklist_query(), limit=limit))
    finally:
        given_up.set()
    assert monotonic() - begun < 4


@ways
def test_an_error_of_the_caller_aborts_the_association(server: DicomServer, opened: Opener) -> None:
    with pytest.raises(ZeroDivisionError), opened("127.0.0.1", server.port, calling="CT01", called="RIS"):
        raise ZeroDivisionError
    with opened("127.0.0.1", server.port, calling="CT01", called="RIS") as association:
        association.echo()


def test_threads_end_with_the_association(server: DicomServer) -> None:
    with open_association("127.0.0.1", server.port, calling="CT01", called="RIS") as association:
        association.echo()
        inner = association._association
    assert not inner.is_alive()
    assert not inner.dul.is_alive()


def test_requests_without_content_are_refused_before_they_are_sent(server: DicomServer) -> None:
    from pydicom.dataset import Dataset

    with open_association("127.0.0.1", server.port, calling="CT01", called="RIS") as association:
        with pytest.raises(ValueError, match="at least one key"):
            list(association.find(Dataset()))
        with pytest.raises(ValueError, match="at least one attribute"):
            association.n_set(Dataset(), "2.25.1")
