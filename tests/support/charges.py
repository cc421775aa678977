"""Charges of exams that were performed, and the time that passes for them."""

from datetime import timedelta

from billing.models import Charge
from ris import clock
from ris.actions import orders
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station, an_order, steps_of
from tests.support.performing import perform


def a_charge(**patient: object) -> Charge:
    order = an_order(**patient)  # type: ignore[arg-type]
    perform(steps_of(order))
    return Charge.objects.get(requested_procedure__order=order)


def make_due(charge: Charge) -> None:
    Charge.objects.filter(pk=charge.pk).update(next_attempt_at=clock.now() - timedelta(minutes=1))


def a_group() -> list[ScheduledProcedureStep]:
    """The steps of an order of two procedures, CTCHEST and CTHEAD, which one performed step can be for."""
    chest, head = a_procedure(), a_procedure("CTHEAD", steps=("CT head",))
    a_station()
    return steps_of(orders.place_order(a_site(), a_patient_data(), orders.OrderRequest([chest.code, head.code]), ACTOR))


def charged() -> dict[str, tuple[list[str], str]]:
    """The codes and the doubt of each charge that stands, by the code of its procedure."""
    standing = Charge.objects.filter(transaction_type="CG").exclude(corrections__transaction_type="CD")
    of = dict(standing.values_list("pk", "requested_procedure__code"))
    return {of[one.pk]: ([line.code for line in one.lines.all()], one.on_hold) for one in standing}
