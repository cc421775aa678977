"""What the hospital charges for discontinued work: the built-in table, and what an administrator decided otherwise. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from billing.models import DiscontinuationRule
from billing.rules import NOTHING_MADE, OTHER_REASON, Outcome, Performed
from mpps import reasons
from ris.models import RecordChange, Site

CHOICES = (Outcome.NONE, Outcome.REDUCED, Outcome.REVIEW)
OTHER = ""
"""Code of the rule for a reason that is no code of CID 9300, and for none at all."""
SUBJECT = "charge rules"
"""Of the rows of the history."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is charged for a reason when something was made, and when not. `is_own`: the hospital's decision, not the built-in one."""

    code: str
    meaning: str
    with_images: Outcome
    without_images: Outcome
    is_own: bool = False


def built_in() -> dict[str, Rule]:
    """The rules by code as they are until somebody decides otherwise; any other reason is the last."""
    found = {one.code: Rule(one.code, one.meaning, Outcome(one.charge), NOTHING_MADE) for one in reasons.reasons().values()}
    return found | {OTHER: Rule(OTHER, "Any other reason, or none", OTHER_REASON, NOTHING_MADE)}


def rules(site: Site) -> dict[str, Rule]:
    """The rules by code as they are now."""
    found = built_in()
    for row in DiscontinuationRule.objects.filter(site=site):
        if row.code in found:
            found[row.code] = _decided(found[row.code], row)
    return found


def judged(performed: Performed, site_id: int) -> Performed:
    """The performed step with what the hospital's own rule says of it; one that was completed needs none."""
    if performed.completed:
        return performed
    known = reasons.known(performed.reason_code, performed.reason_scheme)
    row = DiscontinuationRule.objects.filter(site=site_id, code=known.code if known else OTHER).first()
    if row is None:
        return performed
    return replace(performed, decided=Outcome(row.with_images if performed.instances else row.without_images))


def history(site: Site) -> Iterator[RecordChange]:
    """The changes of the rules, the latest first."""
    yield from RecordChange.objects.filter(subject=SUBJECT, subject_id=site.pk).order_by("-pk")[:20]


def version(site: Site) -> int:
    """A number that is another one after each change."""
    return RecordChange.objects.filter(subject=SUBJECT, subject_id=site.pk).count()


def _decided(rule: Rule, row: DiscontinuationRule) -> Rule:
    return replace(rule, with_images=Outcome(row.with_images), without_images=Outcome(row.without_images), is_own=True)
