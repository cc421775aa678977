"""Messages sent on to a PACS, and notifications to a subscriber, over the network: unchanged, in order, whatever is down or refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pydicom.dataset import Dataset
from structlog.testing import capture_logs

from dimse.decode import decode
from dimse.scu import open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, TRANSFER_SYNTAXES, Verb
from dimse.uids import new_uid
from mpps import actions, datasets, delivery, destinations, outbox, scp, tasks
from mpps.destinations import DestinationData, save_destination
from mpps.errors import Refused
from mpps.models import Delivery, Destination, MppsMessage
from mpps.replies import Reply
from ris.errors import IllegalTransition
from tests.support.hospital import ACTOR, a_site
from tests.support.mpps import a_create, a_reason, an_end, received
from tests.support.pacs import Pacs, Told, failure

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # other threads look at the rows too
EXPLICIT, IMPLICIT, BIG = TRANSFER_SYNTAXES
State = Delivery.State


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    one = Pacs()
    one.open()
    yield one
    one.shut()


def a_destination(pacs: Pacs, name: str = "PACS", **changes: object) -> Destination:
    data = DestinationData(**{"name": name, "host": "127.0.0.1", "port": pacs.port, "called_ae_title": "PACS"} | changes)  # type: ignore[arg-type]
    return save_destination(a_site(), data, ACTOR)


def send(verb: Verb, uid: str, dataset: Dataset, calling: str = "CT01") -> None:
    """A message that is accepted."""
    (actions.n_create if verb is Verb.N_CREATE else actions.n_set)(received(verb, uid, dataset, calling))


def an_exam(**changes: object) -> str:
    uid = new_uid()
    send(Verb.N_CREATE, uid, a_create(**{"PatientName": "MÜLLER^Jürgen"} | changes))
    return uid


def complete(uid: str) -> None:
    send(Verb.N_SET, uid, an_end())


def a_heartbeat(uid: str, calling: str = "CT01") -> None:
    heartbeat = Dataset()
    heartbeat.PerformedProcedureStepStatus = "IN PROGRESS"
    send(Verb.N_SET, uid, heartbeat, calling)


def states(destination: Destination) -> list[str]:
    return list(destination.deliveries.order_by("message_id").values_list("state", flat=True))


def let_time_pass() -> None:
    """Every wait is over."""
    Destination.objects.update(next_attempt_at=None)
    Delivery.objects.update(next_attempt_at=None)


def verbs(pacs: Pacs, uid: str = "") -> list[str]:
    return [told.verb for told in pacs.told if uid in ("", told.uid)]


@committed
@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_a_message_is_sent_on_to_the_byte(pacs: Pacs, syntax: str) -> None:
    destination = a_destination(pacs)
    server = DicomServer([scp.MPPS], ServerSettings(ae_title=a_site().ae_title, port=0))
    server.start()
    uid = new_uid()
    create = a_create(PatientName="MÜLLER^Jürgen", SpecificCharacterSet="ISO_IR 100")
    try:
        contexts, called = [MODALITY_PERFORMED_PROCEDURE_STEP], a_site().ae_title
        with open_association(
            "127.0.0.1", server.port, calling="CT01", called=called, contexts=contexts, transfer_syntaxes=[syntax]
        ) as modality:
            assert modality.n_create(create, uid).ok
            assert modality.n_set(an_end(), uid).ok
            assigned = modality.n_create(create).sop_instance_uid
    finally:
        server.stop()
    assert delivery.deliver(destination.pk) == 3
    assert {(told.verb, told.uid, told.syntax, told.calling) for told in pacs.told} == {
        ("N-CREATE", uid, syntax, a_site().ae_title),
        ("N-SET", uid, syntax, a_site().ae_title),
        ("N-CREATE", assigned, syntax, a_site().ae_title),
    }
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET"]
    came = {(message.verb, message.sop_instance_uid): bytes(message.raw) for message in MppsMessage.objects.all()}
    assert {(told.verb, told.uid): told.raw for told in pacs.told} == came
    assert b"M\xdcLLER" in pacs.told[0].raw
    assert states(destination) == [State.SENT] * 3
    assert pacs.associations == 1


def test_another_transfer_syntax_says_the_same_in_the_same_character_set(pacs: Pacs) -> None:
    pacs.shut()
    pacs.syntaxes = (IMPLICIT,)
    pacs.open()
    destination = a_destination(pacs, calling_ae_title="MANAGER")
    an_exam(SpecificCharacterSet="ISO_IR 100")  # as of Explicit VR Little Endian
    assert delivery.deliver(destination.pk) == 1
    (told,) = pacs.told
    assert (told.syntax, told.calling) == (IMPLICIT, "MANAGER")
    assert datasets.from_dataset(decode(told.raw, IMPLICIT).dataset) == MppsMessage.objects.get().dataset
    assert b"M\xdcLLER" in told.raw


def test_only_what_is_accepted_and_concerns_it_is_sent_on(pacs: Pacs) -> None:
    everything = a_destination(pacs)
    dose = a_destination(pacs, "Dose", modalities=("XA",))
    ct = a_destination(pacs, "CT archive", stations=("CT01",), modalities=("CT",))
    off = a_destination(pacs, "Old PACS", enabled=False)
    uid = an_exam()
    with pytest.raises(Refused):
        send(Verb.N_SET, uid, an_end(PatientName="ROE^Jane"))
    send(Verb.N_CREATE, new_uid(), a_create(Modality="XA", PerformedStationAETitle="XA01"), "XA01")
    assert [len(states(one)) for one in (everything, dose, ct, off)] == [2, 1, 1, 0]


def test_who_sent_a_message_does_not_get_it_back(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    send(Verb.N_CREATE, new_uid(), a_create(), "PACS")
    assert states(destination) == []


def test_what_a_destination_sent_itself_is_not_among_what_it_lacks(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    a_heartbeat(uid, "PACS ")
    complete(uid)
    delivery.deliver(destination.pk)
    assert list(destination.deliveries.values_list("message__calling_ae_title", flat=True)) == ["CT01", "CT01"]
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET"]


def test_nothing_is_asked_for_nobody_and_one_statement_writes_for_all(pacs: Pacs) -> None:
    for names in ((), ("PACS", "Dose", "Third")):
        for name in names:
            a_destination(pacs, name)
        destinations.listeners(a_site())
        message = received(Verb.N_CREATE, new_uid(), a_create())
        with CaptureQueriesContext(connection) as asked:
            actions.n_create(message)
        about = [query["sql"] for query in asked if "mpps_delivery" in query["sql"] or "mpps_destination" in query["sql"]]
        assert len(about) == (1 if names else 0)
    assert Delivery.objects.count() == 3


def test_a_destination_that_is_down_gets_everything_in_order_when_it_is_back(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BACKOFF_FIRST", outbox.BACKOFF_CAP)  # longer than the test takes
    destination, other = a_destination(pacs), Pacs()
    elsewhere = a_destination(other, "Dose")
    pacs.shut()
    other.open()
    first, second = an_exam(), an_exam()
    complete(first)
    assert delivery.deliver(destination.pk) == 0
    destination.refresh_from_db()
    assert "not reachable" in destination.error
    assert destination.failures == 1
    assert destination.next_attempt_at is not None
    assert outbox.due() == [elsewhere.pk]
    assert delivery.deliver(elsewhere.pk) == 3
    other.shut()
    complete(second)
    pacs.open()
    assert delivery.deliver(destination.pk) == 0, "its time has not come"
    let_time_pass()
    assert delivery.deliver(destination.pk) == 4
    assert [verbs(pacs, uid) for uid in (first, second)] == [["N-CREATE", "N-SET"], ["N-CREATE", "N-SET"]]
    destination.refresh_from_db()
    assert (destination.error, destination.failures, destination.lease_until) == ("", 0, None)


def test_a_new_destination_gets_the_whole_of_an_exam_that_runs(pacs: Pacs) -> None:
    uid = an_exam()
    a_heartbeat(uid)
    destination = a_destination(pacs)
    complete(uid)
    delivery.deliver(destination.pk)
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET", "N-SET"]


def test_one_that_was_switched_off_gets_what_it_missed(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    delivery.deliver(destination.pk)
    off = save_destination(a_site(), DestinationData("PACS", "127.0.0.1", pacs.port, "PACS", enabled=False), ACTOR, known=destination)
    a_heartbeat(uid)
    assert delivery.deliver(destination.pk) == 0
    save_destination(a_site(), DestinationData("PACS", "127.0.0.1", pacs.port, "PACS"), ACTOR, known=off)
    complete(uid)
    delivery.deliver(destination.pk)
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET", "N-SET"]


@committed
def test_one_that_is_switched_off_while_it_is_told_is_told_at_once_when_it_is_on_again(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    an_exam()
    an_exam()

    def switch_off(told: Told) -> int:
        Destination.objects.update(enabled=False)
        connection.close()
        return 0

    pacs.answer = switch_off
    assert delivery.deliver(destination.pk) == 1
    pacs.answer = lambda told: 0
    Destination.objects.update(enabled=True)
    assert delivery.deliver(destination.pk) == 1
    assert states(destination) == [State.SENT, State.SENT]


def test_a_duplicate_n_create_has_arrived(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    pacs.answer = lambda told: 0x0111 if told.verb == "N-CREATE" else 0
    complete(an_exam())
    assert delivery.deliver(destination.pk) == 2
    assert states(destination) == [State.SENT, State.SENT]


def test_a_refused_message_waits_for_a_person_and_holds_back_its_step_only(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    bad, good = an_exam(), an_exam()
    pacs.answer = lambda told: 0x0106 if told.uid == bad and told.verb == "N-SET" else 0
    a_heartbeat(bad)
    complete(bad)
    complete(good)
    delivery.deliver(destination.pk)
    assert (verbs(pacs, bad), verbs(pacs, good)) == (["N-CREATE", "N-SET"], ["N-CREATE", "N-SET"])
    parked = Delivery.objects.get(state=State.PARKED)
    assert (parked.status, parked.message.sop_instance_uid) == (0x0106, bad)
    assert "Invalid attribute value" in parked.text
    assert outbox.due() == []
    pacs.answer = lambda told: 0
    outbox.send_again(parked, ACTOR)
    delivery.deliver(destination.pk)
    assert verbs(pacs, bad) == ["N-CREATE", "N-SET", "N-SET", "N-SET"]
    with pytest.raises(IllegalTransition, match="sent; only one that waits"):
        outbox.send_again(parked, ACTOR)


def test_a_step_that_was_forgotten_there_is_sent_again_from_its_beginning(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    delivery.deliver(destination.pk)
    pacs.answer = lambda told: 0x0112
    complete(uid)
    delivery.deliver(destination.pk)
    pacs.answer = lambda told: 0
    outbox.send_again(Delivery.objects.get(state=State.PARKED), ACTOR)
    delivery.deliver(destination.pk)
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET", "N-CREATE", "N-SET"]


def test_what_is_left_out_lets_the_others_go(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    pacs.answer = lambda told: 0x0124 if told.verb == "N-CREATE" else 0
    complete(uid)
    delivery.deliver(destination.pk)
    outbox.leave_out(Delivery.objects.get(state=State.PARKED), ACTOR)
    delivery.deliver(destination.pk)
    assert states(destination) == [State.REFUSED, State.SENT]


def test_a_destination_that_fails_inside_is_tried_again_and_then_waits_for_a_person(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    pacs.answer = lambda told: 0x0110
    an_exam()
    for _ in range(20):
        delivery.deliver(destination.pk)
        let_time_pass()
    assert len(pacs.told) == 12
    assert states(destination) == [State.PARKED]


def test_a_message_at_which_it_aborts_holds_up_no_other_step_and_waits_for_a_person_in_the_end(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    bad, good = an_exam(), an_exam()
    pacs.chokes_on = bad
    delivery.deliver(destination.pk)
    assert verbs(pacs, good) == [], "who was first was sent first"
    let_time_pass()
    delivery.deliver(destination.pk)
    assert (verbs(pacs, good), len(verbs(pacs, bad))) == (["N-CREATE"], 2)
    for _ in range(12):
        let_time_pass()
        delivery.deliver(destination.pk)
    assert states(destination) == [State.PARKED, State.SENT]
    assert len(verbs(pacs, bad)) == 12
    assert "aborted" in Delivery.objects.get(state=State.PARKED).text


def test_a_step_that_is_final_there_is_done_only_when_our_own_message_may_have_made_it_so(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    first, second = an_exam(), an_exam()
    delivery.deliver(destination.pk)
    pacs.answer = lambda told: failure(0x0110, 0xA710)
    complete(first)
    claimed = outbox.claim(destination.pk)
    assert claimed is not None
    (head,) = outbox.heads(claimed)
    assert outbox.begin(claimed, head)  # and the worker is killed before it hears the answer
    assert delivery.deliver(destination.pk) == 0, "its lease runs"
    Destination.objects.update(lease_until=Now() - timedelta(seconds=1))
    complete(second)
    delivery.deliver(destination.pk)
    found = {row.message.sop_instance_uid: row.state for row in Delivery.objects.filter(message__verb="N-SET").select_related("message")}
    assert found == {first: State.SENT, second: State.PARKED}


def test_who_lost_the_lease_sends_nothing_more(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    an_exam()
    slow = outbox.claim(destination.pk)
    assert slow is not None
    (head,) = outbox.heads(slow)
    Destination.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert delivery.deliver(destination.pk) == 1
    with pytest.raises(outbox.ClaimLost):
        outbox.begin(slow, head)
    assert verbs(pacs) == ["N-CREATE"]


def test_one_that_is_removed_while_it_is_told_is_told_nothing_more(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    an_exam()
    an_exam()
    late = received(Verb.N_CREATE, new_uid(), a_create())  # of a process that has not heard of it
    claimed = outbox.claim(destination.pk)
    assert claimed is not None
    one, other = outbox.heads(claimed)
    assert outbox.begin(claimed, one)
    assert destinations.remove_destination(destination, ACTOR) == 2
    outbox.record(claimed, one, Reply(State.SENT, ""), 0)
    with pytest.raises(outbox.ClaimLost):
        outbox.begin(claimed, other)
    actions.n_create(late)
    assert (Delivery.objects.count(), delivery.deliver(claimed.pk)) == (0, 0)


@committed
@pytest.mark.both_databases
def test_of_workers_that_claim_a_destination_at_once_one_sends(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uids = [an_exam() for _ in range(3)]
    for uid in uids:
        complete(uid)
    barrier = threading.Barrier(4)

    def work(pk: int) -> int:
        try:
            barrier.wait(10)
            return delivery.deliver(pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        answered = [future.result(60) for future in [threads.submit(partial(work, destination.pk)) for _ in range(4)]]
    assert sum(answered) == 6
    assert {uid: verbs(pacs, uid) for uid in uids} == {uid: ["N-CREATE", "N-SET"] for uid in uids}
    assert set(states(destination)) == {State.SENT}


@pytest.mark.both_databases
def test_a_subscriber_hears_of_each_change(pacs: Pacs) -> None:
    destination = a_destination(pacs, kind=Destination.Kind.EVENTS.value)
    first, second = an_exam(), an_exam()
    a_heartbeat(first)
    complete(first)
    reason = [a_reason("110505", "Patient refused to continue procedure")]
    send(Verb.N_SET, second, an_end("DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=reason))
    assert delivery.deliver(destination.pk) == 5
    assert [(told.verb, told.event_type, told.raw) for told in pacs.told if told.uid == first] == [
        ("N-EVENT-REPORT", 1, b""),
        ("N-EVENT-REPORT", 4, b""),
        ("N-EVENT-REPORT", 2, b""),
    ]
    assert [told.event_type for told in pacs.told if told.uid == second] == [1, 3]


def test_the_sweep_sends_to_whom_something_is_due(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda arguments, expires: delivery.deliver(*arguments))
    for name, enabled in (("PACS", True), ("Dose", True), ("Off", False)):
        a_destination(pacs, name, enabled=enabled)
    assert tasks.sweep() == 0
    an_exam()
    assert tasks.sweep() == 2
    assert verbs(pacs) == ["N-CREATE", "N-CREATE"]
    assert tasks.sweep() == 0


def test_a_broker_that_is_away_leaves_it_to_the_next_sweep(pacs: Pacs) -> None:
    a_destination(pacs)
    an_exam()
    with capture_logs() as logs:
        assert tasks.sweep() == 1
    assert [log["event"] for log in logs] == ["destinations are left to the next sweep"]


def test_a_subscriber_that_refuses_an_event_gets_the_next_ones(pacs: Pacs) -> None:
    destination = a_destination(pacs, kind=Destination.Kind.EVENTS.value)
    uid = an_exam()
    a_heartbeat(uid)
    complete(uid)
    pacs.answer = lambda told: 0x0113 if told.event_type == 4 else 0
    delivery.deliver(destination.pk)
    assert states(destination) == [State.SENT, State.REFUSED, State.SENT]
    assert "No such event type" in Delivery.objects.get(state=State.REFUSED).text


def test_a_subscriber_that_does_not_take_us_as_scp_is_told_of(pacs: Pacs) -> None:
    pacs.shut()
    pacs.agrees_to_roles = False
    pacs.open()
    destination = a_destination(pacs, kind=Destination.Kind.EVENTS.value)
    an_exam()
    assert delivery.deliver(destination.pk) == 0
    destination.refresh_from_db()
    assert "role selection" in destination.error
    assert states(destination) == [State.WAITING]


def test_a_subscriber_that_is_new_hears_of_what_comes(pacs: Pacs) -> None:
    uid = an_exam()
    destination = a_destination(pacs, kind=Destination.Kind.EVENTS.value)
    complete(uid)
    delivery.deliver(destination.pk)
    assert [told.event_type for told in pacs.told] == [2]


def test_a_wrong_ae_title_is_said_in_words(pacs: Pacs) -> None:
    destination = a_destination(pacs, called_ae_title="ARCHIVE")
    an_exam()
    delivery.deliver(destination.pk)
    destination.refresh_from_db()
    assert "called AE title" in destination.error
