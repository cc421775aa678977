"""Consoles over REST: the same actions as in the pages."""

import pytest
from django.contrib.auth.models import Group, User

from ris import audit, clock
from ris.actions.tokens import create_token
from ris.models import AuditRecord
from ris.web import disclosure
from tests.support.console import worker_later
from tests.unit.api.conftest import Rest
from tests.unit.training.test_consoles import occupied
from training.actions import console_acts
from training.models import Console, ConsoleAct

pytestmark = pytest.mark.usefixtures("hospital")


def test_a_console_is_set_up_changed_listed_and_removed(rest: Rest) -> None:
    status, made = rest.post("/consoles", {"ae_title": "CT01", "kind": "CT"})
    assert (status, made["ae_title"], made["host"], made["exam"], made["act"]) == (201, "CT01", "", None, None)
    assert rest.get("/consoles/CT01") == (200, made)
    assert rest.get("/consoles") == (200, {"items": [made], "count": 1})
    assert {key["key"]: key["why_not"] for key in made["keys"]}["complete"] == "No exam is open here: start one first."
    status, changed = rest.patch("/consoles/CT01", {"host": "ris", "port": 104, "called": "RIS"})
    assert (status, changed["called"], changed["version"]) == (200, "RIS", 2)
    assert rest.patch("/consoles/CT01", {"kind": "MR", "version": 1})[0] == 409
    assert rest.patch("/consoles/CT01", {"host": "", "port": None, "called": ""})[1]["host"] == ""
    assert rest._client.delete("/api/v1/consoles/CT01").status_code == 204
    assert rest.get("/consoles/CT01")[0] == 404


def test_what_is_wrong_is_named(rest: Rest) -> None:
    status, body = rest.post("/consoles", {"ae_title": "X" * 17, "host": "a b", "port": 1})
    assert (status, sorted(body["errors"])) == (422, ["ae_title", "called", "host"])
    status, body = rest.post("/consoles", {"ae_title": "CT01", "kind": "ZZ"})
    assert (status, "choose one of CT, MR, US" in body["errors"]["kind"]) == (422, True)
    rest.post("/consoles", {"ae_title": "CT01"})
    assert rest.post("/consoles", {"ae_title": "CT01"})[0] == 409
    assert rest.post("/consoles/CT01/keys/explode")[0] == 404
    assert rest.post("/consoles/CT01/keys/complete")[0] == 409
    status, body = rest.post("/consoles/CT01/keys/hand", {"name": "A^B", "sex": "X"})
    assert (status, body["errors"]) == (422, {"sex": "must be M, F or O, or empty when not known"})


def test_a_key_is_left_to_a_worker_and_its_act_tells_what_came_of_it(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = worker_later(monkeypatch)
    rest.post("/consoles", {"ae_title": "CT01"})
    status, act = rest.post("/consoles/CT01/keys/update", {"days": "all", "any_station": True})
    assert (status, act["id"], act["status"], act["arguments"]["days"]) == (202, waiting[0], "WAITING", "all")
    assert rest.get(f"/consoles/CT01/acts/{act['id']}") == (200, act)
    assert rest.get("/consoles/CT01/messages") == (200, {"items": [], "count": 0})
    assert rest.post("/consoles/CT01/keys/echo")[0] == 409


def test_a_key_and_its_act_are_entered_with_the_patient_they_name(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    worker_later(monkeypatch)
    rest.post("/consoles", {"ae_title": "CT01"})
    act = rest.post("/consoles/CT01/keys/update", {"days": "all", "patient_id": "P-17"})[1]
    disclosure.recent.forget()
    rest.get(f"/consoles/CT01/acts/{act['id']}")
    records = AuditRecord.objects.filter(patients__patient_id="P-17").order_by("pk")
    route = "/api/v1/consoles/{path:ae_title}"
    assert list(records.values_list("event", "place")) == [
        (audit.ASKED, f"POST {route}/keys/{{key}}"),
        (audit.LIST, f"POST {route}/keys/{{key}}"),
        (audit.LIST, f"GET {route}/acts/{{act_id}}"),
    ]


def test_who_is_told_whose_exam_is_in_the_way_is_entered_with_it(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    worker_later(monkeypatch)
    rest.post("/consoles", {"ae_title": "CT01"})
    occupied(Console.objects.get(), patient_id="P-17")
    assert rest.post("/consoles/CT01/keys/hand", {"name": "ROE^Jon"})[0] == 409
    assert AuditRecord.objects.get(patients__patient_id="P-17").event == audit.LIST


def test_a_message_is_told_with_its_data_sets(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    worker_later(monkeypatch)
    rest.post("/consoles", {"ae_title": "CT01"})
    rest.post("/consoles/CT01/keys/update")
    act = ConsoleAct.objects.select_related("console__site").get()
    asked, found = {"00100020": {"vr": "LO"}}, {"00100020": {"vr": "LO", "Value": ["P1"]}}
    at = clock.now()
    console_acts.tell(
        act,
        at=at,
        verb="C-FIND",
        calling="CT01",
        target="RIS",
        request=asked,
        answers=[found],
        answer_count=1,
        status=0xFE00,
        duration_ms=1.25,
    )
    (listed,) = rest.get("/consoles/CT01/messages")[1]["items"]
    assert (listed["act"], listed["verb"], listed["status"], listed["answer_count"]) == (act.pk, "C-FIND", "FE00", 1)
    assert rest.get(f"/consoles/CT01/messages/{listed['id']}") == (200, listed | {"request": asked, "answers": [found]})
    rest.post("/consoles", {"ae_title": "CT02"})
    assert rest.get(f"/consoles/CT02/messages/{listed['id']}")[0] == 404


def test_without_a_broker_the_call_says_so(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import tasks

    def away(*args: object, **options: object) -> None:
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(tasks.perform, "apply_async", away)
    rest.post("/consoles", {"ae_title": "CT01"})
    status, body = rest.post("/consoles/CT01/keys/echo")
    assert (status, "nothing was sent" in body["detail"]) == (503, True)


def test_pointing_elsewhere_needs_its_permission(rest: Rest) -> None:
    user = User.objects.create_user("tech")
    user.groups.add(Group.objects.get_or_create(name="technologist")[0])
    technologist = Rest(create_token(user, "test"))
    assert technologist.post("/consoles", {"ae_title": "CT01"})[0] == 201
    assert technologist.patch("/consoles/CT01", {"host": "ris", "port": 104, "called": "RIS"})[0] == 403
    assert rest.patch("/consoles/CT01", {"host": "ris", "port": 104, "called": "RIS"})[0] == 200
    assert technologist._client.delete("/api/v1/consoles/CT01").status_code == 403
    assert rest._client.delete("/api/v1/consoles/CT01").status_code == 204


def test_odd_ae_titles_have_consoles_too(rest: Rest) -> None:
    assert rest.post("/consoles", {"ae_title": "A/B"})[0] == 201
    assert rest.get("/consoles/A/B")[1]["ae_title"] == "A/B"
    assert rest.get("/consoles/A/B/messages")[0] == 200
