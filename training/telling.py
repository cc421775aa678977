"""N-CREATE and N-SET of an exam that is remembered: what is sent, what is kept of the answer, and what happens when none comes.

A message is remembered before it is sent. When its answer is lost it is sent again with the same UID and content, and what the other side
answers to a repetition (0111H, or "may no longer be updated") then means that the first one had arrived.
"""

from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from dimse import statuses
from dimse.outcomes import FailureStatus, ScuAnswer, ScuError
from training import memory
from training.errors import ModalityError, NoAnswer, Refused
from training.memory import Exam, Memory
from training.quirks import habits
from training.scu import Wire
from training.target import advice, hint, is_sent

_AGAIN = "Whether it arrived is not known; the same command sends it again."
_NOT_SENT = "Nothing was sent this time; the same command sends it when that is mended."
_GOES_ON = "This machine goes on as if it were started there."


@dataclass(frozen=True)
class Teller:
    """Tells the other side of the wire. Every call raises NoAnswer or Refused."""

    wire: Wire

    def no_answer(self, error: ScuError, what_now: str = "", *, setting: bool = False) -> NoAnswer:
        """The error in words, with what to try. `setting`: it was an N-SET."""
        hint = advice(error, self.wire.target, self.wire.setting if setting else self.wire.calling)
        return NoAnswer(" ".join(part for part in (str(error), hint, what_now) if part))

    def failed(self, error: ScuError, verb: str) -> ModalityError:
        """Why a C-ECHO or C-FIND did not end with success."""
        if isinstance(error, FailureStatus):
            return Refused(f"{self.wire.target} answered {verb} with {error.answer}. {hint(error.answer)}", error.answer)
        return self.no_answer(error)

    def create(self, remembered: Memory, exam: Exam, *, repeated: bool) -> ScuAnswer:
        """The N-CREATE of an exam in state SENT; when it is refused the exam is forgotten."""
        profile = self.wire.profile
        goes_on = profile.has(habits.GOES_ON_ANYWAY)
        try:
            answer = self._n_create(exam, profile.created(Dataset.from_json(exam.unanswered)))
        except ScuError as error:
            again = f"Whether {exam.name} was started there is not known; `start {exam.name}` sends it again with the same UID."
            self._begun(remembered, exam, goes_on)
            raise self.no_answer(error, _GOES_ON if goes_on else again if is_sent(error) else _NOT_SENT) from error
        if answer.ok or (repeated and answer.status == statuses.DUPLICATE_SOP_INSTANCE):
            exam.sop_instance_uid = answer.sop_instance_uid or exam.sop_instance_uid
            self._begun(remembered, exam, True)
            return answer
        if not goes_on:
            remembered.exams.remove(exam)
        self._begun(remembered, exam, goes_on)
        then = _GOES_ON if goes_on else f"{exam.name} is not started. {hint(answer)}"
        raise Refused(f"{self.wire.target} answered N-CREATE with {answer}. {then}", answer)

    def _n_create(self, exam: Exam, attributes: Dataset) -> ScuAnswer:
        """The answer to the N-CREATE; to the first one of a machine that sends it twice."""
        profile = self.wire.profile
        uid = "" if profile.has(habits.NO_INSTANCE_UID) else exam.sop_instance_uid
        answer = self.wire.n_create(uid, attributes)
        if profile.has(habits.CREATES_TWICE):
            self.wire.n_create(uid, attributes)
        return answer

    def _begun(self, remembered: Memory, exam: Exam, is_begun: bool) -> None:
        if is_begun:
            exam.state, exam.unanswered = memory.IN_PROGRESS, {}
        remembered.save()

    def report(self, remembered: Memory, exam: Exam, message: Dataset, now: datetime) -> ScuAnswer:
        """An N-SET that leaves the exam in progress. Not remembered: the next one says all again."""
        try:
            answer = self.wire.n_set(exam.sop_instance_uid, self._changed(exam, message))
        except ScuError as error:
            raise self.no_answer(error, _AGAIN if is_sent(error) else _NOT_SENT, setting=True) from error
        self._check(remembered, exam, answer)
        exam.reported, exam.told_at = len(exam.series), now.isoformat()
        remembered.save()
        return answer

    def end(self, remembered: Memory, exam: Exam, sop_instance_uid: str, *, repeated: bool) -> ScuAnswer:
        """The final N-SET of an exam in state ENDING."""
        message = self._changed(exam, Dataset.from_json(exam.unanswered))
        try:
            answer = self.wire.n_set(sop_instance_uid, message)
            if self.wire.profile.has(habits.ENDS_TWICE):
                self.wire.n_set(sop_instance_uid, message)
        except ScuError as error:
            raise self.no_answer(error, _AGAIN if is_sent(error) else _NOT_SENT, setting=True) from error
        if not (repeated and answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED):
            self._check(remembered, exam, answer)
        exam.state, exam.unanswered, exam.reported = exam.final_status, {}, len(exam.series)
        remembered.save()
        return answer

    def _changed(self, exam: Exam, message: Dataset) -> Dataset:
        return self.wire.profile.changed(message, Dataset.from_json(exam.created))

    def _check(self, remembered: Memory, exam: Exam, answer: ScuAnswer) -> None:
        if answer.ok:
            return
        is_final = answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED
        exam.state, exam.final_status, exam.unanswered = (memory.ENDED_ELSEWHERE if is_final else memory.IN_PROGRESS), "", {}
        remembered.save()
        raise Refused(f"{self.wire.target} answered N-SET with {answer}. Nothing was changed there. {hint(answer)}", answer)
