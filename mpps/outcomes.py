"""What the end of a performed step does to its scheduled steps; discontinuation reasons act by the table of `mpps.reasons`."""

from dataclasses import dataclass

from mpps import reasons
from mpps.transitions import COMPLETED

COMPLETE = "complete"
"""Verb of `ris.transitions`."""


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
    known = reasons.known(code, scheme)
    return Outcome(known.step if known else reasons.DISCONTINUE, f"{words} ({code})" if code else words)
