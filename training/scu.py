"""The network side of a virtual modality: one association per exchange, as most scanners do it, or one that is kept open.

A listener is told of each exchange.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from pydicom.dataset import Dataset

from dimse.line import Line
from dimse.outcomes import FailureStatus, ScuAnswer, ScuError
from dimse.scu import open_association
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP as MPPS
from dimse.services import MODALITY_WORKLIST, VERIFICATION
from dimse.statuses import SUCCESS
from ris import clock
from training.profiles import PLAIN, Profile
from training.quirks import habits
from training.sent import Listener, Sent
from training.target import Target

_AE_LENGTH = 16


class Association(Protocol):
    """What an exchange needs of an open association. `last_answer` is the latest response."""

    last_answer: ScuAnswer | None

    def echo(self) -> None: ...
    def find(self, query: Dataset, *, limit: int | None = None) -> Iterator[Dataset]: ...
    def cancel(self) -> None: ...
    def n_create(self, attribute_list: Dataset, sop_instance_uid: str) -> ScuAnswer: ...
    def n_set(self, modification_list: Dataset, sop_instance_uid: str) -> ScuAnswer: ...


Opening = Callable[[Target, str, str, Profile], AbstractContextManager[Association]]
"""`opening(target, calling, service, profile)` is an association for the service while the block runs. Raises ScuError."""


def one_each(target: Target, calling: str, service: str, profile: Profile) -> AbstractContextManager[Association]:
    """An association of its own, opened and ended as the profile's machine does."""
    return open_association(
        target.host,
        target.port,
        calling=calling,
        called=target.called,
        contexts=[service],
        transfer_syntaxes=profile.offered,
        timeouts=target.timeouts,
        manners=profile.manners,
    )


def opening_of(profile: Profile) -> Opening:
    """What the profile's machine does: an association for each exchange, or one that stays open."""
    return KeptOpen() if profile.has(habits.STAYS_CONNECTED) else one_each


class KeptOpen:
    """One association for all services that is kept for as long as the other side likes; an error or its end makes the next one new.

    One thread uses it at a time.
    """

    def __init__(self) -> None:
        self._line: Line | None = None

    @contextmanager
    def __call__(self, target: Target, calling: str, service: str, profile: Profile) -> Iterator[Association]:
        if self._line is None or not self._line.is_open:
            services = (VERIFICATION, MODALITY_WORKLIST, MPPS)
            self._line = Line(
                target.host,
                target.port,
                calling=calling,
                called=target.called,
                contexts=services,
                syntaxes=(tuple(profile.offered),),
                timeouts=target.timeouts,
            )
        try:
            yield self._line
        except FailureStatus:
            raise
        except BaseException:
            self._line.abort()
            self._line = None
            raise

    def cut(self) -> None:
        """Lose it without a word, as by a power loss."""
        if self._line is not None:
            self._line.cut()
        self._line = None

    def close(self) -> None:
        """Release it."""
        if self._line is not None and self._line.is_open:
            self._line.release()
        self._line = None


@dataclass
class _Exchange:
    """What is known of one that is under way."""

    answer: ScuAnswer | None = None
    answers: list[Dataset] = field(default_factory=list)


@dataclass(frozen=True)
class Wire:
    """The line from an AE title to the target. Every call raises ScuError when there was no usable answer."""

    calling: str
    target: Target
    listener: Listener | None = None
    now: Callable[[], datetime] = clock.now
    profile: Profile = PLAIN
    opening: Opening = one_each

    @property
    def setting(self) -> str:
        """The AE title under which N-SETs are sent."""
        return f"{self.calling[: _AE_LENGTH - 2]}_2" if self.profile.has(habits.SETS_AS_ANOTHER) else self.calling

    def echo(self) -> ScuAnswer:
        """C-ECHO. Raises FailureStatus, too."""
        with self._told("C-ECHO", Dataset()) as exchange, self._association(VERIFICATION) as association:
            association.echo()
            exchange.answer = answer = association.last_answer or ScuAnswer(SUCCESS)
        return answer

    def find(self, queries: Sequence[Dataset]) -> list[Dataset]:
        """The worklist items of the first query that finds any, asked one after the other in one association.

        Raises FailureStatus, too.
        """
        with ExitStack() as line:
            association: Association | None = None
            for query in queries:
                with self._told("C-FIND", query) as exchange:
                    association = association or line.enter_context(self._association(MODALITY_WORKLIST))
                    self._ask(association, query, exchange)
                if exchange.answers:
                    return exchange.answers
        return []

    def _ask(self, association: Association, query: Dataset, exchange: _Exchange) -> None:
        exchange.answers.extend(association.find(query, limit=self.profile.cancels_after or None))
        exchange.answer = answer = association.last_answer
        if self.profile.has(habits.CANCELS_LATE):
            association.cancel()
        if answer is not None and answer.status != SUCCESS and self.profile.has(habits.SUCCESS_ONLY):
            raise FailureStatus(str(self.target), "C-FIND", answer)

    def n_create(self, sop_instance_uid: str, attributes: Dataset) -> ScuAnswer:
        """A failure status is an answer."""
        with self._told("N-CREATE", attributes, sop_instance_uid) as exchange, self._association(MPPS) as association:
            exchange.answer = answer = association.n_create(attributes, sop_instance_uid)
        return answer

    def n_set(self, sop_instance_uid: str, modifications: Dataset) -> ScuAnswer:
        """A failure status is an answer."""
        speaker = replace(self, calling=self.setting)
        with speaker._told("N-SET", modifications, sop_instance_uid) as exchange, speaker._association(MPPS) as association:
            exchange.answer = answer = association.n_set(modifications, sop_instance_uid)
        return answer

    def _association(self, service: str) -> AbstractContextManager[Association]:
        return self.opening(self.target, self.calling, service, self.profile)

    @contextmanager
    def _told(self, verb: str, request: Dataset, sop_instance_uid: str = "") -> Iterator[_Exchange]:
        exchange, failure = _Exchange(), ""
        begun, measured = self.now(), time.monotonic()
        try:
            yield exchange
        except FailureStatus as error:
            exchange.answer = error.answer
            raise
        except ScuError as error:
            failure = str(error)
            raise
        finally:
            if self.listener is not None:
                seconds = time.monotonic() - measured
                answered = (exchange.answer, exchange.answers, failure)
                self.listener(Sent(verb, self.calling, self.target, sop_instance_uid, request, *answered, begun, seconds))
