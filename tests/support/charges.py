"""Charges of exams that were performed, and the time that passes for them."""

from datetime import timedelta

from billing.models import Charge
from ris import clock
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform


def a_charge(**patient: object) -> Charge:
    order = an_order(**patient)  # type: ignore[arg-type]
    perform(steps_of(order))
    return Charge.objects.get(requested_procedure__order=order)


def make_due(charge: Charge) -> None:
    Charge.objects.filter(pk=charge.pk).update(next_attempt_at=clock.now() - timedelta(minutes=1))
