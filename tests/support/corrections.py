"""Charges that were made of a broken-off exam, sent, and judged anew."""

from billing import queries
from billing.actions import capturing, delivering
from billing.models import Charge, DeliveryAttempt
from mpps.models import StepLink
from ris import outbox
from ris.actor import Actor
from ris.models import ScheduledProcedureStep
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform

BROKEN = ("110501", "DCM", "Equipment failure")
Result = DeliveryAttempt.Result
BILLER = Actor.system("test")


def charges() -> list[Charge]:
    return list(Charge.objects.order_by("revision"))


def told() -> list[tuple[str, str, str]]:
    """Type, status and modifier of each charge."""
    return [(one.transaction_type, one.status, one.lines.get().modifier) for one in charges()]


def a_reduced_charge() -> tuple[list[ScheduledProcedureStep], Charge]:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    return scheduled, Charge.objects.get()


def send(charge: Charge, result: DeliveryAttempt.Result = Result.ACCEPTED) -> Charge:
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(result, str(result), 1))
    charge.refresh_from_db()
    return charge


def due() -> list[str]:
    return [str(one) for one in queries.due().filter(outbox.free()).order_by("pk")]


def undone(scheduled: list[ScheduledProcedureStep]) -> None:
    """What was performed turns out to belong elsewhere: the steps end by hand as not done."""
    StepLink.objects.filter(step__in=scheduled).delete()
    ScheduledProcedureStep.objects.filter(pk__in=[step.pk for step in scheduled]).update(status="DISCONTINUED")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
