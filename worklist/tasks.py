"""Celery tasks of the worklist."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from ris import clock
from worklist import backlog, findings


def forget_old_findings() -> None:
    """Forget findings that were not met again for RIS_JOURNAL_DAYS, as the journal forgets the messages that they are about."""
    before = clock.wall() - timedelta(days=settings.JOURNAL_DAYS)
    findings.prune(before)
    backlog.prune(before)


prune_findings = shared_task(name="worklist.tasks.prune_findings")(forget_old_findings)
