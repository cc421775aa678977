"""The ledger as a person reads it: messages with their lines, the sums, and what is booked under each control ID.

Amounts are added as whole hundredths of the currency, so that sums are exact.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.charge_processor.ledger import Entry, Ledger

_MESSAGES = """
SELECT control_id FROM message
WHERE :text = '' OR instr(control_id, :text) OR instr(patient_id, :text) OR instr(lower(patient_name), :lower)
    OR control_id IN (SELECT control_id FROM entry WHERE instr(accession, :text))
    OR control_id IN (SELECT value FROM json_each(:control_ids))
ORDER BY rowid DESC LIMIT :limit
"""
_HUNDREDTHS = "SUM(CASE kind WHEN 'CD' THEN -1 ELSE 1 END * CAST(ROUND(CAST(amount AS REAL) * 100) AS INTEGER)) AS hundredths"
_BOOKED = f"SELECT control_id, {_HUNDREDTHS} FROM entry GROUP BY control_id"
_SUMS = f"SELECT kind, COUNT(DISTINCT control_id) AS messages, {_HUNDREDTHS} FROM entry GROUP BY kind"


@dataclass(frozen=True, slots=True)
class Message:
    """A booked message. `filler_order` is FT1-23 of its first line, `received` how often it came; `amount` is negative for a credit."""

    control_id: str
    at: datetime
    patient_id: str
    patient_name: str
    account: str
    filler_order: str
    is_credit: bool
    amount: Decimal
    received: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Messages and amounts booked. `repeats` came again and were booked no second time; `refused` were answered AE or AR."""

    charges: int
    charged: Decimal
    credits: int
    credited: Decimal
    repeats: int
    refused: int

    @property
    def messages(self) -> int:
        return self.charges + self.credits

    @property
    def amount(self) -> Decimal:
        return self.charged - self.credited


class Statement(Ledger):
    """Reads the ledger for a page. Each raises sqlite3.Error when the file cannot be read."""

    def messages(self, limit: int, text: str = "", control_ids: Sequence[str] = ()) -> list[Message]:
        """Booked messages, the latest first; with a text those whose control ID, patient or order has it, and those of `control_ids`."""
        asked = {"text": text, "lower": text.lower(), "limit": limit, "control_ids": json.dumps(control_ids)}
        control_ids = [row["control_id"] for row in self._rows(_MESSAGES, asked)]
        entries = self.entries_of(control_ids)
        return [_message(entries[control_id]) for control_id in control_ids]

    def sums(self) -> Sums:
        by_kind = {row["kind"]: (int(row["messages"]), _money(row["hundredths"])) for row in self._rows(_SUMS)}
        (charges, charged), (credits, credited) = (by_kind.get(kind, (0, Decimal(0))) for kind in ("CG", "CD"))
        refused = self._rows("SELECT COUNT(*) AS refused FROM refusal")
        return Sums(charges, charged, credits, -credited, self.duplicates(), int(refused[0]["refused"]) if refused else 0)

    def booked(self) -> dict[str, Decimal]:
        """The amount booked under each control ID, negative for a credit."""
        return {row["control_id"]: _money(row["hundredths"]) for row in self._rows(_BOOKED)}


def _message(entries: list[Entry]) -> Message:
    first = entries[0]
    is_credit = first.posting.kind == "CD"
    amount = sum((entry.posting.amount or Decimal(0) for entry in entries), Decimal(0))
    return Message(
        control_id=first.control_id,
        at=datetime.fromisoformat(first.received_at),
        patient_id=first.patient_id,
        patient_name=first.patient_name,
        account=first.account,
        filler_order=first.posting.accession,
        is_credit=is_credit,
        amount=-amount if is_credit else amount,
        received=1 + first.duplicates,
        entries=tuple(entries),
    )


def _money(hundredths: int | None) -> Decimal:
    return Decimal(hundredths or 0).scaleb(-2)
