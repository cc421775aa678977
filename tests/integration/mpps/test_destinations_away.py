"""Destinations that are down, new, or were switched off: nothing is lost, and it comes in order."""

import pytest
from django.db import connection

from mpps import delivery, outbox
from mpps.destinations import DestinationData, save_destination
from mpps.models import Delivery, Destination
from tests.support.destinations import a_destination, a_heartbeat, an_exam, complete, let_time_pass, states, verbs
from tests.support.hospital import ACTOR, a_site
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
