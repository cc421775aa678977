"""Merging two patients in the pages: search, both side by side, what has to be ticked, and the way back."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from ris.models import Patient
from tests.support.hospital import an_order, in_minutes

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture
def two() -> tuple[Patient, Patient]:
    stays = an_order(patient_id="P1", name="TANAKA^Hanako", birth_date="1984-05-31").patient
    return stays, an_order(patient_id="P2", name="TANAKA^Hanna", birth_date="1984-05-13", start=in_minutes(60)).patient


def confirmed(client: Client, two: tuple[Patient, Patient], **changes: object) -> tuple[int, str]:
    stays, goes = two
    data = {"reason": "registered twice", "confirm": ["birth_date"], "survivor_version": 1, "merged_version": 1} | changes
    answer = client.post(f"/patients/{stays.pk}/merge/?with={goes.pk}", data, follow=True)
    return answer.status_code, answer.content.decode()


def test_the_other_record_is_found_and_compared(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    client, (stays, goes) = signed_in(), two
    found = client.post(f"/patients/{stays.pk}/merge/", {"q": "tanaka"}, follow=True).content.decode()
    assert f"/patients/{stays.pk}/merge/?with={goes.pk}" in found
    assert f"?with={stays.pk}" not in found
    text = client.get(f"/patients/{stays.pk}/merge/?with={goes.pk}").content.decode()
    for wanted in ("31-May-1984", "13-May-1984", "Differs", 'value="birth_date"', "1 order of TANAKA, Hanna goes to TANAKA, Hanako"):
        assert wanted in text
    assert f"/patients/{goes.pk}/merge/?with={stays.pk}" in text  # the other way round


def test_a_contradiction_that_is_not_ticked_is_an_error_and_nothing_is_merged(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    status, text = confirmed(signed_in(), two, confirm=[])
    assert (status, "<title>Error: Merge" in text) == (422, True)
    assert re.search(r'<a href="#f-confirm_0">The birth date differs[^<]*Tick it when you have checked', text)
    assert not Patient.objects.exclude(merged_into=None).exists()


def test_the_merge_shows_on_both_and_is_undone(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    client, goes = signed_in(), two[1]
    status, text = confirmed(client, two)
    assert (status, "is merged into this patient" in text) == (200, True)
    assert "Took over another record" in text and "registered twice" in text and f"/patients/{goes.pk}/" in text
    text = client.get(f"/patients/{goes.pk}/").content.decode()
    assert "This record was merged into TANAKA, Hanako, ID P1." in text
    assert "/orders/new/?patient=" not in text
    assert re.search(r"also P2", client.post("/patients/", {"q": "P2"}, follow=True).content.decode())
    address = f"/patients/{goes.pk}/undo-merge/"
    assert client.post(address, {"usual": "", "note": ""}).status_code == 422
    text = client.post(address, {"usual": "Two people after all", "note": "", "version": 2}, follow=True).content.decode()
    assert "is a patient of its own again" in text and "Merge undone" in text
    assert "is not merged into another one" in client.get(address).content.decode()


def test_somebody_was_faster(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    Patient.objects.filter(pk=two[1].pk).update(version=5)
    status, text = confirmed(signed_in(), two)
    assert (status, "Somebody else changed one of the two patients meanwhile" in text) == (422, True)


def test_who_may_not_merge_is_not_offered_it(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    client = signed_in("technologist")
    assert "/merge/" not in client.get(f"/patients/{two[0].pk}/").content.decode()
    assert client.get(f"/patients/{two[0].pk}/merge/").status_code == 403


def test_one_record_or_a_merged_one_is_no_choice(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    client, (stays, goes) = signed_in(), two
    assert "This is one record." in client.get(f"/patients/{stays.pk}/merge/?with={stays.pk}").content.decode()
    confirmed(client, two)
    assert "was merged already" in client.get(f"/patients/{stays.pk}/merge/?with={goes.pk}").content.decode()


def test_a_correction_reads_in_the_history_as_it_was_made(signed_in: SignIn, two: tuple[Patient, Patient]) -> None:
    client, (stays, _) = signed_in(), two
    data = {"family": "TANAKA", "given": "Hana", "patient_id": "P1", "birth_date": "01-Jun-1984", "sex": "F", "version": 1}
    text = client.post(f"/patients/{stays.pk}/edit/", data, follow=True).content.decode()
    assert "name TANAKA, Hana, before TANAKA, Hanako; birth date 01-Jun-1984, before 31-May-1984" in text
