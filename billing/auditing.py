"""Whose charges they are, for the audit trail."""

from collections.abc import Iterator

from billing.models import Charge, ChargeChange, NoCharge, NoChargeChange
from ris import audit
from ris.audit import Subject


@audit.subjects.register
def of_charge(charge: Charge | NoCharge) -> Iterator[Subject]:
    if charge.requested_procedure is not None:
        yield from audit.subjects(charge.requested_procedure.order)
    elif charge.performed_step is not None:
        yield from audit.subjects(charge.performed_step)


@audit.subjects.register
def _of_decision(row: NoChargeChange) -> Iterator[Subject]:
    yield from of_charge(row.no_charge)


@audit.subjects.register
def _of_change(row: ChargeChange) -> Iterator[Subject]:
    yield from of_charge(row.charge)


@audit.event_of.register
def _event_of_change(row: ChargeChange) -> str:
    return audit.PROCEDURE


@audit.event_of.register
def _event_of_decision(row: NoChargeChange) -> str:
    return audit.PROCEDURE
