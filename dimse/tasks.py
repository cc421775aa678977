"""Celery tasks of the journal."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from dimse import journal
from dimse.entries import now


def forget_old_entries() -> None:
    """Forget what the journal has held for longer than RIS_JOURNAL_DAYS, and the oldest of what exceeds RIS_JOURNAL_MEGABYTES."""
    journal.prune(now() - timedelta(days=settings.JOURNAL_DAYS))
    journal.prune_to(settings.JOURNAL_MEGABYTES * 2**20)


prune_journal = shared_task(name="dimse.tasks.prune_journal")(forget_old_entries)
