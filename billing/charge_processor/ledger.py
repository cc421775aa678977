"""What the charge processor has booked: its own SQLite file, read by `Ledger`, written by `Book` alone.

A message is booked under its control ID once; the same message again only raises the count of duplicates.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    control_id TEXT PRIMARY KEY,
    received_at TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    account TEXT NOT NULL,
    text TEXT NOT NULL,
    duplicates INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    control_id TEXT NOT NULL REFERENCES message (control_id),
    transaction_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    scheme TEXT NOT NULL,
    meaning TEXT NOT NULL,
    modifiers TEXT NOT NULL,
    quantity TEXT NOT NULL,
    amount TEXT NOT NULL,
    service_at TEXT NOT NULL,
    accession TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_accession ON entry (accession);
CREATE INDEX IF NOT EXISTS entry_control_id ON entry (control_id);
CREATE TABLE IF NOT EXISTS refusal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    control_id TEXT NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL
);
"""
_SELECT = """
SELECT entry.control_id, transaction_id, kind, code, scheme, meaning, modifiers, quantity, amount, service_at, accession,
       patient_id, patient_name, account, received_at, duplicates
FROM entry JOIN message ON message.control_id = entry.control_id
"""
_ENTRIES = f"""{_SELECT}
WHERE (:control_id IS NULL OR entry.control_id = :control_id) AND (:accession IS NULL OR accession = :accession)
ORDER BY entry.id
"""
_OF_MESSAGES = f"{_SELECT} WHERE entry.control_id IN (SELECT value FROM json_each(:control_ids)) ORDER BY entry.id"


@dataclass(frozen=True, slots=True)
class Posting:
    """One FT1 as received. `kind` is CG or CD; `amount` is the extended amount, None when the message gave none."""

    transaction_id: str
    kind: str
    code: str
    scheme: str
    meaning: str
    modifiers: tuple[str, ...]
    quantity: Decimal
    amount: Decimal | None
    service_at: str
    accession: str


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A DFT^P03 that can be booked."""

    control_id: str
    patient_id: str
    patient_name: str
    account: str
    text: str
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A booked line with the message it came in. `duplicates` counts the repeats of that message."""

    control_id: str
    posting: Posting
    patient_id: str
    patient_name: str
    account: str
    received_at: str
    duplicates: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was answered with AE or AR."""

    received_at: str
    control_id: str
    code: str
    text: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.received_at)


class Booking(Enum):
    """What came of a message: booked now, booked before, or not booked because its control ID belongs to another one."""

    BOOKED = "booked"
    REPEATED = "repeated"
    OTHER_CONTENT = "other content"


class Ledger:
    """Reads the ledger file; a file that does not exist yet is an empty ledger."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def entries(self, control_id: str | None = None, accession: str | None = None) -> list[Entry]:
        """Booked lines in the order of booking, all or those of a control ID or an accession number."""
        return [_entry(row) for row in self._rows(_ENTRIES, {"control_id": control_id, "accession": accession})]

    def entries_of(self, control_ids: Sequence[str]) -> dict[str, list[Entry]]:
        """Booked lines of messages, by control ID."""
        found: dict[str, list[Entry]] = {}
        for row in self._rows(_OF_MESSAGES, {"control_ids": json.dumps(control_ids)}):
            found.setdefault(row["control_id"], []).append(_entry(row))
        return found

    def duplicates(self) -> int:
        """How often a message came again that was already booked."""
        rows = self._rows("SELECT COALESCE(SUM(duplicates), 0) AS total FROM message")
        return int(rows[0]["total"]) if rows else 0

    def refusals(self, limit: int = 100) -> list[Refusal]:
        """Refused messages, the latest first."""
        rows = self._rows("SELECT received_at, control_id, code, text FROM refusal ORDER BY id DESC LIMIT :limit", {"limit": limit})
        return [Refusal(*row) for row in rows]

    def _rows(self, query: str, parameters: dict[str, object] | None = None) -> Sequence[sqlite3.Row]:
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=rw", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'refusal'").fetchone():
                return []
            return connection.execute(query, parameters or {}).fetchall()


class Book(Ledger):
    """The one writer of the ledger. What a method has returned from is on the disk (synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        """Make the file and its tables when absent; OSError or sqlite3.Error when that is not possible."""
        super().__init__(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def book(self, message: ReceivedMessage, received_at: str) -> Booking:
        """Book all lines of the message unless its control ID is known: then count the repeat, if it is one."""
        with self._transaction() as connection:
            known = connection.execute("SELECT text FROM message WHERE control_id = ?", (message.control_id,)).fetchone()
            if known and known[0] != message.text:
                return Booking.OTHER_CONTENT
            if known:
                connection.execute("UPDATE message SET duplicates = duplicates + 1 WHERE control_id = ?", (message.control_id,))
                return Booking.REPEATED
            connection.execute(
                "INSERT INTO message (control_id, received_at, patient_id, patient_name, account, text) VALUES (?, ?, ?, ?, ?, ?)",
                (message.control_id, received_at, message.patient_id, message.patient_name, message.account, message.text),
            )
            connection.executemany(
                "INSERT INTO entry (control_id, transaction_id, kind, code, scheme, meaning, modifiers, quantity, amount, service_at,"
                " accession) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_row(message.control_id, posting) for posting in message.postings],
            )
        return Booking.BOOKED

    def refuse(self, control_id: str, code: str, text: str, received_at: str) -> None:
        """Keep that a message was refused."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO refusal (received_at, control_id, code, text) VALUES (?, ?, ?, ?)", (received_at, control_id, code, text)
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _row(control_id: str, posting: Posting) -> tuple[str, ...]:
    return (
        control_id,
        posting.transaction_id,
        posting.kind,
        posting.code,
        posting.scheme,
        posting.meaning,
        "~".join(posting.modifiers),
        str(posting.quantity),
        "" if posting.amount is None else str(posting.amount),
        posting.service_at,
        posting.accession,
    )


def _entry(row: sqlite3.Row) -> Entry:
    posting = Posting(
        transaction_id=row["transaction_id"],
        kind=row["kind"],
        code=row["code"],
        scheme=row["scheme"],
        meaning=row["meaning"],
        modifiers=tuple(filter(None, row["modifiers"].split("~"))),
        quantity=Decimal(row["quantity"]),
        amount=Decimal(row["amount"]) if row["amount"] else None,
        service_at=row["service_at"],
        accession=row["accession"],
    )
    return Entry(row["control_id"], posting, row["patient_id"], row["patient_name"], row["account"], row["received_at"], row["duplicates"])
