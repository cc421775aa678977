"""The pages on which a biller takes a charge back, and what a charge's page says of its corrections."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from billing.actions import delivering
from billing.models import Charge, ChargeChange, DeliveryAttempt
from ris.models import ScheduledProcedureStep
from tests.support.hospital import an_order, steps_of
from tests.support.performing import perform

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]


def a_charge() -> tuple[list[ScheduledProcedureStep], Charge]:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=("110501", "DCM", "Equipment failure"))
    return scheduled, Charge.objects.get()


def post(charge: Charge) -> None:
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(DeliveryAttempt.Result.ACCEPTED, "AA", 1))


def test_who_may_not_edit_charges_may_not_take_them_back(signed_in: SignIn) -> None:
    _, charge = a_charge()
    client = signed_in("technologist")
    for way in ("void", "credit"):
        assert client.post(f"/charges/{charge.pk}/{way}/", {"note": "no"}).status_code == 403
    assert Charge.objects.get().status == "PENDING"


def test_a_charge_is_voided_with_a_reason_and_not_without(signed_in: SignIn) -> None:
    _, charge = a_charge()
    client = signed_in("biller")
    assert "Void…" in client.get(f"/charges/{charge.pk}/").content.decode()
    answer = client.post(f"/charges/{charge.pk}/void/", {"usual": "", "note": "  "})
    assert (answer.status_code, Charge.objects.get().status) == (422, "PENDING")
    answer = client.post(f"/charges/{charge.pk}/void/", {"usual": "Free of charge", "note": "staff", "seen": charge.mark}, follow=True)
    assert f"Charge {charge} is void" in answer.content.decode()
    assert ChargeChange.objects.get(verb="void").reason == "Free of charge, staff"
    assert "Void…" not in client.get(f"/charges/{charge.pk}/").content.decode()


def test_a_posted_charge_is_credited_and_its_page_leads_to_the_credit(signed_in: SignIn) -> None:
    _, charge = a_charge()
    post(charge)
    client = signed_in("biller")
    answer = client.post(f"/charges/{charge.pk}/void/", {"usual": "Not performed", "seen": Charge.objects.get().mark}, follow=True)
    assert "Credit it instead" in answer.content.decode()
    answer = client.post(f"/charges/{charge.pk}/credit/", {"usual": "Not performed", "seen": Charge.objects.get().mark}, follow=True)
    credit = Charge.objects.get(transaction_type="CD")
    text = answer.content.decode()
    assert f'href="/charges/{credit.pk}/"' in text
    assert "Credit…" not in text
    text = client.get(f"/charges/{credit.pk}/").content.decode()
    assert f"Takes back charge {charge}" in text
    assert "−$ 250.00" in text


def test_a_correction_says_what_it_waits_for(signed_in: SignIn) -> None:
    scheduled, charge = a_charge()
    post(charge)
    perform(scheduled)
    text = signed_in("biller").get("/charges/").content.decode()
    credit = Charge.objects.get(transaction_type="CD")
    assert f"Taken back by {credit}" in text
    assert f"Sent when {credit} is posted" in text
    assert f"Completed with 27 images; instead of {charge}" in text


def test_what_may_have_arrived_and_is_not_acknowledged_is_written_off_with_a_reason(signed_in: SignIn, settings: Settings) -> None:
    settings.CHARGE_GIVE_UP_TRIES, settings.CHARGE_GIVE_UP_HOURS = 1, 0
    _, charge = a_charge()
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(DeliveryAttempt.Result.NO_ANSWER, "closed", 1))
    client = signed_in("biller")
    text = client.get(f"/charges/{charge.pk}/").content.decode()
    assert "Write off…" in text and "Void…" not in text
    answer = client.post(
        f"/charges/{charge.pk}/write-off/", {"usual": "Booked there by hand", "seen": Charge.objects.get().mark}, follow=True
    )
    assert f"Charge {charge} is written off" in answer.content.decode()
    assert "If the receiver turns out to have it, send it again" in answer.content.decode()
    listed = client.get("/charges/?show=written-off").content.decode()
    assert f'id="charge-{charge.pk}"' in listed and "Written off 1" in listed
    assert "was not delivered" not in listed


def test_a_refused_charge_that_nobody_has_can_be_voided(signed_in: SignIn) -> None:
    _, charge = a_charge()
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(DeliveryAttempt.Result.REFUSED, "AE: no", 1))
    text = signed_in("biller").get(f"/charges/{charge.pk}/").content.decode()
    assert "Void…" in text and "Write off…" not in text and "or void it: nobody has it" in text


def test_a_credit_counts_as_one_less_on_the_page_of_charges_as_in_the_accounting(signed_in: SignIn) -> None:
    scheduled, charge = a_charge()
    post(charge)
    perform(scheduled)
    client = signed_in("biller")
    for page in ("/charges/", "/accounting/"):
        assert "credit counts as one less, a void charge as none" in client.get(page).content.decode()
    text = client.get("/charges/").content.decode()
    assert re.findall(r'<p class="figure">(-?\d+)</p>', text)[:3] == ["1", "1", "0"], "captured, posted, waiting"


def test_work_that_is_worth_nothing_is_shown_with_its_reason(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    perform([step], "DISCONTINUED", images=0, reason=("110501", "DCM", "Equipment failure"))
    client = signed_in("biller")
    because = "110501 Equipment failure with no images → nothing"
    listed = client.get("/charges/?show=nothing").content.decode()
    assert because in listed and "Nothing to charge 1" in listed and f'href="/steps/{step.pk}/"' in listed
    exam = client.get(f"/steps/{step.pk}/").content.decode()
    assert because in exam and "Nothing to charge" in exam
    assert '<span class="muted">Nothing</span>' in client.get("/performed/").content.decode()


def test_held_charge_shows_what_its_message_would_be_and_stores_nothing(signed_in: SignIn) -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=3, reason=("99", "LOCAL", "Bad day"))
    charge = Charge.objects.get()
    text = signed_in("biller").get(f"/charges/{charge.pk}/").content.decode()
    assert "Preview" in text and "it is not stored, and not sent" in text and f"FT1|1|{charge}-01|" in text
    charge.refresh_from_db()
    assert charge.message == ""
