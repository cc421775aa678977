"""What is charged for work that ended: the few functions that apply the rules.

A discontinued performed step is judged by its reason (the table of `mpps.reasons`) and by whether anything was made, a completed one by
that alone; the judgements of all steps of a requested procedure then make one decision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mpps import reasons

REDUCED_SERVICE = "52"
"""Modifier of a service that was partly done, for a facility and without anesthesia."""


class Outcome(Enum):
    """What is charged, the best first. CHECK is charged in full, REVIEW as reduced, once a person has released it."""

    FULL = "full"
    CHECK = "check"
    REVIEW = reasons.REVIEW
    REDUCED = reasons.REDUCED
    NONE = reasons.NOTHING


OTHER_REASON = Outcome.REVIEW
"""A reason that is no code of CID 9300, and none at all, when something was made."""
NOTHING_MADE = Outcome.NONE
"""Any reason, when nothing was made."""
BY_HAND = Outcome.CHECK
"""A step that a person completed, and of which no modality said anything."""
DONE = (Outcome.FULL, Outcome.CHECK)


@dataclass(frozen=True, slots=True)
class Performed:
    """How one performed step ended: its reason when it was discontinued, and how many instances it made. `id` tells it from others.

    `decided` is what the hospital's own rule says of it, None where the built-in ones hold.
    """

    id: int
    completed: bool
    instances: int
    reason_code: str = ""
    reason_scheme: str = ""
    reason_meaning: str = ""
    decided: Outcome | None = None

    @property
    def reason(self) -> str:
        """`110505 Patient refused to continue procedure`."""
        return " ".join(filter(None, (self.reason_code, self.reason_meaning))) or "no reason given"


@dataclass(frozen=True, slots=True)
class StepWork:
    """A scheduled step that is final, and what was performed for it. Without performed steps its end was recorded by hand.

    `decided` is what the hospital's own rule says of one completed by hand.
    """

    completed: bool
    performed: tuple[Performed, ...]
    decided: Outcome | None = None


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
    if performed.decided is not None:
        return performed.decided
    if performed.completed:
        return Outcome.FULL
    if not performed.instances:
        return NOTHING_MADE
    rule = reasons.known(performed.reason_code, performed.reason_scheme)
    return Outcome(rule.charge) if rule else OTHER_REASON


def of_step(step: StepWork) -> Outcome:
    """What one scheduled step is worth: the best of its performed steps, since a repeat makes good what was broken off."""
    if not step.performed:
        return (step.decided or BY_HAND) if step.completed else Outcome.NONE
    outcomes = {of_performed(performed) for performed in step.performed}
    return next(outcome for outcome in Outcome if outcome in outcomes)


def decide(steps: Sequence[StepWork]) -> Decision:
    """What a requested procedure is charged whose steps (canceled ones left out) are all final."""
    outcomes = {of_step(step) for step in steps}
    reason = explain(steps)
    if outcomes <= {Outcome.NONE}:
        return Decision(Outcome.NONE, f"{reason} → nothing")
    hold = " ".join(_doubts(steps))
    if outcomes <= set(DONE):
        return Decision(Outcome.FULL, reason, hold)
    if Outcome.REVIEW in outcomes:
        return Decision(Outcome.REVIEW, f"{reason} → review; reduced, {REDUCED_SERVICE}, once released", hold)
    return Decision(Outcome.REDUCED, f"{reason} → reduced, {REDUCED_SERVICE}", hold)


def _doubts(steps: Sequence[StepWork]) -> Iterator[str]:
    """What a person has to check, each once."""
    reviewed = [one for step in steps if of_step(step) is Outcome.REVIEW for one in step.performed if of_performed(one) is Outcome.REVIEW]
    yield from dict.fromkeys(_reviewed(one) for one in reviewed)
    if any(of_step(step) is Outcome.REVIEW and not step.performed for step in steps):
        yield "The hospital's rule for work completed by hand is review; check that it was performed."
    checked = [step for step in steps if of_step(step) is Outcome.CHECK]
    if any(not step.performed for step in checked):
        yield "Completed by hand without MPPS; check that it was performed."
    if any(step.performed for step in checked):
        yield "The rule for completed work asks for a look before it is charged; check what was made."


def _reviewed(performed: Performed) -> str:
    """Which rule asks for a look at the work, or that none decides."""
    what = "completed work" if performed.completed else performed.reason
    if performed.decided is not None:
        return f"The hospital's rule for {what} is review; check the work done."
    if reasons.known(performed.reason_code, performed.reason_scheme):
        return f"The rule for {what} is review; check the work done."
    return f"No rule decides this discontinuation ({what}); check the work done."


def explain(steps: Sequence[StepWork]) -> str:
    """`Completed with 24 images; both steps done` or `110505 Patient refused to continue procedure with 96 images`."""
    done = sum(of_step(step) in DONE for step in steps)
    ended = list(dict.fromkeys(performed for step in steps for performed in step.performed))
    images = sum(performed.instances for performed in _charged(ended))
    made = "no images" if not images else "1 image" if images == 1 else f"{images} images"
    stopped = dict.fromkeys(performed.reason for performed in ended if not performed.completed)
    if done == len(steps) or (not stopped and all(step.completed for step in steps)):
        what = f"Completed with {made}" if ended else "Completed by hand"
    else:
        what = f"{', '.join(stopped)} with {made}" if stopped else f"Discontinued by hand with {made}"
    if len(steps) == 1:
        return what
    count = ("both" if len(steps) == 2 else f"all {len(steps)}") if done == len(steps) else f"{done} of {len(steps)}"
    return f"{what}; {count} steps done"


def _charged(ended: Sequence[Performed]) -> Sequence[Performed]:
    """Those that are worth something; all when none is, so that the reason can say what they made."""
    return [performed for performed in ended if of_performed(performed) is not Outcome.NONE] or ended
