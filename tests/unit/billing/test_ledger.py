"""The charge processor's ledger file."""

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from billing.charge_processor.intake import read_message
from billing.charge_processor.ledger import Book, Booking, Ledger
from billing.hl7 import build
from tests.unit.billing.test_hl7 import MESSAGE

RECEIVED = read_message(build(MESSAGE).encode())
AT = "2026-11-23T12:00:00.000+00:00"


def test_missing_file_is_an_empty_ledger_and_is_not_made(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "none.sqlite3")
    assert (ledger.entries(), ledger.refusals(), ledger.duplicates()) == ([], [], 0)
    assert not ledger.path.exists()


def test_file_without_tables_is_an_empty_ledger(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite3").touch()
    assert Ledger(tmp_path / "empty.sqlite3").entries() == []


def test_booked_message_is_read_by_another_reader(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger.sqlite3")
    assert book.book(RECEIVED, AT) is Booking.BOOKED
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    first, second = ledger.entries(control_id="C00000042")
    assert (first.posting, first.received_at, first.duplicates) == (RECEIVED.postings[0], AT, 0)
    assert second.posting.amount == Decimal("25.00")
    assert len(ledger.entries(accession="F-14")) == 2
    assert ledger.entries(accession="other") == []
    book.close()


def test_same_control_id_is_booked_once_and_the_repeats_are_counted(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger.sqlite3")
    assert [book.book(RECEIVED, AT) for _ in range(3)] == [Booking.BOOKED, Booking.REPEATED, Booking.REPEATED]
    assert len(book.entries()) == 2
    assert book.duplicates() == 2
    book.close()


def test_control_id_of_another_message_is_neither_booked_nor_counted(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger.sqlite3")
    book.book(RECEIVED, AT)
    assert book.book(replace(RECEIVED, text="something else"), AT) is Booking.OTHER_CONTENT
    assert (len(book.entries()), book.duplicates()) == (2, 0)
    book.close()


def test_ledger_goes_on_after_reopening(tmp_path: Path) -> None:
    for expected in (Booking.BOOKED, Booking.REPEATED):
        book = Book(tmp_path / "ledger.sqlite3")
        assert book.book(RECEIVED, AT) is expected
        book.close()


def test_refusals_are_kept_latest_first(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger.sqlite3")
    book.refuse("C1", "AE", "no account", AT)
    book.refuse("", "AR", "not HL7", AT)
    assert [refusal.text for refusal in book.refusals()] == ["not HL7", "no account"]
    book.close()


def test_failed_booking_leaves_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger.sqlite3")
    with sqlite3.connect(book.path) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON entry WHEN NEW.code = 'A9579' BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    other.close()
    with pytest.raises(sqlite3.Error, match="disk full"):
        book.book(RECEIVED, AT)
    assert book.entries() == []
    assert book._rows("SELECT * FROM message") == []
    book.close()
