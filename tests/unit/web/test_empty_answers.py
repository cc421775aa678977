"""Wherever a page tells of a query that got nothing, the explanation of that query is one click away."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dimse import journal
from dimse.encode import encode
from dimse.entries import MessageEntry
from dimse.models import Message
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST
from ris import clock
from ris.actions import connecting
from ris.models import Station
from stepwise import health
from stepwise.addresses import pages
from tests.support.addresses import World, somebody
from tests.support.console import a_console
from tests.support.hospital import ACTOR, a_site
from tests.support.journal import a_query, an_association
from tests.support.worklist import identifier
from training.consoles.plain import plain
from training.models import Console, ConsoleMessage

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
EMPTY = re.compile(r"\b0 answers\b|\bgot 0\b|[Nn]othing match|got no answers?|now it gets none")
WHY = re.compile(r'href="(/stations/[^/"]+/queries/\?message=\d+|/consoles/[^/"]+/messages/\d+/why/|/stations/[^/"]+/queries/)"')
ASKED = identifier({"Modality": "MR", "ScheduledStationAETitle": "CT01"})


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, db: None) -> Client:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(False, "is not asked")})
    client = Client()
    client.force_login(somebody("engineer", is_superuser=True))
    return client


def an_empty_query_behind_others() -> Message:
    """The sixth message of an association whose others found something."""
    association, began = an_association("CT01"), clock.wall()
    for number in range(1, 7):
        common: dict[str, Any] = {
            "association_id": association,
            "time": began + timedelta(seconds=number),
            "verb": "C-FIND",
            "message_id": number,
            "sop_class_uid": MODALITY_WORKLIST,
            "transfer_syntax": EXPLICIT_VR_LITTLE_ENDIAN,
        }
        request = MessageEntry(**common, incoming=True, data=encode(ASKED, EXPLICIT_VR_LITTLE_ENDIAN))
        journal.write([request, MessageEntry(**common, incoming=False, status=0, answer_count=0 if number == 6 else 3)])
    return Message.objects.get(association=association, direction="in", message_id=6)


def said(console: Console, count: int) -> ConsoleMessage:
    act = console.acts.latest("pk")
    return ConsoleMessage.objects.create(
        console=console, act=act, at=clock.now(), verb="C-FIND", calling="CT01", target="STEPWISE", duration_ms=3.0,
        request=plain(ASKED), answer_count=count, status=0,
    )  # fmt: skip


def test_each_page_that_tells_of_an_empty_answer_leads_to_its_explanation(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    connecting.begin(a_site(), "CT01", ACTOR)
    console = Console.objects.get(ae_title="CT01")
    Console.objects.filter(pk=console.pk).update(asked_at=clock.now(), rows=[], listed=0)
    message = said(console, 0)
    behind = an_empty_query_behind_others()
    asked = a_query(ASKED, at=clock.wall() + timedelta(seconds=9))
    of_world = [address for page in pages() if not page.is_public for address, _ in world.addresses(page)]
    exchange = reverse("exchange", args=[asked.association_id, asked.pk])
    own = [
        reverse("association", args=[asked.association_id]),
        exchange,
        reverse("exchange-again", args=[asked.association_id, asked.pk]),
        reverse("console-message", args=["CT01", message.pk]),
        f"{reverse('associations')}?q=CT01&service=Worklist",
    ]
    silent, telling = [], set()
    for address in [*of_world, *own]:
        answer = client.get(address)
        shown = unescape(answer.content.decode()) if answer.get("Content-Type", "").startswith("text/html") else ""
        if EMPTY.search(re.sub(r"<[^>]+>", "", shown.partition("<main")[2])):
            telling.add(address)
            if not WHY.search(shown):
                silent.append(address)
    assert silent == []
    assert telling >= {*own, "/associations/", "/connect/CT01/", "/consoles/CT01/", "/stations/CT01/queries/"}
    log = client.get("/associations/").content.decode()
    assert f"?message={behind.pk + 1}" in log, "of six messages four are listed; the empty one is the sixth"


def test_what_a_console_asked_is_explained_as_the_journal_has_it(client: Client) -> None:
    Station.objects.create(site=a_site(), ae_title="CT01")
    console = a_console("CT01")
    console.acts.create(key="update", status="DONE", pressed_at=clock.now(), actor_kind="system", actor="test")
    message = said(console, 0)
    address = reverse("console-message-why", args=["CT01", message.pk])
    assert client.get(address)["Location"] == "/stations/CT01/queries/", "the journal has forgotten it"
    asked = a_query(ASKED)
    a_query(identifier({"Modality": "US"}), at=clock.wall() + timedelta(seconds=5))
    assert client.get(address)["Location"] == f"/stations/CT01/queries/?message={asked.pk}"
    said(console, 3)
    shown = client.get("/consoles/CT01/").content.decode()
    assert shown.count("/why/") == 1, "three answers need no explanation"


def test_a_check_that_got_answers_explains_the_later_query_that_got_none(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch)
    connecting.begin(a_site(), "CT01", ACTOR)
    a_query(ASKED, answers=2)
    empty = a_query(ASKED, at=clock.wall() + timedelta(seconds=5))
    shown = client.get("/connect/CT01/").content.decode()
    line = shown.partition('id="line-query"')[2].partition("</li>")[0]
    assert "Later" in line and f"?message={empty.pk}" in line
    heard = shown.partition('id="heard-title"')[2]
    assert heard.count("got 0 answers") == 1 and f"?message={empty.pk}" in heard
