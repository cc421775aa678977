"""A destination has one sender at a time, whatever becomes of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.db.models.functions import Now

from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions, delivery, destinations, outbox
from mpps.models import Delivery, Destination
from mpps.replies import Reply
from tests.support.destinations import a_destination, an_exam, complete, states, verbs
from tests.support.hospital import ACTOR
from tests.support.mpps import a_create, received
from tests.support.pacs import Pacs

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # other threads look at the rows too
State = Delivery.State


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
