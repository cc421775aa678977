"""Celery tasks of the outbox of destinations. Each is safe to run twice and to lose: the rows decide what is due."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dimse.dispatch import without_values
from mpps import delivery, outbox, queueing
from ris import clock
from ris.models import Site
from ris.nudge import EXPIRES

log = structlog.get_logger(__name__)


def send_what_waits() -> int:
    """A task for each destination that is due, so that a slow one keeps none of the others waiting; how many there are."""
    queueing.settle_switched_on()
    due = outbox.due()
    try:
        for pk in due:
            deliver.apply_async((pk,), expires=EXPIRES)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("destinations are left to the next sweep", due=len(due), error=without_values(error))
    return len(due)


def forget_what_was_sent() -> None:
    """Forget deliveries that were sent more than RIS_DELIVERY_DAYS ago, by the time of each hospital; never one that was not."""
    for site in Site.objects.order_by("pk"):
        outbox.forget_sent(site, clock.now(site) - timedelta(days=settings.DELIVERY_DAYS))


deliver = shared_task(name="mpps.tasks.deliver")(delivery.deliver)
forget_sent = shared_task(name="mpps.tasks.forget_sent")(forget_what_was_sent)
sweep = shared_task(name="mpps.tasks.sweep")(send_what_waits)
