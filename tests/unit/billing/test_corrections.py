"""What was charged and is worth something else: rewritten, voided, or credited and charged anew, never edited once it was sent."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing import messages, queries
from billing.actions import capturing, deciding, delivering
from billing.models import Charge, ChargeChange, DeliveryAttempt
from mpps.models import PerformedProcedureStep
from ris.actions import edits
from tests.support.corrections import BILLER, Result, a_reduced_charge, charges, due, send, told, undone
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform

pytestmark = pytest.mark.django_db


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


def test_work_of_another_day_is_another_charge() -> None:
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    first = send(Charge.objects.get())
    PerformedProcedureStep.objects.filter(pk=performed.pk).update(started_at=first.service_at - timedelta(days=2))
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    _, credit, anew = charges()
    assert (credit.service_at, anew.service_at) == (first.service_at, first.service_at - timedelta(days=2))


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
