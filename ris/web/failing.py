"""What an answer says that fails for want of the database: the same on pages, in REST and where neither was reached."""

from dataclasses import dataclass
from typing import Final

from ris import deeds
from ris.actions.auditing import NotRecorded
from ris.db import shortage

FAULT: Final = "This failed by a fault of the server, which is in its log. Look what was done before you try again."
"""To a REST call, of what nobody foresaw."""
IN_PART: Final = "What you sent was done, at least in part: look at it before you send it again."
_ONE_OR_THE_OTHER = "What you were changing was saved whole or not at all: look at it before you send it again."
_NOTHING = "Nothing was changed. Try again in a moment."
_NOT_ENTERED = "cannot be entered in the audit trail now, so that it is not shown"
_WHOLE = f"What you sent was done. What there is to see of it {_NOT_ENTERED}: do not send it again, look at it in a moment."


@dataclass(frozen=True)
class Failure:
    """The heading of a page, and what is said below it; of a REST call that alone."""

    heading: str
    reason: str


def failure(error: BaseException) -> Failure | None:
    """What is said of an error by which something is not to be had for a while; None for every other one, which is a fault."""
    done = deeds.known().done
    if isinstance(error, NotRecorded) and not done:
        return Failure("Nothing was changed", str(error))
    lacking = "nothing can be entered in its audit trail" if isinstance(error, NotRecorded) else shortage(error)
    if not lacking:
        return None
    heading = "This cannot be answered now" if done else "This cannot be done now"
    return Failure(heading, f"This needs the database, and {lacking}. {_what_became()}")


def withheld(status: int) -> Failure:
    """What is said instead of an answer of that status which cannot be recorded."""
    heading = "This cannot be shown now"
    if not deeds.known().done:
        return Failure(heading, f"This {_NOT_ENTERED}. Try again in a moment.")
    if status < 400:
        return Failure(
            heading, f"What you sent was done. What there is to see of it {_NOT_ENTERED}: do not send it again, look at it in a moment."
        )
    return Failure(heading, f"The answer {_NOT_ENTERED}. {IN_PART}")


def _what_became() -> str:
    """Of what the request asked to be done."""
    deed = deeds.known()
    if deed.done:
        return IN_PART
    return _ONE_OR_THE_OTHER if deed.begun else _NOTHING
