"""What may be done on purpose to associations and messages, so that a modality can be seen to meet it: the seam for faults.

Who decides on it is asked twice, on a worker thread: once about each association that the policy accepts, once about each message.
The answer is nothing, nearly always, and then all goes its way.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from dimse import statuses
from dimse.errors import DimseFailure
from dimse.policy import Accept, Reject
from dimse.services import AssociationInfo, EncodedAnswers, FindAnswer

INJECTED: Final = "injected by"
"""How the journal's notes about what was done on purpose begin."""
_NOTED: Final = re.compile(rf"{INJECTED} .*?(?=; |$)")


def injected(*notes: str) -> list[str]:
    """What was done on purpose, of notes and remarks of the journal; each once, with what was added to it somewhere."""
    found = dict.fromkeys(said for note in notes for said in _NOTED.findall(note))
    return [said for said in found if not any(other != said and other.startswith(said) for other in found)]


Rewrite = Callable[[bytes, str], bytes]
"""From an answer's identifier to another one, both as they travel in the transfer syntax that is named."""


class HangUp(Enum):
    """How an association ends in the place of a final response."""

    ABORT = "A-ABORT"
    CUT = "connection closed within a P-DATA-TF PDU"
    CLOSE = "connection closed without a word"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure status that is answered in the place of what a handler would say."""

    status: int
    comment: str = ""
    error_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What is done to one request and its responses; `told` says in the journal what, by whom and why.

    `delay` (seconds) holds back what is said: of a C-FIND before its handler begins, of other operations the response to what was done.
    `failure` is answered, or with `is_silent` nothing, without a handler being asked. Of the answers of a C-FIND those are left out
    whose number `leave_out_each` divides, those come twice whose number `double_each` divides, each goes out as `rewrite` makes it,
    and `most` of them are sent; 0 and None change nothing. `hang_up` takes the place of the final response: the handler has done
    its work.
    """

    told: str = ""
    delay: float = 0.0
    failure: Failure | None = None
    is_silent: bool = False
    leave_out_each: int = 0
    double_each: int = 0
    rewrite: Rewrite | None = None
    most: int | None = None
    hang_up: HangUp | None = None

    @property
    def is_answered(self) -> bool:
        """Whether there is a final response, as far as it is for us to say."""
        return not self.is_silent and self.hang_up is None

    @property
    def changes_answers(self) -> bool:
        return bool(self.leave_out_each or self.double_each or self.rewrite or self.most is not None)

    def raise_failure(self) -> None:
        """Raises the DimseFailure, if there is one."""
        if self.failure is not None:
            raise DimseFailure(self.failure.status, self.failure.comment, error_id=self.failure.error_id)


NOTHING: Final = Effect()


class Interference(Protocol):
    """Who decides. Both are asked on a worker thread and may use the database."""

    def association(self, info: AssociationInfo, abstract_syntaxes: frozenset[str]) -> Accept | Reject | None:
        """What becomes of an association that the policy accepts and that asks for these; None: nothing else."""

    def message(self, info: AssociationInfo, abstract_syntax: str, verb: str) -> Effect | None:
        """What is done to a request and its responses; None: nothing."""


class Changed:
    """The answers of a C-FIND handler as `effect` changes them. `next_one` is the identifier that `most` kept back, if there was one."""

    def __init__(self, answers: Iterator[FindAnswer], effect: Effect, transfer_syntax: str, encode: Callable[[Any, str], bytes]) -> None:
        self.next_one: bytes | None = None
        self._answers = answers
        self._effect = effect
        self._transfer_syntax = transfer_syntax
        self._encode = encode

    def answers(self) -> Iterator[FindAnswer]:
        """What is sent. Ending it ends the handler."""
        try:
            yield from self._sent()
        finally:
            if isinstance(self._answers, Generator):
                self._answers.close()

    def _sent(self) -> Iterator[FindAnswer]:
        found = sent = 0
        for answer in self._answers:
            if not isinstance(answer, EncodedAnswers) and answer[0] not in _PENDING:
                yield answer
                return
            status, identifiers = self._of(answer)
            changed = []
            for identifier in identifiers:
                found += 1
                changed += self._instead(found, identifier)
            room = len(changed) if self._effect.most is None else self._effect.most - sent
            sent += min(room, len(changed))
            yield EncodedAnswers(status, changed[:room])
            if room < len(changed):
                self.next_one = changed[room]
                return

    def _of(self, answer: FindAnswer) -> tuple[int, list[bytes]]:
        if isinstance(answer, EncodedAnswers):
            return answer.status, list(answer.identifiers)
        return answer[0], [self._encode(answer[1], self._transfer_syntax)]

    def _instead(self, number: int, identifier: bytes) -> list[bytes]:
        """What goes out for the answer of this number, counted from 1."""
        effect = self._effect
        if effect.leave_out_each and number % effect.leave_out_each == 0:
            return []
        if effect.rewrite is not None:
            identifier = effect.rewrite(identifier, self._transfer_syntax)
        return [identifier] * (2 if effect.double_each and number % effect.double_each == 0 else 1)


_PENDING: Final = (statuses.PENDING, statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED)
