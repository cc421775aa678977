"""What a virtual modality does beyond the plain exam, against this product's own server: what the server stored of it."""

from datetime import timedelta
from random import Random

import pytest

from dimse import statuses
from mpps import presenters
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import Order
from tests.support.hospital import a_procedure, a_site, an_order, steps_of
from tests.support.ports import free_port
from training import dose, memory
from training.memory import Exam
from training.modality import Modality, ModalityError, NoAnswer, Refused
from training.query import Question
from training.scu import KeptOpen
from training.sent import Sent
from training.store import TransientStore
from training.target import Target
from training.typed import TypedPatient


class Console:
    """CT01 with a listener that keeps what it hears."""

    def __init__(self, port: int) -> None:
        self.heard: list[Sent] = []
        self.store = TransientStore()
        target = Target("127.0.0.1", port, "STEPWISE")
        self.modality = Modality("CT01", target, self.store, operator="OP^One", listener=self.heard.append, chance=Random(1))

    def exchanges(self) -> list[tuple[str, int | None]]:
        return [(sent.verb, sent.answer.status if sent.answer else None) for sent in self.heard]


@pytest.fixture
def console(port: int) -> Console:
    return Console(port)


def today(**values: object) -> Order:
    midnight = clock.day_bounds(clock.today(a_site()), a_site())[0]
    hours = values.pop("hour", 12)
    return an_order(start=midnight + timedelta(hours=hours), **values)


def name_of(order: Order) -> str:
    return steps_of(order)[0].scheduled_procedure_step_id


def stored(exam: Exam) -> PerformedProcedureStep:
    return PerformedProcedureStep.objects.get(sop_instance_uid=exam.sop_instance_uid)


def test_a_console_may_keep_one_association_and_opens_another_one_when_that_was_ended(port: int):
    opening = KeptOpen()
    console = Modality("CT01", Target("127.0.0.1", port, "STEPWISE"), TransientStore(), opening=opening, chance=Random(1))
    name = name_of(today())
    console.start(name)
    kept = opening._line
    console.acquire(name)
    console.report(name)
    assert opening._line is kept is not None
    kept.abort()
    exam, answer = console.complete(name)
    assert answer.ok
    assert stored(exam).status == "COMPLETED"
    opening.close()
    opening.close()


def test_an_echo_is_answered_and_heard(console: Console):
    assert console.modality.echo().status == statuses.SUCCESS
    assert console.exchanges() == [("C-ECHO", 0)]


def test_what_is_acquired_is_reported_while_the_exam_goes_on(console: Console):
    name = name_of(today())
    exam, _ = console.modality.start(name)
    planned = list(exam.plan)
    console.modality.acquire(name)
    exam, answer = console.modality.report(name)

    assert answer.ok
    assert [one.image_count for one in stored(exam).series.all()] == [planned[0]["planned"]]
    assert stored(exam).status == "IN PROGRESS"
    scouted = presenters.dose(stored(exam))
    assert scouted == f"DLP {dose.total(exam.series)['dlp']:.1f} mGy.cm, CTDIvol {exam.series[0]['dose']['ctdivol']:.1f} mGy"
    console.modality.acquire(name)
    exam, _ = console.modality.complete(name)
    assert presenters.dose(stored(exam)) != scouted
    assert stored(exam).status == "COMPLETED"
    assert {one.series_instance_uid: one.image_count for one in stored(exam).series.all()} == {
        one["uid"]: one["planned"] for one in planned[:2]
    }
    assert not stored(exam).findings.exists()
    assert [verb for verb, _ in console.exchanges()] == ["C-FIND", "N-CREATE", "N-SET", "N-SET"]
    assert all(sent.answer and sent.answer.ok and sent.calling == "CT01" and sent.seconds > 0 for sent in console.heard)
    assert len(console.heard[0].answers) == 1
    assert console.heard[-1].request.PerformedProcedureStepStatus == "COMPLETED"


def test_a_scan_beyond_its_plan_repeats_the_last_series(console: Console):
    name = name_of(today())
    exam, _ = console.modality.start(name)
    for _ in range(len(exam.plan) + 1):
        exam = console.modality.acquire(name)

    assert exam.series[-1]["label"] == exam.series[-2]["label"]
    assert len({one["uid"] for one in exam.series}) == len(exam.series)


def test_two_steps_of_one_patient_are_one_exam(console: Console):
    order = an_order(a_procedure("TWO", steps=("First", "Second")))
    first, second = steps_of(order)
    exam, answer = console.modality.start(first.scheduled_procedure_step_id, second.scheduled_procedure_step_id, any_station=True)

    assert answer.ok
    assert exam.how == memory.GROUP
    assert {link.step for link in stored(exam).links.all()} == {first, second}
    console.modality.complete(second.scheduled_procedure_step_id)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("COMPLETED", "COMPLETED")


def test_picked_answers_of_the_list_are_started_as_they_are(console: Console):
    today()
    (item,) = console.modality.worklist(Question.for_day("CT01", clock.today()))
    exam, _ = console.modality.start_items([item])

    assert stored(exam).links.get().how == "STEP_ID"
    with pytest.raises(ModalityError, match="in progress here"):
        console.modality.start_items([item])


def test_steps_of_two_patients_are_not_one_exam(console: Console):
    one, other = today(patient_id="P1"), today(patient_id="P2", hour=13)

    with pytest.raises(ModalityError, match="different patients"):
        console.modality.start(name_of(one), name_of(other))
    assert not PerformedProcedureStep.objects.exists()


def test_a_typed_patient_is_an_unscheduled_exam(console: Console):
    exam, _ = console.modality.start_unscheduled(TypedPatient("DOE^Jane", "4711", "19800229", "F", description="CT head"))
    console.modality.complete(exam.performed_step_id)

    performed = stored(exam)
    assert performed.links.get().step is None
    assert (performed.patient_name, performed.patient_id, performed.description) == ("DOE^Jane", "4711", "CT head")
    assert performed.status == "COMPLETED"
    with pytest.raises(ModalityError, match="at least a name"):
        console.modality.start_unscheduled(TypedPatient(""))


def test_a_further_performed_step_is_appended_to_the_same_scheduled_one(console: Console):
    order = today()
    first, _ = console.modality.start(name_of(order))
    console.modality.complete(name_of(order))
    second, answer = console.modality.append(name_of(order))

    assert answer.ok
    assert second.how == memory.APPEND
    assert first.performed_step_id != second.performed_step_id
    assert stored(second).links.get().step == stored(first).links.get().step
    console.modality.complete(name_of(order))
    assert stored(second).status == "COMPLETED"
    with pytest.raises(ModalityError, match="has performed nothing called SPS-X"):
        console.modality.append("SPS-X")


def test_the_wrong_patient_is_picked_off_the_same_list(console: Console):
    meant, other = today(patient_id="P1"), today(patient_id="P2", hour=13)
    exam, _ = console.modality.start(name_of(meant), wrong_patient=True)

    assert exam.step_id == name_of(other)
    assert stored(exam).patient_id == "P2"


def test_a_wrong_patient_needs_a_second_one(console: Console):
    with pytest.raises(ModalityError, match="no wrong one"):
        console.modality.start(name_of(today()), wrong_patient=True)


def test_a_power_loss_forgets_what_was_not_reported_and_tells_nobody(console: Console):
    name = name_of(today())
    console.modality.start(name)
    console.modality.acquire(name)
    console.modality.report(name)
    console.modality.acquire(name)
    before = len(console.heard)
    (exam,) = console.modality.pull_the_plug()

    assert len(console.heard) == before
    assert (len(exam.series), exam.interrupted, stored(exam).status) == (1, True, "IN PROGRESS")
    console.modality.discontinue(name, "110501")
    assert stored(exam).status == "DISCONTINUED"
    assert stored(exam).series.count() == 1


def test_a_power_loss_before_the_answer_forgets_the_exam(console: Console):
    name = name_of(today())
    (item,) = console.modality.worklist(Question(step_id=name))
    offline = Modality("CT01", Target("127.0.0.1", free_port(), "STEPWISE"), console.store)
    with pytest.raises(NoAnswer, match="the same command sends it when that is mended"):
        offline.start_items([item])

    assert offline.pull_the_plug() == []
    assert console.modality.open_exams() == []


def test_what_is_broken_off_at_once_has_a_series_without_images(console: Console):
    name = name_of(today())
    console.modality.start(name)
    exam, _ = console.modality.discontinue(name, "110505", share=0.0)

    assert [one.image_count for one in stored(exam).series.all()] == [0]


def test_the_worklist_is_asked_by_patient_by_accession_number_and_broadly(console: Console):
    order = today(patient_id="P77", name="MÜLLER^Jürgen")
    found = {
        Question.for_patient("müll*"): 1,
        Question.for_patient("P77"): 1,
        Question.for_patient("P78", "CT01"): 0,
        Question.for_accession(order.accession_number): 1,
        Question(modality="CT"): 1,
        Question(modality="MR"): 0,
    }

    assert {question: len(console.modality.worklist(question)) for question in found} == found
    assert [verb for verb, _ in console.exchanges()] == ["C-FIND"] * len(found)


def test_a_failure_of_a_query_is_told_with_its_status(console: Console):
    with pytest.raises(Refused, match=r"answered C-FIND with [AC]"):
        console.modality.worklist(Question(dates="not a date"))
    assert console.heard[0].answer is not None
    assert not console.heard[0].answer.ok
