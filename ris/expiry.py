"""When an exam that nobody performed, and nobody closed, is closed by rule: days of the site, as data. `ris.actions.expiry` closes it.

Both rules ask that nothing has happened with the exam for so long: an old exam that is imported today has its days from today on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from ris import clock
from ris.models import ScheduledProcedureStep, Site
from ris.transitions import BEGUN, WAITING

FORGOTTEN_AFTER: Final = timedelta(hours=12)
"""An exam that was begun and changed no more for so long is shown as left over."""


@dataclass(frozen=True)
class Rule:
    """`days` is the column of the site that says after how many days, 0 meaning never; `verb` is one of `ris.transitions`."""

    statuses: tuple[str, ...]
    verb: str
    days: str
    reason: str


WAITS = Rule(WAITING, "cancel", "close_waiting_days", "not begun within {days} days of its time; closed by rule")
BEGAN = Rule(BEGUN, "discontinue", "close_begun_days", "no news of it for {days} days; closed by rule")


def due(site: Site, rule: Rule, before: datetime) -> QuerySet[ScheduledProcedureStep]:
    """Steps that the rule is about and that nothing has happened with since `before`, the longest left over first.

    Whether an exam that was begun had news of its performed steps is known to the room of these.
    """
    found = ScheduledProcedureStep.objects.filter(site=site, status__in=rule.statuses, status_at__lt=before)
    return (found.filter(start__lt=before) if rule is WAITS else found).order_by("start", "pk")


def due_before(site: Site, rule: Rule) -> datetime | None:
    """What has not moved since then is closed by the rule; None when the site closes nothing by it, or now.

    While its clock is simulated nothing is closed: a day of next month that is played would close all of this month's exams.
    """
    days = getattr(site, rule.days)
    return clock.now(site) - timedelta(days=days) if days and clock.simulation(site) is None else None


def closes_at(step: ScheduledProcedureStep) -> datetime | None:
    """When an exam that waits is closed by rule unless something happens with it; None for never."""
    days = step.site.close_waiting_days
    if not days or step.start is None or step.status not in WAITING:
        return None
    return max(step.start, step.status_at) + timedelta(days=days)
