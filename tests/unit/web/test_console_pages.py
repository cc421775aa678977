"""The pages of consoles: who may do what, what is refused in words, and that nothing is sent while a page waits."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.urls import reverse

from dimse import scu
from ris import audit
from ris.models import AuditRecord
from tests.support.console import OPERATOR, Keys, a_console, worker_later
from tests.support.hospital import a_site, a_station
from tests.unit.training.test_console_keys import an_exam
from training.actions import console_acts
from training.consoles.looks import LOOKS, Look
from training.consoles.pressing import press
from training.memory import Memory
from training.models import Console, ConsoleAct

SignIn = Callable[..., Client]
ELSEWHERE = {"host": "ris.example.org", "port": "104", "called": "RIS"}


@pytest.fixture(autouse=True)
def _hospital_without_network(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    a_site()

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a page talked to the network")

    monkeypatch.setattr(scu.Requestor, "associate", refuse)


def test_the_console_of_a_station_is_one_form_away(signed_in: SignIn) -> None:
    a_station("MR01", "MR", "CT")
    client = signed_in("technologist")
    assert 'href="/consoles/MR01/"' in client.get("/stations/MR01/").content.decode()
    proposed = client.get("/consoles/MR01/")
    assert proposed["Location"] == "/consoles/set-up-new-console/?station=MR01"
    form = client.get(proposed["Location"]).content.decode()
    assert 'value="MR01"' in form and '<option value="MR" selected>' in form
    assert client.post("/consoles/set-up-new-console/", {"ae_title": "MR01", "kind": "MR"})["Location"] == "/consoles/MR01/"
    shown = client.get("/consoles/MR01/").content.decode()
    assert "console--mr" in shown and "No list yet" in shown


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_each_kind_has_its_look_and_its_drawing(signed_in: SignIn, look: Look) -> None:
    a_console("ONE", kind=look.kind)
    shown = signed_in("technologist").get("/consoles/ONE/").content.decode()
    assert f"console--{look.name}" in shown
    assert look.title in shown
    assert '<div class="c-view">' in shown and "<svg" in shown.split('<div class="c-view">')[1]


def test_only_some_may_point_a_console_at_another_system(signed_in: SignIn) -> None:
    technologist, integrator = signed_in("technologist"), signed_in("integrator")
    assert 'name="host"' not in technologist.get("/consoles/set-up-new-console/").content.decode()
    technologist.post("/consoles/set-up-new-console/", {"ae_title": "CT01", "kind": "CT", **ELSEWHERE})
    assert not Console.objects.get().is_elsewhere
    integrator.post("/consoles/CT01/edit/", {"kind": "CT", "version": "1", **ELSEWHERE})
    technologist.post("/consoles/CT01/edit/", {"kind": "DX", "version": "2"})
    console = Console.objects.get()
    assert (console.kind, console.host, console.port, console.called) == ("DX", "ris.example.org", 104, "RIS")
    assert "Modality test tool" in technologist.get("/consoles/CT01/").content.decode()


def test_only_who_may_point_a_console_elsewhere_removes_one_that_was(signed_in: SignIn) -> None:
    technologist, integrator = signed_in("technologist"), signed_in("integrator")
    a_console(host="ris.example.org", port=104, called="RIS")
    assert "/consoles/CT01/remove/" not in technologist.get("/consoles/CT01/").content.decode()
    assert technologist.get("/consoles/CT01/remove/").status_code == 403
    assert technologist.post("/consoles/CT01/remove/").status_code == 403
    assert Console.objects.exists()
    assert "/consoles/CT01/remove/" in integrator.get("/consoles/CT01/").content.decode()
    integrator.post("/consoles/CT01/remove/", {"version": "1"})
    assert not Console.objects.exists()


def test_who_may_not_use_consoles_sees_none(signed_in: SignIn) -> None:
    a_console()
    client = signed_in("biller")
    for page in ("", "CT01/", "set-up-new-console/", "CT01/edit/", "CT01/remove/", "CT01/keys/hand/", "CT01/messages/1/"):
        assert client.get(f"/consoles/{page}").status_code == 403
    for page in ("CT01/keys/echo/", "CT01/remove/", "CT01/acts/1/withdraw/"):
        assert client.post(f"/consoles/{page}").status_code == 403


def test_a_form_says_what_is_wrong_and_keeps_what_was_typed(signed_in: SignIn) -> None:
    answer = signed_in("integrator").post("/consoles/set-up-new-console/", {"ae_title": "X" * 17, "kind": "CT", "host": "a b", "port": "0"})
    text = answer.content.decode()
    assert answer.status_code == 422
    for words in ("AE title is 17 characters long", "neither a host name nor an address", "Port is", 'value="a b"'):
        assert words in text


def test_a_pressed_key_is_left_to_a_worker_and_can_be_taken_back(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    a_console()
    waiting = worker_later(monkeypatch)
    client = signed_in("technologist")
    assert (
        client.post("/consoles/CT01/keys/update/", {"days": "today", "modality": "CT", "any_station": ""})["Location"] == "/consoles/CT01/"
    )
    assert "is waiting for a worker" in client.get("/consoles/CT01/").content.decode()
    client.post("/consoles/CT01/keys/echo/")
    assert "Verify: CT01 is busy: a-technologist pressed “Update list”" in client.get("/consoles/CT01/").content.decode()
    client.post(f"/consoles/CT01/acts/{waiting[0]}/withdraw/")
    assert "a-technologist took it back" in client.get("/consoles/CT01/").content.decode()
    client.post(f"/consoles/CT01/acts/{waiting[0]}/withdraw/")
    late = client.get("/consoles/CT01/").content.decode()
    assert re.search(r"It could not be taken back: it is over since [\d:]{8}\. a-technologist took it back", late)
    claimed = console_acts.claim(press(Console.objects.get(), "echo", {}, OPERATOR).pk)
    assert claimed is not None
    client.post(f"/consoles/CT01/acts/{claimed.pk}/withdraw/")
    assert "taken back: a worker has taken it, and does it now." in client.get("/consoles/CT01/").content.decode()


def test_the_screen_is_not_rendered_again_while_nothing_changes(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(a_console())
    waiting = worker_later(monkeypatch)
    client = signed_in("technologist")
    seen = client.get("/consoles/CT01/").content.decode().split('"X-Seen": "')[1].split('"')[0]

    def again() -> int:
        return client.get("/consoles/CT01/", headers={"HX-Request": "true", "X-Seen": seen}).status_code

    assert again() == 204
    keys("echo")
    assert again() == 200
    assert console_acts.withdraw(waiting[0], "taken back")


def test_whoever_presses_a_key_on_the_page_is_entered(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    worker_later(monkeypatch)
    a_console()
    asked = {"patient_id": "P-17", "patient_name": "DOE*", "days": "all"}
    assert signed_in("technologist").post("/consoles/CT01/keys/update/", asked).status_code == 302
    row = AuditRecord.objects.get(event=audit.ASKED)
    assert (row.actor, row.place, row.patients.get().patient_id) == ("a-technologist", "console-key", "P-17")
    assert row.detail["asked"].items() >= asked.items()


def test_keys_that_ask_show_a_form_and_what_is_wrong_with_it(signed_in: SignIn) -> None:
    a_console()
    client = signed_in("technologist")
    assert "The worse way." in client.get("/consoles/CT01/keys/hand/").content.decode()
    answer = client.post("/consoles/CT01/keys/hand/", {"name": "", "birth_date": "soon"})
    assert answer.status_code == 422
    assert "Birth date &#x27;soon&#x27; is not a date" in answer.content.decode()
    assert "start one first" in client.get("/consoles/CT01/keys/discontinue/").content.decode()
    assert client.get("/consoles/CT01/keys/self-destruct/").status_code == 404
    assert client.get("/consoles/CT01/keys/echo/")["Location"] == "/consoles/CT01/"
    assert not ConsoleAct.objects.exists()


def test_what_is_discontinued_is_said_with_two_identifiers(signed_in: SignIn) -> None:
    console = a_console()
    kept: list[dict[str, Any]] = []
    Memory(kept.append, [an_exam(patient_name="DOE^Jane", patient_id="P-17", accession_numbers=["A-4711"])]).save()
    Console.objects.filter(pk=console.pk).update(memory=kept[0])
    shown = signed_in("technologist").get("/consoles/CT01/keys/discontinue/").content.decode()
    for words in ("DOE^Jane", "P-17", "A-4711", "CT head"):
        assert f"<dd>{words}</dd>" in shown


def test_a_console_is_removed_after_a_question(signed_in: SignIn) -> None:
    a_console()
    client = signed_in("technologist")
    assert "Remove the console" in client.get("/consoles/CT01/remove/").content.decode()
    assert client.post("/consoles/CT01/remove/", {"version": "1"})["Location"] == "/consoles/"
    assert client.get("/consoles/CT01/").status_code == 404


@pytest.mark.parametrize(
    "ae_title", ["A/B #1?", ".", "..", "../CT01", "CT01/edit", "CT01/keys/echo", "set-up-a-console", "/", "A~2FB", "50%"]
)
def test_every_legal_ae_title_has_its_console_in_the_browser(signed_in: SignIn, ae_title: str) -> None:
    a_console("CT01")
    a_console(ae_title)
    client = signed_in("technologist")
    address = reverse("console", args=[ae_title])
    assert f'href="{address}"' in client.get("/consoles/").content.decode()
    assert urljoin("http://ris/", address) == f"http://ris{address}", "a browser goes elsewhere"
    shown = client.get(address).content.decode()
    assert f'<span class="ae">{ae_title}</span>' in shown
    client.post(f"{address}remove/", {"version": "1"})
    assert list(Console.objects.values_list("ae_title", flat=True)) == ["CT01"]
