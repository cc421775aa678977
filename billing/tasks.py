"""Celery tasks of the outbox. Each is safe to run twice and to lose: the row decides what is due."""

from celery import shared_task

from billing import delivery

deliver = shared_task(name="billing.tasks.deliver")(delivery.deliver)
sweep = shared_task(name="billing.tasks.sweep")(delivery.sweep)
