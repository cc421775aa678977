"""Searching the audit trail and taking it away: what finds what, what is entered of it, and what a spreadsheet is given."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ris import audit, audit_search, clock
from ris.actions import auditing, merging, patients
from ris.actions.auditing import Claimant, Place
from ris.actor import Actor
from ris.audit import Subject
from ris.audit_search import Search
from ris.models import AuditRecord, Site
from ris.web import csv_files, places
from stepwise import addresses
from tests.support.hospital import ACTOR, a_patient_data, a_site, an_order
from tests.support.sites import another_site

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


def enter(who: str = "anna", event: str = audit.PATIENT, *about: Subject, site: Site | None = None, **more: Any) -> AuditRecord:
    place = Place(more.pop("address", "10.0.0.5"), "patient")
    return auditing.record(Actor.system(who), event, audit.READ, site=site or a_site(), about=about, place=place, **more)


def found(**asked: Any) -> list[AuditRecord]:
    return list(Search(**asked).narrow(a_site()))


@pytest.mark.both_databases
def test_each_filter_finds_what_it_says() -> None:
    order = an_order()
    about = Subject(order.patient_id, order.patient.patient_id, order.accession_number)
    seen = enter("anna", audit.ORDER, about)
    other = enter("bert", audit.REFUSED, outcome=audit.SERIOUS, address="10.0.0.6")
    claim = auditing.record(Claimant("10.0.0.7", "as anna"), audit.SIGN_IN, audit.EXECUTE, site=a_site(), outcome=audit.SERIOUS)
    assert found(patient=order.patient_id) == found(number=order.accession_number) == found(number=order.patient.patient_id) == [seen]
    assert found(person="anna") == found(event=audit.ORDER) == [seen]
    assert found(person="ann") == []
    somebody_else = auditing.record(Actor("user", "anna", None), audit.ORDER, audit.READ, site=a_site())
    assert found(person="anna") == [somebody_else, seen]
    assert (found(person="anna", kind="user"), found(person="anna", kind="system")) == ([somebody_else], [seen])
    assert found(kind=audit.CLAIMANT) == [claim]
    assert found(event=audit_search.SECURITY) == found(failed=True) == [claim, other]
    assert found(address="10.0.0.6") == [other]
    assert found(action=audit.EXECUTE) == [claim]
    assert found(since=clock.wall() + timedelta(seconds=1)) == []
    assert found(until=clock.wall() + timedelta(seconds=1), person="bert") == [other]


@pytest.mark.parametrize(
    ("event", "action", "outcome", "place", "words"),
    [
        (audit.SIGN_IN, audit.EXECUTE, audit.SUCCESS, "sign-in", ("Signed in", "the sign-in")),
        (audit.SIGN_IN, audit.EXECUTE, audit.SERIOUS, "sign-in", ("Was not let in", "the sign-in")),
        (audit.REFUSED, audit.EXECUTE, audit.SERIOUS, "step-verb", ("Was refused for want of a right", "a button of an exam")),
        (audit.PROCEDURE, audit.READ, audit.SUCCESS, "step-edit", ("Saw an exam, a performed", "an exam, change of its attributes")),
        (audit.EXPORT, audit.READ, audit.SUCCESS, "audit-json", ("Took a file away", "Audit trail, as JSON")),
        (audit.LIST, audit.READ, audit.SUCCESS, "GET /api/v1/charges", ("Saw a list", "GET ")),
    ],
)
def test_a_row_says_what_happened_where_as_a_person_would(
    signed_in: SignIn, event: str, action: str, outcome: int, place: str, words: tuple[str, str]
) -> None:
    auditing.record(Claimant("10.0.0.7", "as anna"), event, action, site=a_site(), outcome=outcome, place=Place("10.0.0.7", place))
    client = signed_in("admin")
    for page in ("/audit/", f"/audit/{AuditRecord.objects.get(actor__startswith='Somebody').pk}/"):
        shown = re.sub(r"<wbr>", "", client.get(page).content.decode())
        assert f">{words[0]}" in shown
        assert words[1] in shown
        assert ", did" not in shown


def test_every_address_has_words() -> None:
    names = {one.name for one in addresses.pages()}
    assert {name: name in places.WORDS for name in names} == dict.fromkeys(names, True)
    assert places.WORDS.keys() <= names


def test_who_saw_a_record_that_was_merged_saw_the_patient() -> None:
    stays, goes = (patients.register_patient(a_site(), a_patient_data(name="TWICE^Ann"), ACTOR) for _ in range(2))
    row = enter("anna", audit.PATIENT, Subject(goes.pk, goes.patient_id))
    merging.merge_patients(stays, goes, ACTOR, "Twice", confirmed=[doubt.name for doubt in merging.doubts(stays, goes)])
    assert found(patient=stays.pk) == [row]


@pytest.mark.both_databases
@pytest.mark.parametrize("search", [Search(), Search(number="P7")])
def test_pages_meet_and_overlap_nowhere(search: Search) -> None:
    rows = [enter("anna", audit.PATIENT, Subject(7, "P7")) for _ in range(7)]
    before, seen = "", []
    for _ in range(3):
        shown, before = search.page(a_site(), before, 3)
        seen += [row for row, _ in shown]
    assert seen == rows[::-1]
    assert before == ""


def test_an_administrator_sees_the_hospital_s_own(signed_in: SignIn) -> None:
    enter("anna")
    enter("somebody-else", site=another_site())
    client = signed_in("admin")
    body = client.get("/audit/").content.decode()
    assert "anna" in body
    assert "somebody-else" not in body
    assert body.count("The system or its shell</span>") == 1, "what the person is, told beside the name"
    assert ">anna<" not in client.get("/audit/?kind=user").content.decode()


def test_no_address_says_who_is_looked_for(signed_in: SignIn) -> None:
    order = an_order()
    enter("anna", audit.ORDER, Subject(order.patient_id, order.patient.patient_id, order.accession_number))
    client = signed_in("admin")
    answer = client.post("/audit/", {"q": order.accession_number, "event": audit.ORDER})
    assert order.accession_number not in answer["Location"]
    body = client.get(answer["Location"]).content.decode()
    assert "anna" in body


def test_who_saw_a_patient_is_one_click_for_those_who_may_know(signed_in: SignIn) -> None:
    order = an_order()
    signed_in("technologist").get(f"/patients/{order.patient_id}/")
    client = signed_in("admin")
    assert f"/audit/?patient={order.patient_id}" in client.get(f"/patients/{order.patient_id}/").content.decode()
    body = client.get(f"/audit/?patient={order.patient_id}").content.decode()
    assert "a-technologist" in body
    other = signed_in("scheduler")
    assert "Who saw" not in other.get(f"/patients/{order.patient_id}/").content.decode()
    assert other.get("/audit/").status_code == 403


def test_reading_it_is_entered(signed_in: SignIn) -> None:
    a_site()
    signed_in("admin").get("/audit/?person=anna")
    row = AuditRecord.objects.get(event=audit.AUDIT)
    assert (row.actor, row.action, row.detail) == ("a-admin", audit.READ, {"asked": {"person": "anna"}})


@pytest.mark.parametrize(
    ("asked", "field"),
    [("from=yesterdayish", "from"), ("event=bogus", "event"), ("action=X", "action"), ("patient=P-17", "q")],
)
def test_a_filter_that_cannot_be_read_is_said_and_nothing_is_shown(signed_in: SignIn, asked: str, field: str) -> None:
    enter("anna")
    answer = signed_in("admin").get(f"/audit/?{asked}")
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.content.decode()
    assert "anna" not in answer.content.decode()


@pytest.mark.parametrize("file", ["csv", "json"])
@pytest.mark.parametrize("asked", ["from=zz", "event=%00", "patient=x"])
def test_no_file_is_made_of_a_filter_that_cannot_be_read(signed_in: SignIn, file: str, asked: str) -> None:
    a_site()
    answer = signed_in("admin").get(f"/audit/export.{file}?{asked}")
    assert (answer.status_code, "Nothing is shown." in answer.content.decode()) == (422, True)
    assert not AuditRecord.objects.filter(event=audit.EXPORT).exists()


def exported(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    return b"".join(answer).decode()


def test_a_spreadsheet_is_given_no_formula_and_who_took_it(signed_in: SignIn) -> None:
    enter("=cmd|' /C calc'!A1", audit.PATIENT, Subject(None, "+1+1"))
    rows = list(csv.reader(io.StringIO(exported(signed_in("admin"), "/audit/export.csv"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert rows[0][:2] == ["Time", "Who"]
    assert "exported by a-admin" in rows[-1][0]
    assert AuditRecord.objects.get(event=audit.EXPORT).detail["asked"] == {"what": "audit trail", "as": "CSV"}


@pytest.mark.parametrize("text", ["=1+1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20A1", "\t=1", "-1"])
def test_full_width_signs_begin_a_formula_too(text: str) -> None:
    assert csv_files.safe(text) == f"'{text}"
    assert csv_files.safe(f"1{text}") == f"1{text}"


def test_each_export_is_entered_however_soon(signed_in: SignIn) -> None:
    a_site()
    client = signed_in("admin")
    for _ in range(2):
        exported(client, "/audit/export.csv")
    assert AuditRecord.objects.filter(event=audit.EXPORT).count() == 2


def test_audit_messages_are_those_of_dicom(signed_in: SignIn) -> None:
    user = User.objects.create_user("anna")
    about = [Subject(1, "P1", "A1"), Subject(1, "P1", "A2"), Subject(2, "P2", "A3")]
    place = Place("10.0.0.5", "step")
    auditing.record(Actor.user(user), audit.PROCEDURE, audit.READ, site=a_site(), about=about, place=place)
    told = json.loads(exported(signed_in("admin"), f"/audit/export.json?event={audit.PROCEDURE}"))
    assert (told["exported_by"], told["asked"]) == ("a-admin", {"event": audit.PROCEDURE})
    first, second = told["messages"]
    event = first["EventIdentification"]
    assert (event["EventID"]["csd-code"], event["EventActionCode"], event["EventOutcomeIndicator"]) == ("110111", "R", "0")
    (who,) = first["ActiveParticipant"]
    assert (who["UserID"], who["NetworkAccessPointID"], who["UserIsRequestor"]) == ("anna", "10.0.0.5", True)
    (patient,) = first["ParticipantObjectIdentification"]
    assert (patient["ParticipantObjectID"], patient["ParticipantObjectDescription"]) == ("P1", {"Accession": ["A1", "A2"]})
    assert second["ParticipantObjectIdentification"][0]["ParticipantObjectID"] == "P2"


def test_a_record_is_shown_with_its_message_and_of_another_hospital_not(signed_in: SignIn) -> None:
    mine, theirs = enter("anna"), enter("bert", site=another_site())
    client = signed_in("admin")
    assert "110110" in client.get(f"/audit/{mine.pk}/").content.decode()
    assert client.get(f"/audit/{theirs.pk}/").status_code == 404
