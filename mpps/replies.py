"""What the answer of a destination, or that none came, means for the message: one table, first row that fits."""

from dataclasses import dataclass
from typing import Final

from dimse import statuses
from dimse.outcomes import ScuAnswer, ScuError
from dimse.services import Verb
from mpps.models import Delivery

EVENT: Final = "N-EVENT-REPORT"
AGAIN: Final = "AGAIN"
"""Besides the states of a Delivery: it is sent again by itself, after a while."""
MOST_ATTEMPTS: Final = Delivery.MANY_ATTEMPTS
"""So often a message that is answered with AGAIN is sent; then a person decides (some ten minutes)."""
NO_ANSWER: Final = -1
"""In the place of a status: the destination ended the association, or said nothing."""

_SENT, _PARKED, _REFUSED = Delivery.State.SENT.value, Delivery.State.PARKED.value, Delivery.State.REFUSED.value


@dataclass(frozen=True)
class Rule:
    """`verbs` and `status` that it is about (None: any failure). `error_id`, `repeated` (one before may have arrived), `final` (it makes
    the step final) and `known` (its N-CREATE was a duplicate there at once: somebody else tells it too) narrow it where they are not None.
    `outcome` is a state of the delivery, or AGAIN, up to `most` attempts (None: without end); `advice` what a person can do.
    """

    verbs: tuple[str, ...]
    status: int | None
    outcome: str
    advice: str
    error_id: int | None = None
    repeated: bool | None = None
    final: bool | None = None
    known: bool | None = None
    most: int | None = MOST_ATTEMPTS

    def fits(self, verb: str, answer: ScuAnswer, repeated: bool, final: bool, known: bool) -> bool:
        return (
            verb in self.verbs
            and self.status in (None, answer.status)
            and self.error_id in (None, answer.error_id)
            and self.repeated in (None, repeated)
            and self.final in (None, final)
            and self.known in (None, known)
        )


_MESSAGES: Final = (Verb.N_CREATE.value, Verb.N_SET.value)
_FINAL: Final = statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED
_BUSY: Final = "It is busy; the message is sent again by itself."

RULES: Final = (
    Rule((*_MESSAGES, EVENT), NO_ANSWER, AGAIN, "That is no refusal: it is sent again by itself.", most=None),
    Rule((Verb.N_CREATE,), statuses.DUPLICATE_SOP_INSTANCE, _SENT, "It has the step already."),
    Rule((Verb.N_SET,), statuses.PROCESSING_FAILURE, _SENT, "The attempt before arrived.", error_id=_FINAL, repeated=True, final=True),
    Rule(
        (Verb.N_SET,),
        statuses.PROCESSING_FAILURE,
        _SENT,
        "Somebody else tells it of the step too, and has told it of the end already.",
        error_id=_FINAL,
        known=True,
    ),
    Rule(
        (Verb.N_SET,),
        statuses.PROCESSING_FAILURE,
        _PARKED,
        "Somebody else ended the step there. Compare it, then send it again or leave it out.",
        error_id=_FINAL,
    ),
    Rule(
        (Verb.N_SET,),
        statuses.NO_SUCH_SOP_INSTANCE,
        _PARKED,
        "It does not know the step any more. Send again: the step is sent from its N-CREATE on.",
    ),
    Rule(_MESSAGES, statuses.PROCESSING_FAILURE, AGAIN, "It failed inside; the message is sent again by itself."),
    Rule((*_MESSAGES, EVENT), statuses.RESOURCE_LIMITATION, AGAIN, _BUSY),
    Rule((*_MESSAGES, EVENT), statuses.OUT_OF_RESOURCES, AGAIN, _BUSY),
    Rule((*_MESSAGES, EVENT), statuses.DUPLICATE_INVOCATION, AGAIN, _BUSY),
    Rule((EVENT,), statuses.PROCESSING_FAILURE, AGAIN, "It failed inside; the notification is sent again by itself."),
    Rule((EVENT,), None, _REFUSED, "It does not want this notification; the next ones are sent all the same."),
    Rule(_MESSAGES, statuses.NOT_AUTHORIZED, _PARKED, "Allow our AE title there, then send it again."),
    Rule(_MESSAGES, None, _PARKED, "Put right there what it names, then send it again, or leave this message out."),
)


@dataclass(frozen=True)
class Reply:
    """What becomes of the delivery (a state, or AGAIN up to `most` attempts), and why in words."""

    outcome: str
    text: str
    most: int | None = MOST_ATTEMPTS


def judge(verb: str, answer: ScuAnswer, *, repeated: bool, final: bool, known: bool) -> Reply:
    """What follows from the answer. Success and warnings are SENT; a failure goes by the table."""
    if answer.ok:
        return Reply(_SENT, str(answer))
    rule = next(rule for rule in RULES if rule.fits(verb, answer, repeated, final, known))
    return Reply(rule.outcome, f"{answer}. {rule.advice}", rule.most)


def unanswered(verb: str, met: ScuError) -> Reply:
    """What follows from an association that ended without the answer."""
    rule = next(rule for rule in RULES if rule.fits(verb, ScuAnswer(NO_ANSWER), False, False, False))
    return Reply(rule.outcome, f"{met} {rule.advice}", rule.most)
