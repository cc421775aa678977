"""Acts played on a virtual modality, told line by line as a person reads them in a terminal; scripts and the command line share it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pydicom.dataset import Dataset

from dimse.outcomes import ScuAnswer
from ris import names
from ris.console import counted
from ris.errors import RisError
from training import dose, memory, query, script, table, typed
from training.acts import ALL, NEXT, Act
from training.errors import ModalityError, NoAnswer, Refused
from training.memory import Exam
from training.modality import Modality
from training.performed import step_item
from training.query import Question, dicom_dates
from training.script import Expectation, Line, Script
from training.script_faults import Switch

Tell = Callable[[str], None]
_HEADERS = ("Start", "Patient", "Patient ID", "Accession", "Step ID", "Procedure", "Modality", "Priority", "Status")


class Unexpected(Exception):
    """A line of a script ended otherwise than it was to; `cause` is what the modality said, if it said no."""

    def __init__(self, message: str, cause: ModalityError | None = None) -> None:
        self.cause = cause
        super().__init__(message)


@dataclass(frozen=True)
class Outcome:
    """How an act ended: the last answer, and for a list how many entries it has."""

    answer: ScuAnswer | None = None
    entries: int | None = None


class Player:
    """Plays acts. `wait` lets a span of the modality's time pass; `today` is the hospital's date."""

    def __init__(self, modality: Modality, tell: Tell, wait: Callable[[timedelta], None], today: Callable[[], date]) -> None:
        self.modality = modality
        self._tell = tell
        self._wait = wait
        self._today = today
        self._listed: list[Dataset] = []
        self._labels: dict[str, str] = {}
        self._verbs: dict[str, Callable[[Act], Outcome]] = {
            "echo": self._echo,
            "list": self._list,
            "start": self._start,
            "unscheduled": self._unscheduled,
            "append": self._append,
            "acquire": self._acquire,
            "report": self._report,
            "complete": self._complete,
            "discontinue": self._discontinue,
            "power-loss": self._power_loss,
        }

    def play(self, act: Act) -> Outcome:
        """Do it and tell of it. Raises ModalityError."""
        return self._verbs[act.verb](act)

    def play_script(self, played: Script, switch: Callable[[Switch, int], None]) -> int:
        """All lines; how many acts there were. `switch` does what the `fault` line of this number says, and may raise RisError.

        Raises Unexpected at the first line that ends otherwise than it was to.
        """
        width = len(str(played.lines[-1].number))
        for line in played.lines:
            self._tell(f"{line.number:>{width}}  {line.text}")
            if line.act is not None:
                self._play_line(played, line, line.act)
            elif line.switch is not None:
                try:
                    switch(line.switch, line.number)
                except RisError as error:
                    raise Unexpected(f"{played.name}:{line.number}: {line.text}\n{error}") from error
            else:
                self._pass(line.pause)
        return sum(line.act is not None for line in played.lines)

    def _play_line(self, played: Script, line: Line, act: Act) -> None:
        try:
            outcome = self.play(act)
        except ModalityError as error:
            if not _is_expected(line.expected, error):
                raise Unexpected(f"{played.name}:{line.number}: {line.text}\n{_expecting(line.expected)}{error}", error) from error
            self._tell(f"As expected: {error}")
            return
        if problem := _difference(line.expected, outcome):
            raise Unexpected(f"{played.name}:{line.number}: {line.text}\n{problem}")

    def _pass(self, pause: timedelta) -> None:
        """Let the time pass in pieces, so that what the machine reports by itself is reported in time."""
        every = timedelta(minutes=self.modality.profile.report_minutes)
        while pause > timedelta():
            piece = min(pause, every) if every else pause
            self._wait(piece)
            pause -= piece
            for exam, answer in self.modality.report_due():
                self._say_sent("N-SET IN PROGRESS by itself", exam, answer)

    def _echo(self, _: Act) -> Outcome:
        answer = self.modality.echo()
        self._tell(f"{self.modality.target} answered {answer}")
        return Outcome(answer)

    def _list(self, act: Act) -> Outcome:
        question = self._question(act)
        self._listed = self.modality.worklist(question, fresh="again" in act.options)
        where = f"on the worklist of {self.modality.target} for {question}."
        if self._listed:
            for line in table.lines(_HEADERS, [_row(item) for item in self._listed]):
                self._tell(line)
            self._tell(f"{len(self._listed)} {where}")
        else:
            wider = " `list --all` asks for all days." if question.dates else ""
            self._tell(f"Nothing is {where}{wider}")
        for exam in self.modality.open_exams():
            state = "sent, not answered" if exam.state != memory.IN_PROGRESS else f"since {exam.started[11:16]}"
            what = " ".join(part for part in (exam.name, exam.accession_number, exam.description) if part)
            self._tell(f"In progress here: {what} ({state}, MPPS {exam.sop_instance_uid})")
        return Outcome(entries=len(self._listed))

    def _question(self, act: Act) -> Question:
        asked = act.options
        station = "" if asked.get("stations") == ALL else self.modality.ae_title
        question = Question.for_patient(asked.get("patient", ""), station)
        if "patient-id" in asked:
            question = replace(question, patient_id=asked["patient-id"])
        day = asked.get("day", "")
        on = date.fromisoformat(day) if day and day != ALL else self._today()
        return replace(
            question,
            dates="" if day == ALL else dicom_dates(on, on),
            modality=asked.get("modality", ""),
            accession_number=asked.get("accession", ""),
        )

    def _start(self, act: Act) -> Outcome:
        options = {"sop_instance_uid": act.options.get("uid", "")}
        if NEXT in act.names:
            exam, answer = self.modality.start_items(self._next(act.names.count(NEXT)), **options)
        else:
            exam, answer = self.modality.start(
                *act.names,
                any_station=act.options.get("stations") == ALL,
                wrong_patient=act.options.get("pick") == "wrong",
                **options,
            )
            if act.options.get("pick") == "wrong":
                self._tell(f"Picked by mistake: {exam.name} of {names.plain(exam.patient_name)}")
        return self._begun(act, exam, answer)

    def _next(self, count: int) -> list[Dataset]:
        """The next entries of the last list that were not begun here and that the profile's kind of machine can perform."""
        begun, kind = self.modality.names_begun(), self.modality.profile.kind
        fitting = [item for item in self._listed if not kind or query.text(step_item(item), "Modality") in ("", kind)]
        left = [item for item in fitting if query.step_id(item) not in begun]
        if len(left) < count:
            which = f"{len(fitting)} for {kind}" if kind else str(len(fitting))
            raise ModalityError(f"There is no next entry: of the last list's {which} all were begun. `list` asks again.")
        return left[:count]

    def _unscheduled(self, act: Act) -> Outcome:
        asked = act.options
        patient = typed.TypedPatient(
            name=act.names[0],
            patient_id=asked.get("id", ""),
            birth_date=asked.get("born", ""),
            sex=asked.get("sex", ""),
            accession_number=asked.get("accession", ""),
            description=asked.get("what", ""),
            modality=asked.get("modality", ""),
        )
        if "error" in asked:
            patient = typed.mistyped(patient, asked["error"], self.modality.chance)
            self._tell(f"Typed by mistake: {patient.name}, ID {patient.patient_id or 'none'}, born {patient.birth_date or 'unknown'}")
        exam, answer = self.modality.start_unscheduled(patient, sop_instance_uid=asked.get("uid", ""))
        return self._begun(act, exam, answer)

    def _append(self, act: Act) -> Outcome:
        exam, answer = self.modality.append(self._called(act, running=False), sop_instance_uid=act.options.get("uid", ""))
        return self._begun(act, exam, answer)

    def _begun(self, act: Act, exam: Exam, answer: ScuAnswer) -> Outcome:
        if "as" in act.options:
            self._labels[act.options["as"]] = exam.sop_instance_uid
        self._say_sent("N-CREATE IN PROGRESS", exam, answer)
        self._tell(f"Next: `complete {exam.name}`, or `discontinue {exam.name} --reason 110513`.")
        return Outcome(answer)

    def _acquire(self, act: Act) -> Outcome:
        name = self._called(act)
        for _ in range(int(act.options.get("series", "1"))):
            exam = self.modality.acquire(name)
            so_far = ", ".join(part for part in (counted(exam.images, "image"), dose.in_words(exam.series)) if part)
            self._tell(f"{exam.name}: {_series(exam, len(exam.series) - 1)}; in all {so_far}")
        return Outcome()

    def _report(self, act: Act) -> Outcome:
        return self._told("N-SET IN PROGRESS", *self.modality.report(self._called(act)))

    def _complete(self, act: Act) -> Outcome:
        exam, answer = self.modality.complete(self._called(act), sop_instance_uid=act.options.get("uid", ""))
        return self._told("N-SET COMPLETED", exam, answer)

    def _discontinue(self, act: Act) -> Outcome:
        share = {"share": int(act.options["done"].rstrip("%")) / 100} if "done" in act.options else {}
        exam, answer = self.modality.discontinue(
            self._called(act), act.options["reason"], sop_instance_uid=act.options.get("uid", ""), **share
        )
        return self._told("N-SET DISCONTINUED", exam, answer)

    def _told(self, message: str, exam: Exam, answer: ScuAnswer) -> Outcome:
        self._say_sent(message, exam, answer)
        for number in range(len(exam.series)):
            self._tell(f"  {_series(exam, number)}")
        if said := dose.in_words(exam.series):
            self._tell(f"  {said}")
        return Outcome(answer)

    def _power_loss(self, act: Act) -> Outcome:
        hit = self.modality.pull_the_plug(self._labels.get(act.names[0], act.names[0]) if act.names else "")
        for exam in hit:
            self._tell(f"Power loss: {exam.name} has {counted(exam.images, 'image')} left; the other side was told nothing.")
        if not hit:
            self._tell("Power loss: nothing was in progress that is still known.")
        return Outcome()

    def _called(self, act: Act, *, running: bool = True) -> str:
        """The exam that is meant: a script's name for it, what it is called, or without a name the latest."""
        if act.names:
            return self._labels.get(act.names[0], act.names[0])
        latest = self.modality.latest_exam(running=running)
        if latest is None:
            raise ModalityError("No exam is in progress here." if running else "No exam was performed here.")
        return latest.sop_instance_uid

    def _say_sent(self, message: str, exam: Exam, answer: ScuAnswer) -> None:
        self._tell(" ".join(part for part in (f"{message}:", exam.name, exam.accession_number, exam.description) if part))
        self._tell(f"{self.modality.target} answered {answer}")
        self._tell(f"SOP Instance UID {exam.sop_instance_uid}")


def _series(exam: Exam, number: int) -> str:
    one = exam.series[number]
    technique = f" ({one['technique']})" if one["technique"] else ""
    return f"{exam.description} {one['label']}: {counted(one['images'], 'image')}{technique}".strip()


def _row(item: Dataset) -> Sequence[str]:
    return (
        query.start(item),
        names.plain(query.text(item, "PatientName")),
        query.text(item, "PatientID"),
        query.text(item, "AccessionNumber"),
        query.step_id(item),
        query.described(item),
        query.text(step_item(item), "Modality"),
        query.text(item, "RequestedProcedurePriority"),
        query.text(step_item(item), "ScheduledProcedureStepStatus"),
    )


def _is_expected(expected: Expectation, error: ModalityError) -> bool:
    if isinstance(error, Refused):
        return expected.ending in (script.REFUSED, f"{error.answer.status:04X}")
    if isinstance(error, NoAnswer):
        return expected.ending == script.NO_ANSWER
    return expected.ending == script.ERROR


def _expecting(expected: Expectation) -> str:
    return "" if expected.ending == script.OK else f"Expected {expected.ending}, but: "


def _difference(expected: Expectation, outcome: Outcome) -> str:
    """What an act that went well should have ended with; empty when it did."""
    status = f"{outcome.answer.status:04X}" if outcome.answer else "0000"
    if expected.ending not in (script.OK, status):
        return f"Expected {expected.ending}, but the answer was {outcome.answer or 'success'}."
    if expected.entries is not None and expected.entries != outcome.entries:
        return f"Expected {expected.entries} entries, but the list has {outcome.entries}."
    return ""
