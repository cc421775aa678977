"""N-CREATE and N-SET of an exam that is remembered: what is sent, what is kept of the answer, and what happens when none comes.

A message is remembered before it is sent. When its answer is lost it is sent again with the same UID and content, and what the other side
answers to a repetition (0111H, or "may no longer be updated") then means that the first one had arrived.
"""

from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from dimse import statuses
from dimse.scu import FailureStatus, ScuAnswer, ScuError
from training import memory
from training.errors import ModalityError, NoAnswer, Refused
from training.memory import Exam, Memory
from training.scu import Wire
from training.target import advice


@dataclass(frozen=True)
class Teller:
    """Tells the other side of the wire. Every call raises NoAnswer or Refused."""

    wire: Wire

    def no_answer(self, error: ScuError, what_now: str = "") -> NoAnswer:
        """The error in words, with what to try."""
        return NoAnswer(" ".join(part for part in (str(error), advice(error, self.wire.target, self.wire.calling), what_now) if part))

    def failed(self, error: ScuError, verb: str) -> ModalityError:
        """Why a C-ECHO or C-FIND did not end with success."""
        if isinstance(error, FailureStatus):
            return Refused(f"{self.wire.target} answered {verb} with {error.answer}.", error.answer)
        return self.no_answer(error)

    def create(self, remembered: Memory, exam: Exam, *, repeated: bool) -> ScuAnswer:
        """The N-CREATE of an exam in state SENT; when it is refused the exam is forgotten."""
        try:
            answer = self.wire.n_create(exam.sop_instance_uid, Dataset.from_json(exam.unanswered))
        except ScuError as error:
            raise self.no_answer(
                error, f"Whether {exam.name} was started there is not known; `start {exam.name}` sends it again with the same UID."
            ) from error
        arrived_before = repeated and answer.status == statuses.DUPLICATE_SOP_INSTANCE
        if not answer.ok and not arrived_before:
            remembered.exams.remove(exam)
            remembered.save()
            raise Refused(f"{self.wire.target} answered N-CREATE with {answer}. {exam.name} is not started.", answer)
        exam.state, exam.unanswered = memory.IN_PROGRESS, {}
        exam.sop_instance_uid = answer.sop_instance_uid or exam.sop_instance_uid
        remembered.save()
        return answer

    def report(self, remembered: Memory, exam: Exam, message: Dataset, now: datetime) -> ScuAnswer:
        """An N-SET that leaves the exam in progress. Not remembered: the next one says all again."""
        try:
            answer = self.wire.n_set(exam.sop_instance_uid, message)
        except ScuError as error:
            raise self.no_answer(error, "Whether it arrived is not known; the same command sends it again.") from error
        self._check(remembered, exam, answer)
        exam.reported, exam.told_at = len(exam.series), now.isoformat()
        remembered.save()
        return answer

    def end(self, remembered: Memory, exam: Exam, sop_instance_uid: str, *, repeated: bool) -> ScuAnswer:
        """The final N-SET of an exam in state ENDING."""
        try:
            answer = self.wire.n_set(sop_instance_uid, Dataset.from_json(exam.unanswered))
        except ScuError as error:
            raise self.no_answer(error, "Whether it arrived is not known; the same command sends it again.") from error
        if not (repeated and answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED):
            self._check(remembered, exam, answer)
        exam.state, exam.unanswered, exam.reported = exam.final_status, {}, len(exam.series)
        remembered.save()
        return answer

    def _check(self, remembered: Memory, exam: Exam, answer: ScuAnswer) -> None:
        if answer.ok:
            return
        is_final = answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED
        exam.state, exam.final_status, exam.unanswered = (memory.ENDED_ELSEWHERE if is_final else memory.IN_PROGRESS), "", {}
        remembered.save()
        raise Refused(f"{self.wire.target} answered N-SET with {answer}. Nothing was changed there.", answer)
