"""What happens at the same instant: two steps of one requested procedure end; a charge is sent while more is performed for it."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from billing import queries
from billing.actions import delivering
from billing.models import Charge, DeliveryAttempt
from tests.support.hospital import a_procedure, an_order, steps_of
from tests.support.performing import begin, end, perform


def at_once(*works: Callable[[], object]) -> None:
    """Do all of them in threads of their own, from one instant on."""
    together = threading.Barrier(len(works))
    failures: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            together.wait(5)
            work()
        except BaseException as error:  # noqa: BLE001  (shown by the assertion below)
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize("round_", range(3))
def test_exactly_one_charge_is_captured(round_: int) -> None:
    steps = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    begun = [begin([step]) for step in steps]
    at_once(*(partial(end, performed) for performed in begun))
    assert Charge.objects.get().reason == "Completed with 48 images; both steps done"


def send(charge_id: int) -> None:
    """One try that is accepted, if the charge is still to be sent."""
    if claimed := delivering.claim(charge_id):
        delivering.record(claimed, delivering.Attempt(DeliveryAttempt.Result.ACCEPTED, "AA", 1))


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize("round_", range(3))
def test_a_charge_that_is_sent_while_more_is_performed_is_rewritten_or_credited_and_never_both(round_: int) -> None:
    steps = steps_of(an_order())
    perform(steps, "DISCONTINUED", images=3, reason=("110501", "DCM", "Equipment failure"))
    first = Charge.objects.get()
    more = begin(steps)
    at_once(partial(send, first.pk), partial(end, more))
    for charge in Charge.objects.order_by("pk"):
        send(charge.pk)
    charges = Charge.objects.order_by("revision")
    assert {charge.status for charge in charges} == {"POSTED"}
    stands = queries.standing(charges)
    assert stands is not None
    assert (stands.reason.partition(";")[0], stands.lines.get().modifier) == ("Completed with 27 images", "")
    assert [charge.transaction_type for charge in charges] in (["CG"], ["CG", "CD", "CG"])
    assert sum(-charge.amount if charge.is_credit else charge.amount for charge in charges) == stands.amount
