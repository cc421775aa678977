"""A virtual modality: it asks for its worklist, performs exams, and tells about them in MPPS, over real DICOM and against any SCP.

Every refusal is a `ModalityError` whose text says what happened and what to do next.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random

from pydicom.dataset import Dataset

from dimse import statuses, uids
from dimse.scu import ScuAnswer, ScuError
from mpps.reasons import MODALITY_GROUP, Reason, reasons
from ris import clock
from training import memory, performed, query, scu
from training.acquisition import acquire
from training.memory import Exam, Memory
from training.performed import COMPLETED, DISCONTINUED, Device
from training.query import Question
from training.scu import Target

_SH_LENGTH = 16


class ModalityError(Exception):
    """What was asked cannot be done; nothing was changed here beyond what the text says."""


class NoAnswer(ModalityError):
    """The other side could not be reached, refused the association, or answered nonsense."""


class Refused(ModalityError):
    """The other side answered with a failure status."""

    def __init__(self, message: str, answer: ScuAnswer) -> None:
        self.answer = answer
        super().__init__(message)


@dataclass(frozen=True)
class Modality:
    """One console. `directory` is where it remembers its exams; `operator` is a PN value."""

    ae_title: str
    target: Target
    directory: Path
    operator: str = ""

    def worklist(self, *questions: Question) -> list[Dataset]:
        """The items that answer the first of the questions that finds any, in order of start."""
        return sorted(self._find(questions), key=lambda item: (query.start(item), query.step_id(item)))

    def open_exams(self) -> list[Exam]:
        """What this console has in progress."""
        with self._memory() as remembered:
            return [exam for exam in remembered.exams if exam.is_open]

    def start(self, name: str, *, any_station: bool = False, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer]:
        """Ask for the worklist item again and send its N-CREATE. `name` is a step ID, or an accession number of one step.

        An N-CREATE whose answer got lost is repeated with the same UID, so that nothing is started twice.
        """
        with self._memory() as remembered:
            running = [exam for exam in remembered.exams if exam.is_open and exam.is_called(name)]
            if running and running[-1].state != memory.SENT:
                raise ModalityError(
                    f"{name} is in progress here since {running[-1].started[11:16]} (MPPS {running[-1].sop_instance_uid}); "
                    "complete or discontinue it first."
                )
            exam = running[-1] if running else self._new_exam(self._pick(name, any_station), sop_instance_uid)
            if not running:
                remembered.exams.append(exam)
                remembered.save()
            return exam, self._create(remembered, exam, repeated=bool(running))

    def complete(self, name: str, *, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer, list[Dataset]]:
        """The final N-SET with all series; they come back too."""
        return self._end(name, COMPLETED, 1.0, None, sop_instance_uid)

    def discontinue(self, name: str, reason_code: str, *, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer, list[Dataset]]:
        """The final N-SET with the half that was done and a reason of CID 9300."""
        return self._end(name, DISCONTINUED, 0.5, reason_of(reason_code), sop_instance_uid)

    def _memory(self) -> AbstractContextManager[Memory]:
        return Memory.opened(self.directory, self.ae_title)

    def _device(self, kind: str) -> Device:
        return Device(self.ae_title, kind, name=self.ae_title, operator=self.operator)

    def _find(self, questions: Sequence[Question]) -> list[Dataset]:
        try:
            return scu.find(self.target, self.ae_title, [question.identifier() for question in questions])
        except ScuError as error:
            raise self._no_answer(error) from error

    def _no_answer(self, error: ScuError) -> NoAnswer:
        return NoAnswer(" ".join(part for part in (str(error), scu.advice(error, self.target, self.ae_title)) if part))

    def _pick(self, name: str, any_station: bool) -> Dataset:
        """The one worklist item of a step ID or accession number."""
        if not 0 < len(name) <= _SH_LENGTH:
            raise ModalityError(f"{name!r} is no step ID and no accession number: they hold 1 to {_SH_LENGTH} characters.")
        station = "" if any_station else self.ae_title
        questions = [Question(station=station, step_id=name), Question(station=station, accession_number=name)]
        found = self._find(questions)
        # An SCP need not match on a step ID (PS3.4 Table K.6-1): what it sends beyond is sorted out here.
        fitting = [item for item in found if query.step_id(item) == name]
        fitting = fitting or [item for item in found if query.text(item, "AccessionNumber") == name]
        if not fitting:
            whose = "the worklist" if any_station else f"the worklist of {self.ae_title}"
            hint = "" if any_station else "; --any-station also looks at those of other stations"
            raise ModalityError(
                f"{name} is not on {whose} (asked {self.target} for it as step ID and as accession number): it may be finished, "
                f"canceled, or planned for another station{hint}. `list --all` shows what is there."
            )
        if len(fitting) > 1:
            steps = ", ".join(query.step_id(item) for item in fitting)
            raise ModalityError(f"{name} stands for {len(fitting)} steps; say which one: {steps}.")
        return fitting[0]

    def _new_exam(self, item: Dataset, sop_instance_uid: str) -> Exam:
        """What is remembered before the N-CREATE is sent. A UID that breaks the rules goes out as it is, unless it is too long."""
        problem = uids.problem_with(sop_instance_uid) if sop_instance_uid else None
        if problem and len(sop_instance_uid) > uids.MAXIMUM_LENGTH:
            raise ModalityError(f"{sop_instance_uid!r} cannot be sent as a UID: {problem}.")
        done = performed.what_is_done([item])
        protocols = done.PerformedProtocolCodeSequence
        characters = item.get("SpecificCharacterSet") or []
        device = self._device(query.text(performed.step_item(item), "Modality") or "OT")
        now = clock.local(clock.now()).replace(microsecond=0)
        return Exam(
            sop_instance_uid=sop_instance_uid or uids.new_uid(),
            state=memory.SENT,
            step_id=query.step_id(item),
            accession_number=query.text(item, "AccessionNumber"),
            target=str(self.target),
            modality=device.modality,
            description=str(done.PerformedProcedureStepDescription),
            protocol=query.text(protocols[0], "CodeMeaning") if protocols else "",
            character_set=[characters] if isinstance(characters, str) else list(characters),
            started=now.isoformat(),
            what_is_done=done.to_json_dict(),
            unanswered=performed.in_progress([item], device, now, f"PPS{now:%y%m%d%H%M%S}"[:_SH_LENGTH]).to_json_dict(),
        )

    def _create(self, remembered: Memory, exam: Exam, *, repeated: bool) -> ScuAnswer:
        try:
            answer = scu.n_create(self.target, self.ae_title, exam.sop_instance_uid, Dataset.from_json(exam.unanswered))
        except ScuError as error:
            raise NoAnswer(
                f"{self._no_answer(error)} Whether {exam.step_id} was started there is not known; `start {exam.step_id}` sends it again "
                "with the same UID."
            ) from error
        arrived_before = repeated and answer.status == statuses.DUPLICATE_SOP_INSTANCE
        if not answer.ok and not arrived_before:
            remembered.exams.remove(exam)
            remembered.save()
            raise Refused(f"{self.target} answered N-CREATE with {answer}. {exam.step_id} is not started.", answer)
        exam.state, exam.unanswered = memory.IN_PROGRESS, {}
        exam.sop_instance_uid = answer.sop_instance_uid or exam.sop_instance_uid
        remembered.save()
        return answer

    def _end(
        self, name: str, status: str, share: float, reason: Reason | None, sop_instance_uid: str
    ) -> tuple[Exam, ScuAnswer, list[Dataset]]:
        with self._memory() as remembered:
            exam = self._begun(remembered, name, sop_instance_uid)
            repeated = exam.state == memory.ENDING and exam.final_status == status
            if not repeated:
                message = self._final(exam, status, share, reason)
                exam.state, exam.final_status, exam.unanswered = memory.ENDING, status, message.to_json_dict()
                remembered.save()
            message = Dataset.from_json(exam.unanswered)
            answer = self._set(remembered, exam, message, sop_instance_uid or exam.sop_instance_uid, repeated=repeated)
            return exam, answer, list(message.PerformedSeriesSequence)

    def _begun(self, remembered: Memory, name: str, sop_instance_uid: str) -> Exam:
        """The exam of this name that is in progress here.

        With a UID given also one that is over (a copy: nothing is remembered of it), to see how the other side refuses that.
        """
        called = [exam for exam in remembered.exams if exam.is_called(name)]
        running = [exam for exam in called if exam.is_open]
        if len(running) > 1:
            steps = ", ".join(exam.step_id for exam in running)
            raise ModalityError(f"{name} stands for {len(running)} exams in progress; say which one: {steps}.")
        if running:
            return running[0]
        if called and sop_instance_uid:
            return replace(called[-1])
        if called:
            over = called[-1]
            raise ModalityError(f"{name} is {over.state} already (MPPS {over.sop_instance_uid}); a final step cannot be changed.")
        others = ", ".join(exam.step_id or exam.accession_number for exam in remembered.exams if exam.is_open)
        raise ModalityError(f"{self.ae_title} has not started {name}; in progress here: {others or 'nothing'}. `start {name}` begins it.")

    def _final(self, exam: Exam, status: str, share: float, reason: Reason | None) -> Dataset:
        device = self._device(exam.modality)
        series = acquire(device, exam.description, exam.protocol, Random(exam.sop_instance_uid), share=share)
        ended = max(clock.local(clock.now()), _moment(exam))
        message = performed.final(status, Dataset.from_json(exam.what_is_done), series, ended, reason)
        if exam.character_set:
            message.SpecificCharacterSet = exam.character_set
        return message

    def _set(self, remembered: Memory, exam: Exam, message: Dataset, sop_instance_uid: str, *, repeated: bool) -> ScuAnswer:
        try:
            answer = scu.n_set(self.target, self.ae_title, sop_instance_uid, message)
        except ScuError as error:
            raise NoAnswer(f"{self._no_answer(error)} Whether it arrived is not known; the same command sends it again.") from error
        arrived_before = repeated and answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED
        if not answer.ok and not arrived_before:
            is_final = answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED
            exam.state, exam.final_status, exam.unanswered = (memory.ENDED_ELSEWHERE if is_final else memory.IN_PROGRESS), "", {}
            remembered.save()
            raise Refused(f"{self.target} answered N-SET with {answer}. Nothing was changed there.", answer)
        exam.state, exam.unanswered = exam.final_status, {}
        remembered.save()
        return answer


def _moment(exam: Exam) -> datetime:
    return datetime.fromisoformat(exam.started)


def reason_of(code: str) -> Reason:
    """The reason of a code of CID 9300; ModalityError lists those that a modality uses."""
    known = reasons()
    if code in known:
        return known[code]
    usual = "\n".join(f"  {r.code:<10} {r.meaning}" for r in known.values() if MODALITY_GROUP in r.context_groups)
    raise ModalityError(f"{code!r} is no code of CID 9300, the reasons for discontinuation. Those of modalities (CID 9301) are:\n{usual}")
