"""What is done to messages on purpose, at the seam: a server whose interference is a plain function of the test."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from dimse import statuses
from dimse.entries import AssociationEnded, MessageEntry
from dimse.errors import DimseFailure
from dimse.interference import Changed, Effect, Failure, HangUp, injected
from dimse.policy import Accept, Reject
from dimse.server import DicomServer
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, AssociationInfo, EncodedAnswers, FindAnswer
from tests.integration.dimse.conftest import Ris
from tests.support import wire
from tests.support.dicom import encoded, worklist_query
from tests.support.wait import wait_until

Serve = Callable[..., DicomServer]
QUERY = wire.find(3, encoded(worklist_query()))


@dataclass
class Decided:
    """Effects by operation and by who calls."""

    effects: dict[str, Effect] = field(default_factory=dict)
    verdict: Accept | Reject | None = None
    callers: tuple[str, ...] = ("CT01",)

    def association(self, info: AssociationInfo, abstract_syntaxes: frozenset[str]) -> Accept | Reject | None:
        return self.verdict if info.calling_ae_title in self.callers else None

    def message(self, info: AssociationInfo, abstract_syntax: str, verb: str) -> Effect | None:
        return self.effects.get(verb) if info.calling_ae_title in self.callers else None


@pytest.fixture
def decided() -> Decided:
    return Decided()


@pytest.fixture
def port(serve: Serve, decided: Decided) -> int:
    return serve(interference=decided, worker_threads=1).port


def a_create(instance: str = "1.2.3") -> bytes:
    command = wire.command(wire.N_CREATE, 7, sop_class=MODALITY_PERFORMED_PROCEDURE_STEP, instance=instance, data_set=wire.DATA_SET)
    return wire.message(5, command, wire.element(0x0252, "IN PROGRESS ", group=0x0040))


def notes(ris: Ris, *, incoming: bool) -> list[str]:
    return [entry.note for entry in ris.entries if isinstance(entry, MessageEntry) and entry.incoming is incoming]


def end_of(ris: Ris) -> AssociationEnded:
    return wait_until(lambda: next((one for one in ris.entries if isinstance(one, AssociationEnded)), None), 5, "the association ends")


def test_a_late_answer_holds_up_neither_the_only_worker_nor_anybody_else(port: int, decided: Decided, ris: Ris) -> None:
    decided.effects = {"C-FIND": Effect(told="late on purpose", delay=1.0)}
    with wire.connected(port) as slow, wire.connected(port) as other:
        slow.associate()
        other.associate(wire.associate_rq("CT02"))
        began = time.monotonic()
        slow.send(QUERY)
        for message_id in range(1, 6):
            other.send(wire.echo(message_id))
            assert other.status() == 0
        other.send(QUERY)
        assert other.final_status() == 0
        assert time.monotonic() - began < 1.0
        assert slow.final_status() == 0
        assert time.monotonic() - began >= 1.0
    assert notes(ris, incoming=False).count("late on purpose") == 1


def test_the_work_of_a_late_response_is_done_at_once(port: int, decided: Decided, ris: Ris) -> None:
    decided.effects = {"N-CREATE": Effect(told="late", delay=0.6)}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(a_create())
        wait_until(lambda: ris.requests, 0.5, "the handler is asked")
        assert not notes(ris, incoming=False)
        assert peer.status() == 0


def test_a_peer_that_does_not_wait_ends_the_pause(port: int, decided: Decided, ris: Ris) -> None:
    decided.effects = {"C-FIND": Effect(delay=60), "N-CREATE": Effect(delay=60)}
    for request in (QUERY, a_create()):
        with wire.connected(port) as peer:
            peer.associate()
            peer.send(request)
            wait_until(lambda: [one for one in ris.entries if isinstance(one, MessageEntry)], 5, "the request has come")
            peer.send(wire.ABORT)
            end_of(ris)
            ris.entries.clear()


def test_a_server_that_stops_waits_for_late_answers_within_its_grace_alone(serve: Serve, decided: Decided, ris: Ris) -> None:
    decided.effects = {"N-CREATE": Effect(delay=60)}
    server = serve(interference=decided)
    with wire.connected(server.port) as peer:
        peer.associate()
        peer.send(a_create())
        wait_until(lambda: ris.requests, 5, "the handler is asked")
        began = time.monotonic()
        server.stop(grace=0.3)
        assert time.monotonic() - began < 3
    assert end_of(ris).note == "the server stopped before all was answered"


@pytest.mark.parametrize("verb, request_bytes", [("C-FIND", QUERY), ("N-CREATE", a_create())])
def test_a_failure_is_answered_without_asking_the_handler(port: int, decided: Decided, ris: Ris, verb: str, request_bytes: bytes) -> None:
    decided.effects = {verb: Effect(told="on purpose", failure=Failure(0xA700, "Out of memory", 0xA710))}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(request_bytes)
        response = peer.response()
        assert response[0x0900] == b"\x00\xa7"
        assert response[0x0902] == b"Out of memory "
        assert (response.get(0x0903) == b"\x10\xa7") is (verb == "N-CREATE")
    assert ris.requests == []
    assert notes(ris, incoming=False) == ["on purpose"]


def test_an_operation_that_is_not_offered_can_fail_on_purpose_too(port: int, decided: Decided) -> None:
    decided.effects = {"N-GET": Effect(failure=Failure(statuses.NO_SUCH_SOP_INSTANCE))}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(wire.message(5, wire.command(wire.N_GET, 2, sop_class=MODALITY_PERFORMED_PROCEDURE_STEP, instance="1.2.3")))
        assert peer.status() == statuses.NO_SUCH_SOP_INSTANCE


def test_a_request_that_gets_no_answer_is_not_done_and_the_next_one_is(port: int, decided: Decided, ris: Ris) -> None:
    decided.effects = {"N-CREATE": Effect(told="silent", is_silent=True)}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(a_create())
        peer.send(wire.echo(9))
        assert peer.response()[0x0120] == b"\x09\x00"
    assert ris.requests == []
    assert notes(ris, incoming=True) == ["silent", ""]


@pytest.mark.parametrize("how", HangUp)
@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_query_is_broken_off_behind_some_answers(port: int, decided: Decided, ris: Ris, how: HangUp, after: int) -> None:
    ris.answers = 3
    decided.effects = {"C-FIND": Effect(told="on purpose", hang_up=how, most=after)}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(QUERY)
        for _ in range(min(after, 3)):
            assert peer.status() == statuses.PENDING
        if how is HangUp.ABORT:
            assert peer.pdu()[0] == 7
        else:
            with pytest.raises(EOFError, match=r"after [1-9]\d* of" if how is HangUp.CUT else "after 0 of 6"):
                peer.status()
    assert end_of(ris).note == "on purpose (not sent: 0000H)"
    assert notes(ris, incoming=True) == ["on purpose"]
    assert notes(ris, incoming=False) == []


def test_what_breaks_off_is_the_next_answer(port: int, decided: Decided) -> None:
    """All of it but some bytes has come: those of its data set."""
    decided.effects = {"C-FIND": Effect(hang_up=HangUp.CUT, most=1)}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(QUERY)
        whole = peer.response()[-1]
        rest = b""
        while more := peer.connection.recv(4096):
            rest += more
    assert b"P1" in rest and whole.replace(b"0", b"1")[:-7] in rest


def test_the_response_to_work_that_was_done_is_dropped(port: int, decided: Decided, ris: Ris) -> None:
    decided.effects = {"N-CREATE": Effect(told="dropped", hang_up=HangUp.CLOSE)}
    with wire.connected(port) as peer:
        peer.associate()
        peer.send(a_create())
        assert peer.is_closed()
    assert len(ris.requests) == 1
    assert end_of(ris).note == "dropped (not sent: 0000H)"


def test_an_association_is_rejected_or_accepted_without_a_service(port: int, decided: Decided, ris: Ris) -> None:
    decided.verdict = Reject(2, 3, 2, "on purpose")
    with wire.connected(port) as peer, wire.connected(port) as other:
        peer.send(wire.associate_rq())
        assert peer.pdu() == (3, bytes((0, 2, 3, 2)))
        other.associate(wire.associate_rq("CT02"))
    decided.verdict = Accept(frozenset({MODALITY_PERFORMED_PROCEDURE_STEP}), "withheld")
    with wire.connected(port) as peer:
        peer.send(wire.associate_rq())
        kind, body = peer.pdu()
        assert kind == 2
        assert b"\x21\x00\x00" in body
        assert wire.item(0x21, bytes((5, 0, 3, 0)) + wire.item(0x40, b"1.2.840.10008.1.2")) in body
        assert wire.item(0x21, bytes((3, 0, 0, 0)) + wire.item(0x40, b"1.2.840.10008.1.2")) in body


def test_notes_of_what_was_done_on_purpose_are_known_again_each_once() -> None:
    told = "injected by maya until 14:30: dropped"
    assert injected("", f"odd; {told}; odder", f"{told} (not sent: 0000H)", "injected by eve until 15:00: late") == [
        f"{told} (not sent: 0000H)",
        "injected by eve until 15:00: late",
    ]
    assert injected(f"temporary congestion (2/3/1): {told}") == [told]
    assert injected("nothing", "") == []


class TestAnswers:
    """The answers of a handler, changed, without a network."""

    @staticmethod
    def changed(effect: Effect, *answers: FindAnswer) -> tuple[list[FindAnswer], Changed]:
        change = Changed(iter(answers), effect, "1.2.840.10008.1.2", lambda dataset, syntax: bytes(dataset))
        return list(change.answers()), change

    @staticmethod
    def sent(found: list[FindAnswer]) -> list[bytes]:
        return [one for answer in found if isinstance(answer, EncodedAnswers) for one in answer.identifiers]

    def test_entries_are_counted_over_all_that_come_together(self) -> None:
        pages = EncodedAnswers(0xFF00, [b"1", b"2", b"3"]), EncodedAnswers(0xFF00, [b"4", b"5"])
        assert self.sent(self.changed(Effect(leave_out_each=2), *pages)[0]) == [b"1", b"3", b"5"]
        assert self.sent(self.changed(Effect(double_each=2), *pages)[0]) == [b"1", b"2", b"2", b"3", b"4", b"4", b"5"]
        assert self.sent(self.changed(Effect(rewrite=lambda data, syntax: data * 2), *pages)[0])[-1] == b"55"

    @pytest.mark.parametrize("most, kept_back", [(0, b"1"), (2, b"3"), (3, b"4"), (5, None), (9, None)])
    def test_a_list_is_cut_and_what_was_next_is_known(self, most: int, kept_back: bytes | None) -> None:
        found, change = self.changed(Effect(most=most), EncodedAnswers(0xFF01, [b"1", b"2", b"3"]), EncodedAnswers(0xFF01, [b"4", b"5"]))
        assert self.sent(found) == [b"1", b"2", b"3", b"4", b"5"][:most]
        assert change.next_one == kept_back

    def test_a_handler_that_is_cut_short_gives_back_what_it_holds(self) -> None:
        given_back = []

        def handler() -> Iterator[FindAnswer]:
            try:
                yield EncodedAnswers(0xFF00, [b"1", b"2"])
            finally:
                given_back.append(True)

        change = Changed(handler(), Effect(most=1), "1.2.840.10008.1.2", lambda dataset, syntax: b"")
        with closing(change.answers()) as answers:
            next(answers)
        assert given_back

    def test_the_final_status_of_a_handler_and_its_failure_stay(self) -> None:
        assert self.changed(Effect(double_each=1), (statuses.CANCELED, None))[0] == [(statuses.CANCELED, None)]

        def failing() -> Iterator[FindAnswer]:
            yield EncodedAnswers(0xFF00, [b"1"])
            raise DimseFailure(statuses.OUT_OF_RESOURCES)

        with pytest.raises(DimseFailure):
            list(Changed(failing(), Effect(double_each=1), "", lambda dataset, syntax: b"").answers())
