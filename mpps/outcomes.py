"""What the end of a performed step does to its scheduled steps.

Discontinuation reasons are codes of CID 9300 (PS3.16). A reason that is not in the table has the effect of an unknown one.
"""

from dataclasses import dataclass

from mpps.transitions import COMPLETED

COMPLETE, DISCONTINUE, PUT_BACK = "complete", "discontinue", "put_back"
"""Verbs of `ris.transitions`."""

REASONS: dict[tuple[str, str], str] = {
    # Incorrect worklist entry selected: what was scheduled has not been performed and is still to be done.
    ("110514", "DCM"): PUT_BACK,
}
OTHER_REASON = DISCONTINUE


@dataclass(frozen=True)
class Outcome:
    """The verb for each linked scheduled step, and the reason in words for its history."""

    verb: str
    reason: str = ""


def outcome(status: str, code: str, scheme: str, meaning: str) -> Outcome:
    """The effect of a performed step that ended as COMPLETED or DISCONTINUED with this reason (all empty: none was given)."""
    if status == COMPLETED:
        return Outcome(COMPLETE)
    words = meaning or "no reason given"
    return Outcome(REASONS.get((code, scheme or "DCM"), OTHER_REASON), f"{words} ({code})" if code else words)
