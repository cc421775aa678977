"""Statuses of a charge and the changes that are legal. POSTED and VOID are left by nothing: a correction is a new charge."""

from dataclasses import dataclass

PENDING = "PENDING"
POSTED = "POSTED"
FAILED = "FAILED"
VOID = "VOID"

STATUSES = (PENDING, POSTED, FAILED, VOID)


@dataclass(frozen=True)
class Transition:
    """`verb` is what the history shows; `source` empty: the charge does not exist yet."""

    verb: str
    source: str
    target: str


CAPTURE = Transition("capture", "", PENDING)
RELEASE = Transition("release", PENDING, PENDING)
POST = Transition("post", PENDING, POSTED)
"""The receiver's accepting acknowledgement has been read; nothing less."""
POST_LATE = Transition("post", FAILED, POSTED)
"""The acknowledgement of what was set aside, written off, or refused at another try, heard by a worker that had been slow."""
REFUSE = Transition("refuse", PENDING, FAILED)
SET_ASIDE = Transition("set aside", PENDING, FAILED)
"""A dead letter: nobody acknowledged it, however often it was sent."""
WRITE_OFF = Transition("write off", FAILED, FAILED)
"""A person gives up a charge that the receiver may have: nobody sends it, nothing takes it back, unless it turns out to be booked."""
RETRY = Transition("retry", FAILED, PENDING)
VOID_PENDING = Transition("void", PENDING, VOID)
"""Nothing of it was sent: nobody has it."""
FORGO = Transition("void", FAILED, VOID)
"""Refused as often as it was sent, and not wanted any more."""


def redraft(status: str) -> Transition:
    """What was performed since is worth something else, and nothing has been sent yet (or all of it was refused)."""
    return Transition("redraft", status, status)


def judged_again(status: str) -> Transition:
    """More was performed, and the charge says all of it already."""
    return Transition("judge again", status, status)


def held(status: str) -> Transition:
    """A doubt came up after it was captured, and before the receiver can have it."""
    return Transition("hold", status, status)


def released(status: str) -> Transition:
    """No doubt is left."""
    return Transition("release", status, status)
