"""How a charge is shown on pages: each fact in words."""

from dataclasses import dataclass
from decimal import Decimal

from billing import queries
from billing.currency import CURRENCY, SIGN
from billing.models import Charge, ChargeLine, DeliveryAttempt, NoCharge
from billing.presenters import accession_number
from billing.rules import REDUCED_SERVICE
from billing.transitions import FAILED, PENDING, POSTED, VOID
from billing.works import CAPTURER
from ris import clock
from ris.web import times
from ris.web.stair import Moment, Tread

UNDELIVERED = "UNDELIVERED"
"""How a dead letter is shown: nobody refused it."""
WRITTEN_OFF = "WRITTEN_OFF"
NOTHING = "NOTHING"
"""How it is shown that work is worth nothing."""
_VERBS = {
    "capture": "Charge captured",
    "hold": "Charge held",
    "release": "Charge released",
    "post": "Charge posted",
    "refuse": "Charge refused",
    "retry": "Charge to be sent again",
    "set aside": "Charge not delivered, set aside",
    "redraft": "Charge written anew",
    "judge again": "More performed, the same charge",
    "write off": "Charge written off",
    "void": "Charge voided",
}


def status(charge: Charge) -> str:
    """The charge's status; one that waits for a person is HELD, a dead letter UNDELIVERED, one that was given up WRITTEN_OFF."""
    if charge.written_off_at:
        return WRITTEN_OFF
    if charge.status == FAILED and charge.is_dead_letter:
        return UNDELIVERED
    return "HELD" if charge.status == PENDING and charge.on_hold else charge.status


def money(amount: Decimal, currency: str = CURRENCY) -> str:
    """`$ 1,240.00`, a credit `−$ 1,240.00`; other currencies by their code."""
    sign = SIGN if currency == CURRENCY else currency
    return f"{'−' if amount < 0 else ''}{sign} {abs(amount):,.2f}"


@dataclass(frozen=True)
class ShownLine:
    """`price` of all of it, as its FT1-11 says it; empty when the receiver prices the code. `each` where it is several."""

    line: ChargeLine
    quantity: str
    price: str
    each: str


def _shown_line(line: ChargeLine, currency: str) -> ShownLine:
    unit, quantity = line.unit_amount, f"{line.quantity.normalize():f}"
    price = "" if unit is None else money(round(line.quantity * unit, 2), currency)
    return ShownLine(line, quantity, price, money(unit, currency) if unit is not None and line.quantity != 1 else "")


@dataclass(frozen=True)
class ShownCharge:
    """A charge with all that a list or a page shows of it. `trouble` is why it does not move on, if it does not."""

    charge: Charge
    status: str
    amount: str
    accession_number: str
    patient_name: str
    patient_id: str
    lines: list[ShownLine]
    trouble: str

    @property
    def look(self) -> str:
        return {FAILED: "FAILED", UNDELIVERED: "FAILED", "HELD": "REVIEW"}.get(self.status, "")

    @property
    def is_reduced(self) -> bool:
        return any(one.line.modifier == REDUCED_SERVICE for one in self.lines)

    @property
    def can_be_released(self) -> bool:
        return self.status == "HELD"

    @property
    def can_be_voided(self) -> bool:
        return self.charge.status in (PENDING, FAILED) and queries.is_untold(self.charge)

    @property
    def can_be_written_off(self) -> bool:
        """It has failed, and the receiver may have it."""
        return self.charge.status == FAILED and not self.charge.written_off_at and not queries.is_untold(self.charge)

    @property
    def can_be_credited(self) -> bool:
        return self.charge.status == POSTED and not self.charge.is_credit and not self.taken_back_by

    @property
    def taken_back_by(self) -> Charge | None:
        """The credit of a charge."""
        return next((one for one in self.charge.corrections.all() if one.is_credit and one.status != VOID), None)

    @property
    def waits_for(self) -> Charge | None:
        """What has to be posted before this one is sent."""
        return queries.waits_for(self.charge) if self.status == PENDING else None

    @property
    def relation(self) -> str:
        """What it has to do with the charge before it, in words."""
        before = self.charge.corrects
        if before is None:
            return ""
        if self.charge.is_credit:
            return f"Takes back charge {before}"
        return f"Follows credit {before}"

    @property
    def can_be_sent_again(self) -> bool:
        return self.charge.status == FAILED

    @property
    def is_undelivered(self) -> bool:
        """A dead letter."""
        return self.status == UNDELIVERED


def shown(charge: Charge) -> ShownCharge:
    procedure, performed = charge.requested_procedure, charge.performed_step
    patient = procedure.order.patient if procedure else None
    return ShownCharge(
        charge=charge,
        status=status(charge),
        amount=money(charge.amount if charge.transaction_type == Charge.TransactionType.CHARGE else -charge.amount, charge.currency),
        accession_number=accession_number(charge),
        patient_name=patient.name if patient else performed.patient_name if performed else "",
        patient_id=patient.patient_id if patient else performed.patient_id if performed else "",
        lines=[_shown_line(line, charge.currency) for line in charge.lines.all()],
        trouble=_trouble(charge),
    )


def _trouble(charge: Charge) -> str:
    if charge.status == PENDING and charge.on_hold:
        return charge.on_hold
    return "" if charge.status in (POSTED, VOID) or charge.written_off_at else charge.error


def tread(charges: list[Charge], no_charge: NoCharge | None = None) -> Tread:
    """The last step of an exam's stair: its latest charge, or that there is nothing to charge."""
    if not charges:
        return Tread("Charged", "Nothing to charge", NOTHING) if no_charge else Tread("Charged", "Not yet")
    charge = charges[0]
    if charge.is_credit and charge.status != VOID:
        return Tread("Charged", "Taken back by a credit", charge.status)
    if charge.posted_at:
        return Tread("Charged", f"{times.moment_near(charge.posted_at, clock.today(charge.site))}, acknowledged", POSTED)
    words = {"HELD": "On hold", FAILED: "Refused", UNDELIVERED: "Not delivered", PENDING: "Waiting for the charge processor"}
    words[WRITTEN_OFF] = "Written off"
    look = {"HELD": "REVIEW"}.get(status(charge), status(charge))
    return Tread("Charge captured", words.get(status(charge), charge.status.capitalize()), look)


def decided(no_charge: NoCharge) -> Moment:
    """The decision that work is worth nothing as an entry of a timeline."""
    return Moment(no_charge.decided_at, "INFO", "Nothing to charge", no_charge.reason, decided_by(no_charge))


def decided_by(no_charge: NoCharge) -> str:
    """The person, or what captures charges by the rules."""
    return next((change.actor for change in no_charge.changes.all()), CAPTURER.name)


def moments(charge: Charge) -> list[Moment]:
    """The charge's history as entries of a timeline."""
    looks = {"capture": "INFO", "post": POSTED, "refuse": FAILED, "set aside": FAILED}
    return [
        Moment(
            change.at,
            looks.get(change.verb, "INFO"),
            _VERBS.get(change.verb, change.verb.capitalize()),
            change.reason,
            f"{charge.control_id}, {change.actor}",
        )
        for change in charge.changes.all()
    ]


ATTEMPT_LOOKS: dict[str, str] = {
    DeliveryAttempt.Result.ACCEPTED: "PASS",
    DeliveryAttempt.Result.REFUSED: "ERROR",
    DeliveryAttempt.Result.UNSENDABLE: "ERROR",
}
"""Glyph of a delivery attempt; whatever may be tried again is a warning."""
