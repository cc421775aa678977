"""The rules of charging: seen by billers, changed by administrators, and what a change does."""

from collections.abc import Callable

import pytest
from django.test import Client

from billing.models import Charge, DiscontinuationRule
from billing.ruling import built_in, version
from ris.models import ProcedureStepTemplate, RecordChange
from tests.support.hospital import a_procedure, a_site, an_order, steps_of
from tests.support.performing import Code, perform

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
ADDRESS = "/charges/rules/"
REFUSED = ("110505", "DCM", "Patient refused to continue procedure")


def form(**changed: str) -> dict[str, str]:
    fields = {"seen": str(version(a_site()))}
    for code, rule in built_in().items():
        name = code.replace(" ", "-") or "other"
        fields[f"with-{name}"] = rule.with_images.value
        fields[f"without-{name}"] = rule.without_images.value
    return fields | {name.replace("_", "-"): value for name, value in changed.items()}


def discontinue(reason: Code | None = REFUSED, images: int = 24) -> Charge | None:
    perform(steps_of(an_order()), "DISCONTINUED", images=images, reason=reason)
    return Charge.objects.order_by("pk").last()


def test_a_changed_rule_holds_for_what_is_captured_after_it_and_stands_in_the_history(signed_in: SignIn) -> None:
    before = discontinue()
    assert before and before.reason == "110505 Patient refused to continue procedure with 24 images → reduced, 52"
    client = signed_in("admin")
    page = client.post(ADDRESS, form(with_110505="review"), follow=True).content.decode()
    assert "1 rule changed, for what is captured from now on." in page
    assert "110505 with images: reduced → review" in page
    after = discontinue()
    assert after and after.pk != before.pk
    assert after.on_hold
    before.refresh_from_db()
    assert (before.on_hold, before.status) == ("", "PENDING")
    change = RecordChange.objects.get(subject="charge rules")
    assert (change.actor, change.detail) == ("a-admin", {"110505 with images": ["reduced", "review"]})


def test_a_rule_set_back_follows_the_built_in_table_again(signed_in: SignIn) -> None:
    client = signed_in("admin")
    client.post(ADDRESS, form(with_110505="nothing"))
    assert DiscontinuationRule.objects.count() == 1
    assert discontinue() is None
    client.post(ADDRESS, form())
    assert not DiscontinuationRule.objects.exists()


def test_work_without_images_and_other_reasons_have_rules_too(signed_in: SignIn) -> None:
    signed_in("admin").post(ADDRESS, form(without_110505="reduced", with_other="nothing"))
    charge = discontinue(images=0)
    assert charge and charge.reason.endswith("with no images → reduced, 52")
    assert discontinue(reason=None) == charge


def test_only_an_administrator_changes_rules(signed_in: SignIn) -> None:
    a_site()
    biller = signed_in("biller")
    page = biller.get(ADDRESS).content.decode()
    assert "An administrator changes them." in page and "<select" not in page
    assert biller.post(ADDRESS, form(with_110505="nothing")).status_code == 403
    assert signed_in("scheduler").get(ADDRESS).status_code == 403
    assert not DiscontinuationRule.objects.exists()


@pytest.mark.parametrize("value", ["full", "", "<b>"])
def test_a_value_that_is_no_rule_is_named_and_nothing_is_saved(signed_in: SignIn, value: str) -> None:
    answer = signed_in("admin").post(ADDRESS, form(with_110505=value, with_110501="nothing"))
    assert answer.status_code == 422
    assert "The rule with-110505 must be nothing, reduced or review; nothing was saved." in answer.content.decode()
    assert not DiscontinuationRule.objects.exists()


def test_a_form_that_is_not_whole_or_that_somebody_overtook_changes_nothing(signed_in: SignIn) -> None:
    client = signed_in("admin")
    assert client.post(ADDRESS, form(seen="x")).status_code == 422
    old = form(with_110505="nothing")
    client.post(ADDRESS, form(with_110501="nothing"))
    assert "Somebody else changed the rules meanwhile: a-admin at" in client.post(ADDRESS, old).content.decode()
    assert [rule.code for rule in DiscontinuationRule.objects.all()] == ["110501"]


def test_what_is_completed_by_hand_or_without_images_is_the_hospital_s_to_decide(signed_in: SignIn) -> None:
    client = signed_in("admin")
    page = client.post(ADDRESS, form(without_by_hand="full", without_completed="check"), follow=True).content.decode()
    assert "completed by hand: check → full" in page and "completed without images: full → check" in page
    perform(steps_of(an_order()), images=0)
    assert "asks for a look" in Charge.objects.get().on_hold
    assert client.post(ADDRESS, form(with_completed="nothing")).status_code == 422


def test_the_page_says_which_procedure_a_protocol_of_the_catalogue_stands_for(signed_in: SignIn) -> None:
    a_site()
    client = signed_in("biller")
    assert "protocols say nothing about what is charged" in client.get(ADDRESS).content.decode()
    a_procedure("CTCHEST", steps=("CT chest",))
    a_procedure("CTDUAL", steps=("Dual energy",))
    ProcedureStepTemplate.objects.update(protocol_code="P-DUAL")
    page = " ".join(client.get(ADDRESS).content.decode().split())
    assert '<span class="id">P-DUAL</span>' in page
    assert '<span class="id">CTCHEST</span> CT chest<br><span class="id">CTDUAL</span> Dual energy' in page
