"""The quirks of the profiles over the wire, against this product's own server."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from pydicom.dataset import Dataset

from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import Order
from tests.support import modality_docs
from tests.support.hospital import a_site, a_station, an_order, steps_of
from tests.support.ports import free_port
from training.modality import Modality, NoAnswer, Refused
from training.profiles import Profile
from training.query import Question
from training.quirks.asking import ASKING
from training.quirks.telling import TELLING
from training.scu import KeptOpen, Opening
from training.sent import Sent
from training.store import TransientStore
from training.target import Target


class Machine:
    """A modality with a profile, whose exchanges are kept."""

    def __init__(self, port: int, station: str = "CT01", opening: Opening | None = None, **profile: object) -> None:
        self.heard: list[Sent] = []
        self.modality = Modality(
            station,
            Target("127.0.0.1", port, "STEPWISE"),
            TransientStore(),
            profile=Profile("odd", "Odd machine", **profile),
            listener=self.heard.append,
            chance=Random(1),
            opening=opening,
        )

    def examine(self, item: Dataset, *, reason: str = "") -> str:
        """Statuses of N-CREATE, a report and the end, up to the first that is refused, e.g. `0000 0105`."""
        before = len(self.heard)
        try:
            exam, _ = self.modality.start_items([item])
            self.modality.acquire(exam.sop_instance_uid)
            self.modality.report(exam.sop_instance_uid)
            if reason:
                self.modality.discontinue(exam.sop_instance_uid, reason)
            else:
                self.modality.complete(exam.sop_instance_uid)
        except Refused:
            with self.modality.store.opened() as remembered:
                remembered.exams.clear()
        return " ".join(self.statuses()[before:])

    def statuses(self, verb: str = "") -> list[str]:
        return [f"{sent.answer.status:04X}" for sent in self.heard if sent.answer and verb in ("", sent.verb)]


def at_noon(**values: object) -> Order:
    midnight = clock.day_bounds(clock.today(a_site()), a_site())[0]
    return an_order(start=midnight + timedelta(hours=12), **values)


def todays() -> Question:
    return Question.for_day("CT01", clock.today(a_site()))


def test_every_odd_query_is_answered(port: int):
    at_noon(patient_id="P-1", name="MÜLLER^Jürgen")
    opening = KeptOpen()
    questions = [todays(), replace(Question.for_patient("MÜLLER*"), modality="CT"), Question.for_patient("P-1", "CT01")]
    found = {}
    for name in ASKING:
        machine = Machine(port, asks=(name,), opening=opening)
        found[name] = [len(machine.modality.worklist(question)) for question in questions]
    opening.close()

    assert found == {name: [1, 1, 1] for name in ASKING}


def test_every_odd_message_gets_the_answer_that_the_documentation_tells(port: int):
    a_station("CT02", strict=False)
    at_noon(patient_id="P-0000001", name="MÜLLER^Jürgen")
    (item,) = Machine(port).modality.worklist(todays())
    answered, stations = {}, {"CT01": KeptOpen(), "CT02": KeptOpen()}
    for name in TELLING:
        reason = "110505" if "reason" in name else ""
        both = (Machine(port, station, opening, tells=(name,)).examine(item, reason=reason) for station, opening in stations.items())
        answered[name] = tuple(next((status for status in each.split() if status != "0000"), "0000") for each in both)
    for opening in stations.values():
        opening.close()

    assert answered == modality_docs.answers()


def test_habits_of_creating_and_ending(port: int):
    at_noon()
    (item,) = Machine(port).modality.worklist(todays())

    assert Machine(port, habits=("creates_twice",)).examine(item) == "0000 0111 0000 0000"
    assert Machine(port, habits=("ends_twice",)).examine(item) == "0000 0000 0000 0110"
    assigned = Machine(port, habits=("no_instance_uid",))
    assert assigned.examine(item) == "0000 0000 0000"
    assert assigned.heard[0].sop_instance_uid == ""
    assert {sent.sop_instance_uid for sent in assigned.heard[1:]} == {PerformedProcedureStep.objects.latest("pk").sop_instance_uid}

    stubborn = Machine(port, tells=("no_relation",), habits=("goes_on_anyway",))
    with pytest.raises(Refused, match=r"0120H.*goes on as if it were started"):
        stubborn.modality.start_items([item])
    (exam,) = stubborn.modality.open_exams()
    with pytest.raises(Refused, match="0112H"):
        stubborn.modality.complete(exam.sop_instance_uid)
    assert PerformedProcedureStep.objects.count() == 3


@pytest.mark.parametrize(("habits", "same"), [((), True), (("new_uid_after_timeout",), False)])
def test_an_exam_whose_start_was_lost_is_begun_again(port: int, habits: tuple[str, ...], same: bool):
    at_noon()
    machine = Machine(port, habits=habits)
    (item,) = machine.modality.worklist(todays())
    offline = replace(machine.modality, target=Target("127.0.0.1", free_port(), "STEPWISE"))
    with pytest.raises(NoAnswer):
        offline.start_items([item])
    (lost,) = machine.modality.open_exams()
    uid = lost.sop_instance_uid
    exam, _ = machine.modality.start_items([item])

    assert (exam.sop_instance_uid == uid) == same
    assert [exam.state for exam in machine.modality.open_exams()] == ["IN PROGRESS"]


def test_habits_on_the_line(port: int):
    at_noon()
    (item,) = Machine(port).modality.worklist(todays())
    for habits in (
        ("aborts",),
        ("hangs_up",),
        ("group_lengths",),
        ("cancels_late",),
        ("stays_connected",),
        ("stays_connected", "cancels_late"),
    ):
        machine = Machine(port, habits=habits)
        machine.modality.worklist(todays())
        assert machine.examine(item) == "0000 0000 0000", habits
        machine.modality.close()

    two = Machine(port, habits=("sets_as_another",))
    exam, _ = two.modality.start_items([item])
    with pytest.raises(NoAnswer, match="does not know CT01_2"):
        two.modality.complete(exam.sop_instance_uid)
    a_station("CT01_2")
    two.modality.complete(exam.sop_instance_uid)
    assert PerformedProcedureStep.objects.get(sop_instance_uid=exam.sop_instance_uid).status == "COMPLETED"


def test_a_query_that_the_machine_cancels_itself(port: int):
    at_noon()
    an_order(start=clock.now() + timedelta(days=2))
    everything = Question(modality="CT")
    for habits in ((), ("stays_connected",)):
        machine = Machine(port, cancels_after=1, habits=habits)
        assert len(machine.modality.worklist(everything)) == 1
        assert machine.statuses()[0] in ("FE00", "0000")  # a short list may be over before the C-CANCEL is there
        assert len(machine.modality.worklist(everything)) == 1
        machine.modality.close()


@pytest.mark.parametrize("syntax", ["Implicit VR Little Endian", "Explicit VR Big Endian"])
def test_a_machine_of_one_transfer_syntax(port: int, syntax: str):
    at_noon(name="MÜLLER^Jürgen")
    machine = Machine(port, transfer_syntaxes=(syntax,), habits=("group_lengths",))
    (item,) = machine.modality.worklist(todays())

    assert item.PatientName == "MÜLLER^Jürgen"
    assert machine.examine(item) == "0000 0000 0000"
    assert PerformedProcedureStep.objects.get().patient_name == "MÜLLER^Jürgen"


def test_a_machine_that_stays_connected_offers_no_more_than_it_knows(port: int):
    machine = Machine(port, transfer_syntaxes=("Implicit VR Little Endian",), habits=("stays_connected",))
    machine.modality.worklist(todays())
    opening = machine.modality._opening
    assert isinstance(opening, KeptOpen) and opening._line is not None
    assert {one.transfer_syntax for one in opening._line._contexts} == {IMPLICIT_VR_LITTLE_ENDIAN}
    machine.modality.close()


def test_a_machine_of_one_character_set(port: int):
    at_noon(name="MÜLLER^Jürgen=山田^太郎")
    machine = Machine(port, character_set="ISO_IR 100")
    (item,) = machine.modality.worklist(todays())

    assert machine.examine(item) == "0000 0000 0000"
    assert machine.heard[-1].request.SpecificCharacterSet == "ISO_IR 100"
    assert PerformedProcedureStep.objects.get().patient_name == "MÜLLER^Jürgen=??^??"


def test_a_list_that_is_kept_is_not_asked_for_again_and_what_it_shows_can_be_started(port: int):
    order = at_noon()
    name = steps_of(order)[0].scheduled_procedure_step_id
    machine = Machine(port, list_kept_minutes=30)
    assert machine.modality.worklist(todays()) == machine.modality.worklist(todays())
    assert machine.statuses("C-FIND") == ["0000"]
    machine.modality.start(name)
    assert [sent.verb for sent in machine.heard] == ["C-FIND", "N-CREATE"]
    assert machine.modality.worklist(todays(), fresh=True) == []
    later = Modality("CT01", machine.modality.target, machine.modality.store, profile=machine.modality.profile)
    later.now = lambda: clock.now() + timedelta(minutes=31)
    later.worklist(todays())
    with later.store.opened() as remembered:
        assert remembered.listed_at > clock.local(clock.now()).isoformat()


def test_a_machine_that_reports_by_itself(port: int):
    at_noon()
    minutes = [0]
    machine = Machine(port, report_minutes=5)
    machine.modality.now = lambda: clock.now() + timedelta(minutes=minutes[0])
    (item,) = machine.modality.worklist(todays())
    machine.modality.start_items([item])
    for minutes[0] in (2, 4, 6, 8, 12):
        machine.modality.report_due()

    assert machine.statuses("N-SET") == ["0000", "0000"]


def test_a_clock_that_is_wrong_is_what_the_exam_began_by(port: int):
    at_noon()
    machine = Machine(port, clock_skew_seconds=720)
    (item,) = machine.modality.worklist(todays())
    machine.modality.start_items([item])

    performed = PerformedProcedureStep.objects.get()
    assert timedelta(minutes=11) < performed.started_at - performed.received_at < timedelta(minutes=13)
