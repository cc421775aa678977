"""What was charged and is worth something else: rewritten, voided, or credited and charged anew, never edited once it was sent."""

from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_django.fixtures import Settings

from billing import messages, queries
from billing.actions import capturing, deciding, delivering
from billing.capture import OTHER_PATIENT
from billing.models import Charge, ChargeChange, DeliveryAttempt
from mpps.models import Finding, PerformedProcedureStep, StepLink
from ris import clock, outbox
from ris.actions import edits
from ris.actor import Actor
from ris.errors import IllegalTransition, InvalidInput
from ris.models import ScheduledProcedureStep
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform, supply

pytestmark = pytest.mark.django_db
BROKEN = ("110501", "DCM", "Equipment failure")
Result = DeliveryAttempt.Result
BILLER = Actor.system("test")


def charges() -> list[Charge]:
    return list(Charge.objects.order_by("revision"))


def told() -> list[tuple[str, str, str]]:
    """Type, status and modifier of each charge."""
    return [(one.transaction_type, one.status, one.lines.get().modifier) for one in charges()]


def a_reduced_charge() -> tuple[list[ScheduledProcedureStep], Charge]:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    return scheduled, Charge.objects.get()


def send(charge: Charge, result: DeliveryAttempt.Result = Result.ACCEPTED) -> Charge:
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(result, str(result), 1))
    charge.refresh_from_db()
    return charge


def due() -> list[str]:
    return [str(one) for one in queries.due().filter(outbox.free()).order_by("pk")]


def undone(scheduled: list[ScheduledProcedureStep]) -> None:
    """What was performed turns out to belong elsewhere: the steps end by hand as not done."""
    StepLink.objects.filter(step__in=scheduled).delete()
    ScheduledProcedureStep.objects.filter(pk__in=[step.pk for step in scheduled]).update(status="DISCONTINUED")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)


def test_posted_charge_is_credited_and_charged_anew_and_stays_as_it_is() -> None:
    scheduled, first = a_reduced_charge()
    before = Charge.objects.filter(pk=send(first).pk).values().get()
    perform(scheduled)
    assert Charge.objects.filter(pk=first.pk).values().get() == before
    assert told() == [("CG", "POSTED", "52"), ("CD", "PENDING", "52"), ("CG", "PENDING", "")]
    _, credit, anew = charges()
    assert [one.revision for one in charges()] == [1, 2, 3]
    assert (credit.corrects, anew.corrects) == (first, credit)
    assert (credit.amount, anew.amount) == (Decimal(250), Decimal(250))
    assert credit.reason == f"Takes back {first}. Completed with 27 images"
    assert anew.reason == f"Completed with 27 images; instead of {first}"
    assert len({one.control_id for one in charges()}) == 3


def test_credit_and_what_follows_it_are_sent_one_after_the_other() -> None:
    scheduled, first = a_reduced_charge()
    claimed = delivering.claim(first.pk)
    assert claimed is not None
    perform(scheduled)
    _, credit, anew = charges()
    assert due() == [], "the charge is on its way: its credit waits for it"
    assert delivering.claim(credit.pk) is None
    delivering.record(claimed, delivering.Attempt(Result.NO_ANSWER, "", 1))
    assert due() == [str(first)], "it may have arrived: it is sent again, and the credit still waits"
    send(first)
    assert due() == [str(credit)]
    send(credit)
    assert due() == [str(anew)]
    send(anew)
    assert told() == [("CG", "POSTED", "52"), ("CD", "POSTED", "52"), ("CG", "POSTED", "")]
    assert queries.standing(charges()) == anew


def test_the_message_of_a_credit_has_the_codes_of_its_charge_and_another_control_id() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    perform(scheduled)
    credit = delivering.claim(charges()[1].pk)
    assert credit is not None
    first.refresh_from_db()
    of_charge, of_credit = (next(line.split("|") for line in one.message.split("\r") if line.startswith("FT1")) for one in (first, credit))
    assert (of_charge[6], of_credit[6]) == ("CG", "CD")
    assert (of_charge[4], of_charge[7:]) == (of_credit[4], of_credit[7:])
    assert of_charge[2] != of_credit[2]


def test_the_same_work_told_again_corrects_nothing() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    perform(scheduled)
    perform(scheduled)
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert len(charges()) == 3


def test_a_correction_that_is_not_sent_is_written_anew() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    perform(scheduled)
    undone(scheduled)
    assert told() == [("CG", "POSTED", "52"), ("CD", "PENDING", "52"), ("CG", "VOID", "")]


@pytest.mark.parametrize("attempt", [None, Result.REFUSED], ids=["not sent", "refused"])
def test_what_nobody_has_is_voided_when_it_is_worth_nothing(attempt: DeliveryAttempt.Result | None) -> None:
    scheduled, first = a_reduced_charge()
    if attempt:
        send(first, attempt)
    undone(scheduled)
    assert told() == [("CG", "VOID", "52")]
    assert ChargeChange.objects.filter(charge=first, verb="void", to_status="VOID").count() == 1
    perform(scheduled)
    assert told() == [("CG", "VOID", "52"), ("CG", "PENDING", "")], "done after all: charged"


def test_posted_charge_of_work_that_is_worth_nothing_is_credited_only() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    undone(scheduled)
    assert told() == [("CG", "POSTED", "52"), ("CD", "PENDING", "52")]
    assert queries.standing(charges()) is None
    perform(scheduled)
    assert told()[2] == ("CG", "PENDING", "")
    assert charges()[2].corrects == charges()[1]


def test_charge_that_is_refused_takes_its_credit_with_it() -> None:
    scheduled, first = a_reduced_charge()
    claimed = delivering.claim(first.pk)
    assert claimed is not None
    perform(scheduled)
    delivering.record(claimed, delivering.Attempt(Result.REFUSED, "AE: no", 1))
    assert told() == [("CG", "VOID", "52"), ("CD", "VOID", "52"), ("CG", "PENDING", "")]
    assert due() == [str(charges()[2])]


def test_charge_that_may_have_arrived_before_it_was_refused_is_not_voided() -> None:
    scheduled, first = a_reduced_charge()
    send(first, Result.NO_ANSWER)
    claimed = delivering.claim(first.pk)
    assert claimed is not None
    perform(scheduled)
    delivering.record(claimed, delivering.Attempt(Result.REFUSED, "AE: no", 1))
    assert told() == [("CG", "FAILED", "52"), ("CD", "PENDING", "52"), ("CG", "PENDING", "")]
    assert due() == []
    first.refresh_from_db()
    deciding.retry_failed(first, BILLER)
    again = delivering.claim(first.pk)
    assert again is not None
    assert again.message == claimed.message, "the same to the byte, for the receiver may have booked it"
    delivering.record(again, delivering.Attempt(Result.ACCEPTED, "AA", 1))
    assert due() == [str(charges()[1])]


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


def test_a_charge_that_could_not_be_written_at_first_is_untold_when_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled, first = a_reduced_charge()
    with monkeypatch.context() as patch:
        patch.setattr(messages, "build", unwritable)
        assert delivering.claim(first.pk) is None
    first.refresh_from_db()
    assert (first.status, first.attempts) == ("FAILED", 0)
    deciding.retry_failed(first, BILLER)
    send(first, Result.REFUSED)
    perform(scheduled)
    assert told() == [("CG", "FAILED", "")], "written anew: nobody can have it"


def unwritable(charge: Charge) -> str:
    raise ValueError("no account")


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


def test_work_that_is_again_what_stands_changes_nothing_after_a_decision_by_hand() -> None:
    scheduled, first = a_reduced_charge()
    send(first)
    again = perform(scheduled)
    deciding.void_charge(charges()[1], BILLER, "The charge before it stands")
    StepLink.objects.filter(performed_step=again).delete()
    ScheduledProcedureStep.objects.filter(pk=scheduled[0].pk).update(status="DISCONTINUED")
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    assert told() == [("CG", "POSTED", "52"), ("CD", "VOID", "52"), ("CG", "VOID", "")]


def test_what_another_hold_has_taken_the_place_of_is_not_released() -> None:
    a_reduced_charge()
    Charge.objects.update(on_hold="one doubt")
    seen = Charge.objects.get()
    Charge.objects.update(on_hold="another doubt")
    with pytest.raises(IllegalTransition, match="not on hold for that any more"):
        deciding.release_hold(seen, BILLER)
    assert Charge.objects.get().on_hold == "another doubt"


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


def find(performed: PerformedProcedureStep) -> None:
    Finding.objects.create(performed_step=performed, code=OTHER_PATIENT, text="another patient", at=performed.received_at)


def test_work_of_another_day_is_another_charge() -> None:
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    first = send(Charge.objects.get())
    PerformedProcedureStep.objects.filter(pk=performed.pk).update(started_at=first.service_at - timedelta(days=2))
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    _, credit, anew = charges()
    assert (credit.service_at, anew.service_at) == (first.service_at, first.service_at - timedelta(days=2))


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


def test_a_credit_is_for_the_account_that_was_charged_whatever_was_corrected_since() -> None:
    scheduled = steps_of(an_order())
    edits.edit_exam(scheduled[0].pk, {"visit": {"PatientAccountNumber": "WRONG-1"}}, BILLER)
    perform(scheduled)
    first = send(Charge.objects.get())
    edits.edit_exam(scheduled[0].pk, {"visit": {"PatientAccountNumber": "RIGHT-2"}}, BILLER, reason="typed wrongly")
    credit = delivering.claim(deciding.credit_charge(first, BILLER, "Charged to the wrong account").pk)
    assert credit
    charged, credited = (one.message.rstrip("\r").split("\r") for one in (first, credit))
    assert "WRONG-1" in charged[2]
    differ = [(a.split("|"), b.split("|")) for a, b in zip(charged, credited, strict=True) if a != b]
    changed = [(a[0], number) for a, b in differ for number, (one, other) in enumerate(zip(a, b, strict=True)) if one != other]
    assert set(changed) <= {("MSH", 6), ("MSH", 9), ("EVN", 2), ("FT1", 2), ("FT1", 5), ("FT1", 6)}
    assert {("MSH", 9), ("FT1", 2), ("FT1", 6)} <= set(changed)


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
