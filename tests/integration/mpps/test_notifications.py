"""Notifications of performed steps (MPPS Notification, PS3.4 F.9) to subscribers, over the network."""

import pytest

from dimse.services import Verb
from mpps import delivery
from mpps.models import Delivery, Destination
from tests.support.destinations import a_destination, a_heartbeat, an_exam, complete, send, states
from tests.support.mpps import a_reason, an_end
from tests.support.pacs import Pacs

pytestmark = pytest.mark.django_db
State = Delivery.State


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
