"""Statuses of a scheduled procedure step and the changes that are legal.

SCHEDULED, ARRIVED, READY, STARTED and DEPARTED are the defined terms of ScheduledProcedureStepStatus (0040,0020),
PS3.3 Table C.4-10; COMPLETED, DISCONTINUED and CANCELED are ours (the terms are extensible).
"""

from dataclasses import dataclass

from ris.actor import MODALITY, SYSTEM, USER

SCHEDULED = "SCHEDULED"
ARRIVED = "ARRIVED"
READY = "READY"
STARTED = "STARTED"
DEPARTED = "DEPARTED"
COMPLETED = "COMPLETED"
DISCONTINUED = "DISCONTINUED"
CANCELED = "CANCELED"

STATUSES = (SCHEDULED, ARRIVED, READY, STARTED, DEPARTED, COMPLETED, DISCONTINUED, CANCELED)
WAITING = (SCHEDULED, ARRIVED, READY)
BEGUN = (STARTED, DEPARTED)
FINAL = (COMPLETED, DISCONTINUED, CANCELED)
OCCUPYING = (*WAITING, *BEGUN)
"""Statuses in which a step keeps its slot on a station."""


@dataclass(frozen=True)
class Transition:
    """`needs_reason`: the change is refused without a reason in words."""

    verb: str
    sources: tuple[str, ...]
    target: str
    actors: tuple[str, ...] = (USER, SYSTEM)
    needs_reason: bool = False


_ANYBODY = (USER, MODALITY, SYSTEM)

TRANSITIONS: dict[str, Transition] = {
    t.verb: t
    for t in (
        Transition("arrive", (SCHEDULED,), ARRIVED),
        Transition("ready", (SCHEDULED, ARRIVED), READY),
        Transition("undo_arrival", (ARRIVED, READY), SCHEDULED, needs_reason=True),
        # A modality may start what the RIS had closed: a cancelled or discontinued exam that is performed anyway is
        # performed work, and refusing the MPPS would only lose it (PS3.4 F.7.2.1).
        Transition("start", (*WAITING, DEPARTED, DISCONTINUED, CANCELED), STARTED, (MODALITY, SYSTEM)),
        Transition("start_by_hand", WAITING, STARTED, (USER,)),
        Transition("depart", BEGUN[:1], DEPARTED),
        Transition("complete", BEGUN, COMPLETED, _ANYBODY),
        Transition("discontinue", BEGUN, DISCONTINUED, _ANYBODY),
        # Discontinuation reason 110514 (incorrect worklist entry selected): the exam was not performed.
        Transition("put_back", BEGUN, SCHEDULED, _ANYBODY, needs_reason=True),
        Transition("reopen", (DISCONTINUED,), SCHEDULED, needs_reason=True),
        Transition("cancel", WAITING, CANCELED, needs_reason=True),
        Transition("restore", (CANCELED,), SCHEDULED, needs_reason=True),
    )
}
