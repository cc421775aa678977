"""What a virtual modality remembers: its exams, and what it keeps of its worklist. Where that is kept is a `Store`'s business."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypedDict

_KEPT = 200  # exams that are over

SENT, IN_PROGRESS, ENDING = "SENT", "IN PROGRESS", "ENDING"
"""Our side of an exam: N-CREATE sent and not answered, answered, final N-SET sent and not answered. Then its final status."""

ENDED_ELSEWHERE = "ENDED ELSEWHERE"
"""The other side refused a change because the step is final there."""

OPEN = (SENT, IN_PROGRESS, ENDING)

SCHEDULED, GROUP, APPEND, UNSCHEDULED = "scheduled", "group", "append", "unscheduled"
"""How an exam came about: of one worklist item, of several, as a further performed step of an earlier exam, of a typed patient."""


class Series(TypedDict):
    """A series: planned, or acquired with `images` of `planned` images. `dose` is what all of them cost, by names of `training.dose`."""

    uid: str
    label: str
    technique: str
    planned: int
    images: int
    dose: dict[str, float]


@dataclass
class Exam:
    """One performed step. `started` is ISO 8601 with the offset; `what_is_done` and `created`, the N-CREATE's list, are DICOM JSON.

    `unanswered` is the message (DICOM JSON) of SENT and ENDING, to be sent again as it was; `final_status` the state that
    an ENDING exam is to have. `series` is what was acquired, `plan` what is left of the plan; of the series the first `reported`
    are known to the other side, which was last told at `told_at` (ISO 8601). `interrupted`: the machine lost power in the middle.
    """

    sop_instance_uid: str
    state: str
    step_id: str
    accession_number: str
    target: str
    modality: str
    description: str
    protocol: str
    character_set: list[str]
    started: str
    what_is_done: dict[str, Any]
    final_status: str = ""
    unanswered: dict[str, Any] = field(default_factory=dict)
    how: str = SCHEDULED
    step_ids: list[str] = field(default_factory=list)
    accession_numbers: list[str] = field(default_factory=list)
    performed_step_id: str = ""
    patient_id: str = ""
    patient_name: str = ""
    created: dict[str, Any] = field(default_factory=dict)
    plan: list[Series] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    reported: int = 0
    interrupted: bool = False
    told_at: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def name(self) -> str:
        """What it is called by in a sentence: its step ID, else the performed step ID."""
        return self.step_id or self.performed_step_id

    @property
    def images(self) -> int:
        """How many were acquired."""
        return sum(one["images"] for one in self.series)

    def is_called(self, name: str) -> bool:
        """Whether `name` is one of its step IDs or accession numbers, its performed step ID or its SOP Instance UID."""
        own = (self.step_id, self.accession_number, self.performed_step_id, self.sop_instance_uid)
        return bool(name) and name in (*own, *self.step_ids, *self.accession_numbers)


@dataclass
class Memory:
    """The exams of one AE title, the latest last; `save` after each change. `as_json` is all there is to keep.

    `listed` is the list that a machine with a cache keeps (DICOM JSON of each item), `listed_at` when it asked (ISO 8601), `listed_for`
    what, in words.
    """

    write: Callable[[dict[str, Any]], None]
    exams: list[Exam] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)
    listed_at: str = ""
    listed_for: str = ""

    @classmethod
    def of(cls, kept: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> "Memory":
        """Out of what `as_json` gave; `{}` makes an empty one. Raises KeyError, TypeError when it is something else."""
        if not kept:
            return cls(write)
        exams = [Exam(**row) for row in kept["exams"]]
        listed = {key: kept[key] for key in ("listed", "listed_at", "listed_for") if key in kept}
        return cls(write, exams, **listed)

    def as_json(self) -> dict[str, Any]:
        exams = [asdict(exam) for exam in self.exams]
        return {"exams": exams, "listed": self.listed, "listed_at": self.listed_at, "listed_for": self.listed_for}

    def save(self) -> None:
        """Write all; of the exams that are over only the latest are kept."""
        self.forget()
        self.write(self.as_json())

    def forget(self) -> None:
        """Keep only the latest of the exams that are over."""
        over = [exam for exam in self.exams if not exam.is_open]
        forgotten = {id(exam) for exam in over[: max(0, len(over) - _KEPT)]}
        self.exams = [exam for exam in self.exams if id(exam) not in forgotten]

    def open_exams(self) -> list[Exam]:
        return [exam for exam in self.exams if exam.is_open]
