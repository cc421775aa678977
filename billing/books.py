"""What was posted here against what the demo charge processor has booked: every control ID with the same amount, or named."""

from dataclasses import dataclass
from decimal import Decimal

from billing.charge_processor.statement import Statement
from billing.models import Charge
from billing.transitions import FAILED, PENDING, POSTED

WRITTEN_OFF = "WRITTEN_OFF"
"""What stands for the status of a charge that was given up: it does not come again by itself."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A control ID that the two sides tell differently; `charge_id` is None for a message of which no charge is known here."""

    control_id: str
    charge_id: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Balance:
    """`wrong` may not be; `unheard` is booked there, its acknowledgement has not been heard yet, and it comes again."""

    posted: int
    amount: Decimal
    wrong: tuple[Difference, ...]
    unheard: tuple[Difference, ...]

    @property
    def adds_up(self) -> bool:
        return not self.wrong


def balance(ledger: Statement) -> Balance:
    """Of all hospitals of this installation, since they share the ledger. Raises sqlite3.Error when that cannot be read."""
    # The charges first: what is posted between the two looks is booked before it is posted.
    rows = Charge.objects.order_by("pk").values_list("control_id", "pk", "status", "transaction_type", "amount", "written_off_at")
    known = {
        str(name): (pk, WRITTEN_OFF if given_up else status, -amount if kind == Charge.TransactionType.CREDIT else amount)
        for name, pk, status, kind, amount, given_up in rows
    }
    booked = ledger.booked()
    posted = {name: amount for name, (_, status, amount) in known.items() if status == POSTED}
    differing = [name for name, amount in posted.items() if booked.get(name) != amount]
    wrong = [Difference(name, known[name][0], _differs(posted[name], booked.get(name))) for name in differing]
    unheard: list[Difference] = []
    for name in sorted(booked.keys() - posted.keys()):
        charge_id, status, _ = known.get(name, (None, "", Decimal(0)))
        what = "Booked there, not acknowledged to us" if charge_id else "Booked there, and no charge of this installation"
        what = "Booked there, written off here: send it again" if status == WRITTEN_OFF else what
        (unheard if status in (PENDING, FAILED) else wrong).append(Difference(name, charge_id, what))
    return Balance(len(posted), sum(posted.values(), Decimal(0)), tuple(wrong), tuple(unheard))


def _differs(posted: Decimal, booked: Decimal | None) -> str:
    return "Posted here, not booked there" if booked is None else f"Posted here with {posted:.2f}, booked there with {booked:.2f}"
