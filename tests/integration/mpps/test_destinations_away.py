"""Destinations that are down, new, or were switched off: nothing is lost, and it comes in order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions, delivery, listeners, outbox, queueing, tasks
from mpps.destinations import DestinationData, data_of, save_destination
from mpps.models import Delivery, Destination, PerformedProcedureStep
from ris import clock
from ris.models import RecordChange
from tests.support.destinations import a_destination, a_heartbeat, an_exam, complete, let_time_pass, send, states, verbs
from tests.support.hospital import ACTOR, a_site
from tests.support.mpps import a_create, received
from tests.support.pacs import Pacs, Told

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # other threads look at the rows too
State = Delivery.State


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


def test_a_wrong_ae_title_is_said_in_words(pacs: Pacs) -> None:
    destination = a_destination(pacs, called_ae_title="ARCHIVE")
    an_exam()
    delivery.deliver(destination.pk)
    destination.refresh_from_db()
    assert "called AE title" in destination.error


def switch(destination: Destination, pacs: Pacs, on: bool, **changes: Any) -> None:
    data = replace(data_of(Destination.objects.get(pk=destination.pk)), enabled=on, **changes)
    save_destination(a_site(), data, ACTOR, known=destination)


@pytest.mark.both_databases
def test_one_that_is_switched_on_again_gets_at_once_what_ended_meanwhile(pacs: Pacs) -> None:
    destination, everything = a_destination(pacs, stations=("CT01",)), a_destination(pacs, "Dose")
    before, during = an_exam(), new_uid()
    delivery.deliver(destination.pk)
    switch(destination, pacs, on=False)
    complete(before)
    send(Verb.N_CREATE, during, a_create())
    complete(during)
    send(Verb.N_CREATE, new_uid(), a_create(PerformedStationAETitle="CT02"), "CT02")  # not for it
    send(Verb.N_CREATE, new_uid(), a_create(), "PACS")  # its own
    assert len(states(destination)) == 1
    switch(destination, pacs, on=True)
    assert RecordChange.objects.latest("pk").reason == "3 messages that it missed follow"
    queueing.settle_switched_on()
    assert delivery.deliver(destination.pk) == 3
    assert [verbs(pacs, uid) for uid in (before, during)] == [["N-CREATE", "N-SET"]] * 2
    assert len(states(everything)) == 5


@pytest.mark.both_databases
def test_a_subscriber_that_is_switched_on_again_hears_of_what_happened_meanwhile(pacs: Pacs) -> None:
    destination = a_destination(pacs, kind=Destination.Kind.EVENTS.value, enabled=False)
    Destination.objects.update(off_since=clock.now(a_site()) - timedelta(hours=1))
    uid = an_exam()
    complete(uid)
    switch(destination, pacs, on=True)
    queueing.settle_switched_on()
    delivery.deliver(destination.pk)
    assert [told.event_type for told in pacs.told] == [1, 2]


def test_what_came_before_it_was_switched_off_or_too_long_ago_is_not_made_up_for(pacs: Pacs) -> None:
    uid = an_exam()
    complete(uid)
    destination = a_destination(pacs, enabled=False)
    switch(destination, pacs, on=True)
    assert states(destination) == []
    switch(destination, pacs, on=False)
    long_ago = clock.now(a_site()) - timedelta(days=queueing.MISSED_DAYS, minutes=1)
    PerformedProcedureStep.objects.update(updated_at=long_ago)
    Destination.objects.update(off_since=long_ago - timedelta(days=1))
    switch(destination, pacs, on=True)
    assert states(destination) == []


def test_the_latest_steps_come_first_where_more_were_missed_than_are_made_up_for(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "MOST_MISSED", 2)
    destination = a_destination(pacs, enabled=False)
    uids = [an_exam() for _ in range(3)]
    switch(destination, pacs, on=True)
    assert list(destination.deliveries.values_list("message__sop_instance_uid", flat=True)) == uids[1:]


def test_a_message_that_was_being_taken_while_it_was_switched_on_is_found_by_the_sweep(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = a_destination(pacs, enabled=False)
    late = received(Verb.N_CREATE, new_uid(), a_create())  # its hospital was read while the destination was off
    listeners.listeners(late.site)
    switch(destination, pacs, on=True)
    actions.n_create(late)
    assert states(destination) == []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda arguments, expires: delivery.deliver(*arguments))
    assert tasks.sweep() == 1
    assert states(destination) == [State.SENT]
    destination.refresh_from_db()
    assert destination.off_since is None
