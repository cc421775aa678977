"""What the modalities do: each step of the worklist is one exam with an end that chance gave it."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from queue import Empty, SimpleQueue
from random import Random

from pydicom.dataset import Dataset

from dimse.line import Line
from dimse.outcomes import ScuAnswer, ScuError
from dimse.scu import Timeouts
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST
from dimse.statuses import DUPLICATE_SOP_INSTANCE, ERROR_ID_MAY_NO_LONGER_BE_UPDATED, RESOURCE_LIMITATION
from dimse.uids import new_uid
from mpps.reasons import reasons
from tests.support.scans import acquire
from training import performed
from training.query import Question

_AT_ONCE = 6  # modalities
_PATIENCE = 120.0  # seconds that one message may be repeated for
_TIMEOUTS = Timeouts(response=15.0)


class Failed(Exception):
    """What went wrong, in a sentence."""


class End(StrEnum):
    """How an exam ends, and what that is worth."""

    COMPLETED = "completed"
    REDUCED = "discontinued with images"
    NOTHING = "discontinued without images"
    WRONG_ENTRY = "discontinued, the wrong entry was chosen"


_SHARES = {End.COMPLETED: 80, End.REDUCED: 8, End.NOTHING: 7, End.WRONG_ENTRY: 5}
_REASONS = {End.REDUCED: "110505", End.NOTHING: "110501", End.WRONG_ENTRY: "110514"}
"""Patient refused to continue; equipment failure; incorrect worklist entry selected."""


@dataclass(frozen=True)
class Exam:
    """One scheduled step as the worklist has it, and how it is to end."""

    item: Dataset
    end: End
    uid: str = field(default_factory=new_uid)

    @property
    def step_id(self) -> str:
        return str(performed.step_item(self.item).ScheduledProcedureStepID)

    @property
    def accession_number(self) -> str:
        return str(self.item.AccessionNumber)

    @property
    def procedure_id(self) -> str:
        return str(self.item.RequestedProcedureID)

    def messages(self, chance: Random, now: datetime) -> tuple[Dataset, Dataset]:
        """The N-CREATE and the N-SET that ends it."""
        step = performed.step_item(self.item)
        device = performed.Device(str(step.ScheduledStationAETitle).split("\\")[0], str(step.Modality), operator="CHAOS^Operator")
        created = performed.in_progress([self.item], device, now, f"P{self.step_id}"[:16])
        share = {End.COMPLETED: 1.0, End.REDUCED: 0.5}.get(self.end, 0.0)
        series = acquire(device, "Chaos", "CHAOS", chance, share=share)
        status = "COMPLETED" if self.end is End.COMPLETED else "DISCONTINUED"
        done = performed.what_is_done([self.item])
        return created, performed.final(status, done, series, now + timedelta(minutes=5), reasons().get(_REASONS.get(self.end, "")))


def worklist(host: str, port: int, called: str) -> dict[str, Dataset]:
    """Everything that is served, by Scheduled Procedure Step ID."""
    with Line(host, port, calling="CHAOS", called=called, contexts=[MODALITY_WORKLIST]) as line:
        return {str(performed.step_item(item).ScheduledProcedureStepID): item for item in line.find(Question().identifier())}


def planned(items: Iterable[Dataset], chance: Random) -> list[Exam]:
    """An exam for each item, in an order by chance."""
    exams = [Exam(item, *chance.choices(list(_SHARES), list(_SHARES.values()))) for item in items]
    chance.shuffle(exams)
    return exams


def by_procedure(exams: Sequence[Exam]) -> dict[tuple[str, str], list[Exam]]:
    """By accession number and Requested Procedure ID."""
    found: dict[tuple[str, str], list[Exam]] = defaultdict(list)
    for exam in exams:
        found[exam.accession_number, exam.procedure_id].append(exam)
    return found


@dataclass
class Modalities:
    """Send all exams, each message until it is answered. `gap`: mean seconds between two exams of a modality."""

    host: str
    port: int
    called: str
    seed: int
    gap: float
    now: Callable[[], datetime]
    seen: Counter[str] = field(default_factory=Counter)
    done: int = 0
    problems: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def perform(self, exams: Sequence[Exam]) -> None:
        """Raises Failed when a message got an answer that it should not get, or none for too long."""
        waiting: SimpleQueue[tuple[int, Exam]] = SimpleQueue()
        for numbered in enumerate(exams):
            waiting.put(numbered)
        threads = [threading.Thread(target=self._work, args=(waiting,)) for _ in range(_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.over.set()
        if self.problems:
            raise Failed("; ".join(self.problems))

    def _work(self, waiting: "SimpleQueue[tuple[int, Exam]]") -> None:
        while not self.problems:
            try:
                number, exam = waiting.get_nowait()
            except Empty:
                return
            chance = Random(f"{self.seed}/{number}")
            try:
                self._carry_out(exam, chance)
            except Exception as error:  # noqa: BLE001  (told by who waits for the threads)
                self.problems.append(f"{exam.step_id} ({exam.end}): {type(error).__name__} {error}")
            self.done += 1
            self.over.wait(chance.expovariate(1 / self.gap) if self.gap else 0)

    def _carry_out(self, exam: Exam, chance: Random) -> None:
        created, ended = exam.messages(chance, self.now())
        self._until_answered(lambda line: line.n_create(created, exam.uid), lambda answer: answer.status == DUPLICATE_SOP_INSTANCE)
        if chance.random() < 0.3:
            beat = Dataset()
            beat.PerformedProcedureStepStatus = "IN PROGRESS"
            self._until_answered(lambda line: line.n_set(beat, exam.uid), lambda answer: False)
        self._until_answered(lambda line: line.n_set(ended, exam.uid), lambda answer: answer.error_id == ERROR_ID_MAY_NO_LONGER_BE_UPDATED)

    def _until_answered(self, send: Callable[[Line], ScuAnswer], arrived: Callable[[ScuAnswer], bool]) -> None:
        """Send it on an association of its own, and again while nobody answers. `arrived`: what tells that an earlier try was taken."""
        for tries in self._tries():
            try:
                with Line(
                    self.host, self.port, calling="CHAOS", called=self.called,
                    contexts=[MODALITY_PERFORMED_PROCEDURE_STEP], timeouts=_TIMEOUTS,
                ) as line:  # fmt: skip
                    answer = send(line)
            except ScuError as error:
                self.seen[f"no answer: {type(error).__name__}"] += 1
                continue
            if answer.ok or (tries and arrived(answer)):
                self.seen["taken, and the answer was lost" if not answer.ok else "taken"] += 1
                return
            if answer.status != RESOURCE_LIMITATION:
                raise Failed(f"answered {answer}")
            self.seen["to be sent again later (0213H)"] += 1
        raise Failed(f"no answer within {_PATIENCE:g} s")

    def _tries(self) -> Iterator[int]:
        tries, pause = 0, 0.1
        while tries * pause < _PATIENCE:
            yield tries
            tries += 1
            self.over.wait(pause)
