"""What each key of a console does, with the library of virtual modalities. Every deed returns what it did, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from dimse.outcomes import ScuAnswer
from ris import names
from ris.console import counted
from ris.errors import Conflict
from training import memory
from training.actions import console_acts
from training.consoles import keys, listed, starting
from training.consoles.arguments import question_of
from training.consoles.plain import plain
from training.memory import Exam
from training.modality import Modality
from training.models import Console, ConsoleAct
from training.picking import another_patient
from training.typed import TypedPatient, mistyped


@dataclass(frozen=True)
class Desk:
    """A console while a key is being done: the claimed act and the modality that does it."""

    act: ConsoleAct
    modality: Modality
    chance: Random

    @property
    def console(self) -> Console:
        return self.act.console

    @property
    def given(self) -> dict[str, Any]:
        arguments: dict[str, Any] = self.act.arguments
        return arguments

    def exam(self) -> Exam:
        """The exam that is open, the one that goes on before one that lost its power; there is one, else the key does nothing."""
        return keys.open_exam(self._exams())  # type: ignore[return-value]

    def latest(self) -> Exam:
        return self._exams()[-1]

    def unanswered(self) -> Exam | None:
        """The exam whose N-CREATE was not answered."""
        return next((exam for exam in self._exams() if exam.state == memory.SENT and not exam.interrupted), None)

    def _exams(self) -> list[Exam]:
        with self.modality.store.opened() as remembered:
            return remembered.exams


def _update(desk: Desk) -> str:
    question = question_of(desk.console, desk.given)
    items = desk.modality.worklist(question, fresh=True)
    shown = items[: listed.SHOWN]
    console_acts.show_list(desk.act, desk.given, [plain(item) for item in shown], [listed.row_of(item) for item in shown], len(items))
    is_cut = 0 < desk.modality.profile.cancels_after <= len(items)
    return f"{question}: {counted(len(items), 'answer')}{', and the query was canceled there: ask for less' if is_cut else ''}"


def _start(desk: Desk) -> str:
    again = desk.unanswered()
    if again is not None:
        if said := starting.overtaken(desk.console.pk, desk.given.get("pick", ""), own=desk.act.pk):
            raise Conflict(f"{said} That was not confirmed; nothing was sent for yours.")
        return _begun(*desk.modality.start(again.sop_instance_uid))
    return _begun(*desk.modality.start_items(listed.picked(desk.console, [desk.given["pick"]])))


def _wrong(desk: Desk) -> str:
    items = listed.items_of(desk.console)
    (meant,) = listed.picked(desk.console, [desk.given["pick"]])
    slipped = another_patient(meant, items, desk.chance)
    exam, answer = desk.modality.start_items([slipped])
    return (
        f"{_begun(exam, answer)} The finger slipped: {_who(exam)} was started, {names.plain(str(meant.PatientName))} lies on the table. "
        "Put it right: discontinue with 110514, Incorrect worklist entry selected, and start the right one."
    )


def _group(desk: Desk) -> str:
    return _begun(*desk.modality.start_items(listed.picked(desk.console, desk.given["picks"])))


def _hand(desk: Desk) -> str:
    given = dict(desk.given)
    slip = given.pop("slip")
    patient = TypedPatient(**given)
    if slip:
        patient = mistyped(patient, slip, desk.chance)
    return f"{_begun(*desk.modality.start_unscheduled(patient))} No order stands behind it: the RIS has to reconcile it by hand."


def _next(desk: Desk) -> str:
    exam = desk.modality.acquire(desk.exam().sop_instance_uid)
    series = exam.series[-1]
    return f"Series {len(exam.series)}, {series['label']}: {counted(series['images'], 'image')}. Nothing was sent."


def _report(desk: Desk) -> str:
    exam, answer = desk.modality.report(desk.exam().sop_instance_uid)
    return f"IN PROGRESS, {_done(exam)}; {answer}"


def _append(desk: Desk) -> str:
    return _begun(*desk.modality.append(desk.latest().sop_instance_uid))


def _complete(desk: Desk) -> str:
    exam, answer = desk.modality.complete(desk.exam().sop_instance_uid)
    return f"COMPLETED, {_done(exam)}; {answer}"


def _discontinue(desk: Desk) -> str:
    exam, answer = desk.modality.discontinue(desk.exam().sop_instance_uid, desk.given["reason"])
    return f"DISCONTINUED, {_done(exam)}; {answer}"


def _plug(desk: Desk) -> str:
    known = desk.modality.pull_the_plug()
    if not known:
        return "The power went before the start was confirmed: the console knows nothing of the exam any more."
    return " ".join(
        f"The power went. After it came back the console knows of {_who(exam)} what it had reported: {_done(exam)}. The RIS still has it "
        "in progress."
        for exam in known
    )


def _echo(desk: Desk) -> str:
    return f"{desk.modality.target} answered {desk.modality.echo()}"


def _begun(exam: Exam, answer: ScuAnswer) -> str:
    return f"IN PROGRESS, {exam.name or 'without a step'} of {_who(exam)}; {answer}."


def _who(exam: Exam) -> str:
    return names.plain(exam.patient_name) or exam.patient_id or "a patient without a name"


def _done(exam: Exam) -> str:
    return f"{len(exam.series)} series, {counted(exam.images, 'image')}"


DEEDS: Final[dict[str, Callable[[Desk], str]]] = {
    keys.UPDATE: _update,
    keys.START: _start,
    keys.WRONG: _wrong,
    keys.GROUP: _group,
    keys.HAND: _hand,
    keys.NEXT: _next,
    keys.REPORT: _report,
    keys.APPEND: _append,
    keys.COMPLETE: _complete,
    keys.DISCONTINUE: _discontinue,
    keys.PLUG: _plug,
    keys.ECHO: _echo,
}
