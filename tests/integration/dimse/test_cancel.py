"""C-CANCEL (PS3.7 9.3.2.3) at every moment at which a console may send it: each request still gets exactly one final response."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator

from dimse import statuses
from dimse.server import DicomServer
from dimse.services import FindAnswer, FindRequest
from tests.integration.dimse.conftest import Ris, entry
from tests.support import wire
from tests.support.dcmtk import dcmtk
from tests.support.wait import wait_until


def cancel(message_id: int) -> bytes:
    return wire.message(3, wire.command(wire.C_CANCEL, None, responds_to=message_id))


def until_cancelled(request: FindRequest) -> Iterator[FindAnswer]:
    """Two answers at once; the third comes when the request is canceled, which a handler that does not look would not notice."""
    for number in range(2):
        yield statuses.PENDING, entry(number, request.identifier)
    wait_until(request.is_cancelled, 10, "the C-CANCEL arrives")
    yield statuses.PENDING, entry(2, request.identifier)


def test_in_the_middle_it_ends_the_answers_with_fe00(server: DicomServer, ris: Ris) -> None:
    ris.on_find = until_cancelled
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find(7))
        assert [peer.status(), peer.status()] == [statuses.PENDING] * 2
        peer.send(cancel(7))
        assert peer.final_status() == statuses.CANCELED
        peer.send(wire.echo(8))
        assert peer.status() == statuses.SUCCESS


def test_behind_the_last_answer_it_is_too_late_and_changes_nothing(server: DicomServer, ris: Ris) -> None:
    with wire.connected(server.port) as peer:
        peer.associate()
        for message_id in (7, 9):
            peer.send(wire.find(message_id))
            assert peer.final_status() == statuses.SUCCESS
            peer.send(cancel(message_id) + wire.echo(message_id + 1))
            assert peer.status() == statuses.SUCCESS


def test_before_its_request_or_for_another_one_it_cancels_nothing(server: DicomServer, ris: Ris) -> None:
    going_on = threading.Event()

    def find(request: FindRequest) -> Iterator[FindAnswer]:
        yield statuses.PENDING, entry(0, request.identifier)
        assert going_on.wait(10)
        assert not request.is_cancelled()
        yield statuses.PENDING, entry(1, request.identifier)

    ris.on_find = find
    with wire.connected(server.port) as peer:
        peer.associate().send(cancel(7) + wire.find(7))
        assert peer.status() == statuses.PENDING
        peer.send(cancel(8))
        going_on.set()
        assert [peer.status(), peer.status()] == [statuses.PENDING, statuses.SUCCESS]


def test_of_a_request_that_waits_for_its_turn_nothing_is_answered_but_fe00(server: DicomServer, ris: Ris) -> None:
    ris.on_find = until_cancelled
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.find(7) + wire.find(9) + cancel(9))
        assert [peer.status(), peer.status()] == [statuses.PENDING] * 2
        peer.send(cancel(7))
        assert peer.final_status() == statuses.CANCELED
        waiting = peer.response()
    assert (waiting[0x0120], waiting[0x0900]) == (b"\x09\0", b"\0\xfe")
    assert len(ris.requests) == 1  # the second never came to its handler


def test_together_with_its_request_it_is_answered_once(serve: Callable[..., DicomServer], ris: Ris) -> None:
    with wire.connected(serve().port) as peer:
        peer.associate().send(wire.find(7) + cancel(7) + cancel(7) + wire.echo(8))
        assert peer.final_status() in (statuses.CANCELED, statuses.SUCCESS)
        assert peer.status() == statuses.SUCCESS  # of the C-ECHO


def test_dcmtk_s_findscu_cancels_after_two_answers(server: DicomServer, ris: Ris) -> None:
    ris.on_find = until_cancelled
    command = [dcmtk("findscu"), "-v", "-W", "--cancel", "2", "-k", "PatientID", "127.0.0.1", str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert re.search(r"Sending Cancel Request", said, re.IGNORECASE), said
    assert re.search(r"Final Find Response \(Cancel", said, re.IGNORECASE), said
