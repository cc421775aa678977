"""Every row of docs/conformance.md, "What bad input gets", tried on a server with the real services over a plain socket."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from dimse import policy
from dimse.server import DicomServer, ServerSettings
from dimse.services import FindAnswer, FindRequest, GetAnswer, GetRequest, Service, Verb
from mpps.scp import MPPS, MPPS_RETRIEVE
from tests.integration.dimse import bad_input
from tests.support import hospital, wire
from tests.support.ports import refuses
from tests.support.summary import ROW
from tests.support.wait import wait_until
from tests.support.wire import Peer
from worklist.scp import WORKLIST

CONFORMANCE = Path(__file__).parents[3] / "docs" / "conformance.md"


def documented() -> dict[str, str]:
    """Input and answer of each row, in the document's words."""
    section = CONFORMANCE.read_text().partition("## What bad input gets")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {asked: answer for asked, answer in rows if asked != "input"}


ROWS = documented()


def decide(calling: str, called: str, address: str) -> policy.Accept | policy.Reject:
    if called != "STEPWISE":
        return policy.called_ae_title_unknown(called)
    match calling:
        case "AWAY":
            return policy.calling_from_elsewhere(calling, address, "call from where you belong")
        case "UNWANTED":
            return policy.no_reason_given("not today")
        case "BREAKS":
            raise LookupError("no such table")
        case "CT01" | "MR01" | "MR02" | "MR03":
            return policy.Accept()
    return policy.calling_ae_title_unknown(calling)


def broken_find(request: FindRequest) -> Iterator[FindAnswer]:
    raise KeyError("a bug")
    yield


def broken_get(request: GetRequest) -> GetAnswer:
    raise KeyError("a bug")


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[DicomServer]:
    """One for all rows; one exam is scheduled."""
    offered = [
        WORKLIST,
        MPPS,
        MPPS_RETRIEVE,
        Service(bad_input.BROKEN_FIND, "A worklist that breaks", {Verb.C_FIND: broken_find}),
        Service(bad_input.BROKEN_GET, "A retrieval that breaks", {Verb.N_GET: broken_get}),
    ]
    settings = ServerSettings(
        port=0,
        policy=decide,
        max_associations=4,
        max_per_caller=2,
        max_pdu=bad_input.MAX_PDU,
        max_message=100_000,
        arrival_timeout=0.4,
        io_timeout=0.4,
    )
    with django_db_blocker.unblock():
        hospital.an_order()
        running = DicomServer(offered, settings)
        running.start()
        yield running
        running.stop(2.0)
        for database in ("default", "journal"):
            call_command("flush", database=database, interactive=False, verbosity=0)


def answer(peer: Peer) -> str:
    """What came back, in the document's words."""
    try:
        kind, body = peer.pdu()
    except (EOFError, ConnectionResetError):
        return "connection closed"
    match kind:
        case 2:
            return "A-ASSOCIATE-AC"
        case 3:
            return "A-ASSOCIATE-RJ {}/{}/{}".format(*body[1:4])
        case 7:
            return "A-ABORT {}/{}".format(*body[2:4])
    return f"PDU of type {kind}"


def status(peer: Peer) -> str:
    """The statuses of one answer, a pending one once."""
    try:
        first = peer.connection.recv(1, 2)  # MSG_PEEK
    except ConnectionResetError:
        return "connection closed"
    if first != b"\x04":
        return answer(peer)
    seen: list[str] = []
    while not seen or seen[-1] in ("FF00H", "FF01H"):
        seen.append(f"{peer.status():04X}H")
    return ", ".join(dict.fromkeys(seen))


def asked_for_an_association(asked: str, peer: Peer, server: DicomServer) -> str:
    peer.send(bad_input.REQUESTS[asked])
    try:
        kind, body = peer.pdu()
    except (EOFError, ConnectionResetError):
        return "connection closed"
    if kind == 2:
        result = body[body.index(b"\x21\0", 68) + 6]
        assert b"\x59\0" not in body[68:], "no user identity is confirmed"
        return f"A-ASSOCIATE-AC, context result {result}" if result else "A-ASSOCIATE-AC"
    return {3: "A-ASSOCIATE-RJ {1}/{2}/{3}", 7: "A-ABORT {2}/{3}"}[kind].format(*body)


def associated(asked: str, peer: Peer, server: DicomServer) -> str:
    peer.associate(wire.associate_rq(contexts=bad_input.CONTEXTS))
    peer.send(bad_input.ASSOCIATED[asked]())
    for _ in range(bad_input.SEVERAL_ANSWERS.get(asked, 1) - 1):
        assert peer.status() == 0
    peer.send(wire.echo(9)) if ROWS[asked] == "nothing" else None
    got = status(peer)
    return "nothing" if ROWS[asked] == "nothing" and got == "0000H" else got


def full(callers: tuple[str, ...], last: str) -> Callable[[str, Peer, DicomServer], str]:
    def refused(asked: str, peer: Peer, server: DicomServer) -> str:
        with ExitStack() as others:
            for calling in callers:
                others.enter_context(wire.connected(server.port)).associate(wire.associate_rq(calling))
            peer.send(wire.associate_rq(last))
            return answer(peer)

    return refused


def with_maximum(length: int) -> Callable[[str, Peer, DicomServer], str]:
    def served(asked: str, peer: Peer, server: DicomServer) -> str:
        peer.associate(wire.associate_rq(max_pdu=length))
        peer.send(wire.find(data=bad_input.KEY))
        return f"{peer.final_status():04X}H"

    return served


def message_id_twice(asked: str, peer: Peer, server: DicomServer) -> str:
    peer.associate(wire.associate_rq(contexts=bad_input.CONTEXTS))
    peer.send(wire.find(5) + wire.find(5))
    assert peer.final_status() == 0
    return status(peer)


def when_the_process_stops(asked: str, peer: Peer, server: DicomServer) -> str:
    is_asked, go_on = threading.Event(), threading.Event()

    def undecided(calling: str, called: str, address: str) -> policy.Accept:
        is_asked.set()
        assert go_on.wait(10)
        return policy.Accept()

    stopping = DicomServer([], ServerSettings(port=0, policy=undecided))
    stopping.start()
    port = stopping.port
    stop = threading.Thread(target=stopping.stop, args=[5.0])
    with wire.connected(port) as other:
        other.send(wire.associate_rq())
        assert is_asked.wait(10)
        stop.start()
        wait_until(lambda: refuses(port), 5, "nothing more is accepted")
        go_on.set()
        refused = answer(other)
    stop.join()
    peer.send(wire.ABORT)
    return refused


def where_identities_are_refused(asked: str, peer: Peer, server: DicomServer) -> str:
    refusing = DicomServer([], ServerSettings(port=0, user_identities=policy.UserIdentities.REFUSE))
    refusing.start()
    try:
        with wire.connected(refusing.port) as other:
            other.associate()
        with wire.connected(refusing.port) as other:
            other.send(wire.associate_rq(user_items=bad_input.user_identity()))
            refused = answer(other)
    finally:
        refusing.stop(2.0)
    peer.send(wire.ABORT)
    return refused


OTHERS: dict[str, Callable[[str, Peer, DicomServer], str]] = {
    "more associations than the limit": full(("CT01", "CT01", "MR01", "MR01"), "MR02"),
    "more associations of one calling AE title than its limit": full(("CT01", "CT01"), "CT01"),
    "a request that is not decided on yet when the process stops": when_the_process_stops,
    "user identity offered where it is refused (`RIS_DICOM_USER_IDENTITY=refuse`)": where_identities_are_refused,
    "a peer whose Maximum Length is 0 (no limit)": with_maximum(0),
    "a peer whose Maximum Length is 64 bytes": with_maximum(64),
    "Message ID of a request that is being answered": message_id_twice,
}
CASES = OTHERS | dict.fromkeys(bad_input.REQUESTS, asked_for_an_association) | dict.fromkeys(bad_input.ASSOCIATED, associated)


@pytest.mark.django_db(databases=["default", "journal"])  # asks for the databases that the server of this module works on
def test_every_row_has_its_bytes_and_the_other_way_round() -> None:
    assert set(ROWS) == set(CASES)


@pytest.mark.parametrize("asked", ROWS)
def test_bad_input_gets_its_answer(server: DicomServer, record_property: Callable[[str, object], None], asked: str) -> None:
    record_property(ROW, asked)
    with wire.connected(server.port) as peer:
        assert CASES[asked](asked, peer, server) == ROWS[asked]
        if re.fullmatch(r"[0-9A-F]{4}H.*", ROWS[asked]):
            peer.send(wire.echo(99))
            assert peer.status() == 0, "the association goes on"
        elif not ROWS[asked].startswith(("A-ASSOCIATE-AC", "nothing")):
            assert peer.is_closed()
