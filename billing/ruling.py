"""What the hospital charges for work that ended: the built-in table, and what an administrator decided otherwise. Reads only.

A rule has two values: for work with images and for work without. The rule for work completed by hand has only the second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import QuerySet

from billing.models import DiscontinuationRule
from billing.rules import BY_HAND as CHECKED
from billing.rules import NOTHING_MADE, OTHER_REASON, Outcome, Performed
from mpps import reasons
from ris.models import RecordChange, Site
from ris.prepared import Prepared

Own = Mapping[str, tuple[Outcome, Outcome]]
"""By code what a hospital decided otherwise: with images, without."""

OTHER = ""
"""Code of the rule for a reason that is no code of CID 9300, and for none at all."""
COMPLETED = "completed"
"""Code of the rule for what a modality completed."""
BY_HAND = "by hand"
"""Code of the rule for what a person completed, and no modality said anything of."""
SUBJECT = "charge rules"
"""Of the rows of the history."""

_STOPPED = (Outcome.NONE, Outcome.REDUCED, Outcome.REVIEW)
_DONE = (Outcome.FULL, Outcome.CHECK)
_rows = Prepared(lambda site: DiscontinuationRule.objects.filter(site=site), "site")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is charged for a reason when something was made, and when not. `is_own`: the hospital's decision, not the built-in one."""

    code: str
    meaning: str
    with_images: Outcome
    without_images: Outcome
    is_own: bool = False

    @property
    def choices(self) -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
        """What may be chosen for work with images, and without. What was completed with images is charged, at once or after a look."""
        if self.code == COMPLETED:
            return _DONE, (*_DONE, Outcome.NONE)
        return ((), (*_DONE, Outcome.NONE)) if self.code == BY_HAND else (_STOPPED, _STOPPED)

    @property
    def names(self) -> tuple[str, str]:
        """What the history calls its two values."""
        name = self.code or "other reasons"
        return f"{name} with images", "completed by hand" if self.code == BY_HAND else f"{name} without images"


def built_in() -> dict[str, Rule]:
    """The rules by code as they are until somebody decides otherwise; any other reason is the last."""
    found = {
        COMPLETED: Rule(COMPLETED, "Completed", Outcome.FULL, Outcome.FULL),
        BY_HAND: Rule(BY_HAND, "Completed by hand, without MPPS", CHECKED, CHECKED),
    }
    found |= {one.code: Rule(one.code, one.meaning, Outcome(one.charge), NOTHING_MADE) for one in reasons.reasons().values()}
    return found | {OTHER: Rule(OTHER, "Any other reason, or none", OTHER_REASON, NOTHING_MADE)}


def rules(site: Site) -> dict[str, Rule]:
    """The rules by code as they are now."""
    decided = own(site.pk)
    return {
        code: replace(rule, with_images=decided[code][0], without_images=decided[code][1], is_own=True) if code in decided else rule
        for code, rule in built_in().items()
    }


def own(site_id: int) -> Own:
    """What the hospital decided otherwise than is built in, as it is now."""
    return {row.code: (Outcome(row.with_images), Outcome(row.without_images)) for row in _rows(site_id)}


class Rulebook:
    """A hospital's own rules as they were at any moment: each change of the history since then taken back, the latest first."""

    def __init__(self, site: Site) -> None:
        rules_now = rules(site)
        self._now = {code: (rule.with_images, rule.without_images) for code, rule in rules_now.items()}
        self._places = {name: (code, place) for code, rule in rules_now.items() for place, name in enumerate(rule.names)}
        self._changes = list(_changes(site).order_by("-pk").values_list("at", "detail"))

    def at(self, moment: datetime) -> Own:
        """The rules that something was judged by then."""
        values = dict(self._now)
        for at, detail in self._changes:
            for name, (before, _) in detail.items() if at > moment else ():
                if name in self._places:
                    code, place = self._places[name]
                    was = Outcome(before)
                    values[code] = (was, values[code][1]) if place == 0 else (values[code][0], was)
        return values


def judged(performed: Performed, decided: Own) -> Performed:
    """The performed step with what the hospital's own rule says of it."""
    known = None if performed.completed else reasons.known(performed.reason_code, performed.reason_scheme)
    values = decided.get(COMPLETED if performed.completed else known.code if known else OTHER)
    return replace(performed, decided=values[0 if performed.instances else 1]) if values else performed


def by_hand(decided: Own) -> Outcome | None:
    """What the hospital's own rule says of a step that a person completed."""
    return decided[BY_HAND][1] if BY_HAND in decided else None


def history(site: Site) -> Iterator[RecordChange]:
    """The changes of the rules, the latest first."""
    yield from _changes(site).order_by("-pk")[:20]


def version(site: Site) -> int:
    """A number that is another one after each change."""
    return _changes(site).count()


def _changes(site: Site) -> QuerySet[RecordChange]:
    return RecordChange.objects.filter(subject=SUBJECT, subject_id=site.pk)
