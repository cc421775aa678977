"""How a charge is shown."""

from typing import Any

from billing.models import Charge, ChargeLine
from ris import clock


def accession_number(charge: Charge) -> str:
    """Accession number of the order; empty for work without one."""
    return charge.requested_procedure.order.accession_number if charge.requested_procedure else ""


def requested_procedure_id(charge: Charge) -> str:
    return charge.requested_procedure.requested_procedure_id if charge.requested_procedure else ""


def line(charge_line: ChargeLine) -> dict[str, Any]:
    """`quantity` is a whole number where it is one."""
    whole = charge_line.quantity == charge_line.quantity.to_integral_value()
    return {
        "code": charge_line.code,
        "scheme": charge_line.scheme,
        "meaning": charge_line.meaning,
        "modifier": charge_line.modifier,
        "kind": charge_line.kind,
        "unit": charge_line.unit,
        "quantity": int(charge_line.quantity) if whole else float(charge_line.quantity),
    }


def as_row(charge: Charge) -> dict[str, Any]:
    """The charge in the words of the REST interface; times with the hospital's offset, the amount as decimal text, a number in JSON."""
    return {
        "id": charge.pk,
        "control_id": charge.control_id,
        "kind": charge.kind,
        "transaction_type": charge.transaction_type,
        "revision": charge.revision,
        "corrects": str(charge.corrects) if charge.corrects else "",
        "status": charge.status,
        "dead_letter": charge.is_dead_letter,
        "written_off": charge.written_off_at is not None,
        "on_hold": charge.on_hold,
        "lines": [line(one) for one in charge.lines.all()],
        "accession_number": accession_number(charge),
        "requested_procedure_id": requested_procedure_id(charge),
        "amount": f"{charge.amount:.2f}",
        "currency": charge.currency,
        "reason": charge.reason,
        "service_at": clock.local(charge.service_at, charge.site).isoformat(timespec="seconds"),
        "posted_at": clock.local(charge.posted_at, charge.site).isoformat(timespec="seconds") if charge.posted_at else None,
        "attempts": charge.attempts,
        "error": charge.error,
    }
