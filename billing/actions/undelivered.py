"""Dead letters: charges that nobody acknowledged, however often they were sent. They are set aside. A person sends all of them again."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Now

from billing.actions import deciding
from billing.models import MAX_TEXT, Charge
from billing.transitions import SET_ASIDE
from ris.actor import Actor
from ris.db import action
from ris.errors import IllegalTransition

MAX_SILENT = 10
"""Tries in a row of which nothing was heard again, five minutes by the lease, before the message is taken to be why."""
CHUNK = 100
"""Charges that are sent again in one transaction."""


def set_aside(held: QuerySet[Charge], charge: Charge, error: str) -> str:
    """Set the charge aside if it was tried often enough and for long enough; return what is said about it, empty if it goes on.

    `held` is the charge as long as it belongs to the attempt that got no answer.
    """
    often, long = settings.CHARGE_GIVE_UP_TRIES, timedelta(hours=settings.CHARGE_GIVE_UP_HOURS)
    if not often or charge.attempts < charge.tries_from + often:
        return ""
    text = f"Not delivered in {charge.attempts - charge.tries_from} tries; set aside. {error}"[:MAX_TEXT]
    old = held.filter(attempts__gte=F("tries_from") + often, tried_since__lte=Now() - long)
    return text if old.update(status=SET_ASIDE.target, is_dead_letter=True, error=text, lease_until=None) else ""


def set_aside_as_poison(charge: Charge) -> str:
    """Set aside a charge, claimed just now, whose last tries all ended without a word from the worker that made them.

    A worker may be killed at any time, but hardly so often in a row with the same charge unless that is why. Return what is said about
    it, empty if it goes on.
    """
    before = charge.attempts - 1
    if before - charge.tries_from < MAX_SILENT:
        return ""
    heard = charge.delivery_attempts.aggregate(last=Max("number"))["last"] or 0
    silent = before - max(heard, charge.tries_from)
    if silent < MAX_SILENT:
        return ""
    text = f"Each worker that tried to send it ended without an answer, {silent} times; set aside before it ends another."
    held = Charge.objects.filter(pk=charge.pk, status=SET_ASIDE.source, attempts=charge.attempts)
    held.update(status=SET_ASIDE.target, is_dead_letter=True, error=text, lease_until=None, attempts=before)
    return text


def send_all_again(failed: QuerySet[Charge], actor: Actor) -> int:
    """Send all of these again, the oldest first; return how many. What somebody else sends meanwhile is left out."""
    pending = list(failed.order_by("created_at", "pk").values_list("pk", flat=True))
    return sum(_send_again(pending[at : at + CHUNK], actor) for at in range(0, len(pending), CHUNK))


@action
def _send_again(charge_ids: list[int], actor: Actor) -> int:
    sent = 0
    for charge in Charge.objects.filter(pk__in=charge_ids).order_by("created_at", "pk"):
        try:
            deciding.retry_failed(charge, actor)
        except IllegalTransition:
            continue
        sent += 1
    return sent
