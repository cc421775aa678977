"""Receivers that book a charge and then answer badly, on a real connection: named, survived, nothing doubled."""

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from billing import delivery, mllp
from billing.charge_processor.ledger import Book, Ledger
from billing.charge_processor.server import ChargeProcessor
from billing.models import Charge, DeliveryAttempt
from tests.support.charges import a_charge, make_due
from tests.support.mllp import Receiver

pytestmark = pytest.mark.django_db
Result = DeliveryAttempt.Result
Deed = Callable[[socket.socket, bytes], None]
"""From a connection and the acknowledgement in its frame to what is done instead of sending that."""
PATIENCE = 0.4  # seconds, where an answer never comes


class Bookkeeper(Receiver):
    """Books what it gets as the charge processor does; `deed` is what it then does with the acknowledgement."""

    def __init__(self, ledger: Path, deed: Deed) -> None:
        super().__init__()
        self.ledger, self.deed = ledger, deed

    def respond(self, connection: socket.socket, message: bytes) -> None:
        book = Book(self.ledger)
        try:
            reply = ChargeProcessor(book).answer(message)
        finally:
            book.close()
        assert reply is not None
        self.deed(connection, b"\x0b" + reply + b"\x1c\r")


def well(connection: socket.socket, frame: bytes) -> None:
    connection.sendall(frame)


def saying(change: Callable[[bytes], bytes]) -> Deed:
    """Sends something else, and closes."""
    return lambda connection, frame: connection.sendall(change(frame))


def holding(change: Callable[[bytes], bytes]) -> Deed:
    """Sends something else, and keeps the connection open until the other side has had enough."""

    def deed(connection: socket.socket, frame: bytes) -> None:
        connection.sendall(change(frame))
        while connection.recv(4096):
            pass

    return deed


def reset(connection: socket.socket, frame: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def of_another(frame: bytes) -> bytes:
    before, separator, after = frame.rpartition(b"MSA|AA|")
    return before + separator + b"C99999999" + after[9:]


MISDEEDS: dict[str, tuple[Deed, Result, str]] = {
    "an ACK for another message": (saying(of_another), Result.GARBLED, "acknowledges C99999999, not"),
    "an ACK for nothing": (saying(lambda frame: frame.replace(b"|C0", b"||C0")), Result.GARBLED, "acknowledges nothing, not"),
    "an unknown code": (saying(lambda frame: frame.replace(b"|AA|", b"|OK|")), Result.GARBLED, "code is 'OK'"),
    "garbage": (saying(lambda frame: b"\x00\xff\x13 garbage\x1c\r"), Result.GARBLED, "without the start of an MLLP block"),
    "garbage without an end": (saying(lambda frame: b"login: "), Result.GARBLED, "without the start of an MLLP block: 'login: '"),
    "HTTP": (saying(lambda frame: b"HTTP/1.1 400 Bad Request\r\n\r\n"), Result.GARBLED, "without the start of an MLLP block: 'HTTP/1.1"),
    "an end without its CR": (saying(lambda frame: frame[:-1]), Result.GARBLED, "ended its answer by FS without the CR after it"),
    "a frame of garbage": (saying(lambda frame: b"\x0bPID|not MSH\xff\x1c\r"), Result.GARBLED, "not an HL7 acknowledgement"),
    "an empty frame": (saying(lambda frame: b"\x0b\x1c\r"), Result.GARBLED, "not an HL7 acknowledgement"),
    "half a frame": (saying(lambda frame: frame[: len(frame) // 2]), Result.GARBLED, "closed the connection in the middle of its answer"),
    "a frame without an end": (holding(lambda frame: frame[:-2]), Result.NO_ANSWER, f"no answer within {PATIENCE} s"),
    "an endless frame": (holding(lambda frame: b"\x0b" + b"x" * 70_000), Result.GARBLED, "more than 65536 bytes"),
    "nothing, for ever": (holding(lambda frame: b""), Result.NO_ANSWER, f"took the message and gave no answer within {PATIENCE} s"),
    "the end of the connection": (saying(lambda frame: b""), Result.NO_ANSWER, "closed the connection without an answer"),
    "a reset": (reset, Result.NO_ANSWER, "broke before the answer: Connection reset by peer"),
}


@pytest.fixture
def receiver(settings: Settings, tmp_path: Path) -> Iterator[Bookkeeper]:
    with Bookkeeper(tmp_path / "ledger.sqlite3", well) as listening:
        settings.MLLP_HOST, settings.MLLP_PORT = "127.0.0.1", listening.port
        yield listening


def is_posted_once(charge: Charge, receiver: Bookkeeper, repeats: int) -> None:
    charge.refresh_from_db()
    assert (charge.status, charge.error, charge.changes.filter(verb="post").count()) == ("POSTED", "", 1)
    ledger = Ledger(receiver.ledger)
    assert [entry.control_id for entry in ledger.entries()] == [charge.control_id]
    assert (ledger.duplicates(), ledger.refusals()) == (repeats, [])


@pytest.mark.parametrize("name", MISDEEDS)
def test_bad_answer_is_named_and_the_charge_goes_again_to_the_byte_and_is_booked_once(
    receiver: Bookkeeper, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.deed, result, text = MISDEEDS[name]
    charge = a_charge()
    with monkeypatch.context() as patched:
        if f"within {PATIENCE} s" in text:
            patched.setattr(mllp, "ANSWER_TIMEOUT", PATIENCE)
        assert delivery.deliver(charge.pk) is result
    charge.refresh_from_db()
    assert (charge.status, charge.lease_until) == ("PENDING", None)
    assert text in charge.error
    assert charge.delivery_attempts.get().text == charge.error
    receiver.deed = well
    make_due(charge)
    assert delivery.sweep() == 1
    assert receiver.received[0] == receiver.received[1]
    is_posted_once(charge, receiver, repeats=1)


def test_duplicate_ack_posts_once(receiver: Bookkeeper) -> None:
    receiver.deed = saying(lambda frame: frame + frame)
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    assert delivery.sweep() == 0
    is_posted_once(charge, receiver, repeats=0)


def test_ack_of_an_earlier_try_that_comes_with_that_of_the_later_posts_once(receiver: Bookkeeper) -> None:
    kept: list[bytes] = []
    receiver.deed = lambda connection, frame: kept.append(frame)
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.NO_ANSWER
    receiver.deed = saying(lambda frame: kept[0] + frame)
    make_due(charge)
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    is_posted_once(charge, receiver, repeats=1)


def test_ack_in_letters_that_are_not_in_its_character_set_is_an_ack(receiver: Bookkeeper) -> None:
    receiver.deed = saying(lambda frame: frame[:-3] + "für Müller".encode("latin-1") + frame[-3:])
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    assert charge.delivery_attempts.get().text == "AA für Müller"
    is_posted_once(charge, receiver, repeats=0)


def test_names_of_any_script_arrive_as_they_are(receiver: Bookkeeper) -> None:
    charge = a_charge(name="ΠΑΠΑΔΟΠΟΥΛΟΣ^Νίκος=山田^太郎")
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    (entry,) = Ledger(receiver.ledger).entries()
    assert entry.patient_name == "ΠΑΠΑΔΟΠΟΥΛΟΣ^Νίκος^^^^^L^A"
    is_posted_once(charge, receiver, repeats=0)
