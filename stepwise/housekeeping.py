"""What is left over is closed by the rules of its site: exams that were not begun, and begun ones without news."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db.models import QuerySet

from mpps import forgotten
from ris import expiry
from ris.actions.expiry import close
from ris.expiry import BEGAN, WAITS, Rule
from ris.models import ScheduledProcedureStep, Site

_FINDERS: tuple[tuple[Rule, Callable[[Site, datetime], QuerySet[ScheduledProcedureStep]]], ...] = (
    (WAITS, lambda site, before: expiry.due(site, WAITS, before)),
    (BEGAN, forgotten.due),
)


def left_over(site: Site) -> Iterator[tuple[Rule, QuerySet[ScheduledProcedureStep]]]:
    """The steps that each rule closes by now; rules that the site does without are left out."""
    for rule, find in _FINDERS:
        before = expiry.due_before(site, rule)
        if before is not None:
            yield rule, find(site, before)


def close_left_over(site: Site, most: int | None = None, closed: Callable[[int], None] = lambda count: None) -> int:
    """Close them, at most `most` by each rule, each in a transaction of its own; `closed` hears how many there are so far."""
    count = 0
    for rule, steps in left_over(site):
        for step in list(steps.only("pk", "version")[:most]):
            count += close(step, rule, getattr(site, rule.days))
            closed(count)
    return count
