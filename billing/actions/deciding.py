"""What a person decides about a charge."""

from django.db.models.functions import Now

from billing.actions.history import record_change, sent_soon
from billing.models import Charge
from billing.transitions import RELEASE, RETRY
from ris.actor import Actor
from ris.db import action
from ris.errors import IllegalTransition


@action
def release_hold(charge: Charge, actor: Actor, reason: str = "") -> Charge:
    """Let a held charge be sent; IllegalTransition when it is not held."""
    held = Charge.objects.filter(pk=charge.pk, status=RELEASE.source).exclude(on_hold="")
    if not held.update(on_hold="", next_attempt_at=Now()):
        raise IllegalTransition(f"Charge {charge} is not on hold; there is nothing to release.")
    record_change(charge, RELEASE, actor, reason or f"Released: {charge.on_hold}")
    return sent_soon(charge)


@action
def retry_failed(charge: Charge, actor: Actor, reason: str = "") -> Charge:
    """Send a refused charge again under its control ID, written anew from what is stored now; IllegalTransition unless FAILED."""
    failed = Charge.objects.filter(pk=charge.pk, status=RETRY.source)
    if not failed.update(status=RETRY.target, error="", message="", lease_until=None, next_attempt_at=Now()):
        charge.refresh_from_db()
        raise IllegalTransition(f"Charge {charge} is {charge.status}; only a failed one is sent again.")
    record_change(charge, RETRY, actor, reason or f"After: {charge.error}")
    return sent_soon(charge)
