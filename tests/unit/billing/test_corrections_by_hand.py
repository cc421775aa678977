"""What a person voids or credits: only what may be, and the same work is not charged again by itself."""

import pytest

from billing import queries
from billing.actions import capturing, deciding, delivering
from billing.models import Charge, ChargeChange, DeliveryAttempt
from mpps.models import StepLink
from ris.errors import IllegalTransition, InvalidInput
from ris.models import ScheduledProcedureStep
from tests.support.corrections import BILLER, Result, a_reduced_charge, charges, due, send, told
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform, supply

pytestmark = pytest.mark.django_db


def test_void_by_hand_is_for_what_was_not_sent_and_the_same_work_is_not_charged_again() -> None:
    scheduled, first = a_reduced_charge()
    with pytest.raises(InvalidInput, match="Say why"):
        deciding.void_charge(first, BILLER, " ")
    deciding.void_charge(first, BILLER, "Free of charge")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert told() == [("CG", "VOID", "52")]
    perform(scheduled)
    assert told() == [("CG", "VOID", "52"), ("CG", "PENDING", "")], "more was performed"
    held = charges()[-1]
    assert held.on_hold == f"A person decided about {first} already, as its history says; check what is charged besides."
    deciding.release_hold(held, BILLER)
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert (due(), charges()[-1].on_hold) == ([str(held)], ""), "what was released stays so"


def test_what_is_used_up_after_a_credit_by_hand_does_not_charge_the_work_again_without_a_person() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled)
    credit = deciding.credit_charge(send(Charge.objects.get()), BILLER, "Not performed")
    perform(scheduled, BillingSuppliesAndDevicesSequence=supply("20"))
    [*_, anew] = charges()
    assert (anew.lines.count(), anew.on_hold) == (
        2,
        f"A person decided about {credit} already, as its history says; check what is charged besides.",
    )
    assert due() == [str(credit)]


@pytest.mark.parametrize(("sent", "says"), [(Result.NO_ANSWER, "It may have arrived"), (Result.ACCEPTED, "Credit it instead")])
def test_void_by_hand_of_what_the_receiver_may_have_is_refused(sent: DeliveryAttempt.Result, says: str) -> None:
    _, first = a_reduced_charge()
    send(first, sent)
    with pytest.raises(IllegalTransition, match=says):
        deciding.void_charge(first, BILLER, "Free of charge")
    assert ChargeChange.objects.filter(verb="void").count() == 0


def test_voiding_a_credit_by_hand_lets_the_charge_before_it_stand() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    perform(scheduled)
    deciding.void_charge(charges()[1], BILLER, "The charge before it stands")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert told() == [("CG", "POSTED", "52"), ("CD", "VOID", "52"), ("CG", "VOID", "")]
    assert queries.standing(charges()) == first


def test_credit_by_hand_is_for_what_is_posted_and_once() -> None:
    scheduled, first = a_reduced_charge()
    with pytest.raises(IllegalTransition, match="only a posted charge is credited"):
        deciding.credit_charge(first, BILLER, "Not performed")
    credit = deciding.credit_charge(send(first), BILLER, "Not performed")
    with pytest.raises(IllegalTransition, match=f"taken back by {credit} already"):
        deciding.credit_charge(first, BILLER, "Not performed")
    with pytest.raises(IllegalTransition, match="only a posted charge is credited"):
        deciding.credit_charge(send(credit), BILLER, "Not performed")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert told() == [("CG", "POSTED", "52"), ("CD", "POSTED", "52")]
    assert credit.reason == f"Takes back {first}. Not performed"


def test_work_that_is_again_what_stands_changes_nothing_after_a_decision_by_hand() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    again = perform(scheduled)
    deciding.void_charge(charges()[1], BILLER, "The charge before it stands")
    StepLink.objects.filter(performed_step=again).delete()
    ScheduledProcedureStep.objects.filter(pk=scheduled[0].pk).update(status="DISCONTINUED")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert told() == [("CG", "POSTED", "52"), ("CD", "VOID", "52"), ("CG", "VOID", "")]


def test_voiding_a_charge_that_reached_nobody_lets_what_replaces_it_go() -> None:
    scheduled, first = a_reduced_charge()
    claimed = delivering.claim(first.pk)
    assert claimed
    perform(scheduled)
    delivering.record(claimed, delivering.Attempt(Result.NOT_REACHED, "no connection", 1))
    deciding.void_charge(first, BILLER, "It was done in full")
    assert told() == [("CG", "VOID", "52"), ("CD", "VOID", "52"), ("CG", "PENDING", "")]
    assert due() == [str(charges()[2])]
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert charges()[2].on_hold == ""
