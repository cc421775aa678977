"""Dead letters: set aside when they were tried often enough and for long enough, kept to the byte, and sent again by a person."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from billing import delivery, queries
from billing.actions import deciding, delivering, undelivered
from billing.models import Charge, DeliveryAttempt
from ris import clock
from ris.actor import Actor
from ris.models import Patient
from tests.support.charges import a_charge, make_due
from tests.support.hospital import a_site
from tests.support.mllp import Receiver, ack, silence

pytestmark = pytest.mark.django_db
Result = DeliveryAttempt.Result


@pytest.fixture(autouse=True)
def three_tries(settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES, settings.CHARGE_GIVE_UP_HOURS = 3, 0


def tried(charge: Charge, times: int) -> Charge:
    for _ in range(times):
        make_due(charge)
        delivery.deliver(charge.pk)
    charge.refresh_from_db()
    return charge


def test_charge_that_gets_no_answer_is_set_aside_after_the_configured_tries(receiver: Receiver) -> None:
    receiver.answer = silence
    charge = tried(a_charge(), 2)
    assert (charge.status, charge.is_dead_letter) == ("PENDING", False)
    tried(charge, 1)
    assert (charge.status, charge.is_dead_letter, charge.lease_until) == ("FAILED", True, None)
    assert charge.error.startswith("Not delivered in 3 tries; set aside. 127.0.0.1:")
    assert charge.error.endswith("closed the connection without an answer.")
    last = charge.changes.last()
    assert last is not None
    assert (last.verb, last.actor, last.from_status, last.to_status, last.reason) == (
        "set aside", "charge delivery", "PENDING", "FAILED", charge.error,
    )  # fmt: skip
    tried(charge, 1)
    assert len(receiver.received) == 3


@pytest.mark.both_databases
def test_charge_that_was_tried_often_enough_goes_on_until_the_configured_time_has_passed(receiver: Receiver, settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_HOURS = 72
    receiver.answer = silence
    charge = tried(a_charge(), 4)
    assert (charge.status, charge.attempts) == ("PENDING", 4)
    Charge.objects.update(tried_since=clock.wall() - timedelta(hours=72, seconds=1))
    assert tried(charge, 1).status == "FAILED"


def test_no_tries_configured_means_that_nothing_is_ever_set_aside(receiver: Receiver, settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES = 0
    receiver.answer = silence
    assert tried(a_charge(), 5).status == "PENDING"


def test_answers_that_are_no_acknowledgement_count_as_tries(receiver: Receiver) -> None:
    receiver.answer = lambda message: b"MSH|^~\\&|\rMSA|AA|SOMETHING\r"
    charge = tried(a_charge(), 3)
    assert (charge.is_dead_letter, "acknowledges SOMETHING" in charge.error) == (True, True)


def test_refused_charge_is_no_dead_letter(receiver: Receiver) -> None:
    receiver.answer = ack("AE", "no")
    charge = tried(a_charge(), 1)
    assert (charge.status, charge.is_dead_letter) == ("FAILED", False)


def test_dead_letter_that_is_sent_again_stays_the_same_to_the_byte_and_has_all_its_tries_anew(receiver: Receiver, biller: Actor) -> None:
    receiver.answer = silence
    charge = tried(a_charge(), 3)
    Patient.objects.update(name="RENAMED^Meanwhile")
    deciding.retry_failed(charge, biller)
    change = charge.changes.get(verb="retry")
    assert (change.actor, change.reason) == ("biller", f"After: {charge.changes.get(verb='set aside').reason}")
    assert (tried(charge, 2).status, charge.is_dead_letter, charge.tries_from) == ("PENDING", False, 3)
    receiver.answer = ack()
    assert tried(charge, 1).status == "POSTED"
    assert set(receiver.received) == {receiver.received[0]}


def test_late_acknowledgement_of_a_dead_letter_posts_it(receiver: Receiver) -> None:
    receiver.answer = silence
    slow = delivering.claim(a_charge().pk)
    assert slow is not None
    Charge.objects.update(lease_until=None)
    charge = tried(slow, 2)
    assert (charge.status, charge.is_dead_letter) == ("FAILED", True)
    delivering.record(slow, delivering.Attempt(Result.ACCEPTED, "AA", 40_000))
    charge.refresh_from_db()
    assert (charge.status, charge.is_dead_letter, charge.error) == ("POSTED", False, "")
    assert [(one.verb, one.from_status) for one in charge.changes.all()][-2:] == [("set aside", "PENDING"), ("post", "FAILED")]


def test_all_dead_letters_are_sent_again_at_once_and_nothing_else(receiver: Receiver, biller: Actor) -> None:
    receiver.answer = ack("AE", "no")
    refused = tried(a_charge(), 1)
    receiver.answer = silence
    dead = [tried(a_charge(), 3) for _ in range(3)]
    receiver.answer = ack()
    assert undelivered.send_all_again(queries.dead_letters(a_site()), biller) == 3
    assert undelivered.send_all_again(queries.dead_letters(a_site()), biller) == 0
    assert delivery.sweep() == 3
    assert {Charge.objects.get(pk=one.pk).status for one in dead} == {"POSTED"}
    assert Charge.objects.get(pk=refused.pk).status == "FAILED"


@pytest.mark.django_db(databases=["default", "journal"])
def test_page_shows_where_charges_go_what_was_set_aside_and_the_button_that_sends_it(
    receiver: Receiver, biller: Actor, client: Client
) -> None:
    good = tried(a_charge(), 1)
    receiver.answer = silence
    dead = tried(a_charge(), 3)
    user = User.objects.create_superuser("chief")
    client.force_login(user)
    text = client.get("/charges/").content.decode()
    assert f"127.0.0.1:{receiver.port} over MLLP" in text
    assert f'<span class="id">{good}</span>' in text
    assert "1 charge was not delivered" in text
    undelivered_alone = client.get("/charges/?show=undelivered").content.decode()
    assert (f'id="charge-{dead.pk}"' in undelivered_alone, f'id="charge-{good.pk}"' in undelivered_alone) == (True, False)
    assert f'id="charge-{dead.pk}"' not in client.get("/charges/?show=refused").content.decode()
    assert "stays the same to the byte" in client.get(f"/charges/{dead.pk}/").content.decode()
    answer = client.post("/charges/send-again/", follow=True).content.decode()
    assert "1 charge will be sent again" in answer
    assert dead.changes.get(verb="retry").actor == "chief"
    late = client.post("/charges/send-again/", follow=True).content.decode()
    assert f"no charge is set aside any more. chief sent charge {dead} again at " in late


@pytest.mark.django_db(databases=["default", "journal"])
def test_all_refused_charges_are_sent_again_by_a_button_that_leaves_the_dead_letters(receiver: Receiver, client: Client) -> None:
    receiver.answer = ack("AE", "no")
    refused = [tried(a_charge(), 1) for _ in range(2)]
    receiver.answer = silence
    dead = tried(a_charge(), 3)
    client.force_login(User.objects.create_superuser("chief"))
    text = client.get("/charges/").content.decode()
    assert "2 charges were refused" in text and "Send all 2 again" in text and "That is not taken back" in text
    answer = client.post("/charges/send-again/", {"which": "refused"}, follow=True).content.decode()
    assert "2 charges will be sent again" in answer
    assert {Charge.objects.get(pk=one.pk).status for one in refused} == {"PENDING"}
    assert Charge.objects.get(pk=dead.pk).status == "FAILED"
    again = client.post("/charges/send-again/", {"which": "refused"}, follow=True).content.decode()
    assert "no charge is refused any more" in again


@pytest.mark.django_db(databases=["default", "journal"])
def test_refused_charge_that_an_earlier_try_may_have_booked_says_so(receiver: Receiver, client: Client) -> None:
    receiver.answer = silence
    charge = tried(a_charge(), 1)
    receiver.answer = ack("AE", "no")
    tried(charge, 1)
    client.force_login(User.objects.create_superuser("chief"))
    assert "may have booked it all the same" in client.get(f"/charges/{charge.pk}/").content.decode()
    assert "may be booked all the same" in client.get("/unbilled/").content.decode()


@pytest.mark.django_db(databases=["default", "journal"])
def test_rest_tells_a_dead_letter_from_a_refusal(receiver: Receiver, client: Client, settings: Settings) -> None:
    settings.API_TOKEN = "a-token-for-this-test"
    receiver.answer = silence
    tried(a_charge(), 3)
    items = client.get("/api/v1/charges", {"status": "FAILED"}, headers={"Authorization": f"Bearer {settings.API_TOKEN}"}).json()["items"]
    assert [(one["status"], one["dead_letter"]) for one in items] == [("FAILED", True)]
