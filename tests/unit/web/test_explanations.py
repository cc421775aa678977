"""The pages that say why an exam is not on a scanner."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import resolve, reverse

from dimse.entries import now
from dimse.models import Message
from ris import audit
from ris.actions.renaming import Renaming, rename_station
from ris.models import AuditRecord, ScheduledProcedureStep, Station
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of
from tests.support.journal import a_query, an_association
from tests.support.worklist import identifier

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

STATION = "ScheduledStationAETitle"
SignIn = Callable[..., Client]


@pytest.fixture
def step(db: None) -> ScheduledProcedureStep:
    a_station("CT02")
    return steps_of(an_order(name="DOE^Jane"))[0]


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def test_the_page_of_an_exam_says_on_which_scanners_it_is_and_why_not(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    a_query(identifier({STATION: "CT01"}), answers=1)
    a_query(identifier({STATION: "CT2"}), calling="CT02")
    shown = text(signed_in(), reverse("step", args=[step.pk]))
    assert "On which scanners is it" in shown
    assert "Scheduled Station AE Title = CT2" in shown
    assert f"/steps/{step.pk}/explanation/?station=CT02" in shown
    assert "On which scanners" not in text(signed_in("biller"), reverse("step", args=[step.pk]))


def test_a_query_is_explained_key_by_key_with_what_to_do(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    asked = a_query(identifier({STATION: "CT2", "Modality": ""}))
    client, address = signed_in(), reverse("step-explanation", args=[step.pk])
    for query in ("", "?station=CT01", f"?station=CT01&message={asked.pk}"):
        shown = text(client, address + query)
        assert "this exam is no answer. Scheduled Station AE Title = CT2." in shown
        assert "Correct the worklist AE title at the console" in shown
        assert "No station here is called CT2" in shown
        assert "nothing is excluded by it: Modality" in shown


def test_a_query_can_be_typed(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    client, address = signed_in(), reverse("step-explanation", args=[step.pk])

    def typed(keys: str, status: int = 200) -> str:
        answer = client.post(address, {"station": "CT01", "keys": keys}, follow=True)
        assert answer.status_code == status
        return " ".join(answer.content.decode().split())

    shown = typed("PatientName=DOE*\r\nModality=MR")
    assert "CT01 asking so would not be shown this exam. Modality = MR." in shown
    for keys, fault in (("PatientNam=x", "is it PatientName?"), ("PatientName", "PatientName has no value")):
        refused = typed(keys, 422)
        assert "<title>Error:" in refused
        assert fault in refused


@pytest.mark.parametrize(("message", "fault"), [("x", "is no number of a message"), ("4711", "no C-FIND with the number 4711")])
def test_a_message_that_is_none_is_said(signed_in: SignIn, step: ScheduledProcedureStep, message: str, fault: str) -> None:
    assert fault in text(signed_in(), f"/steps/{step.pk}/explanation/?station=CT01&message={message}", 422)


def test_the_page_of_a_station_says_what_each_query_got_and_what_changed(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    before = a_query(identifier({STATION: "CT01"}), answers=1, at=now() - timedelta(minutes=5))
    a_query(identifier({STATION: "CT2"}))
    client, address = signed_in("integrator"), reverse("station-queries", args=["CT01"])
    shown = text(client, address)
    assert "and got 0 of 1: Scheduled Station AE Title = CT2." in shown
    assert "it asked for CT01 and got 1. Something changed at the console since." in shown
    assert "1 of 1" in shown and "1 more" in shown
    assert f"/steps/{step.pk}/explanation/?station=CT01&amp;message=" in shown
    chosen = text(client, f"{address}?message={before.pk}")
    assert "and got 1 of 1." in chosen
    assert "No key excludes any of them" in chosen
    response = Message.objects.get(association=before.association_id, direction="out")
    assert "and got 1 of 1." in text(client, f"{address}?message={response.pk}")


def test_a_canceled_query_is_told_in_the_list_and_beside_what_it_got(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    a_query(identifier({STATION: "CT01"}), answers=0, status=0xFE00)
    page = text(signed_in("technologist"), reverse("station-queries", args=["CT01"]))
    assert "Canceled by the modality after 0 answers" in page
    assert "0 answers then: canceled by the modality after 0 answers." in page
    assert "Nothing excluded" not in page
    assert '<div class="notice" data-status="WARNING">' in page


def test_a_failed_query_is_told_with_its_status(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    a_query(identifier({"ScheduledProcedureStepStartDate": "soon"}), status=0xA900, comment="no date")
    assert "was answered A900 Identifier does not match SOP class: no date." in text(signed_in(), "/stations/CT01/queries/")


def test_a_station_that_never_asked_or_was_rejected_is_told_so(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    client = signed_in()
    assert "CT02 has not asked yet" in text(client, "/stations/CT02/queries/")
    an_association("CT02", rejection="calling AE title not recognized (1/1/3): unknown")
    shown = text(client, "/stations/CT02/queries/")
    assert "CT02 has not asked since" in shown
    assert "was rejected.</strong> Calling AE title not recognized" in shown


@pytest.mark.parametrize("message", ["x", "4711"])
def test_a_query_that_the_journal_does_not_have_is_no_page(signed_in: SignIn, step: ScheduledProcedureStep, message: str) -> None:
    assert signed_in().get(f"/stations/CT01/queries/?message={message}").status_code == 404


def test_an_ae_title_of_odd_characters_has_a_page(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    a_query(identifier({STATION: "A/B ?#"}), calling="A/B ?#")
    assert "A/B ?#" in text(signed_in(), reverse("station-queries", args=["A/B ?#"]))


def test_empty_answers_in_the_association_log_lead_to_their_explanation(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    asked = a_query(identifier({STATION: "CT2"}))
    client = signed_in("integrator")
    response = Message.objects.get(association=asked.association_id, direction="out")
    assert f"/stations/CT01/queries/?message={response.pk}" in text(client, reverse("associations"))
    assert f"/stations/CT01/queries/?message={asked.pk}" in text(client, reverse("association", args=[asked.association_id]))


def test_who_may_not_ask_is_told_so(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    client = signed_in("biller")
    for address in (reverse("step-explanation", args=[step.pk]), reverse("station-queries", args=["CT01"])):
        assert client.get(address).status_code == 403


def test_whom_the_queries_beside_an_exam_name_is_recorded(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    other = an_order(name="ROE^Jon", station="CT02").patient
    a_query(identifier({STATION: "CT01"}, PatientID=other.patient_id))
    client = signed_in("integrator")
    for address in (
        reverse("step", args=[step.pk]),
        f"{reverse('step-explanation', args=[step.pk])}?station=CT01",
        "/stations/CT01/queries/",
    ):
        assert other.patient_id in text(client, address)
        (row,) = AuditRecord.objects.filter(patients__patient_key=other.pk, event=audit.LIST).order_by("-pk")[:1]
        assert row.place == resolve(address.partition("?")[0]).view_name


def test_a_former_title_that_is_accepted_no_more_is_told_with_whose_it_was_and_a_button(
    signed_in: SignIn, step: ScheduledProcedureStep
) -> None:
    a_query(identifier({STATION: "CT-EAST"}), calling="CT-EAST", answers=1, at=now() - timedelta(minutes=5))
    rename_station(a_site(), Renaming("CT01", keeps=False), "CT-EAST", ACTOR)
    asked = a_query(identifier({STATION: "CT01"}), calling="CT01")
    client, technologist = signed_in("integrator"), signed_in("technologist")
    for address in (f"/stations/CT-EAST/queries/?message={asked.pk}", f"/steps/{step.pk}/explanation/?station=CT-EAST&message={asked.pk}"):
        shown = text(client, address)
        assert "CT01 was the AE title of CT-EAST until" in shown and f"when {ACTOR.name} ended it: change the modality to CT-EAST" in shown
        assert "Correct the worklist AE title" not in shown and "No station here is called" not in shown
        assert "Accept CT01 again</button>" in shown and "Something changed at the console" not in shown
        assert "Accept CT01 again</button>" not in text(technologist, address)
    assert "got 0 of 1" in text(client, f"/stations/CT-EAST/queries/?message={asked.pk}"), "of its own list, not of the hospital's"
    again, version = reverse("connect-act", args=["CT-EAST", "accept-again"]), Station.objects.get(ae_title="CT-EAST").version
    late = client.post(again, {"value": "CT01", "version": version - 1}, follow=True)
    assert "Somebody else changed this station" in late.content.decode()
    done = client.post(again, {"value": "CT01", "version": version}, follow=True)
    assert "What calls as CT01 is CT-EAST again" in done.content.decode()
    assert technologist.post(again, {"value": "CT01", "version": version}).status_code == 403


def test_a_query_that_would_get_more_now_has_no_green_tick(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    a_query(identifier({STATION: "CT01"}), answers=0)
    shown = text(signed_in("technologist"), reverse("station-queries", args=["CT01"]))
    assert '<span class="glyph" data-status="WARNING">1 matches now</span>' in shown
    assert "Nothing excluded" not in shown and '<div class="notice" data-status="WARNING">' in shown
