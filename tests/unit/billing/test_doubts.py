"""A charge that a person has to look at first: held and let go by what is known of the work, with the credits and charges around it."""

from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from billing.actions import capturing, deciding
from billing.capture import OTHER_PATIENT
from billing.models import Charge
from mpps.models import Finding, PerformedProcedureStep, StepLink
from ris import clock
from ris.errors import IllegalTransition
from ris.models import ScheduledProcedureStep
from tests.support.corrections import BILLER, BROKEN, Result, a_reduced_charge, charges, due, send, told, undone
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform

pytestmark = pytest.mark.django_db
DOUBT = "Completed by hand without MPPS; check that it was performed."


def taken_off() -> tuple[ScheduledProcedureStep, Charge, PerformedProcedureStep]:
    """A charge that is held since what was performed for it turned out to be another exam's: only a person says that it was done."""
    step = steps_of(an_order())[0]
    performed = perform([step])
    StepLink.objects.all().delete()
    return step, judged_again(step), performed


def linked(step: ScheduledProcedureStep, performed: PerformedProcedureStep) -> None:
    StepLink.objects.create(step=step, performed_step=performed, position=1, how=StepLink.How.HAND)


def judged_again(step: ScheduledProcedureStep) -> Charge:
    capturing.capture_after_change_by_hand(step.requested_procedure_id)
    return Charge.objects.get()


def find(performed: PerformedProcedureStep) -> None:
    Finding.objects.create(performed_step=performed, code=OTHER_PATIENT, text="another patient", at=performed.received_at)


def test_correction_that_a_person_has_to_check_holds_its_credit_too() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    StepLink.objects.filter(step__in=scheduled).delete()
    perform(scheduled, "DISCONTINUED", images=5)
    PerformedProcedureStep.objects.filter(charges=first).update(discontinuation_reason_code="")
    assert told() == [("CG", "POSTED", "52")], "reduced before and after: the same lines"
    StepLink.objects.filter(step__in=scheduled).delete()
    ScheduledProcedureStep.objects.filter(pk=scheduled[0].pk).update(status="COMPLETED")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    _, credit, anew = charges()
    assert credit.on_hold == anew.on_hold == "Completed by hand without MPPS; check that it was performed."
    deciding.release_hold(anew, BILLER)
    assert {one.on_hold for one in charges()} == {""}
    assert due() == [str(credit)]


def test_a_correction_whose_doubt_is_gone_lets_its_credit_go_too() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    ScheduledProcedureStep.objects.filter(pk=scheduled[0].pk).update(status="COMPLETED")
    StepLink.objects.filter(step__in=scheduled).delete()
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert all(one.on_hold for one in charges()[1:])
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    ScheduledProcedureStep.objects.filter(pk=scheduled[0].pk).update(status="DISCONTINUED")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert {one.on_hold for one in charges()} == {""}
    assert due() == [str(charges()[1])]


def test_what_another_hold_has_taken_the_place_of_is_not_released() -> None:
    a_reduced_charge()
    Charge.objects.update(on_hold="one doubt")
    seen = Charge.objects.get()
    Charge.objects.update(on_hold="another doubt")
    with pytest.raises(IllegalTransition, match="not on hold for that any more"):
        deciding.release_hold(seen, BILLER)
    assert Charge.objects.get().on_hold == "another doubt"


def test_a_doubt_that_is_gone_lets_the_same_charge_go() -> None:
    step, charge, performed = taken_off()
    assert (charge.on_hold, due()) == (DOUBT, [])
    linked(step, performed)
    charge = judged_again(step)
    assert (charge.on_hold, due()) == ("", [str(charge)])
    assert charge.changes.get(verb="release").reason == f"No doubt is left: {DOUBT}"


def test_a_doubt_that_came_up_holds_the_same_charge_that_was_not_sent() -> None:
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    find(performed)
    charge = judged_again(scheduled[0])
    assert charge.on_hold == "another patient"
    assert due() == []
    assert charge.changes.get(verb="hold").reason == "another patient"


def test_a_doubt_that_came_up_changes_nothing_of_what_was_sent() -> None:
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    send(Charge.objects.get(), Result.NO_ANSWER)
    find(performed)
    assert judged_again(scheduled[0]).on_hold == ""


def test_what_a_person_released_is_held_again_only_for_another_doubt() -> None:
    step, charge, performed = taken_off()
    deciding.release_hold(charge, BILLER, "I saw the films")
    assert judged_again(step).on_hold == ""
    linked(step, performed)
    find(performed)
    assert judged_again(step).on_hold == "another patient"


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_credit_is_held_no_longer_than_what_it_was_held_for(by_hand: bool) -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    ScheduledProcedureStep.objects.filter(pk=scheduled[0].pk).update(status="COMPLETED")
    StepLink.objects.filter(step__in=scheduled).delete()
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    credit, anew = charges()[1:]
    assert credit.on_hold == anew.on_hold == DOUBT
    if by_hand:
        deciding.void_charge(anew, BILLER, "Not performed")
    else:
        undone(scheduled)
    assert (charges()[2].status, due()) == ("VOID", [str(credit)])
    assert list(credit.changes.values_list("verb", "reason").order_by("pk"))[-1] == ("release", f"No doubt is left: {DOUBT}")


def test_a_doubt_about_a_refused_charge_is_told_as_what_it_is() -> None:
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    refused = send(Charge.objects.get(), Result.REFUSED)
    Finding.objects.create(performed_step=performed, code=OTHER_PATIENT, text="Another patient", at=performed.received_at)
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    change = refused.changes.order_by("pk").last()
    assert change
    assert (change.verb, change.from_status, change.to_status) == ("hold", "FAILED", "FAILED")


def test_time_on_hold_is_no_time_of_trying(settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES, settings.CHARGE_GIVE_UP_HOURS = 1, 72
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    charge = send(Charge.objects.get(), Result.NOT_REACHED)
    Charge.objects.update(tried_since=clock.wall() - timedelta(days=4), next_attempt_at=clock.wall())
    Finding.objects.create(performed_step=performed, code=OTHER_PATIENT, text="Another patient", at=performed.received_at)
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    charge.refresh_from_db()
    deciding.release_hold(charge, BILLER)
    assert send(charge, Result.NOT_REACHED).status == "PENDING"
