"""What is charged for which end of the work."""

from dataclasses import replace

import pytest

from billing.rules import Decision, Outcome, Performed, StepWork, decide
from mpps.reasons import reasons

DONE = Performed(1, True, 24)
REFUSED = Performed(2, False, 96, "110505", "DCM", "Patient refused to continue procedure")
NOTHING = Performed(3, False, 0, "110505", "DCM", "Patient refused to continue procedure")
UNKNOWN = Performed(4, False, 12, "110513", "DCM", "Discontinued for unspecified reason")
WRONG = Performed(5, False, 3, "110514", "DCM", "Incorrect worklist entry selected")


def step(*performed: Performed, completed: bool = True) -> StepWork:
    return StepWork(completed, performed)


REVIEWED = "→ review; reduced, 52, once released"


@pytest.mark.parametrize(
    ("steps", "outcome", "reason"),
    [
        ([step(DONE)], Outcome.FULL, "Completed with 24 images"),
        ([step(Performed(1, True, 1))], Outcome.FULL, "Completed with 1 image"),
        ([step(Performed(1, True, 0))], Outcome.FULL, "Completed with no images"),
        ([step(DONE), step(Performed(6, True, 10))], Outcome.FULL, "Completed with 34 images; both steps done"),
        ([step(DONE), step(DONE)], Outcome.FULL, "Completed with 24 images; both steps done"),
        ([step(DONE), step(DONE), step(DONE)], Outcome.FULL, "Completed with 24 images; all 3 steps done"),
        ([step(REFUSED)], Outcome.REDUCED, "110505 Patient refused to continue procedure with 96 images → reduced, 52"),
        ([step(NOTHING)], Outcome.NONE, "110505 Patient refused to continue procedure with no images → nothing"),
        ([step(WRONG)], Outcome.NONE, "110514 Incorrect worklist entry selected with 3 images → nothing"),
        ([step(UNKNOWN)], Outcome.REVIEW, "110513 Discontinued for unspecified reason with 12 images " + REVIEWED),
        ([step(Performed(1, False, 5))], Outcome.REVIEW, f"no reason given with 5 images {REVIEWED}"),
        ([step(REFUSED, DONE)], Outcome.FULL, "Completed with 120 images"),
        ([step(WRONG, DONE)], Outcome.FULL, "Completed with 24 images"),
        ([step(DONE), step(NOTHING)], Outcome.REDUCED, f"{REFUSED.reason} with 24 images; 1 of 2 steps done → reduced, 52"),
        ([step(DONE), step(UNKNOWN)], Outcome.REVIEW, f"{UNKNOWN.reason} with 36 images; 1 of 2 steps done {REVIEWED}"),
        ([step(completed=False)], Outcome.NONE, "Discontinued by hand with no images → nothing"),
    ],
)  # fmt: skip
def test_outcome_follows_from_reason_and_from_what_was_made(steps: list[StepWork], outcome: Outcome, reason: str) -> None:
    decision = decide(steps)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert decision.modifier == ("52" if outcome in (Outcome.REDUCED, Outcome.REVIEW) else "")
    assert bool(decision.hold) == (outcome is Outcome.REVIEW)


def test_work_completed_by_hand_is_charged_in_full_after_a_look() -> None:
    assert decide([step()]) == Decision(Outcome.FULL, "Completed by hand", "Completed by hand without MPPS; check that it was performed.")


@pytest.mark.parametrize("code", list(reasons()))
def test_nothing_is_charged_for_any_reason_when_nothing_was_made(code: str) -> None:
    assert decide([step(Performed(1, False, 0, code, reasons()[code].scheme))]).outcome is Outcome.NONE


@pytest.mark.parametrize(
    ("decided", "decision"),
    [
        (Outcome.FULL, Decision(Outcome.FULL, "Completed by hand")),
        (Outcome.NONE, Decision(Outcome.NONE, "Completed by hand → nothing")),
    ],
)
def test_a_hospital_decides_what_work_completed_by_hand_is_worth(decided: Outcome, decision: Decision) -> None:
    assert decide([StepWork(True, (), decided)]) == decision


OTHER = Performed(1, False, 5, "X1", "99LOCAL", "Coffee break")


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (step(UNKNOWN), "The rule for 110513 Discontinued for unspecified reason is review; check the work done."),
        (step(OTHER), "No rule decides this discontinuation (X1 Coffee break); check the work done."),
        (step(Performed(1, False, 5)), "No rule decides this discontinuation (no reason given); check the work done."),
        (
            step(replace(REFUSED, decided=Outcome.REVIEW)),
            "The hospital's rule for 110505 Patient refused to continue procedure is review; check the work done.",
        ),
        (step(replace(DONE, decided=Outcome.REVIEW)), "The hospital's rule for completed work is review; check the work done."),
        (
            StepWork(True, (), Outcome.REVIEW),
            "The hospital's rule for work completed by hand is review; check that it was performed.",
        ),
    ],
)
def test_a_charge_that_waits_for_review_says_which_rule_asks(work: StepWork, says: str) -> None:
    decision = decide([work, work])
    assert (decision.outcome, decision.hold) == (Outcome.REVIEW, says)


def test_completed_work_follows_the_hospital_s_rule() -> None:
    empty = Performed(1, True, 0)
    looked_at = decide([step(replace(empty, decided=Outcome.CHECK))])
    assert (looked_at.outcome, looked_at.reason, looked_at.modifier) == (Outcome.FULL, "Completed with no images", "")
    assert "asks for a look" in looked_at.hold
    assert decide([step(replace(empty, decided=Outcome.NONE))]) == Decision(Outcome.NONE, "Completed with no images → nothing")
    assert (
        decide([step(replace(empty, decided=Outcome.NONE)), step(DONE)]).reason
        == "Completed with 24 images; 1 of 2 steps done → reduced, 52"
    )
