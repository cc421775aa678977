"""Addresses and forms that nobody types by hand: never more than a refusal in words."""

import json
from collections.abc import Callable
from html import unescape

import pytest
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ris.actions import patients
from ris.models import Patient
from ris.web.access import page
from stepwise.api import api
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station, an_order, steps_of

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SignIn = Callable[..., Client]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2200-01-01", "1899-12-31"])
@pytest.mark.parametrize("address", ["/worklist/", "/performed/", "/charges/"])
def test_a_day_beyond_any_hospital_s_is_today(signed_in: SignIn, address: str, day: str) -> None:
    an_order()
    answer = signed_in("admin").get(address, {"day": day})
    assert answer.status_code == (422 if address == "/charges/" else 200)


@pytest.mark.parametrize("start", ["31-Dec-9999 23:30", "01-Jan-0001 00:30"])
def test_a_start_beyond_any_hospital_s_is_refused_at_its_field(signed_in: SignIn, start: str) -> None:
    a_station("CT01")
    patient = patients.register_patient(a_site(), a_patient_data(), ACTOR)
    form = {"procedure": a_procedure().code, "place": "CT01", "start": start, "priority": "ROUTINE"}
    answer = signed_in().post(f"/orders/new/?patient={patient.pk}", form)
    assert answer.status_code == 422
    assert "1900 to 2199" in answer.content.decode()


@pytest.mark.parametrize("name", ["q", "station", "modality", "priority"])
def test_control_characters_in_a_filter_count_for_nothing(signed_in: SignIn, name: str) -> None:
    an_order()
    client = signed_in("admin")
    for address in ("/worklist/", "/patients/", "/find/", "/performed/", "/charges/", "/orders/new/"):
        assert client.get(address, {name: "CT01\0", "search": "x\0"}).status_code in (200, 302), address
        assert client.post(address, {name: "CT01\0"}, follow=True).status_code in (200, 405), address


def test_control_characters_in_a_place_count_for_nothing(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    client = signed_in()
    odd = {"procedure": "CTCHEST", "place": "CT01\0", "start": "10:00\0"}
    assert client.get("/orders/new/places/", odd).status_code == 200
    assert client.get(f"/steps/{step.pk}/schedule/places/", odd).status_code == 200
    assert client.post(f"/orders/new/?patient={step.requested_procedure.order.patient_id}", odd).status_code == 422
    assert client.post(f"/steps/{step.pk}/schedule/", odd).status_code == 422


def test_an_address_with_a_control_character_leads_nowhere(signed_in: SignIn) -> None:
    client = signed_in("admin")
    for below in ("%00/", "%00/edit/", "%00/queries/", "%00/findings/", "pools-of-stations/%00/"):
        assert client.get(f"/stations/{below}").status_code == 404, below


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/patients/{}/", "There is no such patient here. It may be gone, or the address is mistyped."),
        ("/patients/{}/undo-merge/", "There is no such patient here."),
        ("/orders/{}/", "There is no such order here."),
        ("/procedures/{}/cancel/", "There is no such requested procedure here."),
        ("/steps/{}/", "There is no such exam here."),
        ("/unbilled/performed/{}/nothing/", "There is no such performed procedure step here."),
        ("/stations/{}/", "There is no such station here."),
        ("/stations/pools-of-stations/{}/", "There is no such station pool here."),
        ("/users/{}/", "There is no such account here."),
        ("/audit/{}/", "There is no such audit record here."),
        ("/nowhere/{}/", "The address may be mistyped, or what it named is gone."),
    ],
)
def test_what_is_not_there_is_told_in_words_of_ours(signed_in: SignIn, address: str, words: str) -> None:
    client = signed_in("admin")
    a_site()
    for key in ("987654", str(2**63 - 1) if "stations" not in address else "NOBODY"):
        answer = client.get(address.format(key))
        assert answer.status_code == 404, key
        assert words in unescape(answer.content.decode()), key


def test_what_django_says_is_not_there_is_told_in_words_of_ours(rf: RequestFactory) -> None:
    said = api.on_exception(rf.get("/api/v1/patients/1"), Http404("No Patient matches the given query."))
    assert (said.status_code, json.loads(said.content)) == (404, {"detail": "There is nothing at /api/v1/patients/1."})


def test_the_id_of_another_patient_is_refused_in_the_form(signed_in: SignIn) -> None:
    patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="Secretson^Zoe"), ACTOR)
    other = patients.register_patient(a_site(), a_patient_data(patient_id="P2"), ACTOR)
    answer = signed_in().post(f"/patients/{other.pk}/edit/", {"family": "Doe", "patient_id": "P1", "version": other.version})
    assert answer.status_code == 422
    assert "P1 belongs to another patient already" in answer.content.decode()
    assert "SECRETSON" not in answer.content.decode().upper(), "what is typed to try it shows nobody"
    assert Patient.objects.get(pk=other.pk).patient_id == "P2"


def test_a_race_that_the_database_decides_is_a_conflict_in_words(signed_in: SignIn, rf: RequestFactory) -> None:
    @page
    def loses(request: HttpRequest) -> HttpResponse:
        raise IntegrityError("UNIQUE constraint failed")

    request = rf.get("/patients/")
    request.user = signed_in().get("/patients/").wsgi_request.user
    answer = loses(request)
    assert answer.status_code == 409
    assert b"Nothing of yours was written" in getattr(answer, "content", b"")
