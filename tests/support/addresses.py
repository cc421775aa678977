"""A hospital in which every address of the product leads to something, and what a page offers to click."""

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from billing.models import Charge
from mpps.destinations import DestinationData, save_destination
from mpps.models import Delivery
from ris import audit, clock
from ris.actions import auditing, merging, patients
from ris.actions.tokens import create_token
from ris.models import ApiToken, Order, Patient
from ris.web.steps import VERBS
from stepwise.addresses import Call, PageAddress
from tests.support.console import a_console, worker_later
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_site, a_station, an_order, steps_of
from tests.support.journal import a_query, an_association
from tests.support.performing import begin, end
from tests.support.worklist import identifier
from training.actions import console_acts, faults
from training.actions.faults import FaultData
from training.consoles.pressing import press
from training.models import Console, ConsoleMessage


def somebody(name: str, *roles: str, **fields: object) -> User:
    """An account with these roles, none of which need to be known yet."""
    user: User = User.objects.create_user(name, **fields)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return user


class World:
    """`addresses(page)` and `paths(call)` are where a page and a REST call can be had, each of something that is there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        worker_later(monkeypatch)
        site = a_site()
        pool = a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
        destination = save_destination(site, DestinationData("PACS", "pacs.example", 104, "ARCHIVE"), ACTOR)
        done, waiting = an_order(), an_order(station="CT02", patient_id="P-WAITING")
        performed = end(begin(steps_of(done)), "DISCONTINUED", images=3, reason=("110501", "DCM", "Equipment failure"))
        merged = _merged()
        console = a_console("CT01")
        act, message = _said(console, waiting.patient)
        fault = faults.switch_on(site, FaultData("delay", "CT01", reason="lesson 3"), ACTOR)
        person = somebody("jo", "scheduler")
        create_token(person, "night import", ACTOR)
        token = ApiToken.objects.get()
        exams = [steps_of(order)[0].pk for order in (waiting, done)]
        asked = a_query(identifier({"ScheduledStationAETitle": "CT01"}, PatientID=waiting.patient.patient_id))
        self._pages: dict[str, Sequence[dict[str, Any]]] = {
            "steps/<int:pk>/": [{"pk": pk} for pk in exams],
            "steps/<int:pk>/<slug:verb>/": [{"pk": exams[0], "verb": verb.slug} for verb in VERBS],
            "stations/<aet:ae_title>/": [{"ae_title": "CT01"}],
            "connect/<aet:ae_title>/": [{"ae_title": "CT01"}],
            "connect/<aet:ae_title>/do/<slug:verb>/": [{"ae_title": "CT01", "verb": "begin"}],
            "stations/pools-of-stations/": [{"code": pool.code}],
            "associations/<uuid:pk>/": [{"pk": an_association()}],
            "associations/<uuid:pk>/messages/": [{"pk": asked.association_id, "number": asked.pk}],
            "audit/<int:pk>/": [{"pk": auditing.record(ACTOR, audit.PATIENT, audit.READ, site=site).pk}],
            "worklist/<slug:stage>/": [{"stage": "remaining"}],
            "patients/<int:pk>/": [{"pk": waiting.patient_id}],
            "patients/<int:pk>/undo-merge/": [{"pk": merged.pk}],
            "orders/<int:pk>/": [{"pk": order.pk} for order in (waiting, done)],
            "procedures/<int:pk>/": [{"pk": waiting.requested_procedures.get().pk}],
            "performed/<int:pk>/": [{"pk": performed.pk}],
            "destinations/<int:pk>/": [{"pk": destination.pk}],
            "^deliveries/": [{"pk": Delivery.objects.latest("pk").pk, "verb": "leave-out"}],
            "charges/<int:pk>/": [{"pk": charge.pk} for charge in Charge.objects.all()],
            "unbilled/exams/<int:pk>/": [{"pk": pk} for pk in exams],
            "unbilled/performed/<int:pk>/": [{"pk": performed.pk}],
            "consoles/<aet:ae_title>/": [{"ae_title": "CT01"}],
            "consoles/<aet:ae_title>/keys/<slug:key>/": [{"ae_title": "CT01", "key": "hand"}],
            "consoles/<aet:ae_title>/acts/<int:pk>/": [{"ae_title": "CT01", "pk": act}],
            "consoles/<aet:ae_title>/messages/<int:pk>/": [{"ae_title": "CT01", "pk": message}],
            "users/<int:pk>/": [{"pk": person.pk}],
            "users/<int:pk>/<slug:verb>/": [{"pk": person.pk, "verb": "switch-off"}],
            "tokens/<int:pk>/": [{"pk": token.pk}],
            "account/tokens/<int:pk>/": [{"pk": token.pk}],  # till somebody has one of their own
            "faults/<int:pk>/": [{"pk": fault.pk}],
            "faults/inject/<slug:name>/": [{"name": "delay"}],
        }
        self._calls = _keys(waiting) | {
            "ae_title": "CT01",
            "code": pool.code,
            "sop_instance_uid": performed.sop_instance_uid,
            "destinations/pk": destination.pk,
            "deliveries/pk": Delivery.objects.latest("pk").pk,
            "key": "update",
            "act_id": act,
            "message_id": message,
            "fault_id": fault.pk,
            "rest": "nowhere",
        }

    def be(self, user: User) -> User:
        """Whose own account the pages are about from now on."""
        create_token(user, "of my own", ACTOR)
        self._pages["account/tokens/<int:pk>/"] = [{"pk": ApiToken.objects.latest("pk").pk}]
        return user

    def addresses(self, page: PageAddress) -> list[tuple[str, dict[str, Any]]]:
        """Each with the arguments of its view. AssertionError for a page of which nobody said where it leads to something."""
        if "<" not in page.route:
            return [(f"/{page.route}", {})]
        beginnings = [beginning for beginning in self._pages if page.route.startswith(beginning)]
        assert beginnings, f"say in tests/support/addresses.py where {page.name} leads to something"
        return [(reverse(page.name, kwargs=arguments), arguments) for arguments in self._pages[max(beginnings, key=len)]]

    def path(self, call: Call) -> str:
        """Below `/api/v1`."""
        return re.sub(r"{(?:\w+:)?(\w+)}", lambda match: self._value(call, match[1]), call.route)

    def _value(self, call: Call, name: str) -> str:
        found = self._calls.get(f"{call.route.split('/')[1]}/{name}", self._calls.get(name))
        assert found is not None, f"say in tests/support/addresses.py what {name} of {call.route} is"
        return quote(str(found), safe="")


def _keys(order: Order) -> dict[str, Any]:
    procedure = order.requested_procedures.get()
    return {
        "accession_number": order.accession_number,
        "requested_procedure_id": procedure.requested_procedure_id,
        "step_id": steps_of(order)[0].pk,
        "patient_id": order.patient.patient_id,
    }


def _merged() -> Patient:
    """A record that was merged into another."""
    stays, goes = (patients.register_patient(a_site(), a_patient_data(name="TWICE^Ann"), ACTOR) for _ in range(2))
    merging.merge_patients(stays, goes, ACTOR, "Registered twice", confirmed=[doubt.name for doubt in merging.doubts(stays, goes)])
    goes.refresh_from_db()
    return goes


def _said(console: Console, patient: Patient) -> tuple[int, int]:
    """A key that waits for a worker, to ask for the patient, and a message of one that is over: their ids."""
    over = press(console, "update", {}, ACTOR)
    console_acts.withdraw(over.pk, "taken back")
    said = {"at": clock.now(), "verb": "C-FIND", "calling": "CT01", "target": "STEPWISE", "duration_ms": 3.0}
    message = ConsoleMessage.objects.create(console=console, act=over, **said)
    return press(console, "update", {"patient_id": patient.patient_id}, ACTOR).pk, message.pk


class _Offers(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self._add("GET", given["href"])
        if tag == "form" and given.get("method") != "dialog":
            self._add((given.get("method") or "get").upper(), given.get("action"))
        for name, method in (("hx-get", "GET"), ("hx-post", "POST")):
            if name in given:
                self._add(method, given[name])
        if given.get("formaction"):
            self._add("POST", given["formaction"])

    def _add(self, method: str, address: str | None) -> None:
        self.found.append((method, urljoin(self._base, address or "")))


def offers(html: str, base: str) -> Iterator[tuple[str, str]]:
    """(method, path) of every link, form and live part of a page that lead to pages of ours."""
    reader = _Offers(base)
    reader.feed(html)
    for method, address in reader.found:
        path = re.split(r"[?#]", address)[0]
        if path.startswith("/") and not path.startswith("/static/"):
            yield method, path
