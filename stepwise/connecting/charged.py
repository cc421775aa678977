"""The charges of what a station ended while its check was open, and why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from billing import capture
from billing.models import Charge
from billing.transitions import FAILED
from ris import clock
from ris.models import ConnectionCheck, RequestedProcedure
from ris.transitions import FINAL
from stepwise.connecting import performed
from stepwise.connecting.facts import ChargeSeen

MOST_ASKED = 3
"""Procedures of one performed step that are asked why they are not charged."""


@dataclass(frozen=True)
class Charged:
    """The latest charge, and the latest that nothing keeps from being sent; `why_not` there is none."""

    charges: tuple[ChargeSeen, ...] = ()
    why_not: str = ""


def seen(check: ConnectionCheck, ended: Sequence[int]) -> Charged:
    """`ended` are performed steps, the latest first. A charge of before the check proves nothing of it."""
    if not ended:
        return Charged()
    of_these = Charge.objects.filter(requested_procedure__in=performed.carried(ended).values("step__requested_procedure"))
    within = of_these.filter(_within(check)).select_related("requested_procedure").order_by("-pk")
    found = {one.pk: one for one in (*within[:1], *within.filter(on_hold="").exclude(status=FAILED)[:1])}
    if found:
        return Charged(tuple(map(_charge, found.values())))
    procedures = RequestedProcedure.objects.filter(pk__in=performed.carried(ended[:1]).values("step__requested_procedure"))
    earlier = of_these.filter(requested_procedure__in=procedures).order_by("-pk").first()
    if earlier is not None:
        return Charged(
            why_not=f"Charge {earlier.control_id} was captured at another time: what was done while this was looked at added none."
        )
    asked = procedures.order_by("pk").prefetch_related("steps")[:MOST_ASKED]
    return Charged(why_not=next(filter(None, map(_why_not, asked)), ""))


def _within(check: ConnectionCheck) -> Q:
    """While the check was open; charges have the hospital's time."""
    since = Q(created_at__gte=clock.shown_at(check.begun_at, check.site))
    return since if check.ended_at is None else since & Q(created_at__lte=clock.shown_at(check.ended_at, check.site))


def _charge(one: Charge) -> ChargeSeen:
    is_test = one.requested_procedure is not None and one.requested_procedure.is_test
    held = one.on_hold
    if is_test and one.requested_procedure is not None:
        drafted = capture.draft(one.requested_procedure)
        held = drafted.decision.hold if drafted else ""
    amount = f"{one.amount} {one.currency}"
    return ChargeSeen(one.pk, one.control_id or "", one.status, amount, is_test, held, one.error, one.created_at)


def _why_not(procedure: RequestedProcedure) -> str:
    open_steps = [step.scheduled_procedure_step_id for step in procedure.steps.all() if step.status not in FINAL]
    if open_steps:
        return f"It is charged when all its steps are done; {', '.join(open_steps)} {'is' if len(open_steps) == 1 else 'are'} not."
    drafted = capture.draft(procedure)
    return f"Worth no charge: {drafted.decision.reason}." if drafted and drafted.is_nothing else ""
