"""Whose charges they are, for the audit trail."""

from collections.abc import Iterator

from billing.models import Charge, ChargeChange, NoCharge
from ris import audit
from ris.audit import Subject


@audit.subjects.register
def of_charge(charge: Charge) -> Iterator[Subject]:
    if charge.requested_procedure is not None:
        yield from audit.subjects(charge.requested_procedure.order)
    elif charge.performed_step is not None:
        yield from audit.subjects(charge.performed_step)


@audit.subjects.register
def _of_no_charge(decided: NoCharge) -> Iterator[Subject]:
    yield from audit.subjects(decided.requested_procedure.order)


@audit.subjects.register
def _of_change(row: ChargeChange) -> Iterator[Subject]:
    yield from of_charge(row.charge)


@audit.event_of.register
def _event_of_change(row: ChargeChange) -> str:
    return audit.PROCEDURE
