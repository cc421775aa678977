"""What destinations answer, and what becomes of the message."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from mpps import delivery, outbox
from mpps.models import Delivery, Destination
from ris.errors import IllegalTransition
from tests.support.destinations import a_destination, a_heartbeat, an_exam, complete, let_time_pass, states, verbs
from tests.support.hospital import ACTOR
from tests.support.pacs import Pacs, failure

pytestmark = pytest.mark.django_db
State = Delivery.State


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


@pytest.mark.parametrize("kind", Destination.Kind.values)
def test_a_message_at_which_it_aborts_holds_up_no_other_step_and_waits_until_it_is_taken(pacs: Pacs, kind: str) -> None:
    destination = a_destination(pacs, kind=kind)
    bad, good = an_exam(), an_exam()
    pacs.chokes_on = bad
    delivery.deliver(destination.pk)
    assert verbs(pacs, good) == [], "who was first was sent first"
    let_time_pass()
    delivery.deliver(destination.pk)
    assert (len(verbs(pacs, good)), len(verbs(pacs, bad))) == (1, 2)
    for _ in range(14):
        let_time_pass()
        delivery.deliver(destination.pk)
    late = an_exam()
    let_time_pass()
    delivery.deliver(destination.pk)
    assert states(destination) == [State.WAITING, State.SENT, State.SENT]
    assert (len(verbs(pacs, late)), len(verbs(pacs, bad))) == (1, 17)
    assert "aborted" in Delivery.objects.get(state=State.WAITING).text
    pacs.chokes_on = ""
    let_time_pass()
    delivery.deliver(destination.pk)
    assert states(destination) == [State.SENT] * 3


def test_one_message_at_which_it_aborts_lets_the_next_ones_wait_a_moment_only(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    pacs.chokes_on = an_exam()
    for _ in range(4):
        let_time_pass()
        delivery.deliver(destination.pk)
    destination.refresh_from_db()
    assert destination.failures == 4
    an_exam()
    let_time_pass()
    delivery.deliver(destination.pk)
    destination.refresh_from_db()
    assert (states(destination), destination.failures) == ([State.WAITING, State.SENT], 1)


def test_a_message_at_which_it_always_aborts_may_be_left_out(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = pacs.chokes_on = an_exam()
    complete(uid)
    for _ in range(Delivery.MANY_ATTEMPTS):
        (waiting, _) = destination.deliveries.order_by("message_id")
        with pytest.raises(IllegalTransition):
            outbox.leave_out(waiting, ACTOR)
        let_time_pass()
        delivery.deliver(destination.pk)
    outbox.leave_out(waiting, ACTOR)
    pacs.chokes_on = ""
    let_time_pass()
    delivery.deliver(destination.pk)
    assert states(destination) == [State.REFUSED, State.SENT]


def test_a_final_message_that_is_sent_again_by_hand_may_have_arrived_before(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    delivery.deliver(destination.pk)
    complete(uid)
    pacs.chokes_on = uid  # takes it, and does not say so
    delivery.deliver(destination.pk)
    pacs.chokes_on = ""
    pacs.answer = lambda told: 0x0106
    let_time_pass()
    delivery.deliver(destination.pk)
    outbox.send_again(Delivery.objects.get(state=State.PARKED), ACTOR)
    pacs.answer = lambda told: failure(0x0110, 0xA710)
    delivery.deliver(destination.pk)
    assert states(destination) == [State.SENT, State.SENT]


def test_a_final_message_that_was_only_refused_has_not_arrived_when_it_is_sent_again(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    delivery.deliver(destination.pk)
    complete(uid)
    pacs.answer = lambda told: failure(0x0110, 0xA710)
    for _ in range(3):
        delivery.deliver(destination.pk)
        outbox.send_again(Delivery.objects.get(state=State.PARKED), ACTOR)
    delivery.deliver(destination.pk)
    assert states(destination) == [State.SENT, State.PARKED]


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
