"""The pages of the RIS: what they show, what they refuse, what they never do."""

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from ris.actions import steps
from ris.actions.edits import edit_exam
from ris.actor import Actor
from ris.models import Order, Patient, ScheduledProcedureStep
from ris.web import times
from tests.support.hospital import ACTOR, a_pool, a_procedure, a_site, a_station, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]


def test_a_live_part_whose_session_ended_takes_the_whole_page_to_the_sign_in(client: Client) -> None:
    answer = client.get("/worklist/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/worklist/?station=CT01"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/sign-in/?next=/worklist/%3Fstation%3DCT01"


def test_signing_in_with_a_wrong_password_says_so(client: Client, signed_in: SignIn) -> None:
    answer = client.post("/sign-in/", {"username": "a-scheduler", "password": "wrong"})
    assert answer.status_code == 422
    assert "<title>Error: Sign in" in answer.content.decode()
    assert "do not fit together" in answer.content.decode()


def test_pages_carry_a_strict_policy_and_hold_nothing_inline(signed_in: SignIn) -> None:
    order = an_order()
    client = signed_in()
    step = steps_of(order)[0]
    for address in ("/worklist/", f"/steps/{step.pk}/", "/patients/", f"/orders/new/?patient={order.patient_id}", "/stations/", "/help/"):
        answer = client.get(address)
        text = answer.content.decode()
        assert answer.status_code == 200, address
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), address
        assert "SIMULATION" in text


def test_the_worklist_lists_an_exam_with_its_legal_action(signed_in: SignIn) -> None:
    order = an_order(name="García^Lucía=ガルシア^ルシア")
    step = steps_of(order)[0]
    text = signed_in().get(f"/worklist/?day={times.local(step.start).date()}").content.decode()
    assert '<span class="fam">GARCÍA</span>, Lucía' in text
    assert order.accession_number in text
    assert f"/steps/{step.pk}/arrive/" in text
    assert f"/steps/{step.pk}/cancel/" not in text


def test_a_live_part_that_did_not_change_is_answered_with_204(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    client = signed_in()
    address = f"/steps/{step.pk}/"
    mark = re.search(r'"X-Seen": "([\w.]+)"', client.get(address).content.decode())
    assert mark
    live = {"HX-Request": "true", "X-Seen": mark[1]}
    assert client.get(address, headers=live).status_code == 204
    steps.arrive(step.pk, ACTOR)
    changed = client.get(address, headers=live)
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()
    assert "Arrived" in changed.content.decode()


def test_filters_keep_only_what_is_not_the_default_in_the_address(signed_in: SignIn) -> None:
    an_order()
    typed = {"q": "", "station": "CT01", "modality": "", "priority": ""}
    answer = signed_in().post("/worklist/", typed, headers={"HX-Request": "true"}, follow=True)
    assert answer.headers["HX-Replace-Url"] == "/worklist/?station=CT01"


def test_a_day_that_is_none_is_today(signed_in: SignIn) -> None:
    a_site()
    assert signed_in().get("/worklist/?day=yesterday").status_code == 200


def test_stages_count_and_select(signed_in: SignIn) -> None:
    waiting, here = an_order(start=in_minutes(5)), an_order(station="CT02", start=in_minutes(5))
    steps.arrive(steps_of(here)[0].pk, ACTOR)
    day = times.local(steps_of(here)[0].start).date()
    text = signed_in().get(f"/worklist/arrived/?day={day}").content.decode()
    assert here.accession_number in text
    assert waiting.accession_number not in text
    assert re.search(r'id="stage-all"[^>]*><span class="n">2', text)


def test_an_unknown_stage_is_404_in_words(signed_in: SignIn) -> None:
    a_site()
    answer = signed_in().get("/worklist/nowhere/")
    assert answer.status_code == 404
    assert "There is no stage &#x27;nowhere&#x27;" in answer.content.decode()


def test_arriving_from_the_list_tells_and_asks_the_list_to_look_again(signed_in: SignIn) -> None:
    step = steps_of(an_order(name="Cohen^Noa"))[0]
    answer = signed_in().post(f"/steps/{step.pk}/arrive/", {"version": step.version}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger"] == "changed"
    assert f"The exam {step.requested_procedure.order.accession_number} has arrived" in answer.content.decode()
    step.refresh_from_db()
    assert step.status == "ARRIVED"


def test_acting_on_an_exam_that_changed_meanwhile_says_who_and_changes_nothing(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    steps.arrive(step.pk, ACTOR)
    client = signed_in()
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.post(f"/steps/{step.pk}/arrive/", {"version": step.version}, headers=headers)
        assert answer.status_code == 409
        assert "Somebody else changed this exam meanwhile: test at" in answer.content.decode()
    step.refresh_from_db()
    assert step.status == "ARRIVED"


def test_canceling_needs_a_reason(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    client = signed_in()
    refused = client.post(f"/steps/{step.pk}/cancel/", {"version": step.version})
    assert refused.status_code == 422
    assert "<title>Error:" in refused.content.decode()
    assert 'href="#f-usual"' in refused.content.decode()
    client.post(f"/steps/{step.pk}/cancel/", {"version": step.version, "usual": "Duplicate order", "note": "see 014"})
    change = step.changes.last()
    assert change is not None
    assert (change.to_status, change.actor, change.reason) == ("CANCELED", "a-scheduler", "Duplicate order, see 014")


def test_an_exam_without_mpps_is_started_and_ended_by_hand(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    client = signed_in("technologist")
    address = f"/steps/{step.pk}/"
    assert f"{address}complete/" not in client.get(address).content.decode()
    client.post(f"{address}start-by-hand/", {"version": step.version})
    edit_exam(step.pk, {"step": {"CommentsOnTheScheduledProcedureStep": "slowly"}}, Actor("user", "Somebody Else"))
    page = client.get(address)
    assert f"{address}complete/" in page.content.decode()
    [started] = [tread for tread in page.context["treads"] if tread.title == "Started"]
    assert "Somebody Else" not in started.text
    step.refresh_from_db()
    client.post(f"{address}complete/", {"version": step.version})
    step.refresh_from_db()
    assert step.status == "COMPLETED"


def test_what_a_modality_started_is_not_ended_by_hand(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    steps.start(step.pk, Actor.modality("CT01"))
    client = signed_in("technologist")
    assert f"/steps/{step.pk}/complete/" not in client.get(f"/steps/{step.pk}/").content.decode()
    answer = client.post(f"/steps/{step.pk}/complete/", {"version": 2}, follow=True)
    assert "ends with its N-SET" in answer.content.decode()
    step.refresh_from_db()
    assert step.status == "STARTED"


def test_roles_without_the_right_are_refused_in_words(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    client = signed_in("biller")
    answer = client.post(f"/steps/{step.pk}/arrive/")
    assert answer.status_code == 403
    assert "To check a patient in, and undo it is for these roles: Scheduler, Technologist, " in answer.content.decode()
    assert "Your role: Biller." in answer.content.decode() and "steps.arrive" not in answer.content.decode()
    assert "/orders/new/" not in client.get("/patients/").content.decode()


def test_a_patient_is_registered_and_changed(signed_in: SignIn) -> None:
    a_site()
    client = signed_in()
    typed = {
        "family": "Yamada",
        "given": "Tarō",
        "own_script": "山田 太郎",
        "birth_date": "25-May-1959",
        "sex": "M",
        "allergies": "Latex; Iodine",
    }
    client.post("/patients/new/", typed)
    patient = Patient.objects.get()
    assert (patient.name, patient.allergies, str(patient.birth_date)) == ("Yamada^Tarō=山田^太郎", ["Latex", "Iodine"], "1959-05-25")
    changed = typed | {"patient_id": patient.patient_id, "given": "Jirō", "version": patient.version}
    assert client.post(f"/patients/{patient.pk}/edit/", changed).status_code == 302
    stale = client.post(f"/patients/{patient.pk}/edit/", changed)
    assert stale.status_code == 422
    assert "Somebody else changed this patient" in stale.content.decode()


def test_wrong_demographics_are_named_and_nothing_is_written(signed_in: SignIn) -> None:
    a_site()
    typed = {"family": "Y" * 70, "given": "T\x07", "birth_date": "31-Feb-1959", "weight_kg": "heavy"}
    answer = signed_in().post("/patients/new/", typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "31-Feb-1959 does not exist" in text
    assert 'href="#f-birth_date"' in text
    assert 'value="31-Feb-1959"' in text
    assert Patient.objects.count() == 0


def an_order_form(**changes: str) -> dict[str, str]:
    return {
        "procedure": "CTCHEST",
        "priority": "HIGH",
        "place": "CT01",
        "start": times.moment_text(in_minutes(60)),
        "reason": "Cough",
    } | changes


def test_an_exam_is_ordered_and_scheduled(signed_in: SignIn) -> None:
    patient = an_order().patient
    answer = signed_in().post(f"/orders/new/?patient={patient.pk}", an_order_form(referring_physician="Haddad, Rania"))
    assert answer.status_code == 302
    step = ScheduledProcedureStep.objects.latest("pk")
    order = step.requested_procedure.order
    assert (order.priority, order.referring_physician_name, order.reason) == ("HIGH", "Haddad^Rania", "Cough")
    assert [row.ae_title for row in step.stations.all()] == ["CT01"]


def test_an_exam_can_be_ordered_without_a_time(signed_in: SignIn) -> None:
    patient = an_order().patient
    client = signed_in()
    client.post(f"/orders/new/?patient={patient.pk}", an_order_form(place="", start="", tray="1"))
    step = ScheduledProcedureStep.objects.latest("pk")
    assert step.start is None
    assert f"/steps/{step.pk}/schedule/" in client.get("/worklist/to-schedule/").content.decode()


def test_a_taken_slot_is_refused_with_the_exam_in_the_way(signed_in: SignIn) -> None:
    taken = an_order(name="Silva^João", start=in_minutes(60))
    orders_before = Order.objects.count()
    answer = signed_in().post(f"/orders/new/?patient={taken.patient_id}", an_order_form())
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f": {taken.accession_number}, CT chest, " in text
    assert 'data-fills="' in text, "free times are offered"
    assert Order.objects.count() == orders_before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"place": "US01"}, "US01 does not do this procedure"),
        ({"procedure": "NOPE"}, "NOPE is not in the catalogue"),
        ({"start": "31-Feb-2027 10:00"}, "31-Feb-2027 does not exist"),
        ({"start": ""}, "enter a time"),
    ],
)
def test_a_wrong_order_is_refused_and_kept_as_typed(signed_in: SignIn, changes: dict[str, str], why: str) -> None:
    patient = an_order().patient
    a_station("US01", "US")
    before = Order.objects.count()
    answer = signed_in().post(f"/orders/new/?patient={patient.pk}", an_order_form(**changes))
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert 'value="Cough"' in answer.content.decode()
    assert Order.objects.count() == before


def test_places_follow_the_procedure_and_offer_free_times(signed_in: SignIn) -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
    a_station("US01", "US")
    a_procedure()
    text = signed_in().get("/orders/new/places/?procedure=CTCHEST&place=ANYCT").content.decode()
    assert 'value="CT02"' in text
    assert 'value="US01"' not in text
    assert text.count("data-fills=") == 6


def test_an_exam_is_moved_and_the_history_says_from_where(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    a_station("CT02")
    start = times.moment_text(in_minutes(120))
    client = signed_in()
    typed = {"place": "CT02", "start": start, "version": str(step.version), "reason": "CT01 is down"}
    assert client.post(f"/steps/{step.pk}/schedule/", typed).status_code == 302
    text = client.get(f"/steps/{step.pk}/").content.decode()
    assert f"CT02 {start}, before CT01" in text
    assert "CT01 is down" in text
    late = client.post(f"/steps/{step.pk}/schedule/", typed)
    assert late.status_code == 422
    assert "Somebody else changed this exam meanwhile: a-scheduler at" in late.content.decode()


def test_the_search_opens_an_accession_number_and_lists_the_rest(signed_in: SignIn) -> None:
    order = an_order(name="Þorsdóttir^Guðrún")
    client = signed_in()

    def found(text: str) -> HttpResponse:
        return client.post("/find/", {"q": text}, follow=True)

    assert found(order.accession_number).redirect_chain[-1][0] == f"/steps/{steps_of(order)[0].pk}/"  # type: ignore[attr-defined]
    assert any("ÞORSDÓTTIR" in found(text).content.decode() for text in ("gudr", "guðr"))
    assert "at least two characters" in found("g").content.decode()


def test_the_theme_is_written_into_the_page(signed_in: SignIn) -> None:
    a_site()
    client = signed_in()
    client.cookies["stepwise_theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in client.get("/help/").content.decode()
    client.cookies["stepwise_theme"] = '"><script>'
    assert '<html lang="en" data-theme="system">' in client.get("/help/").content.decode()


def test_what_is_left_over_of_earlier_days_is_listed_with_what_to_do(signed_in: SignIn) -> None:
    yesterday = an_order(start=in_minutes(-30 * 60))
    today = an_order(station="CT02", start=in_minutes(5))
    text = signed_in().get("/worklist/left-over/").content.decode()
    assert yesterday.accession_number in text
    assert today.accession_number not in text
    assert re.search(r'id="stage-left-over"[^>]*><span class="n[^"]*">1', text)
    assert "overdue, closes by itself on " in text
    assert "canceled by itself 7 days after its time" in text
    assert f"/steps/{steps_of(yesterday)[0].pk}/schedule/" in text


def test_nothing_left_over_is_said(signed_in: SignIn) -> None:
    an_order(start=in_minutes(5))
    assert "Nothing is left over" in signed_in().get("/worklist/left-over/").content.decode()
