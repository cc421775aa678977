"""A virtual modality: it asks for its worklist, performs exams, and tells about them in MPPS, over real DICOM and against any SCP.

Every refusal is a `ModalityError` whose text says what happened and what to do next. Nothing here sleeps or asks the wall clock: moments
come from `now`, chance from `chance`.
"""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from random import Random

from pydicom.dataset import Dataset

from dimse import uids
from dimse.outcomes import ScuAnswer, ScuError
from mpps.reasons import MODALITY_GROUP, Reason, reasons
from ris import clock
from training import dose_module, exams, memory, performed, picking, query
from training.errors import ModalityError, NoAnswer, Refused
from training.listing import Listing
from training.memory import Exam, Memory
from training.performed import COMPLETED, DISCONTINUED, Device
from training.profiles import PLAIN, Profile
from training.query import Question
from training.quirks import habits
from training.scu import KeptOpen, Opening, Wire, opening_of
from training.sent import Listener
from training.store import Store
from training.target import Target
from training.telling import Teller
from training.typed import TypedPatient

__all__ = ["Modality", "ModalityError", "NoAnswer", "Refused", "reason_of"]


@dataclass
class Modality:
    """One console. `store` is where it remembers its exams; `operator` is a PN value; `listener` is told of each message.

    `opening` opens associations otherwise than the profile's machine does. `zone` is that of the hospital where it stands.
    """

    ae_title: str
    target: Target
    store: Store
    _: KW_ONLY
    operator: str = ""
    profile: Profile = PLAIN
    listener: Listener | None = None
    now: Callable[[], datetime] = clock.now
    zone: tzinfo = field(default_factory=clock.zone)
    chance: Random = field(default_factory=Random)
    opening: Opening | None = None

    def __post_init__(self) -> None:
        self._opening = self.opening or opening_of(self.profile)
        self._teller = Teller(Wire(self.ae_title, self.target, self.listener, self.now, self.profile, self._opening))
        self._listing = Listing(self._teller)

    def close(self) -> None:
        """Release an association that the profile's machine keeps."""
        if isinstance(self._opening, KeptOpen):
            self._opening.close()

    def echo(self) -> ScuAnswer:
        """C-ECHO."""
        try:
            return self._teller.wire.echo()
        except ScuError as error:
            raise self._teller.failed(error, "C-ECHO") from error

    def worklist(self, *questions: Question, fresh: bool = False) -> list[Dataset]:
        """The items that answer the first of the questions that finds any, in order of start.

        A machine that keeps its list shows what it kept when the same was asked before; `fresh` is its button to ask again.
        """
        if not self.profile.list_kept_minutes:
            return self._listing.find(questions)
        with self.store.opened() as remembered:
            return self._listing.show(remembered, questions, self.local_now(), fresh=fresh)

    def open_exams(self) -> list[Exam]:
        """What this console has in progress."""
        with self.store.opened() as remembered:
            return remembered.open_exams()

    def latest_exam(self, *, running: bool = True) -> Exam | None:
        """The one that was begun last; `running`: of those in progress."""
        with self.store.opened() as remembered:
            return next(iter(reversed(remembered.open_exams() if running else remembered.exams)), None)

    def names_begun(self) -> set[str]:
        """Step IDs of all exams that this console remembers."""
        with self.store.opened() as remembered:
            return {step_id for exam in remembered.exams for step_id in exam.step_ids}

    def start(
        self, *names: str, any_station: bool = False, wrong_patient: bool = False, sop_instance_uid: str = ""
    ) -> tuple[Exam, ScuAnswer]:
        """Ask for the worklist item again and send its N-CREATE. A name is a step ID, or an accession number of one step.

        Several names are one exam for several requests (the group case). `wrong_patient`: the entry of somebody else beside it is
        picked. An N-CREATE whose answer got lost is repeated with the same UID, so that nothing is started twice.
        """
        with self.store.opened() as remembered:
            unanswered = self._unanswered(remembered, names)
            if unanswered:
                return unanswered, self._teller.create(remembered, unanswered, repeated=True)
            station, now = "" if any_station else self.ae_title, self.local_now()
            kept = {query.step_id(item): item for item in self._listing.kept(remembered, now)}
            picked = [kept.get(name) or picking.pick(name, station, self.target, self._listing.find) for name in names]
            if wrong_patient:
                listed = self._listing.show(remembered, [Question.for_day(station, now.date())], now)
                picked = [picking.another_patient(picked[0], listed, self.chance)]
                self._unanswered(remembered, [query.step_id(item) for item in picked])
            return self._start_items(remembered, picked, sop_instance_uid)

    def start_items(self, items: Sequence[Dataset], *, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer]:
        """N-CREATE for answers of `worklist` that were picked: one, or several of one patient (the group case)."""
        with self.store.opened() as remembered:
            unanswered = self._unanswered(remembered, [query.step_id(item) for item in items])
            if unanswered:
                return unanswered, self._teller.create(remembered, unanswered, repeated=True)
            return self._start_items(remembered, items, sop_instance_uid)

    def start_unscheduled(self, patient: TypedPatient, *, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer]:
        """N-CREATE for a patient typed at the console: a Study Instance UID of the modality's own, no request."""
        if not patient.name and not patient.patient_id:
            raise ModalityError("Who is examined? Type at least a name or an ID.")
        now, device = self.local_now(), self._device(self.profile.kind or patient.modality or "OT")
        with self.store.opened() as remembered:
            created = performed.in_progress([patient.item()], device, now, exams.performed_step_id(now, remembered))
            created.PerformedProcedureStepDescription = patient.description[:64]
            return self._create(remembered, created, memory.UNSCHEDULED, sop_instance_uid)

    def append(self, name: str, *, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer]:
        """N-CREATE of a further performed step for what an earlier exam was for (PS3.17 J.5: append)."""
        with self.store.opened() as remembered:
            called = [exam for exam in remembered.exams if exam.is_called(name) and exam.created]
            if not called:
                raise ModalityError(
                    f"{self.ae_title} has performed nothing called {name} that could be appended to; `start {name}` begins it."
                )
            unanswered = self._unanswered(remembered, [name, *called[-1].step_ids])
            if unanswered:
                return unanswered, self._teller.create(remembered, unanswered, repeated=True)
            now = self.local_now()
            created = exams.appended(Dataset.from_json(called[-1].created), now, exams.performed_step_id(now, remembered))
            return self._create(remembered, created, memory.APPEND, sop_instance_uid)

    def acquire(self, name: str) -> Exam:
        """The next series of the plan, or a repetition of the last one. Nothing is sent."""
        with self.store.opened() as remembered:
            exam = self._begun(remembered, name)
            exams.make_plan(exam, self.chance)
            exams.acquire_next(exam)
            remembered.save()
            return exam

    def report(self, name: str) -> tuple[Exam, ScuAnswer]:
        """N-SET IN PROGRESS with what was acquired so far."""
        with self.store.opened() as remembered:
            exam = self._begun(remembered, name)
            if exam.state != memory.IN_PROGRESS:
                raise ModalityError(f"{name} cannot be reported: its last message was not answered; send that again first.")
            return exam, self._report(remembered, exam)

    def report_due(self) -> list[tuple[Exam, ScuAnswer]]:
        """Report what the profile's machine reports by itself by now: each exam in progress whose last message is old enough."""
        every, now = timedelta(minutes=self.profile.report_minutes), self.local_now()
        with self.store.opened() as remembered:
            return [(exam, self._report(remembered, exam)) for exam in remembered.exams if exams.is_to_be_reported(exam, every, now)]

    def complete(self, name: str, *, share: float = 1.0, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer]:
        """The final N-SET with all series. When none was acquired yet, `share` (0 to 1) of the plan is."""
        return self._end(name, COMPLETED, share, None, sop_instance_uid)

    def discontinue(self, name: str, reason_code: str, *, share: float = 0.5, sop_instance_uid: str = "") -> tuple[Exam, ScuAnswer]:
        """The final N-SET with what was done and a reason of CID 9300. When nothing was acquired yet, `share` of the plan is."""
        return self._end(name, DISCONTINUED, share, reason_of(reason_code), sop_instance_uid)

    def pull_the_plug(self, name: str = "") -> list[Exam]:
        """Power loss: nothing is sent, and what was acquired since the last report is gone; a message without answer is forgotten.

        Of the exam called `name`, or of all that are open. They come back as they are known after the machine has started again.
        """
        with self.store.opened() as remembered:
            hit = [self._begun(remembered, name)] if name else remembered.open_exams()
            for exam in hit:
                exams.interrupt(exam)
            remembered.exams = [exam for exam in remembered.exams if exam.state != memory.SENT or not exam.interrupted]
            remembered.save()
            return [exam for exam in hit if exam.state != memory.SENT]

    def _report(self, remembered: Memory, exam: Exam) -> ScuAnswer:
        message = exams.progress(exam, self._device(exam.modality))
        return self._teller.report(remembered, exam, message, self.local_now())

    def _device(self, kind: str) -> Device:
        return Device(self.ae_title, kind, name=self.ae_title, operator=self.operator)

    def local_now(self) -> datetime:
        """The console's wall clock, in whole seconds."""
        moment = self.now() + timedelta(seconds=self.profile.clock_skew_seconds)
        return moment.astimezone(self.zone).replace(microsecond=0)

    def _unanswered(self, remembered: Memory, names: Sequence[str]) -> Exam | None:
        """The exam of these names whose N-CREATE was not answered. Raises ModalityError when one is in progress."""
        open_exams = [exam for exam in remembered.open_exams() if not exam.interrupted]
        for name in names:
            for exam in open_exams:
                if exam.is_called(name):
                    if exam.state == memory.SENT:
                        return self._repeated(remembered, exam)
                    raise ModalityError(
                        f"{name} is in progress here since {exam.started[11:16]} (MPPS {exam.sop_instance_uid}); "
                        "complete or discontinue it first."
                    )
        return None

    def _repeated(self, remembered: Memory, exam: Exam) -> Exam | None:
        """The exam whose N-CREATE is sent again; None when such a machine begins another one instead."""
        if not self.profile.has(habits.NEW_UID_AFTER_TIMEOUT):
            return exam
        remembered.exams.remove(exam)
        return None

    def _start_items(self, remembered: Memory, items: Sequence[Dataset], sop_instance_uid: str) -> tuple[Exam, ScuAnswer]:
        if len({query.text(item, "PatientID") for item in items}) > 1:
            raise ModalityError("The steps are of different patients; one exam is of one.")
        now = self.local_now()
        kind = self.profile.kind or query.text(performed.step_item(items[0]), "Modality") or "OT"
        created = performed.in_progress(items, self._device(kind), now, exams.performed_step_id(now, remembered))
        return self._create(remembered, created, memory.GROUP if len(items) > 1 else memory.SCHEDULED, sop_instance_uid)

    def _create(self, remembered: Memory, created: Dataset, how: str, sop_instance_uid: str) -> tuple[Exam, ScuAnswer]:
        """A UID that breaks the rules goes out as it is, unless it is too long."""
        problem = uids.problem_with(sop_instance_uid) if sop_instance_uid else None
        if problem and len(sop_instance_uid) > uids.MAXIMUM_LENGTH:
            raise ModalityError(f"{sop_instance_uid!r} cannot be sent as a UID: {problem}.")
        created.update(dose_module.announced(query.text(created, "Modality")))
        exam = exams.of(created, self.local_now(), how, str(self.target), sop_instance_uid or uids.new_uid())
        exams.make_plan(exam, self.chance)
        remembered.exams.append(exam)
        remembered.save()
        return exam, self._teller.create(remembered, exam, repeated=False)

    def _end(self, name: str, status: str, share: float, reason: Reason | None, sop_instance_uid: str) -> tuple[Exam, ScuAnswer]:
        with self.store.opened() as remembered:
            exam = self._begun(remembered, name, sop_instance_uid)
            repeated = exam.state == memory.ENDING and exam.final_status == status
            if not repeated:
                if not exam.series:
                    exams.make_plan(exam, self.chance)
                    exams.acquire_share(exam, share)
                message = exams.final(exam, self._device(exam.modality), status, self.local_now(), reason)
                exam.state, exam.final_status, exam.unanswered = memory.ENDING, status, message.to_json_dict()
                remembered.save()
            return exam, self._teller.end(remembered, exam, sop_instance_uid or exam.sop_instance_uid, repeated=repeated)

    def _begun(self, remembered: Memory, name: str, sop_instance_uid: str = "") -> Exam:
        """The exam of this name that is in progress here.

        With a UID given also one that is over (a copy: nothing is remembered of it), to see how the other side refuses that.
        """
        called = [exam for exam in remembered.exams if exam.is_called(name)]
        running = [exam for exam in called if exam.is_open]
        running = [exam for exam in running if not exam.interrupted] or running
        if len(running) > 1:
            which = ", ".join(exam.name for exam in running)
            raise ModalityError(f"{name} stands for {len(running)} exams in progress; say which one: {which}.")
        if running:
            return running[0]
        if called and sop_instance_uid:
            return replace(called[-1])
        if called:
            over = called[-1]
            raise ModalityError(f"{name} is {over.state} already (MPPS {over.sop_instance_uid}); a final step cannot be changed.")
        others = ", ".join(exam.name for exam in remembered.open_exams())
        raise ModalityError(f"{self.ae_title} has not started {name}; in progress here: {others or 'nothing'}. `start {name}` begins it.")


def reason_of(code: str) -> Reason:
    """The reason of a code of CID 9300; ModalityError lists those that a modality uses."""
    known = reasons()
    if code in known:
        return known[code]
    usual = "\n".join(f"  {r.code:<10} {r.meaning}" for r in known.values() if MODALITY_GROUP in r.context_groups)
    raise ModalityError(f"{code!r} is no code of CID 9300, the reasons for discontinuation. Those of modalities (CID 9301) are:\n{usual}")
