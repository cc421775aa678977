"""Who does the deeds of a day: the front desk by the hospital's own actions, the consoles over real DICOM."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random

from pydicom.dataset import Dataset

from ris import clock
from ris.actions import steps
from ris.actor import Actor
from ris.errors import IllegalTransition
from ris.models import Site
from training import exams, memory, performed, query
from training.day.story import Booked, Deed, Story, What
from training.day.writing import Machine
from training.errors import ModalityError
from training.faults.active import skewed
from training.hospital.referrals import OPERATORS
from training.memory import Exam
from training.modality import Modality
from training.profiles import Profile
from training.query import Question
from training.scu import KeptOpen
from training.sent import Listener
from training.store import TransientStore
from training.target import Target


@dataclass
class Running:
    """A story on its way: its performed steps by number, how many of its deeds are done, and why it did not go on."""

    story: Story
    exams: dict[int, Exam] = field(default_factory=dict)
    done: int = 0
    failed: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.failed) or self.done == len(self.story.deeds)


class Desk:
    """The front desk. What somebody else has done already is done."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def do(self, running: Running, deed: Deed) -> None:
        """Raises RisError."""
        for one in running.story.booked:
            if deed.entry in ("", one.name):
                self._do(one, deed)

    def _do(self, one: Booked, deed: Deed) -> None:
        if deed.what is What.CANCEL:
            steps.cancel(one.pk, self._actor, deed.reason)
        elif deed.what is What.MOVE and deed.start is not None:
            steps.schedule(one.pk, deed.place, deed.start, self._actor, reason=deed.reason)
        else:
            verb = steps.arrive if deed.what is What.ARRIVE else steps.ready
            try:
                verb(one.pk, self._actor)
            except IllegalTransition:
                return  # somebody at a page was faster; whether the exam can begin is for its console to find out


class Console:
    """A station's virtual modality, with one association that it keeps open all day."""

    def __init__(self, site: Site, machine: Machine, target: Target, now: Callable[[], datetime], listener: Listener, seed: int) -> None:
        self._chance = Random(f"{seed} {machine.ae_title}")
        self._store = TransientStore()
        self._line = KeptOpen()
        self._beginning: tuple[int, int] | None = None  # story and exam of the latest N-CREATE
        self.modality = Modality(
            machine.ae_title,
            target,
            self._store,
            operator=self._chance.choice(OPERATORS),
            profile=Profile("played", "Virtual modality", kind=machine.modalities[0]),
            listener=listener,
            now=skewed(machine.ae_title, now, site),
            zone=clock.zone(site),
            chance=self._chance,
            opening=self._line,
        )
        self._does = {
            What.START: self._start,
            What.WALK_IN: self._walk_in,
            What.APPEND: self._append,
            What.ACQUIRE: self._acquire,
            What.REPORT: self._report,
            What.COMPLETE: self._complete,
            What.DISCONTINUE: self._discontinue,
            What.POWER_LOSS: self._lose_power,
        }

    def do(self, running: Running, deed: Deed) -> None:
        """Raises ModalityError; after NoAnswer the same deed may be done again, which repeats the message that had none."""
        self._does[deed.what](running, deed)

    def go_on_with(self, created: Dataset, sop_instance_uid: str) -> Exam:
        """Know an exam that was begun before the day was played."""
        for keyword in performed.WHAT_IS_DONE:
            if keyword not in created:
                setattr(created, keyword, [] if keyword.endswith("Sequence") else "")
        exam = exams.of(created, self.modality.local_now(), memory.SCHEDULED, str(self.modality.target), sop_instance_uid)
        exam.state, exam.unanswered = memory.IN_PROGRESS, {}
        with self._store.opened() as remembered:
            remembered.exams.append(exam)
        return exam

    def close(self) -> None:
        """Release the association."""
        self._line.close()

    def _start(self, running: Running, deed: Deed) -> None:
        self._begin(running, deed, lambda: self.modality.start_items(self._picked(running.story, deed)))

    def _walk_in(self, running: Running, deed: Deed) -> None:
        typed = running.story.typed
        if typed is None:
            raise ModalityError("Nobody was typed.")
        self._begin(running, deed, lambda: self.modality.start_unscheduled(typed))

    def _append(self, running: Running, deed: Deed) -> None:
        before = running.exams[deed.exam - 1].sop_instance_uid
        self._begin(running, deed, lambda: self.modality.append(before))

    def _begin(self, running: Running, deed: Deed, begin: Callable[[], tuple[Exam, object]]) -> None:
        """A new performed step; when this deed's N-CREATE was not answered, the same is told of again instead.

        One of a story that was given up is forgotten: whether it arrived is not known, and it is nobody else's.
        """
        unanswered = next((exam for exam in self.modality.open_exams() if exam.state == memory.SENT), None)
        before, self._beginning = self._beginning, (running.story.number, deed.exam)
        if unanswered is not None and self._beginning != before:
            self.modality.pull_the_plug(unanswered.sop_instance_uid)
            unanswered = None
        exam, _ = self.modality.start(unanswered.sop_instance_uid) if unanswered else begin()
        running.exams[deed.exam] = exam

    def _picked(self, story: Story, deed: Deed) -> list[Dataset]:
        """The entries of the story's steps, or the wrong one, out of a list as consoles ask for it: by accession, patient or day."""
        wanted = [deed.entry] if deed.entry else [one.name for one in story.booked]
        listed = {query.step_id(item): item for item in self.modality.worklist(self._question(story, deed))}
        missing = [name for name in wanted if name not in listed]
        if missing:
            raise ModalityError(f"{' and '.join(missing)} is not on the list of {self.modality.ae_title}.")
        return [listed[name] for name in wanted]

    def _question(self, story: Story, deed: Deed) -> Question:
        station, first, drawn = self.modality.ae_title, story.booked[0], self._chance.random()
        if deed.entry or drawn < 0.2 or len({one.accession_number for one in story.booked}) > 1:
            return Question.for_days(station, *days_to_list(story, self.modality.local_now()))
        if drawn < 0.4 and query.looks_like_id(first.patient.patient_id):
            return Question.for_patient(first.patient.patient_id, station)
        return Question.for_accession(first.accession_number, station)

    def _acquire(self, running: Running, deed: Deed) -> None:
        self.modality.acquire(running.exams[deed.exam].sop_instance_uid)

    def _report(self, running: Running, deed: Deed) -> None:
        self.modality.report(running.exams[deed.exam].sop_instance_uid)

    def _complete(self, running: Running, deed: Deed) -> None:
        self.modality.complete(running.exams[deed.exam].sop_instance_uid, share=deed.share)

    def _discontinue(self, running: Running, deed: Deed) -> None:
        self.modality.discontinue(running.exams[deed.exam].sop_instance_uid, deed.reason, share=deed.share)

    def _lose_power(self, running: Running, deed: Deed) -> None:
        self.modality.pull_the_plug()
        self._line.cut()


def days_to_list(story: Story, now: datetime) -> tuple[date, date]:
    """First and last day that a console asks for: today, and behind midnight the day before for an exam that is late."""
    today = now.date()
    return min([today, *(one.start.astimezone(now.tzinfo).date() for one in story.booked)]), today


def consoles(
    site: Site, machines: Sequence[Machine], target: Target, now: Callable[[], datetime], listener: Listener, seed: int
) -> dict[str, Console]:
    """One for each station, by AE title."""
    return {one.ae_title: Console(site, one, target, now, listener, seed) for one in machines}
