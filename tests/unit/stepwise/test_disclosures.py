"""Every address and every REST call that shows a patient records whom: what is in the answer is in the audit trail, too."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.db import transaction
from django.test import Client

from ris.actions import connecting, sandbox, tokens
from ris.models import AuditedPatient, AuditRecord, Order, Patient
from ris.web import disclosure
from stepwise import health
from stepwise.addresses import PageAddress, calls, pages
from tests.support.addresses import World, somebody
from tests.support.hospital import ACTOR, a_site

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

OF_NO_PATIENT: Final = {
    "catalogue.view": "what can be ordered",
    "stations.view": "what stations, pools and destinations are set to",
    "stations.edit": "the same, to be changed",
    "faults.set": "what goes wrong on purpose",
    "charges.rules": "what is charged for a reason",
    "users.manage": "accounts",
    "tokens.manage": "tokens",
}
"""What is behind these permissions is of no patient. An address that needs another one records, or stands below."""
SHOWS_NOBODY: Final = {
    "patient-new": "the form of somebody who is not registered yet",
    "accounting": "sums of a day, a station and a procedure",
    "charges-send-again": "a button",
    "charge-release": "a button: the charge is recorded as changed",
    "unbilled-capture": "a button: the charge is recorded as changed",
    "charge-retry": "a button: the charge is recorded as changed",
    "charge-rules": "what is charged for a reason",
    "faults": "what goes wrong on purpose",
    "connect": "which AE titles called",
    "connect-station": "what a modality did; of patients only that of its test exam, which is recorded where there is one",
    "exchange-beside": "two messages side by side, whose patients it records; none is chosen here",
    "console-new": "what a console is to be set to",
    "console-edit": "what a console is set to",
    "console-remove": "asks whether it is meant",
    "console-message-why": "sends on to the page that explains a query",
    "console-withdraw": "a button",
}


@dataclass(frozen=True)
class Marks:
    """What gives a patient away: a name that is no word, the ID and accession numbers, by patient ID."""

    of: dict[str, re.Pattern[str]]

    @classmethod
    def read(cls) -> "Marks":
        found = {}
        for patient in Patient.objects.all():
            numbers = Order.objects.filter(patient=patient).exclude(accession_number="").values_list("accession_number", flat=True)
            family = patient.name.split("^")[0]
            texts = [patient.patient_id, family if re.search(r"\d", family) else "", *numbers]
            found[patient.patient_id] = re.compile("|".join(rf"\b{re.escape(text)}\b" for text in texts if text), re.IGNORECASE)
        return cls(found)

    def seen(self, body: str) -> set[str]:
        return {patient_id for patient_id, marks in self.of.items() if marks.search(body)}


@dataclass(frozen=True)
class Asked:
    """Who is in the answer, who is in the records of it, and whether there are any that are about patients."""

    seen: set[str]
    recorded: set[str]
    records: int


def ask(client: Client, marks: Marks, method: str, path: str, **sent: Any) -> Asked:
    """What comes of a request, which is undone."""
    disclosure.recent.forget()
    before = AuditRecord.objects.count()
    with transaction.atomic():
        answer = client.generic(method, path, **sent)
        content = b"".join(answer) if answer.streaming else answer.content  # type: ignore[call-overload]
        records = AuditRecord.objects.exclude(event__in=("token", "refused")).count() - before
        named = set(AuditedPatient.objects.filter(record__in=AuditRecord.objects.all()).values_list("patient_id", flat=True))
        transaction.set_rollback(True)
    seen = marks.seen(content.decode(errors="replace")) if answer.status_code in (200, 201, 202, 409, 422) else set()
    return Asked(seen, named, records)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, db: None) -> World:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(False, "is not asked")})
    return World(monkeypatch)


def needs_a_record(page: PageAddress) -> bool:
    if page.needs is None or page.name in SHOWS_NOBODY:
        return False
    return any(permission not in OF_NO_PATIENT for permission in page.needs.everything())


def test_pages_record_everybody_they_show(world: World) -> None:
    client = Client()
    client.force_login(somebody("a-superuser", is_superuser=True))
    marks, wrong, recording = Marks.read(), [], set()
    for page in pages():
        for address, _ in world.addresses(page) if not page.is_public else ():
            for method in ("GET", "POST"):
                asked = ask(client, marks, method, address)
                if asked.seen - asked.recorded:
                    wrong.append(f"{method} {address} shows {sorted(asked.seen - asked.recorded)}, of whom nothing is recorded")
                if asked.records:
                    recording.add(page.name)
                if asked.seen and page.name in SHOWS_NOBODY:
                    wrong.append(f"{method} {address} shows {sorted(asked.seen)}, and stands in the table of those that show nobody")
    wrong += [f"{page.name} records nothing; disclose() whom it shows, or say why it shows nobody" for page in _silent(recording)]
    assert not wrong, "\n".join(wrong)
    assert set(SHOWS_NOBODY) <= {page.name for page in pages()}, "these are no addresses any more"


def _silent(recording: set[str]) -> Iterator[PageAddress]:
    return (page for page in pages() if needs_a_record(page) and page.name not in recording)


def test_calls_record_everybody_they_show(world: World) -> None:
    user = somebody("a-superuser", is_superuser=True)
    client = Client(headers={"Authorization": f"Bearer {tokens.create_token(user, 'tests')}"})
    marks, wrong = Marks.read(), []
    for call in calls():
        for method in call.methods:
            body = {} if method == "GET" else {"data": "{}", "content_type": "application/json"}
            asked = ask(client, marks, method, f"/api/v1{world.path(call)}", **body)
            if asked.seen - asked.recorded:
                wrong.append(f"{method} {call.route} shows {sorted(asked.seen - asked.recorded)}, of whom nothing is recorded")
    assert not wrong, "\n".join(wrong)


def test_what_is_printed_of_a_station_shows_nobody_and_its_checklist_records_whom_it_shows(world: World) -> None:
    """The card for the service engineer and the conformance statement are of no patient; the checklist shows that of its test exam."""
    client = Client()
    client.force_login(somebody("a-superuser", is_superuser=True))
    test_exam = sandbox.make(connecting.begin(a_site(), "CT01", ACTOR).pk, ACTOR).patient.patient_id
    marks = Marks.read()
    for path in ("/connect/CT01/card/", "/connect/card-for-the-service-engineer/", "/conformance/"):
        assert ask(client, marks, "GET", path).seen == set(), path
    checklist = ask(client, marks, "GET", "/connect/CT01/")
    assert test_exam in checklist.seen <= checklist.recorded
