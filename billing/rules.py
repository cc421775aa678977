"""What is charged for work that ended: rules as data, and the few functions that apply them.

A discontinued performed step is judged by its reason (CID 9300, PS3.16) and by whether anything was made; the judgements of
all steps of a requested procedure then make one decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

REDUCED_SERVICE = "52"
"""Modifier of a service that was partly done, for a facility and without anesthesia."""


class Outcome(Enum):
    """What is charged. REVIEW is charged as reduced once a person has released it."""

    FULL = "full"
    REDUCED = "reduced"
    REVIEW = "review"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Rule:
    """`when_made`: what a discontinued step is charged when at least one instance was made of it."""

    code: str
    scheme: str
    when_made: Outcome


RULES: dict[tuple[str, str], Rule] = {
    (rule.code, rule.scheme): rule
    for rule in (
        # The wrong exam: what was made is not what was ordered.
        Rule("110500", "DCM", Outcome.NONE),  # Doctor canceled procedure
        Rule("110502", "DCM", Outcome.NONE),  # Incorrect procedure ordered
        Rule("110510", "DCM", Outcome.NONE),  # Duplicate order
        Rule("110512", "DCM", Outcome.NONE),  # Incorrect side ordered
        Rule("110514", "DCM", Outcome.NONE),  # Incorrect worklist entry selected
        # Charged with the performed step that follows it.
        Rule("110509", "DCM", Outcome.NONE),  # Change of procedure for correct charging
        # The right exam, partly done.
        Rule("110501", "DCM", Outcome.REDUCED),  # Equipment failure
        Rule("110503", "DCM", Outcome.REDUCED),  # Patient allergic to media/contrast
        Rule("110505", "DCM", Outcome.REDUCED),  # Patient refused to continue procedure
        Rule("110515", "DCM", Outcome.REDUCED),  # Patient condition prevented continuing
    )
}
OTHER_REASON = Outcome.REVIEW
"""Any other reason, and none at all, when something was made."""
NOTHING_MADE = Outcome.NONE
"""Any reason, when nothing was made."""


@dataclass(frozen=True, slots=True)
class Performed:
    """How one performed step ended: its reason when it was discontinued, and how many instances it made. `id` tells it from others."""

    id: int
    completed: bool
    instances: int
    reason_code: str = ""
    reason_scheme: str = ""
    reason_meaning: str = ""

    @property
    def reason(self) -> str:
        """`110505 Patient refused to continue procedure`."""
        return " ".join(filter(None, (self.reason_code, self.reason_meaning))) or "no reason given"


@dataclass(frozen=True, slots=True)
class StepWork:
    """A scheduled step that is final, and what was performed for it. Without performed steps its end was recorded by hand."""

    completed: bool
    performed: tuple[Performed, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to charge and why, in words; `hold` says what a person has to check first, empty when nothing."""

    outcome: Outcome
    reason: str
    hold: str = ""

    @property
    def modifier(self) -> str:
        return REDUCED_SERVICE if self.outcome in (Outcome.REDUCED, Outcome.REVIEW) else ""


def of_performed(performed: Performed) -> Outcome:
    """What one performed step is worth."""
    if performed.completed:
        return Outcome.FULL
    if not performed.instances:
        return NOTHING_MADE
    rule = RULES.get((performed.reason_code, performed.reason_scheme or "DCM"))
    return rule.when_made if rule else OTHER_REASON


def of_step(step: StepWork) -> Outcome:
    """What one scheduled step is worth: the best of its performed steps, since a repeat makes good what was broken off."""
    if not step.performed:
        return Outcome.FULL if step.completed else Outcome.NONE
    outcomes = {of_performed(performed) for performed in step.performed}
    return next(outcome for outcome in (Outcome.FULL, Outcome.REVIEW, Outcome.REDUCED, Outcome.NONE) if outcome in outcomes)


def decide(steps: Sequence[StepWork]) -> Decision:
    """What a requested procedure is charged whose steps (canceled ones left out) are all final."""
    outcomes = [of_step(step) for step in steps]
    reason = explain(steps)
    if Outcome.REVIEW in outcomes:
        return Decision(
            Outcome.REVIEW, f"{reason}: reduced, {REDUCED_SERVICE}", "No rule decides this discontinuation reason; check the work done."
        )
    if set(outcomes) == {Outcome.FULL}:
        by_hand = any(not step.performed for step in steps)
        return Decision(Outcome.FULL, reason, "Completed by hand without MPPS; check that it was performed." if by_hand else "")
    if set(outcomes) <= {Outcome.NONE}:
        return Decision(Outcome.NONE, f"{reason}: nothing")
    return Decision(Outcome.REDUCED, f"{reason}: reduced, {REDUCED_SERVICE}")


def explain(steps: Sequence[StepWork]) -> str:
    """`Completed with 24 images; both steps done` or `110505 Patient refused to continue procedure with 96 images`."""
    done = sum(of_step(step) is Outcome.FULL for step in steps)
    ended = list(dict.fromkeys(performed for step in steps for performed in step.performed))
    images = sum(performed.instances for performed in _charged(ended))
    made = "no images" if not images else "1 image" if images == 1 else f"{images} images"
    if done == len(steps):
        what = f"Completed with {made}" if ended else "Completed by hand"
    else:
        reasons = dict.fromkeys(performed.reason for performed in ended if not performed.completed)
        what = f"{', '.join(reasons)} with {made}" if reasons else f"Discontinued by hand with {made}"
    if len(steps) == 1:
        return what
    count = ("both" if len(steps) == 2 else f"all {len(steps)}") if done == len(steps) else f"{done} of {len(steps)}"
    return f"{what}; {count} steps done"


def _charged(ended: Sequence[Performed]) -> Sequence[Performed]:
    """Those that are worth something; all when none is, so that the reason can say what they made."""
    return [performed for performed in ended if of_performed(performed) is not Outcome.NONE] or ended
