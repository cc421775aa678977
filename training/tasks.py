"""Celery tasks of the training room."""

import threading

from celery import shared_task

from training.actions.console_acts import WAIT
from training.consoles import performing

AT_ONCE = 5
"""Keys that one worker does at a time: some of its threads are left for charges, whatever consoles wait for."""
_AGAIN = 0.5  # seconds
_free = threading.BoundedSemaphore(AT_ONCE)


def press_key(act_id: int) -> None:
    """Do what the key of a console stands for; when too many are being done, try again a little later. Safe to run twice."""
    if not _free.acquire(blocking=False):
        perform.apply_async((act_id,), countdown=_AGAIN, expires=WAIT.total_seconds())
        return
    try:
        performing.perform(act_id)
    finally:
        _free.release()


perform = shared_task(name="training.tasks.perform")(press_key)


def let_consoles_report() -> None:
    """Have the devices report that do so by themselves."""
    # Imported here: to press a key is to hand a task to the broker, which is one of these.
    from training.consoles import reporting

    reporting.report_due()


report_due = shared_task(name="training.tasks.report_due")(let_consoles_report)
