"""Messages that arrive at the same moment, on both databases."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest
from django.db import connection

from dimse.outcomes import ScuAnswer
from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions, queueing
from mpps.destinations import DestinationData, remove_destination, save_destination
from mpps.errors import Refused
from mpps.events import PerformedStepEnded
from mpps.models import Delivery, MppsMessage, PerformedProcedureStep, StepLink
from mpps.received import Received
from ris import events
from ris.models import ScheduledProcedureStep
from tests.integration.mpps.conftest import Connect
from tests.support.hospital import ACTOR, a_procedure, a_site, an_order, steps_of
from tests.support.mpps import a_create, an_end, received

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
T = TypeVar("T")


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What the calls return when they run in threads of their own that begin together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        try:
            barrier.wait(10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result(60) for future in [threads.submit(run, call) for call in calls]]


def test_of_two_n_sets_that_race_to_a_final_state_one_wins(connect: Connect) -> None:
    step = steps_of(an_order())[0]
    uid = new_uid()
    with connect() as one, connect() as other:
        assert one.n_create(a_create(step), uid).status == 0
        answers: list[ScuAnswer] = at_once(lambda: one.n_set(an_end(), uid), lambda: other.n_set(an_end("DISCONTINUED"), uid))
    assert sorted(answer.status for answer in answers) == [0x0000, 0x0110]
    assert {answer.error_id for answer in answers if answer.status} == {0xA710}
    won = PerformedProcedureStep.objects.get()
    assert won.status == ("COMPLETED" if answers[0].ok else "DISCONTINUED")
    assert ScheduledProcedureStep.objects.get(pk=step.pk).status == won.status
    assert won.changes.count() == 2
    assert Counter(won.messages.values_list("verb", "status")) == {("N-CREATE", 0): 1, ("N-SET", 0): 1, ("N-SET", 0x0110): 1}


def test_of_two_n_creates_with_one_uid_one_is_the_duplicate(connect: Connect) -> None:
    step = steps_of(an_order())[0]
    uid = new_uid()
    with connect() as one, connect() as other:
        answers = at_once(lambda: one.n_create(a_create(step), uid), lambda: other.n_create(a_create(step), uid))
    assert sorted(answer.status for answer in answers) == [0x0000, 0x0111]
    assert PerformedProcedureStep.objects.count() == StepLink.objects.count() == 1
    assert step.changes.filter(verb="start").count() == 1


def test_an_n_set_that_races_its_n_create_comes_before_it_or_after_it(connect: Connect) -> None:
    step = steps_of(an_order())[0]
    uid = new_uid()
    with connect() as one, connect() as other:
        created, ended = at_once(lambda: one.n_create(a_create(step), uid), lambda: other.n_set(an_end(), uid))
    assert created.status == 0
    performed = PerformedProcedureStep.objects.get()
    now = ScheduledProcedureStep.objects.get(pk=step.pk).status
    assert (ended.status, performed.status, now) in ((0x0000, "COMPLETED", "COMPLETED"), (0x0112, "IN PROGRESS", "STARTED"))
    assert performed.changes.count() == (1 if ended.status else 2)


def test_updates_at_once_are_all_merged() -> None:
    uid = new_uid()
    actions.n_create(received(Verb.N_CREATE, uid, a_create()))
    keywords = ("PerformedProcedureStepDescription", "CommentsOnThePerformedProcedureStep", "CommentsOnRadiationDose")

    def update(keyword: str) -> Callable[[], PerformedProcedureStep]:
        message = received(Verb.N_SET, uid, an_end("IN PROGRESS", PerformedSeriesSequence=None, **{keyword: "changed"}))
        return lambda: actions.n_set(message)

    at_once(*(update(keyword) for keyword in keywords))
    merged = PerformedProcedureStep.objects.get()
    assert merged.version == 1 + len(keywords)
    assert [element["Value"] for element in merged.attributes.values() if element.get("Value") == ["changed"]] == [["changed"]] * 3


@pytest.fixture
def completed_procedures() -> Iterator[list[int]]:
    """Ids of requested procedures that had no open step left when a performed step ended: what charges are captured by."""
    seen: list[int] = []

    def look(event: PerformedStepEnded) -> None:
        for link in StepLink.objects.filter(performed_step=event.performed_step_id).select_related("step__requested_procedure"):
            assert link.step is not None
            procedure = link.step.requested_procedure
            if not procedure.steps.exclude(status="COMPLETED").exists():
                seen.append(procedure.pk)

    events.subscribe(PerformedStepEnded, look)
    yield seen
    events._subscribers[PerformedStepEnded].remove(look)


@pytest.mark.parametrize("attempt", range(5))
def test_two_steps_of_one_procedure_that_end_at_once_complete_it_once(completed_procedures: list[int], attempt: int) -> None:
    first, second = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    uids = [new_uid(), new_uid()]
    for uid, step in zip(uids, (first, second), strict=True):
        actions.n_create(received(Verb.N_CREATE, uid, a_create(step)))
    ends = [received(Verb.N_SET, uid, an_end()) for uid in uids]
    done = at_once(lambda: actions.n_set(ends[0]), lambda: actions.n_set(ends[1]))
    assert [performed.status for performed in done] == ["COMPLETED", "COMPLETED"]
    assert completed_procedures == [first.requested_procedure_id]


def test_groups_that_hold_each_other_s_steps_do_not_deadlock() -> None:
    steps = [steps_of(an_order(start=None, station=f"CT0{n}"))[0] for n in (1, 2)]
    uids = [new_uid(), new_uid()]
    actions.n_create(received(Verb.N_CREATE, uids[0], a_create(*steps)))
    actions.n_create(received(Verb.N_CREATE, uids[1], a_create(*reversed(steps))))
    at_once(*(partial(actions.n_set, received(Verb.N_SET, uid, an_end())) for uid in uids))
    assert set(ScheduledProcedureStep.objects.values_list("status", flat=True)) == {"COMPLETED"}


def test_a_late_end_of_a_finished_step_says_so_to_everybody() -> None:
    uid = new_uid()
    actions.n_create(received(Verb.N_CREATE, uid, a_create()))
    messages = [received(Verb.N_SET, uid, an_end()) for _ in range(6)]

    def end(message: Received) -> str:
        try:
            return actions.n_set(message).status
        except Refused as refusal:
            return f"{refusal.status:04X}"

    answers = at_once(*(partial(end, message) for message in messages))
    assert Counter(answers) == {"COMPLETED": 1, "0110": 5}


def test_a_destination_is_removed_behind_the_messages_that_are_being_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    destination = save_destination(a_site(), DestinationData("PACS", "pacs.example", 104, "PACS"), ACTOR)
    message, enqueue = received(Verb.N_CREATE, new_uid(), a_create()), queueing.enqueue
    written, removed = threading.Event(), threading.Event()

    def slowly(performed: PerformedProcedureStep, message: Received, kept: MppsMessage) -> None:
        enqueue(performed, message, kept)
        written.set()
        assert not removed.wait(0.5)

    def remove() -> None:
        assert written.wait(10)
        remove_destination(destination, ACTOR)
        removed.set()

    monkeypatch.setattr(queueing, "enqueue", slowly)
    at_once(lambda: actions.n_create(message).pk, remove)
    assert PerformedProcedureStep.objects.get().messages.get().status == 0
    assert not Delivery.objects.exists()
