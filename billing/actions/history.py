"""What each verb leaves behind: a line in the charge's history, and a nudge for what is to be sent."""

from django.db import transaction

from billing.models import MAX_TEXT, Charge, ChargeChange
from billing.nudge import nudge
from billing.transitions import Transition
from ris import clock
from ris.actor import Actor


def record_change(charge: Charge, change: Transition, actor: Actor, reason: str) -> None:
    ChargeChange.by(
        actor,
        charge=charge,
        at=clock.now(charge.site),
        verb=change.verb,
        from_status=change.source,
        to_status=change.target,
        reason=reason[:MAX_TEXT],
    )


def nudge_when_committed(charge: Charge) -> None:
    """Robust: what is committed is answered as done, even where the nudge cannot start its thread; the sweep finds the charge."""

    def send() -> None:  # a function with a name, which Django logs when it fails
        nudge(charge.pk)

    transaction.on_commit(send, robust=True)


def sent_soon(charge: Charge) -> Charge:
    charge.refresh_from_db()
    nudge_when_committed(charge)
    return charge
