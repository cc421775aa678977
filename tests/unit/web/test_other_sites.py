"""What belongs to another hospital is not there: every page that takes an identifier is asked for those of another one."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from ris.actions.patients import register_patient
from ris.models import Station, StationModality
from tests.support.hospital import ACTOR, a_patient_data
from tests.support.sites import an_exam_of, another_site
from tests.support.two_hospitals import (
    AE_TITLE,
    POOL,
    PROCEDURE,
    FullHospital,
    a_full_hospital,
    changed,
    everything,
    somebody,
    somebody_elsewhere,
    told,
)

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

Example = Callable[[FullHospital], dict[str, Any]]


def _of(name: str, **more: Any) -> Example:
    """The address of a row of the full hospital by its key."""
    return lambda full: {"pk": getattr(full, name).pk, **more}


def _ae_title(**more: Any) -> Example:
    return lambda full: {"ae_title": AE_TITLE, **{name: value(full) if callable(value) else value for name, value in more.items()}}


def _exchange(full: FullHospital) -> dict[str, Any]:
    return {"pk": full.association.pk, "number": full.message.pk}


EXAMPLES: dict[str, Example] = {
    "account-token-revoke": _of("token"),
    "association": _of("association"),
    "audit-record": _of("audited"),
    "charge": _of("charge"),
    "charge-credit": _of("charge"),
    "charge-release": _of("charge"),
    "charge-retry": _of("charge"),
    "charge-void": _of("charge"),
    "charge-write-off": _of("charge"),
    "console": _ae_title(),
    "console-edit": _ae_title(),
    "console-key": _ae_title(key="update"),
    "console-message": _ae_title(pk=lambda full: full.console_message.pk),
    "console-message-why": _ae_title(pk=lambda full: full.console_message.pk),
    "console-remove": _ae_title(),
    "console-withdraw": _ae_title(pk=lambda full: full.act.pk),
    "delivery-decide": _of("delivery", verb="leave-out"),
    "destination": _of("destination"),
    "destination-edit": _of("destination"),
    "destination-remove": _of("destination"),
    "destination-try": _of("destination"),
    "exchange": _exchange,
    "exchange-again": _exchange,
    "exchange-beside": _exchange,
    "exchange-files": _exchange,
    "fault-off": _of("fault"),
    "order": _of("order"),
    "order-add": _of("order"),
    "order-cancel": _of("order"),
    "patient": _of("patient"),
    "patient-edit": _of("patient"),
    "patient-merge": _of("patient"),
    "patient-undo-merge": _of("merged"),
    "performed-step": _of("performed"),
    "pool-edit": lambda full: {"code": POOL},
    "procedure-add": _of("procedure"),
    "procedure-cancel": _of("procedure"),
    "station": _ae_title(),
    "station-copy": _ae_title(),
    "station-echo": _ae_title(),
    "station-edit": _ae_title(),
    "station-switch": _ae_title(),
    "connect-act": _ae_title(verb="begin"),
    "connect-card": _ae_title(),
    "connect-station": _ae_title(),
    "step": _of("waiting"),
    "step-edit": _of("waiting"),
    "step-explanation": _of("waiting"),
    "step-places": _of("waiting"),
    "step-schedule": _of("waiting"),
    "step-verb": _of("waiting", verb="arrive"),
    "token-revoke": _of("token"),
    "unbilled-capture": _of("waiting"),
    "unbilled-nothing": _of("waiting"),
    "unbilled-performed-nothing": _of("performed"),
    "user": _of("user"),
    "user-edit": _of("user"),
    "user-password": _of("user"),
    "user-verb": _of("user", verb="switch-off"),
}
"""Name of an address to what it takes, of the full hospital."""

OF_ANY_AE_TITLE = {"station-queries": "GET", "station-findings": "GET", "station-report": "GET", "station-report-file": "POST"}
"""Pages of a title that need not be known here: they are there, and say nothing of another hospital."""

NO_IDENTIFIER = {"worklist-stage": {"stage": "today"}, "fault-on": {"name": "delay"}}
"""Addresses with parameters that name no row: a stage of the worklist, a kind of faults."""


@dataclass(frozen=True)
class Address:
    name: str
    parameters: frozenset[str]


def addresses() -> Iterator[Address]:
    """Every page of the product; the REST interface has a test of its own."""

    def within(patterns: list[Any], above: frozenset[str]) -> Iterator[Address]:
        for one in patterns:
            parameters = above | frozenset(one.pattern.converters) | frozenset(one.pattern.regex.groupindex)
            if isinstance(one, URLResolver):
                if one.namespace != "api":
                    yield from within(one.url_patterns, parameters)
            elif isinstance(one, URLPattern):
                yield Address(one.name or "", parameters)

    return within(get_resolver().url_patterns, frozenset())


@pytest.fixture
def full(db: None) -> FullHospital:
    return a_full_hospital()


def signed_in_as(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_every_address_with_a_parameter_has_an_example_here() -> None:
    taking = {one.name for one in addresses() if one.parameters}
    assert taking == {*EXAMPLES, *OF_ANY_AE_TITLE, *NO_IDENTIFIER}


def test_what_is_of_another_hospital_is_not_found_by_any_method_and_stays_as_it_is(full: FullHospital) -> None:
    there, here = signed_in_as(somebody_elsewhere()), signed_in_as(full.user)
    before, wrong = everything(), []
    for name, example in EXAMPLES.items():
        address = reverse(name, kwargs=example(full))
        answers = {method: there.generic(method, address) for method in METHODS}
        refused = {method: answer.status_code for method, answer in answers.items() if answer.status_code != 404}
        # a method that the page does not take is refused before it looks for anything
        if set(refused.values()) - {405} or len(refused) == len(METHODS):
            wrong.append(f"{name}: {refused}")
        wrong += [f"{name} {method} tells of the other hospital" for method, answer in answers.items() if told(answer)]
        wrong += [f"{name} {method} says {words}" for method, answer in answers.items() if (words := not_ours(answer))]
        wrong += [f"{name} changes {table}" for table in changed(before, everything())]
        with transaction.atomic():
            # the example is one: at its own hospital it is there
            found = [here.generic(method, address).status_code for method in ("GET", "POST")]
            transaction.set_rollback(True)
        if 404 in found:
            wrong.append(f"{name}: not even at its own hospital, {found}")
    assert not wrong


def not_ours(answer: Any) -> str:
    """What Django says of what is not there, where that has reached somebody."""
    found = re.search(r"[^<>]*(matches the given query|does not exist|DoesNotExist)[^<>]*", answer.content.decode())
    return found[0] if found else ""


OF_SUPERUSERS: dict[str, Example] = {
    "token-revoke": _of("superusers_token"),
    "user": _of("superuser"),
    "user-edit": _of("superuser"),
    "user-password": _of("superuser"),
    "user-verb": _of("superuser", verb="switch-off"),
}


def test_a_superuser_is_not_there_for_the_administrator_of_any_hospital(full: FullHospital) -> None:
    administrators = signed_in_as(somebody_elsewhere()), signed_in_as(somebody("here", full.site))
    chief = signed_in_as(full.superuser)
    before = everything()
    for name, example in OF_SUPERUSERS.items():
        address = reverse(name, kwargs=example(full))
        for method in METHODS:
            answers = [client.generic(method, address) for client in administrators]
            assert {answer.status_code for answer in answers} <= {404, 405}, (name, method)
            assert not any(map(told, answers)), (name, method)
        with transaction.atomic():
            assert 404 not in [chief.generic(method, address).status_code for method in ("GET", "POST")], name
            transaction.set_rollback(True)
    for name in ("users", "tokens", "token-new"):
        assert "the-chief" not in administrators[1].get(reverse(name)).content.decode(), name
    assert not changed(before, everything())


def test_pages_of_any_ae_title_say_nothing_of_another_hospital(full: FullHospital) -> None:
    there, here = signed_in_as(somebody_elsewhere()), signed_in_as(somebody("here", full.site))
    for name, method in OF_ANY_AE_TITLE.items():
        address = reverse(name, args=[AE_TITLE])
        assert not told(there.generic(method, address)), name
        assert told(here.generic(method, address)) or name.startswith("station-report"), name
    by_number = reverse("station-queries", args=[AE_TITLE]) + f"?message={full.message.pk}"
    assert [client.get(by_number).status_code for client in (there, here)] == [404, 200]


OF_THE_INSTALLATION = {
    "healthz": "whether the processes live",
    "pulse": "whether the processes live",
    "sign-in": "for everybody",
    "sign-out": "shows nothing",
}
ASKED = ("", f"?station={AE_TITLE}", "?show=all&whole=1&modality=CT&status=PENDING")


def test_no_page_without_parameters_lists_anything_of_another_hospital(full: FullHospital) -> None:
    there, here = signed_in_as(somebody_elsewhere()), signed_in_as(somebody("here", full.site))
    telling = set()
    for name in {one.name for one in addresses() if not one.parameters} - set(OF_THE_INSTALLATION):
        for query in ASKED:
            assert not told(there.get(reverse(name) + query)), (name, query)
            assert not told(there.get(reverse(name) + query, headers={"HX-Request": "true"})), (name, query)
        if told(here.get(reverse(name))):
            telling.add(name)
    assert telling >= {"worklist", "patients", "performed", "charges", "unbilled", "stations", "destinations", "associations", "faults"}


def test_searching_finds_nothing_of_another_hospital(full: FullHospital) -> None:
    there, here = signed_in_as(somebody_elsewhere()), signed_in_as(somebody("here", full.site))
    for name in ("worklist", "find", "patients", "order-new", "charge-ledger", "users", "audit"):
        for text in ("QZ", full.order.accession_number):
            answers = [client.post(reverse(name), {"q": text}, follow=True) for client in (there, here)]
            assert not told(answers[0]), (name, text)
        assert name not in ("find", "patients") or told(answers[1]) or text != "QZ", name


def test_a_form_takes_nothing_of_another_hospital(full: FullHospital) -> None:
    there, own = signed_in_as(somebody_elsewhere()), another_site()
    station = Station.objects.create(site=own, ae_title="MYCT", name="MYCT")
    StationModality.objects.create(station=station, modality="CT", position=0)
    step = an_exam_of(own)
    procedure, order = step.requested_procedure, step.requested_procedure.order
    before = everything()
    booked = {"start": "04-Mar-2030 10:00", "version": step.version}
    ordered = {"procedure": "MYCHEST", "priority": "ROUTINE"}
    added = {"description": "x", "modality": "CT", "duration_minutes": 9, "version": order.version, "start": booked["start"]}
    forms: list[tuple[str, dict[str, Any], str, str, str]] = [
        (f"/orders/new/?patient={order.patient_id}", ordered | {"tray": "1"}, "procedure", PROCEDURE, "MYCHEST"),
        (f"/orders/new/?patient={order.patient_id}", ordered | {"start": booked["start"]}, "place", AE_TITLE, "MYCT"),
        (f"/steps/{step.pk}/schedule/", booked, "place", AE_TITLE, "MYCT"),
        (f"/steps/{step.pk}/schedule/", booked, "place", POOL, "MYCT"),
        (f"/orders/{order.pk}/add/", {"version": order.version}, "procedure", PROCEDURE, "MYCHEST"),
        (f"/procedures/{procedure.pk}/add/", added, "place", AE_TITLE, "MYCT"),
        ("/stations/make-a-pool-of-stations/", {"code": "MYPOOL", "name": "x", "before": ""}, "stations", AE_TITLE, "MYCT"),
        ("/faults/inject/delay/", {"operation": "", "seconds": "3", "minutes": "5"}, "station", AE_TITLE, "MYCT"),
    ]
    for address, given, name, theirs, mine in forms:
        answer = there.post(address, given | {name: theirs})
        assert (answer.status_code, told(answer)) == (422, False), address
        assert not changed(before, everything()), address
        with transaction.atomic():
            answer = there.post(address, given | {name: mine})  # with one's own it is done
            transaction.set_rollback(True)
        assert answer.status_code == 302, (address, answer.content.decode())
    of_patients = [
        (f"/orders/new/?patient={full.patient.pk}", ordered | {"tray": "1"}, 200),  # a patient is still to be chosen
        (f"/patients/{order.patient_id}/merge/?with={full.patient.pk}", {"reason": "x", "confirm": "sex"}, 404),
    ]
    for address, given, status in of_patients:
        answer = there.post(address, given)
        assert (answer.status_code, told(answer)) == (status, False), address
        assert not changed(before, everything()), address
    assert AE_TITLE not in there.get(f"/consoles/set-up-new-console/?station={AE_TITLE}").content.decode()


def test_pages_show_the_clock_of_ones_own_hospital(full: FullHospital) -> None:
    there = signed_in_as(somebody_elsewhere())
    own = another_site()
    register_patient(own, a_patient_data(name="DOE^John"), ACTOR)
    shown = there.get("/patients/").content.decode()
    assert own.name in shown
    assert f'data-zone="{own.time_zone}"' in shown
