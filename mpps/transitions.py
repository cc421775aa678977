"""States of a performed procedure step (PS3.4 Annex F.7.1, Table F.7.1-1) and the messages that change them.

Both final states are left by no message at all: work that goes on needs a new instance (PS3.4 F.7.2.2.2).
"""

from dataclasses import dataclass

from dimse.services import Verb

IN_PROGRESS = "IN PROGRESS"
COMPLETED = "COMPLETED"
DISCONTINUED = "DISCONTINUED"

STATUSES = (IN_PROGRESS, COMPLETED, DISCONTINUED)
"""Enumerated values of PerformedProcedureStepStatus (0040,0252), PS3.3 C.4.14."""
FINAL = (COMPLETED, DISCONTINUED)


@dataclass(frozen=True)
class Transition:
    """`source` None: the instance does not exist yet. `received` None: the message holds no status."""

    verb: Verb
    source: str | None
    received: str | None
    target: str


TRANSITIONS = (
    Transition(Verb.N_CREATE, None, IN_PROGRESS, IN_PROGRESS),
    Transition(Verb.N_SET, IN_PROGRESS, None, IN_PROGRESS),
    Transition(Verb.N_SET, IN_PROGRESS, IN_PROGRESS, IN_PROGRESS),
    Transition(Verb.N_SET, IN_PROGRESS, COMPLETED, COMPLETED),
    Transition(Verb.N_SET, IN_PROGRESS, DISCONTINUED, DISCONTINUED),
)
_TARGETS = {(t.verb, t.source, t.received): t.target for t in TRANSITIONS}


def target(verb: Verb, source: str | None, received: str | None) -> str | None:
    """The state after the message; None when the message is not legal in this state."""
    return _TARGETS.get((verb, source, received))
