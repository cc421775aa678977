"""Consoles that imitate a device which reports by itself while an exam goes on."""

from datetime import timedelta

import structlog
from django.db.models import QuerySet

from ris import clock
from ris.actor import Actor
from ris.errors import Conflict, Unavailable
from training.consoles import imitated, keys
from training.consoles.pressing import press
from training.exams import is_to_be_reported
from training.memory import Memory
from training.models import Console

MACHINE = Actor.system("the machine")

log = structlog.get_logger(__name__)


def report_due() -> None:
    """Press “Report” on each console whose device would report now; one that is busy does so the next time."""
    for console in _reporting():
        if not _is_due(console):
            continue
        try:
            press(console, keys.REPORT, {}, MACHINE)
        except (Conflict, Unavailable) as refused:
            log.info("a console does not report yet", console=console.ae_title, why=type(refused).__name__)


def _reporting() -> QuerySet[Console]:
    by_themselves = [name for name, profile in imitated.ALL.items() if profile.report_minutes]
    return Console.objects.filter(profile__in=by_themselves).select_related("site").defer("items", "rows")


def _is_due(console: Console) -> bool:
    exam = keys.open_exam(Memory.of(console.memory, lambda _: None).exams)
    profile = imitated.named(console.profile)
    now = clock.now(console.site) + timedelta(seconds=profile.clock_skew_seconds)
    return exam is not None and is_to_be_reported(exam, timedelta(minutes=profile.report_minutes), now)
