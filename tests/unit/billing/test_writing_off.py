"""A charge that failed and that the receiver may have: closed by a person with a reason, true also when it turns out to be booked."""

import pytest
from pytest_django.fixtures import Settings

from billing import accounting, queries, unbilled
from billing.actions import deciding, delivering, undelivered
from billing.models import Charge, DeliveryAttempt
from ris import clock, outbox
from ris.actor import Actor
from ris.errors import IllegalTransition, InvalidInput
from ris.models import ScheduledProcedureStep
from tests.support.charges import make_due
from tests.support.hospital import a_site, an_order, steps_of
from tests.support.performing import perform

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
Result = DeliveryAttempt.Result
BILLER = Actor.system("test")
BROKEN = ("110501", "DCM", "Equipment failure")


@pytest.fixture(autouse=True)
def one_try(settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES, settings.CHARGE_GIVE_UP_HOURS = 1, 0


def claim(charge: Charge) -> Charge:
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    return claimed


def tried(charge: Charge, result: DeliveryAttempt.Result) -> Charge:
    delivering.record(claim(charge), delivering.Attempt(result, str(result), 1))
    charge.refresh_from_db()
    return charge


def a_dead_letter() -> tuple[list[ScheduledProcedureStep], Charge]:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    return scheduled, tried(Charge.objects.get(), Result.NO_ANSWER)


def due() -> list[str]:
    return [str(one) for one in queries.due().filter(outbox.free()).order_by("pk")]


def counts() -> dict[str, int]:
    found = accounting.books(a_site(), *accounting.days(clock.today(a_site()), 7))
    assert found.adds_up, found.differences
    return {name: figure.count for name, figure in found.total.items() if figure.count}


def test_a_dead_letter_is_closed_with_a_reason_and_stands_in_the_books_as_what_it_is() -> None:
    _, charge = a_dead_letter()
    assert counts() == {"performed": 1, "captured": 1, "undelivered": 1}
    with pytest.raises(InvalidInput, match="Say why"):
        deciding.write_off(charge, BILLER, " ")
    deciding.write_off(charge, BILLER, "Booked there by hand")
    assert (charge.status, charge.changes.get(verb="write off").reason) == ("FAILED", "Booked there by hand")
    assert counts() == {"performed": 1, "captured": 1, "written_off": 1}
    assert unbilled.rows(a_site()) == []
    assert undelivered.send_all_again(queries.dead_letters(a_site()), BILLER) == 0
    with pytest.raises(IllegalTransition, match="written off already"):
        deciding.write_off(charge, BILLER, "again")


def test_a_dead_letter_that_reached_nobody_is_voided_and_not_written_off() -> None:
    perform(steps_of(an_order()))
    charge = tried(Charge.objects.get(), Result.NOT_REACHED)
    assert charge.is_dead_letter
    with pytest.raises(IllegalTransition, match=r"only one that has failed and may have arrived is written off\. Void it instead"):
        deciding.write_off(charge, BILLER, "Nobody has it")
    deciding.void_charge(charge, BILLER, "Nobody has it")
    assert (charge.status, counts()) == ("VOID", {"performed": 1, "nothing": 1})


@pytest.mark.parametrize("silent", [Result.NO_ANSWER, Result.GARBLED, None], ids=["no answer", "garbage", "a worker that died"])
def test_one_try_that_may_have_arrived_is_enough_not_to_void(settings: Settings, silent: DeliveryAttempt.Result | None) -> None:
    settings.CHARGE_GIVE_UP_TRIES = 0
    perform(steps_of(an_order()))
    charge = tried(Charge.objects.get(), Result.NOT_REACHED)
    make_due(charge)
    if silent:
        tried(charge, silent)
    else:
        claim(charge)
    with pytest.raises(IllegalTransition, match="may have arrived: it is sent again until it is acknowledged, refused or set aside"):
        deciding.void_charge(charge, BILLER, "Nobody has it")


def test_an_acknowledgement_that_is_heard_after_a_refusal_of_another_try_posts_it(settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES = 0
    perform(steps_of(an_order()))
    slow = claim(Charge.objects.get())
    Charge.objects.update(lease_until=None)
    charge = tried(Charge.objects.get(), Result.REFUSED)
    assert charge.status == "FAILED"
    delivering.record(slow, delivering.Attempt(Result.ACCEPTED, "AA", 40_000))
    charge.refresh_from_db()
    assert (charge.status, charge.error, counts()) == ("POSTED", "", {"performed": 1, "captured": 1, "posted": 1})


def test_the_credit_of_what_was_written_off_is_not_voided_when_what_follows_it_is_posted() -> None:
    scheduled, charge = a_dead_letter()
    perform(scheduled)
    deciding.write_off(charge, BILLER, "Not worth the work")
    credit, anew = Charge.objects.order_by("revision")[1:]
    tried(anew, Result.ACCEPTED)
    with pytest.raises(IllegalTransition, match="without the credit two charges would stand"):
        deciding.void_charge(credit, BILLER, "The charge before it stands")
    assert Charge.objects.get(pk=credit.pk).status == "PENDING"


def test_a_late_acknowledgement_of_what_was_written_off_posts_it() -> None:
    perform(steps_of(an_order()))
    slow = claim(Charge.objects.get())
    Charge.objects.update(lease_until=None)
    charge = tried(Charge.objects.get(), Result.NO_ANSWER)
    deciding.write_off(charge, BILLER, "Booked there by hand")
    delivering.record(slow, delivering.Attempt(Result.ACCEPTED, "AA", 40_000))
    charge.refresh_from_db()
    assert (charge.status, charge.written_off_at, charge.is_dead_letter) == ("POSTED", None, False)
    assert counts() == {"performed": 1, "captured": 1, "posted": 1}


def test_what_was_written_off_is_sent_again_by_a_person_the_same_to_the_byte() -> None:
    _, charge = a_dead_letter()
    message = charge.message
    deciding.write_off(charge, BILLER, "Not worth the work")
    deciding.retry_failed(charge, BILLER)
    assert (tried(charge, Result.ACCEPTED).status, charge.message, charge.written_off_at) == ("POSTED", message, None)


@pytest.mark.parametrize("before", [True, False], ids=["written off after the correction", "and before"])
def test_what_replaces_a_charge_that_was_written_off_is_sent_and_its_credit_waits_for_an_acknowledgement(before: bool) -> None:
    scheduled, charge = a_dead_letter()
    if not before:
        deciding.write_off(charge, BILLER, "Not worth the work")
    perform(scheduled)
    credit, anew = Charge.objects.order_by("revision")[1:]
    assert due() == []
    if before:
        deciding.write_off(charge, BILLER, "Not worth the work")
    else:
        assert anew.on_hold == f"A person decided about {charge} already, as its history says; check what is charged besides."
        deciding.release_hold(anew, BILLER)
    assert due() == [str(anew)]
    assert (queries.waits_for(anew), queries.waits_for(credit)) == (None, charge)
    tried(anew, Result.ACCEPTED)
    assert counts() == {"performed": 1, "captured": 1, "posted": 1}
    assert unbilled.rows(a_site()) == []
    deciding.retry_failed(charge, BILLER)
    tried(charge, Result.ACCEPTED)
    assert due() == [str(credit)], "the receiver has it after all: it is taken back"


def test_what_follows_a_credit_that_was_written_off_is_sent() -> None:
    scheduled, charge = a_dead_letter()
    deciding.retry_failed(charge, BILLER)
    tried(charge, Result.ACCEPTED)
    perform(scheduled)
    credit, anew = Charge.objects.order_by("revision")[1:]
    deciding.write_off(tried(credit, Result.NO_ANSWER), BILLER, "Taken back there by hand")
    assert due() == [str(anew)]


def test_what_nobody_can_have_is_voided_and_not_written_off() -> None:
    perform(steps_of(an_order()))
    charge = tried(Charge.objects.get(), Result.REFUSED)
    with pytest.raises(IllegalTransition, match="may have arrived"):
        deciding.write_off(charge, BILLER, "Not worth the work")
    deciding.void_charge(charge, BILLER, "Free of charge")
    assert (charge.status, charge.by_hand) == ("VOID", True)
    assert counts() == {"performed": 1, "nothing": 1}


def test_a_dead_letter_is_not_voided() -> None:
    _, charge = a_dead_letter()
    with pytest.raises(IllegalTransition, match="Write it off instead"):
        deciding.void_charge(charge, BILLER, "Free of charge")


def ended_without_a_word(charge: Charge, times: int) -> None:
    """A worker took it, and died."""
    for _ in range(times):
        make_due(charge)
        claim(charge)
        Charge.objects.update(lease_until=None)


def test_a_message_that_ends_each_worker_is_set_aside(settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES, settings.CHARGE_GIVE_UP_HOURS = 20, 72
    perform(steps_of(an_order()))
    charge = Charge.objects.get()
    ended_without_a_word(charge, undelivered.MAX_SILENT)
    make_due(charge)
    assert delivering.claim(charge.pk) is None
    charge.refresh_from_db()
    assert (charge.status, charge.is_dead_letter, charge.attempts) == ("FAILED", True, undelivered.MAX_SILENT)
    assert charge.error == "Each worker that tried to send it ended without an answer, 10 times; set aside before it ends another."
    deciding.retry_failed(charge, BILLER)
    assert tried(charge, Result.ACCEPTED).status == "POSTED"


def test_a_message_of_which_something_was_heard_is_not_taken_for_one(settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES, settings.CHARGE_GIVE_UP_HOURS = 20, 72
    perform(steps_of(an_order()))
    charge = Charge.objects.get()
    ended_without_a_word(charge, undelivered.MAX_SILENT - 1)
    make_due(charge)
    tried(charge, Result.NO_ANSWER)
    ended_without_a_word(charge, undelivered.MAX_SILENT)
    assert Charge.objects.get().status == "PENDING"
