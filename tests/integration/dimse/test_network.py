"""What a server owes to all its peers: no slow, silent, greedy or broken one costs the others anything."""

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dimse import scu, statuses
from dimse.entries import AssociationEnded, Ending
from dimse.server import DicomServer
from dimse.services import EncodedAnswers, FindAnswer, FindRequest
from tests.integration.dimse.conftest import Ris, entry
from tests.support import wire
from tests.support.dicom import EXPLICIT, IMPLICIT, encoded, worklist_query
from tests.support.wait import wait_until

ANSWER = b"\x10\0\x20\0\x40\x1f\0\0" + b"P" * 8000
MANY = 4000  # answers, 32 MB: more than any socket's buffers take


class Endless:
    """A C-FIND handler with more to say than fits into buffers, which tells how it ended."""

    def __init__(self, ris: Ris, pages: int = MANY // 20) -> None:
        self.pages = pages
        self.given = 0
        self.closed = threading.Event()
        ris.on_find = self.find

    def find(self, request: FindRequest) -> Iterator[FindAnswer]:
        try:
            for _ in range(self.pages):
                self.given += 20
                yield EncodedAnswers(statuses.PENDING, [ANSWER] * 20)
        finally:
            self.closed.set()


def is_still(value: Callable[[], int]) -> bool:
    """Whether a number that has grown grows no more."""
    seen: list[int] = []

    def settled() -> bool:
        seen.append(value())
        return len(seen) > 3 and seen[-1] == seen[-2] == seen[-3] > 0

    return wait_until(settled, 10, "it comes to rest")


def ending(ris: Ris) -> AssociationEnded:
    """How the first association ended, once it has."""
    return wait_until(lambda: [entry for entry in ris.entries if isinstance(entry, AssociationEnded)], 10, "an association ends")[0]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_answers_that_come_encoded_are_sent_as_they_are(serve: Callable[..., DicomServer], ris: Ris, syntax: str) -> None:
    def find(request: FindRequest) -> Iterator[FindAnswer]:
        identifiers = [encoded(entry(number, request.identifier), request.transfer_syntax) for number in range(25)]
        yield EncodedAnswers(statuses.PENDING, identifiers[:20])
        yield EncodedAnswers(statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED, identifiers[20:])
        yield EncodedAnswers(statuses.PENDING, [])
        request.remark("25 are enough")

    ris.on_find = find
    contexts = [scu.MODALITY_WORKLIST]
    with scu.open_association(
        "127.0.0.1", serve().port, calling="CT01", called="X", contexts=contexts, transfer_syntaxes=[syntax]
    ) as association:
        answers = list(association.find(worklist_query()))
    assert [str(answer.PatientID) for answer in answers] == [f"P{number}" for number in range(25)]
    response = next(entry for entry in ris.entries if getattr(entry, "answer_count", None) is not None)
    assert (response.answer_count, len(response.answers), response.note) == (25, 10, "25 are enough")


# --- Peers that do not read ---------------------------------------------------------------------------------------


def test_a_peer_that_does_not_read_holds_no_worker_and_gets_everything_later(serve: Callable[..., DicomServer], ris: Ris) -> None:
    endless = Endless(ris)
    server = serve(worker_threads=1)
    with wire.connected(server.port) as slow, wire.connected(server.port) as quick:
        slow.associate().send(wire.find())
        assert is_still(lambda: endless.given)
        assert endless.given < MANY, "the answers wait with the handler, not in memory"
        quick.associate().send(wire.echo())
        assert quick.status() == statuses.SUCCESS
        count = 0
        while slow.status() == statuses.PENDING:
            count += 1
        assert count == MANY
        assert endless.closed.is_set()


def test_a_peer_that_never_reads_is_given_up_and_its_handler_ended(serve: Callable[..., DicomServer], ris: Ris) -> None:
    endless = Endless(ris)
    server = serve(io_timeout=0.4)
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find())
        assert endless.closed.wait(10)
    assert ending(ris).ending is Ending.ABORTED_HERE
    assert ending(ris).note == "the peer did not read its answers for 0.4 s"
    wait_until(lambda: server.connections == 0, 5, "nothing is left of it")


def test_a_peer_that_goes_away_ends_the_handler_that_waits_for_it(serve: Callable[..., DicomServer], ris: Ris) -> None:
    endless = Endless(ris)
    server = serve()
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find())
        assert is_still(lambda: endless.given)
    assert endless.closed.wait(10)
    wait_until(lambda: server.associations == 0, 5, "the association is gone")


def test_a_cancel_is_seen_while_answers_wait_for_the_peer(serve: Callable[..., DicomServer], ris: Ris) -> None:
    endless = Endless(ris)
    server = serve()
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find(7))
        assert is_still(lambda: endless.given)
        peer.send(wire.message(3, wire.command(wire.C_CANCEL, None, responds_to=7)))
        assert peer.final_status() == statuses.CANCELED
        assert endless.closed.is_set()
        assert endless.given < MANY
        peer.send(wire.message(3, wire.command(wire.C_CANCEL, None, responds_to=99)) + wire.echo(8))
        assert peer.status() == statuses.SUCCESS


def test_a_stop_does_not_wait_for_a_peer_that_does_not_read(serve: Callable[..., DicomServer], ris: Ris) -> None:
    endless = Endless(ris)
    server = serve()
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find())
        assert is_still(lambda: endless.given)
        server.stop(0.2)
        assert endless.closed.wait(5)
    assert ending(ris).note == "the server stopped before all was answered"


# --- Peers that do not send ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "note"),
    [
        (wire.find()[:40], "a PDU was not complete within 0.3 s"),
        (wire.pdu(4, wire.pdv(1, 1, wire.command(wire.C_ECHO)[:20])), "a message was not complete within 0.3 s"),
        (wire.find()[:-20], "a message was not complete within 0.3 s"),
    ],
    ids=["half a PDU", "half a command", "no data set"],
)
def test_half_a_pdu_or_half_a_message_is_not_waited_for(serve: Callable[..., DicomServer], ris: Ris, start: bytes, note: str) -> None:
    server = serve(io_timeout=0.3)
    with wire.connected(server.port) as peer:
        peer.associate().send(start)
        assert peer.pdu() == (7, bytes(4))
        assert peer.is_closed()
    assert ending(ris).note == note


def test_a_peer_that_sends_a_byte_at_a_time_is_dropped_with_its_pdu_unfinished(serve: Callable[..., DicomServer], ris: Ris) -> None:
    server = serve(io_timeout=0.3)
    sent = 0
    with wire.connected(server.port) as peer:
        peer.associate()
        peer.connection.settimeout(0.05)
        for byte in wire.find() * 3:
            peer.send(bytes([byte]))
            sent += 1
            try:
                assert peer.connection.recv(10)[0] == 7
                break
            except TimeoutError:
                continue
    assert 2 <= sent < 20
    assert ris.requests == []


def test_many_requests_at_once_are_answered_in_turn(serve: Callable[..., DicomServer], ris: Ris) -> None:
    server = serve(worker_threads=2)
    with wire.connected(server.port) as peer:
        peer.associate().send(b"".join(wire.echo(number) for number in range(1, 101)))
        assert [peer.response()[0x0120] for _ in range(100)] == [number.to_bytes(2, "little") for number in range(1, 101)]
        peer.send(wire.RELEASE_RQ)
        assert peer.pdu() == (6, bytes(4))


def test_a_release_behind_a_request_is_confirmed_when_the_request_is_answered(server: DicomServer) -> None:
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find() + wire.RELEASE_RQ)
        assert peer.final_status() == statuses.SUCCESS
        assert peer.pdu() == (6, bytes(4))


def test_a_release_collision_at_the_stop_ends_with_both_released(server: DicomServer, ris: Ris) -> None:
    with wire.connected(server.port) as peer:
        peer.associate()
        stopping = threading.Thread(target=server.stop, args=[5.0])
        stopping.start()
        assert peer.pdu() == (5, bytes(4))
        peer.send(wire.RELEASE_RQ)
        peer.send(wire.RELEASE_RP)
        assert peer.pdu() == (6, bytes(4))
        assert peer.is_closed()
    stopping.join(5)
    assert ending(ris).ending is Ending.RELEASED


def test_a_stop_under_load_answers_what_was_asked_and_then_releases(serve: Callable[..., DicomServer], ris: Ris) -> None:
    gate = threading.Event()

    def find(request: FindRequest) -> Iterator[FindAnswer]:
        assert gate.wait(10)
        yield statuses.PENDING, worklist_query(PatientID="P1")

    ris.on_find = find
    server = serve(worker_threads=2)
    with ExitStack() as stack:
        peers = [stack.enter_context(wire.connected(server.port)).associate() for _ in range(12)]
        for peer in peers:
            peer.send(wire.find())
        wait_until(lambda: len(ris.requests) == 2, 5, "the workers are busy")
        stopping = threading.Thread(target=server.stop, args=[10.0])
        stopping.start()
        gate.set()
        for peer in peers:
            assert peer.final_status() == statuses.SUCCESS
            assert peer.pdu() == (5, bytes(4)), "released once it is answered"
            peer.send(wire.RELEASE_RP)
        stopping.join(10)
    assert not stopping.is_alive()


def test_a_peer_that_asks_on_and_on_is_released_between_two_requests_at_the_stop(server: DicomServer, ris: Ris) -> None:
    with wire.connected(server.port) as peer:
        peer.associate()
        stopping, asked = threading.Thread(target=server.stop, args=[10.0]), 0
        while peer.connection.recv(1, socket.MSG_PEEK) == b"\x04" if asked else True:
            assert not asked or peer.status() == statuses.SUCCESS
            asked += 1
            peer.send(wire.echo(asked))
            if asked == 5:
                stopping.start()
        assert peer.pdu() == (5, bytes(4))
        peer.send(wire.RELEASE_RP)
    stopping.join(10)
    assert not stopping.is_alive()
    assert ending(ris).ending is Ending.RELEASED


# --- Limits -------------------------------------------------------------------------------------------------------


def test_one_caller_has_its_own_limit(serve: Callable[..., DicomServer]) -> None:
    server = serve(max_per_caller=2)
    with ExitStack() as stack:
        for calling in ("CT01", "CT01", "MR01"):
            stack.enter_context(wire.connected(server.port)).associate(wire.associate_rq(calling))
        third = stack.enter_context(wire.connected(server.port))
        third.send(wire.associate_rq("CT01"))
        assert third.pdu() == (3, bytes((0, 2, 3, 2)))
    wait_until(lambda: server.associations == 0, 5, "all are gone")
    with wire.connected(server.port) as again:
        again.associate()


def test_a_message_longer_than_the_limit_ends_the_association(serve: Callable[..., DicomServer], ris: Ris) -> None:
    server = serve(max_message=1000)
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find(data=bytes(1002)))
        assert peer.pdu() == (7, bytes((0, 0, 2, 6)))
    assert ending(ris).note == "a data set has more than 1000 bytes"
    assert ris.requests == []


def test_everybody_at_eight_o_clock_is_served_and_none_is_refused(serve: Callable[..., DicomServer], ris: Ris) -> None:
    server = serve(max_associations=200)
    gate, done = threading.Event(), []

    def modality() -> None:
        with wire.connected(server.port, timeout=30) as peer:
            gate.wait(10)
            peer.associate().send(wire.find())
            done.append(peer.final_status())
            peer.send(wire.RELEASE_RQ)
            peer.pdu()

    modalities = [threading.Thread(target=modality) for _ in range(200)]
    for thread in modalities:
        thread.start()
    gate.set()
    for thread in modalities:
        thread.join(30)
    assert done == [statuses.SUCCESS] * 200


def test_more_than_1024_connections_are_served(server: DicomServer) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(wire.connected(server.port)) for _ in range(1100)]
        wait_until(lambda: server.connections == 1100, 10, "all are connected")
        assert peers[-1].connection.fileno() > 1024
        peers[-1].associate().send(wire.echo())
        assert peers[-1].status() == statuses.SUCCESS


def test_when_descriptors_run_out_connections_wait_and_are_served_later(server: DicomServer, caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        waiting = [stack.enter_context(socket.socket()) for _ in range(5)]
        highest = max(connection.fileno() for connection in waiting)
        fillers = [stack.enter_context(socket.socket()) for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(filler.fileno() for filler in fillers) + 1, hard))
        try:
            for connection in waiting:
                connection.settimeout(10)
                connection.connect(("127.0.0.1", server.port))
            wait_until(lambda: "No connection can be accepted" in caplog.text, 5, "descriptors run out")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert highest > 0
        peer = wire.Peer(waiting[-1]).associate()
        peer.send(wire.echo())
        assert peer.status() == statuses.SUCCESS
    assert caplog.text.count("No connection can be accepted") < 20


def test_a_short_answer_does_not_wait_for_the_peers_acknowledgement(server: DicomServer) -> None:
    with wire.connected(server.port) as peer:
        peer.associate()
        assert server._reception is not None
        (connection,) = server._reception.connections
        accepted = connection._transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- Message IDs and ends -----------------------------------------------------------------------------------------


def test_a_message_id_is_free_again_once_its_final_response_came(server: DicomServer) -> None:
    with wire.connected(server.port) as peer:
        peer.associate()
        for number in range(200):
            peer.send(wire.find(1) if number % 2 else wire.echo(1))
            assert peer.final_status() == statuses.SUCCESS


@pytest.mark.parametrize(("last", "words"), [(wire.ABORT, "the peer aborted"), (b"", "the peer closed without releasing")])
def test_a_peer_that_ends_in_the_middle_of_an_answer_is_told_in_words(
    server: DicomServer, ris: Ris, caplog: pytest.LogCaptureFixture, last: bytes, words: str
) -> None:
    endless = Endless(ris)
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find())
        assert is_still(lambda: endless.given)
        peer.send(last)
    note = f"{words} while a request was being answered; what it read is not known"
    assert ending(ris).note == note
    assert f"Association from 'CT01' at 127.0.0.1: {note}" in caplog.text
    assert "socket.send() raised" not in caplog.text
