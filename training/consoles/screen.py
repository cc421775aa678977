"""What a console's screen shows, made ready for its templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydicom.dataset import Dataset

from dimse import statuses
from dimse.statuses import StatusClass
from ris import clock
from ris.web import times
from training import query
from training.consoles import imitated, keys, listed
from training.consoles.keys import Key
from training.consoles.looks import Look, look_of
from training.consoles.performing import target_of
from training.consoles.readings import of_series
from training.consoles.readings import readings as readings_of
from training.memory import APPEND, ENDING, GROUP, SENT, UNSCHEDULED, Exam, Memory
from training.models import Console, ConsoleAct, ConsoleMessage
from training.profiles import Profile
from training.target import Target

MESSAGES = 8
"""Of the latest that the screen shows."""
_STATES = {SENT: "START NOT CONFIRMED", ENDING: "END NOT CONFIRMED"}
_HOW = {
    UNSCHEDULED: "typed by hand",
    GROUP: "several steps from the worklist, read-only",
    APPEND: "from the earlier exam, read-only",
}


@dataclass(frozen=True)
class ShownKey:
    """A key with why it does nothing now, if so."""

    key: Key
    why_not: str

    @property
    def look(self) -> str:
        return f" c-key--{self.key.look}" if self.key.look else ""


@dataclass(frozen=True)
class ShownSeries:
    """A series: done, or still to come."""

    number: int
    label: str
    technique: str
    images: int
    planned: int
    dose: str
    is_latest: bool


@dataclass(frozen=True)
class ShownExam:
    """An exam, or the entry that is selected to become one: the values as they were received."""

    state: str
    source: str
    values: Mapping[str, str]
    series: list[ShownSeries]
    readings: list[tuple[str, str]]

    @property
    def share(self) -> int:
        """Percent of the images that are done."""
        planned = sum(one.planned for one in self.series)
        return round(100 * sum(one.images for one in self.series) / planned) if planned else 0


@dataclass(frozen=True)
class ShownMessage:
    """A message in one line: `look` is that of the stylesheet."""

    message: ConsoleMessage
    look: str
    code: str
    words: str

    @property
    def is_empty(self) -> bool:
        """A query of this Stepwise's worklist that got nothing: it can be explained here."""
        return self.message.answer_count == 0 and not self.message.console.is_elsewhere

    @classmethod
    def of(cls, message: ConsoleMessage) -> "ShownMessage":
        if message.status is None:
            return cls(message, "no", "no answer", message.failure)
        code = f"{message.status:04X} {statuses.name_of(message.status)}"
        if message.answer_count is not None:
            words = f"{message.answer_count} answer{'' if message.answer_count == 1 else 's'}"
        else:
            words = message.comment
        return cls(message, "no" if statuses.class_of(message.status) is StatusClass.FAILURE else "ok", code, words)


class Screen:
    """One console as its page shows it. `pick` is the key of the selected entry."""

    def __init__(self, console: Console, pick: str = "") -> None:
        self.console = console
        self.look: Look = look_of(console.kind)
        self.profile: Profile = imitated.named(console.profile)
        self.selected = next((row for row in console.rows if row["key"] == pick), None) if pick else None
        self.exams = Memory.of(console.memory, lambda _: None).exams

    @property
    def title(self) -> str:
        return self.profile.title if self.console.profile else self.look.title

    @property
    def target(self) -> Target:
        return target_of(self.console)

    @cached_property
    def act(self) -> ConsoleAct | None:
        """The latest key that was pressed."""
        return self.console.acts.first()

    @cached_property
    def messages(self) -> list[ShownMessage]:
        return [ShownMessage.of(one) for one in self.console.messages.defer("request", "answers")[:MESSAGES]]

    @cached_property
    def open_exam(self) -> Exam | None:
        return keys.open_exam(self.exams)

    @cached_property
    def lit(self) -> set[str]:
        """Keys of the rows that are lit: those of the exam on the table, else the selected one."""
        if self.open_exam is not None:
            return {row["key"] for row in self.console.rows if row["step_id"] and row["step_id"] in self.open_exam.step_ids}
        return {self.selected["key"]} if self.selected else set()

    @property
    def act_label(self) -> str:
        return keys.named(self.act.key).plain_label if self.act else ""

    @property
    def act_look(self) -> str:
        return "ok" if self.act and self.act.status == ConsoleAct.Status.DONE else "no"

    @property
    def keys(self) -> list[ShownKey]:
        return [ShownKey(key, self.why_not(key) or self._unselected(key)) for key in keys.KEYS]

    def why_not(self, key: Key) -> str:
        """Why the key does nothing now, whatever is given to it; empty when it does something."""
        if self.act and self.act.is_open and key.name != keys.PLUG:
            return "The console is busy; wait until that has ended."
        reason = keys.why_not(key, self.exams)
        if not reason and key.name == keys.GROUP and not listed.of_several(self.console.rows):
            return "No patient on the list has two entries."
        return reason

    def _unselected(self, key: Key) -> str:
        repeats = key.name == keys.START and self.repeats
        return "Select an entry of the list first." if key.picks and not key.asks and self.selected is None and not repeats else ""

    @property
    def repeats(self) -> bool:
        """Whether Start sends once more what was not answered, whatever is selected."""
        return self.open_exam is not None and self.open_exam.state == SENT

    @cached_property
    def exam(self) -> ShownExam | None:
        """What lies on the table, is selected, or was done last; in this order."""
        if self.open_exam is not None:
            return self._shown(self.open_exam)
        if self.selected is not None:
            return ShownExam("SELECTED, NOT STARTED", "from worklist, read-only", _of_row(self.selected), [], [])
        return self._shown(self.exams[-1]) if self.exams else None

    def _shown(self, exam: Exam) -> ShownExam:
        started = datetime.fromisoformat(exam.started)
        state = _STATES.get(exam.state, exam.state)
        if exam.is_open:
            state = f"{state} since {started:%H:%M:%S}"
        if exam.interrupted:
            state = f"{state}, POWER WAS LOST"
        readings = [(f"{exam.images}", "images"), *readings_of(exam.series)]
        if exam.is_open:
            minutes = max(0, int((clock.now(self.console.site) - started).total_seconds())) // 60
            readings.append((f"{minutes // 60}:{minutes % 60:02}", "h:min on the table"))
        return ShownExam(state, _HOW.get(exam.how, "from worklist, read-only"), _of_exam(exam), _series(exam), readings)


def _series(exam: Exam) -> list[ShownSeries]:
    latest = len(exam.series) if exam.is_open else 0
    return [
        ShownSeries(number, one["label"], one["technique"], one["images"], one["planned"], of_series(one), number == latest)
        for number, one in enumerate([*exam.series, *(exam.plan if exam.is_open else [])], start=1)
    ]


def _of_row(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": row["name"],
        "patient_id": row["patient_id"],
        "born": f"{row['born']} {row['sex']}".strip(),
        "procedure": row["procedure"],
        "accession": row["accession"],
        "step": row["step_id"],
    }


def _of_exam(exam: Exam) -> dict[str, str]:
    created = Dataset.from_json(exam.created)
    return {
        "name": exam.patient_name,
        "patient_id": exam.patient_id,
        "born": _born(query.text(created, "PatientBirthDate"), query.text(created, "PatientSex")),
        "procedure": exam.description,
        "accession": ", ".join(dict.fromkeys(exam.accession_numbers)),
        "step": " / ".join([*exam.step_ids, exam.performed_step_id]),
    }


def _born(birth_date: str, sex: str) -> str:
    return f"{times.dicom_date(birth_date) or birth_date} {sex}".strip()
