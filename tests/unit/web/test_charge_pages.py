"""The pages on which a biller takes a charge back, and what a charge's page says of its corrections."""

from collections.abc import Callable

import pytest
from django.test import Client

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
    answer = client.post(f"/charges/{charge.pk}/void/", {"usual": "Free of charge", "note": "staff"}, follow=True)
    assert f"Charge {charge} is void" in answer.content.decode()
    assert ChargeChange.objects.get(verb="void").reason == "Free of charge, staff"
    assert "Void…" not in client.get(f"/charges/{charge.pk}/").content.decode()


def test_a_posted_charge_is_credited_and_its_page_leads_to_the_credit(signed_in: SignIn) -> None:
    _, charge = a_charge()
    post(charge)
    client = signed_in("biller")
    answer = client.post(f"/charges/{charge.pk}/void/", {"usual": "Not performed"}, follow=True)
    assert "Credit it instead" in answer.content.decode()
    answer = client.post(f"/charges/{charge.pk}/credit/", {"usual": "Not performed"}, follow=True)
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
