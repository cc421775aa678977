"""Celery tasks of the outbox of destinations. Each is safe to run twice and to lose: the rows decide what is due."""

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mpps import delivery, outbox
from ris.nudge import EXPIRES

log = structlog.get_logger(__name__)


def send_what_waits() -> int:
    """A task for each destination that is due, so that a slow one keeps none of the others waiting; how many there are."""
    due = outbox.due()
    try:
        for pk in due:
            deliver.apply_async((pk,), expires=EXPIRES)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("destinations are left to the next sweep", due=len(due), error=str(error))
    return len(due)


deliver = shared_task(name="mpps.tasks.deliver")(delivery.deliver)
sweep = shared_task(name="mpps.tasks.sweep")(send_what_waits)
