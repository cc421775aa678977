"""What is refused names exams, IDs and titles, and nobody: no patient besides those whom the answer shows and records, no other hospital.

Each refusal is provoked, on pages and in REST, and seen by somebody with every role; then each role alone is told no more.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client

from billing.models import Charge
from mpps.destinations import DestinationData, save_destination
from ris import clock
from ris.actions import connecting
from ris.actions.patients import register_patient
from ris.actions.pools import save_pool
from ris.actions.tokens import create_token
from ris.models import AuditedPatient, AuditRecord, ConnectionCheck, Patient, Station
from ris.permissions import ROLES
from ris.web import disclosure, times
from tests.support.addresses import somebody
from tests.support.console import a_console
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, an_order, in_minutes, steps_of
from tests.support.performing import begin, end
from tests.support.sites import an_exam_of, another_site
from training import memory
from training.memory import Exam, Memory
from training.models import Console

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
HIDDEN, ELSEWHERE = "P-HIDDEN", "P-ELSEWHERE"
NAMES = {HIDDEN: "SECRETSON", ELSEWHERE: "FARAWAY"}
STATION = {"ae_title": "CT01", "modalities": "CT", "opens": "07:00", "closes": "18:00", "character_set": "ISO_IR 192", "version": "0"}


@dataclass(frozen=True)
class Provoked:
    """What is sent to a page (a form) or a REST call (JSON), and what somebody who may is told then: a status and words."""

    address: str
    sent: dict[str, Any]
    says: str
    status: int = 422
    method: str = "POST"

    @property
    def is_call(self) -> bool:
        return self.address.startswith("/api/")


@dataclass
class Hospital:
    """`hidden` has the slot, the ID and the numbers that others ask for; of `south`, another hospital, nobody here knows anything."""

    provoked: list[Provoked] = field(default_factory=list)

    def __post_init__(self) -> None:
        site, south = a_site(), another_site()
        self.taken = in_minutes(60)
        self.hidden = an_order(name="SECRETSON^Zoe", patient_id=HIDDEN, start=self.taken, birth_date="1944-05-31", sex="M")
        self.waiting = an_order(start=in_minutes(300), patient_id="P-WAITING")
        self.done = an_order(start=in_minutes(10), patient_id="P-DONE")
        end(begin(steps_of(self.done)))
        self.other = register_patient(site, a_patient_data(patient_id="P-OTHER"), ACTOR)
        save_pool(site, "ANYCT", "Any CT", ["CT01"], ACTOR)
        save_destination(site, DestinationData("PACS", "pacs.example", 104, "ARCHIVE"), ACTOR)
        a_procedure("CTHEAD")
        self.far = an_exam_of(south, name="FARAWAY^Zoe", patient_id=ELSEWHERE)
        Station.objects.create(site=south, ae_title="MR77", name="MR77")
        self._console()
        self.check = connecting.begin(site, "CT01", ACTOR)
        create_token(somebody("jo", "scheduler"), "night import", ACTOR)
        self.provoked = [*self._pages(), *self._devices(), *self._calls(), *self._elsewhere()]

    def _console(self) -> None:
        """With the exam of the hidden patient open on it."""
        step = steps_of(self.hidden)[0]
        exam = Exam(
            *("1.2.3", memory.IN_PROGRESS, step.scheduled_procedure_step_id, self.hidden.accession_number, "RIS at h:1", "CT", "CT chest"),
            *("P", [], clock.now().isoformat(), {}),
            patient_id=HIDDEN,
            patient_name="SECRETSON^Zoe",
        )
        Console.objects.filter(pk=a_console("CT01").pk).update(memory=Memory(lambda kept: None, [exam]).as_json())

    def _pages(self) -> list[Provoked]:
        waiting, done, taken = steps_of(self.waiting)[0], steps_of(self.done)[0], times.moment_text(self.taken)
        clash = rf"CT01 is taken at .*{self.hidden.accession_number}"
        order = {"procedure": "CTHEAD", "priority": "ROUTINE"}
        charge = Charge.objects.get()
        return [
            Provoked("/patients/new/", {"family": "Doe", "patient_id": HIDDEN}, "belongs to another patient already"),
            Provoked(
                *(f"/patients/{self.other.pk}/edit/", {"family": "Doe", "patient_id": HIDDEN, "version": self.other.version}),
                "belongs to another patient already",
            ),
            Provoked(f"/steps/{waiting.pk}/schedule/", {"place": "CT01", "start": taken, "version": waiting.version}, clash),
            Provoked(f"/orders/new/?patient={self.other.pk}", order | {"place": "CT01", "start": taken}, clash),
            Provoked(f"/steps/{done.pk}/arrive/", {"version": done.version}, "COMPLETED", 302),
            Provoked(f"/steps/{done.pk}/cancel/", {"version": done.version, "note": "Late"}, "COMPLETED", 302),
            Provoked(f"/orders/{self.done.pk}/cancel/", {"version": self.done.version, "note": "Late"}, "has no exam left"),
            Provoked(f"/patients/{self.other.pk}/merge/?with={self.hidden.patient_id}", {"reason": "Twice"}, "open|changed|checked|Tick"),
            Provoked(f"/charges/{charge.pk}/retry/", {"seen": charge.mark}, "Not changed", 302),
        ]

    def _devices(self) -> list[Provoked]:
        return [
            Provoked("/stations/register-a-station/", STATION | {"statuses_shown": ["SCHEDULED"]}, "There is a station CT01 already"),
            Provoked(
                "/stations/make-a-pool-of-stations/", {"code": "ANYCT", "stations": "CT01", "before": ""}, "There is a pool ANYCT already"
            ),
            Provoked(
                "/consoles/set-up-new-console/", {"ae_title": "CT01", "kind": "CT", "version": "0"}, "There is a console CT01 already"
            ),
            Provoked("/consoles/CT01/remove/", {"version": "1"}, "is open on CT01", 409),
            Provoked(
                *("/destinations/add/", {"name": "PACS", "host": "h", "port": "104", "called_ae_title": "A", "kind": "MESSAGES"}),
                "There is a destination PACS already",
            ),
            Provoked("/users/new/", {"username": "JO", "how": "made"}, "is taken: there is an account jo"),
            Provoked("/connect/CT01/do/begin/", {}, "has begun to connect CT01 already", 302),
            Provoked(
                *("/connect/CT01/do/accept/", {"check": str(self.check.pk), "value": "SOUTHRIS"}),
                "SOUTHRIS is the AE title of a hospital here already",
                302,
            ),
        ]

    def _calls(self) -> list[Provoked]:
        step, done, taken = steps_of(self.waiting)[0].pk, steps_of(self.done)[0].pk, clock.local(self.taken).isoformat()
        place = {"station_ae_title": "CT01", "start": taken}
        doe = {"name": "DOE^John"}
        merge = {"survivor": {"patient_id": HIDDEN}, "merged": {"patient_id": "P-OTHER"}, "reason": "Twice"}
        number = {"accession_number": self.hidden.accession_number}
        return [
            Provoked(
                "/api/v1/orders", {"patient": doe, "procedure_code": "CTHEAD", **place}, rf"taken.*{self.hidden.accession_number}", 409
            ),
            Provoked("/api/v1/orders", {"patient": doe, "procedure_code": "CTHEAD", **number}, "belongs to an order already", 409),
            Provoked(
                "/api/v1/orders", {"patient": doe | {"patient_id": HIDDEN}, "procedure_code": "CTHEAD"}, "P-HIDDEN|another|differ|fit", 409
            ),
            Provoked(f"/api/v1/scheduled-steps/{step}/reschedule", place, rf"taken.*{self.hidden.accession_number}", 409),
            Provoked(f"/api/v1/scheduled-steps/{done}/arrive", {}, "COMPLETED", 409),
            Provoked(f"/api/v1/scheduled-steps/{done}/cancel", {"reason": "Late"}, "COMPLETED", 409),
            Provoked("/api/v1/patients/merge", merge, "birth|sex|confirm", 409),
            Provoked(
                "/api/v1/patients/undo-merge", {"merged": {"patient_id": HIDDEN}, "reason": "Two"}, "not merged|was not|no merge", 409
            ),
            Provoked("/api/v1/destinations", {"name": "PACS", "host": "h", "port": 104, "called_ae_title": "A"}, "PACS already", 409),
            Provoked("/api/v1/consoles/CT01", {}, "is open on CT01", 409, method="DELETE"),
        ]

    def _elsewhere(self) -> list[Provoked]:
        """What another hospital has is not there, for whatever is wanted of it."""
        far = self.far.requested_procedure.order
        doe = {"name": "DOE^John"}
        here = {"patient": doe, "procedure_code": "CTHEAD", "station_ae_title": "MR77", "start": clock.local(self.taken).isoformat()}
        return [
            Provoked(f"/patients/{far.patient_id}/edit/", {"family": "Doe", "version": "1"}, "no such patient", 404),
            Provoked(f"/patients/{self.other.pk}/merge/?with={far.patient_id}", {"reason": "Twice"}, "no such patient", 404),
            Provoked(f"/orders/{far.pk}/cancel/", {"version": "1", "reason": "Late"}, "no such order", 404),
            Provoked(f"/steps/{self.far.pk}/arrive/", {"version": "1"}, "no such exam", 404),
            Provoked(
                f"/steps/{steps_of(self.waiting)[0].pk}/schedule/", {"place": "MR77", "start": "04-Mar-2030 10:00"}, "MR77|place|Choose"
            ),
            Provoked("/api/v1/orders", here, "MR77", 404),
            Provoked(f"/api/v1/scheduled-steps/{self.far.pk}/arrive", {}, "There is no", 404),
            Provoked(
                *("/api/v1/patients/merge", {"survivor": {"patient_id": ELSEWHERE}, "merged": {"patient_id": HIDDEN}, "reason": "Twice"}),
                ELSEWHERE,
                404,
            ),
        ]


class Person:
    """Somebody's browser and token."""

    def __init__(self, *roles: str) -> None:
        user = somebody(f"a-{'-'.join(roles) or 'nobody'}"[:60], *roles)
        self.browser = Client()
        self.browser.force_login(user)
        self.script = Client(headers={"Authorization": f"Bearer {create_token(user, 'tests')}"})

    def provokes(self, one: Provoked) -> "Told":
        """What comes of it, which is undone."""
        disclosure.recent.forget()
        with transaction.atomic():
            if one.is_call:
                answer: Any = self.script.generic(one.method, one.address, json.dumps(one.sent), "application/json")
            else:
                answer = self.browser.post(one.address, one.sent)
            told = Told(answer.status_code, answer.content.decode(), _refusal(answer), _recorded())
            transaction.set_rollback(True)
        return told


@dataclass(frozen=True)
class Told:
    """An answer, what of it is the refusal itself, and the IDs of the patients who are recorded with it."""

    status: int
    body: str
    refusal: str
    recorded: set[str]

    def wrong(self) -> list[str]:
        said = f"{self.body} {self.refusal}".upper()
        named = [f"the refusal names {name}" for name in NAMES.values() if name in self.refusal.upper()]
        shown = [f"{name} is shown and not recorded" for key, name in NAMES.items() if name in said and key not in self.recorded]
        return named + shown + [f"it tells of {name}" for name in ("SOUTHBRIDGE", "FARAWAY") if name in said]


def _refusal(answer: Any) -> str:
    """The words of it: JSON, what the next page will say, or what is wrong with a form; of any other page the whole."""
    said = " ".join(str(one) for one in get_messages(answer.wsgi_request)) if hasattr(answer.wsgi_request, "_messages") else ""
    form = (answer.context or {}).get("form") if answer.status_code == 422 and answer.context else None
    return f"{said} {form.errors}" if form is not None and form.errors else said if answer.status_code == 302 else answer.content.decode()


def _recorded() -> set[str]:
    return set(AuditedPatient.objects.filter(record__in=AuditRecord.objects.all()).values_list("patient_id", flat=True))


def test_each_refusal_is_reached_by_who_may_and_names_nobody_to_anybody() -> None:
    hospital, wrong = Hospital(), []
    assert {Patient.objects.get(patient_id=key).name.split("^")[0] for key in NAMES} == set(NAMES.values())
    chief = Person(*ROLES)
    for one in hospital.provoked:
        told = chief.provokes(one)
        if told.status != one.status or not re.search(one.says, told.refusal):
            wrong.append(f"{one.address}: {told.status} {told.refusal[:300]!r}, not {one.status} with {one.says!r}")
        wrong += [f"{one.address}: {what}" for what in told.wrong()]
    people = {role: Person(*([role] if role else [])) for role in (*ROLES, "")}
    for role, person in people.items():
        for one in hospital.provoked:
            told = person.provokes(one)
            if told.status not in (one.status, 403):
                wrong.append(f"{one.address} as {role or 'nobody'}: {told.status}")
            wrong += [f"{one.address} as {role or 'nobody'}: {what}" for what in told.wrong()]
    assert not wrong, "\n".join(wrong)
    assert ConnectionCheck.objects.count() == 1
