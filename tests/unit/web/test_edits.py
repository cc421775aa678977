"""The pages on which staff change an exam and a patient: what is typed is served, what is not touched stays, errors have their fields."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ris.models import Order, Patient, RecordChange, ScheduledProcedureStep, StepChange, Visit
from ris.web.rows import latest_changes
from tests.support.hospital import an_order, steps_of
from tests.support.worklist import asked_over, identifier

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]


def form_of(client: Client, url: str) -> dict[str, Any]:
    """The values of the page's form, as a browser would send them back."""
    form = client.get(url).context["form"]
    return {bound.html_name: "" if bound.value() is None else bound.field.prepare_value(bound.value()) for bound in form}


def test_what_is_changed_of_an_exam_is_served_and_the_rest_stays(signed_in: SignIn) -> None:
    client, step = signed_in(), steps_of(an_order(patient_id="P1"))[0]
    url = f"/steps/{step.pk}/edit/"
    before = form_of(client, url)
    assert (before["ScheduledProcedureStepDescription"], before["RequestedProcedurePriority"]) == ("CT chest", "ROUTINE")
    typed = {
        "RequestedContrastAgent": "Iohexol",
        "NamesOfIntendedRecipientsOfResults": "Haddad, Rania; ROE^ANN^M",
        "RequestedProcedurePriority": "STAT",
        "AdmittingDate": "30-Jun-2026",
        "AdmittingTime": "9:05",
        "reason": "asked by phone",
    }
    assert client.post(url, before | typed).status_code == 302
    asked = identifier(
        {"RequestedContrastAgent": ""},
        NamesOfIntendedRecipientsOfResults="",
        RequestedProcedurePriority="",
        AdmittingDate="",
        AdmittingTime="",
    )
    _, [answer] = asked_over(asked)
    assert answer.ScheduledProcedureStepSequence[0].RequestedContrastAgent == "Iohexol"
    assert list(answer.NamesOfIntendedRecipientsOfResults) == ["Haddad^Rania", "ROE^ANN^M"]
    assert (answer.RequestedProcedurePriority, answer.AdmittingDate, answer.AdmittingTime) == ("STAT", "20260630", "0905")
    assert latest_changes([step])[step.pk].verb == "schedule", "the lists say who booked it, not who edited it"
    assert StepChange.objects.filter(step=step).latest("pk").detail == {"RequestedContrastAgent": ["", "Iohexol"]}
    again = form_of(client, url)
    assert (again["AdmittingDate"], again["AdmittingTime"], again["RequestedContrastAgent"]) == ("30-Jun-2026", "09:05", "Iohexol")
    history = StepChange.objects.count(), RecordChange.objects.count()
    assert client.post(url, again).status_code == 302
    assert (StepChange.objects.count(), RecordChange.objects.count()) == history
    page = client.get(f"/steps/{step.pk}/").content.decode()
    said = ("Contrast agent: Iohexol, before none; asked by phone", "Order changed", "Priority: STAT, before ROUTINE")
    for text in ("Haddad, Rania, ROE, ANN M", "30-Jun-2026", *said):
        assert text in page


def test_wrong_values_stand_at_their_fields_with_all_that_was_typed_and_nothing_is_written(signed_in: SignIn) -> None:
    client, step = signed_in(), steps_of(an_order())[0]
    url = f"/steps/{step.pk}/edit/"
    typed = {"PreMedication": "x" * 65, "AdmittingTime": "noon", "ServiceEpisodeID": "E1", "AdmittingDate": "31-Feb-2026"}
    answer = client.post(url, form_of(client, url) | typed)
    assert answer.status_code == 422
    form = answer.context["form"]
    assert "31-Feb-2026" in form.errors["AdmittingDate"][0]
    answer = client.post(url, form_of(client, url) | typed | {"AdmittingDate": ""})
    page = answer.content.decode()
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"PreMedication", "AdmittingTime"})
    assert "Pre-medication is 65 characters long; LO holds at most 64" in page
    assert "<title>Error:" in page and 'value="E1"' in page
    assert [part.is_open for part in answer.context["parts"]] == [False, False, False, True]
    assert not Visit.objects.exists()


def test_two_who_change_an_exam_at_once_are_told(signed_in: SignIn) -> None:
    client, step = signed_in(), steps_of(an_order())[0]
    url = f"/steps/{step.pk}/edit/"
    mine, theirs = form_of(client, url), form_of(client, url)
    assert client.post(url, theirs | {"ImagingServiceRequestComments": "theirs"}).status_code == 302
    answer = client.post(url, mine | {"ImagingServiceRequestComments": "mine"})
    assert answer.status_code == 422
    assert "Somebody else changed order" in answer.content.decode()
    assert Order.objects.get().comments == "theirs"


def test_a_visit_that_was_changed_from_another_order_meanwhile_is_not_set_back(signed_in: SignIn) -> None:
    client, order = signed_in(), an_order()
    url = f"/steps/{steps_of(order)[0].pk}/edit/"
    assert client.post(url, form_of(client, url) | {"CurrentPatientLocation": "Ward A"}).status_code == 302
    mine = form_of(client, url)
    Visit.objects.update(current_patient_location="Ward B")
    answer = client.post(url, mine | {"VisitComments": "fasting"})
    assert (answer.status_code, "Somebody else changed the visit" in answer.content.decode()) == (422, True)
    assert Visit.objects.get().current_patient_location == "Ward B"


@pytest.mark.parametrize(("role", "status"), [("scheduler", 200), ("technologist", 200), ("biller", 403)])
def test_who_may_change_an_exam(signed_in: SignIn, role: str, status: int) -> None:
    step = steps_of(an_order())[0]
    client = signed_in(role)
    assert client.get(f"/steps/{step.pk}/edit/").status_code == status
    assert (f"/steps/{step.pk}/edit/" in client.get(f"/steps/{step.pk}/").content.decode()) == (status == 200)


def test_a_patient_is_changed_with_all_three_groups_of_the_name_and_what_few_need(signed_in: SignIn) -> None:
    client = signed_in()
    patient = an_order(patient_id="P1", name="YAMADA^Tarou^^Dr=山田^太郎=やまだ^たろう").patient
    Patient.objects.filter(pk=patient.pk).update(
        details={
            "PatientPrimaryLanguageCodeSequence": [
                {"code": "ja", "scheme": "RFC5646", "meaning": "Japanese"},
                {"code": "en", "scheme": "RFC5646", "meaning": "English"},
            ]
        }
    )
    url = f"/patients/{patient.pk}/edit/"
    before = form_of(client, url)
    assert [before[name] for name in ("name_prefix", "own_script", "phonetic")] == ["Dr", "山田 太郎", "やまだ たろう"]
    typed = {
        "phonetic": "やまだ はなこ",
        "PatientTelephoneNumbers": "555 1; 555 2",
        "OtherPatientIDsSequence": "99 / HOSP2",
        "patient_state": "calm",
    }
    assert client.post(url, before | typed | {"ResponsiblePerson": "Yamada, Jiro"}).status_code == 302
    patient.refresh_from_db()
    assert patient.name == "YAMADA^Tarou^^Dr=山田^太郎=やまだ^はなこ"
    assert patient.patient_state == "calm"
    assert patient.details["PatientTelephoneNumbers"] == ["555 1", "555 2"]
    assert patient.details["ResponsiblePerson"] == "Yamada^Jiro"
    assert [one["code"] for one in patient.details["PatientPrimaryLanguageCodeSequence"]] == ["ja", "en"]
    page = client.get(f"/patients/{patient.pk}/").content.decode()
    for text in ("555 1; 555 2", "99 / HOSP2", "Japanese, English", "Responsible person"):
        assert text in page
    answer = client.post(url, form_of(client, url) | {"LastMenstrualDate": "soon"})
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"LastMenstrualDate"})
    assert ScheduledProcedureStep.objects.get().worklist_entry.patient_name == patient.name


def test_an_order_is_placed_with_what_few_orders_need(signed_in: SignIn) -> None:
    client = signed_in()
    patient = an_order(patient_id="P1").patient
    url = f"/orders/new/?patient={patient.pk}"
    typed = {"procedure": "CTCHEST", "tray": "1", "RequestedContrastAgent": "Iohexol", "AdmissionID": "V9", "OrderEnteredBy": "Desk, Front"}
    assert client.post(url, form_of(client, url) | typed).status_code == 302
    order = Order.objects.latest("pk")
    assert order.details == {"OrderEnteredBy": "Desk^Front"}
    assert order.visit is not None and (order.visit.admission_id, order.visit.patient_class) == ("V9", "U")
    assert steps_of(order)[0].requested_contrast_agent == "Iohexol"
    answer = client.post(url, form_of(client, url) | typed | {"OrderCallbackPhoneNumber": "5" * 17})
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"OrderCallbackPhoneNumber"})
    assert [part.is_open for part in answer.context["form"].parts] == [False, True, False]


def test_an_exam_gets_another_length_when_it_is_moved(signed_in: SignIn) -> None:
    client, step = signed_in(), steps_of(an_order())[0]
    url = f"/steps/{step.pk}/schedule/"
    assert form_of(client, url)["minutes"] == 30
    assert client.post(url, form_of(client, url) | {"minutes": "50"}).status_code == 302
    step.refresh_from_db()
    assert step.start and step.end and (step.end - step.start).total_seconds() == 50 * 60
    assert client.post(url, form_of(client, url) | {"minutes": "0"}).status_code == 422
