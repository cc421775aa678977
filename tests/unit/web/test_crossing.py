"""The second of two people sees what the first did: every form that changes something that is there."""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import resolve, reverse

from billing.models import Charge
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actions.patients import register_patient
from ris.actions.stations import StationData, save_station
from ris.models import Patient, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data
from tests.support.page_forms import PageForm, forms_of
from tests.support.two_hospitals import AE_TITLE, PROCEDURE, FullHospital, a_full_hospital, changed, everything, somebody
from tests.unit.web.test_other_sites import EXAMPLES, NO_IDENTIFIER, OF_ANY_AE_TITLE, addresses

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

Typed = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Case:
    """A form that two people have open: `name` of its address, `given` beside the key of the row, `query`.

    `at` is the page that has it where that is another one. The earlier one types `first`, or changes the record by the case `by`; the
    later one types `second`, and reads `told` of the change, and `beside` of what is there now. A button asks for nothing, and is
    answered with 409. `other` is typed into a field that the first one leaves alone.
    `over`: after the first change there is nothing left to be done.
    """

    name: str
    first: Typed = field(default_factory=dict)
    second: Typed = field(default_factory=dict)
    other: Typed = field(default_factory=dict)
    told: str = ""
    beside: str = ""
    by: "Case | None" = None
    at: Callable[[FullHospital], str] | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    query: Callable[[FullHospital], str] = lambda full: ""
    versions: tuple[str, ...] = ("version",)
    is_button: bool = False
    over: bool = False
    ready: Callable[[FullHospital], object] = lambda full: None

    def address(self, full: FullHospital) -> str:
        parameters = EXAMPLES[self.name](full) if self.name in EXAMPLES else {}
        return reverse(self.name, kwargs=parameters | self.given) + self.query(full)


def charge_with(**columns: Any) -> Callable[[FullHospital], object]:
    return lambda full: Charge.objects.filter(pk=full.charge.pk).update(**columns)


def ended_and_forgotten(full: FullHospital) -> None:
    """As an import stores what was done."""
    ScheduledProcedureStep.objects.filter(pk=full.waiting.pk).update(status="COMPLETED", status_at=clock.now(full.site))


def without_order(full: FullHospital) -> None:
    Charge.objects.update(performed_step=None)
    PerformedProcedureStep.objects.filter(pk=full.performed.pk).update(unscheduled=True)


def page_of(name: str) -> Callable[[FullHospital], str]:
    return lambda full: reverse(name, kwargs=EXAMPLES[name](full))


def another_record(full: FullHospital) -> str:
    return f"?with={Patient.objects.get(patient_id='QZ4713').pk}"


def register_another_record(full: FullHospital) -> None:
    register_patient(full.site, a_patient_data(patient_id="QZ4713", birth_date=full.patient.birth_date, sex=full.patient.sex), ACTOR)


def register_another_station(full: FullHospital) -> None:
    save_station(full.site, StationData("QZMR2", ("MR",)), ACTOR)


SAID: Final[Typed] = {"note": "Because of this"}
ON_HOLD = charge_with(on_hold="Look at it", message="")
ARRIVE = Case("step-verb", at=page_of("step"), given={"verb": "arrive"}, is_button=True, told="“arrive”")
ADD = Case("order-add", {"procedure": PROCEDURE}, {"procedure": PROCEDURE, "why": "Because of this"}, told="“add procedure”")
EDIT_PATIENT = Case("patient-edit", {"given": "Anna"}, {"given": "Hannah"}, {"middle": "Maria"}, told="Anna”", beside="Anna")
EDIT_DESTINATION = Case(
    "destination-edit", {"port": "11112"}, {"port": "106"}, {"name": "Archive"}, told="port “104” → “11112”", beside="11112"
)
EDIT_CONSOLE = Case("console-edit", {"operator": "WEBER^Jan"}, {"operator": "DOE^Jo"}, {"kind": "MR"}, told="operator", beside="WEBER^Jan")
EDIT_USER = Case(
    "user-edit", {"given_name": "Anna"}, {"given_name": "Hannah"}, {"roles": ["biller"]}, told="given name nothing → “Anna”", beside="Anna"
)
RELEASE = Case("charge-release", at=page_of("charge"), versions=("seen",), is_button=True, told="“release”", ready=ON_HOLD)
SEND_AGAIN = Case(
    "delivery-decide", at=page_of("destination"), given={"verb": "send-again"}, versions=("seen",), is_button=True, told="“send again”"
)

CASES: Final = (
    EDIT_PATIENT,
    Case(
        "patient-merge",
        by=Case("patient-edit", {"given": "Anna"}),
        second={"reason": "Because of this"},
        told="Anna”",
        query=another_record,
        versions=("survivor_version", "merged_version"),
        ready=register_another_record,
    ),
    Case("patient-undo-merge", SAID, SAID, told="“undo merge”", over=True),
    ADD,
    Case("procedure-add", {"description": "Late", "modality": "CT"}, {"description": "Later", "modality": "CT"}, told="“add step”"),
    Case("order-cancel", by=ADD, second=SAID, told="“add procedure”"),
    Case("procedure-cancel", by=ADD, second=SAID, told="“add procedure”"),
    ARRIVE,
    Case("step-verb", by=ARRIVE, second=SAID, told="“arrive”", given={"verb": "cancel"}),
    Case(
        "step-schedule",
        {"start": "04-Mar-2030 10:00"},
        {"start": "05-Mar-2030 11:00"},
        {"minutes": "25"},
        told="“reschedule”",
        beside="04-Mar-2030 10:00",
    ),
    Case(
        "step-edit",
        {"PreMedication": "none"},
        {"PreMedication": "some"},
        {"RequestingService": "ER"},
        told="PreMedication nothing → “none”",
        beside="none",
        versions=("step_version", "order_version", "visit_seen"),
    ),
    Case("station-edit", {"room": "One"}, {"room": "Two"}, {"aliases": "A1, A2"}, told="room “Zebedee” → “One”", beside="One"),
    Case("station-switch", is_button=True, told="enabled “True” → “False”"),
    Case(
        "pool-edit",
        {"name": "One"},
        {"name": "Two"},
        {"stations": [AE_TITLE, "QZMR2"]},
        told="name “Zebedee” → “One”",
        beside="One",
        versions=("before", "name_before"),
        ready=register_another_station,
    ),
    EDIT_DESTINATION,
    Case("destination-remove", by=EDIT_DESTINATION, told="port “104” → “11112”", is_button=True),
    SEND_AGAIN,
    Case(
        "delivery-decide",
        by=SEND_AGAIN,
        at=page_of("destination"),
        given={"verb": "leave-out"},
        versions=("seen",),
        is_button=True,
        told="“send again”",
    ),
    RELEASE,
    Case(
        "charge-retry",
        at=page_of("charge"),
        versions=("seen",),
        is_button=True,
        told="“retry”",
        ready=charge_with(status="FAILED", error="x"),
    ),
    Case("charge-void", by=RELEASE, second=SAID, told="“release”", versions=("seen",), ready=ON_HOLD),
    Case(
        "charge-credit",
        SAID,
        SAID,
        told="“credit”",
        versions=("seen",),
        over=True,
        ready=charge_with(status="POSTED", message="MSH", attempts=1),
    ),
    Case(
        "charge-write-off",
        SAID,
        SAID,
        told="“write off”",
        versions=("seen",),
        over=True,
        ready=charge_with(status="FAILED", message="MSH", attempts=1),
    ),
    Case("unbilled-capture", at=page_of("step"), versions=("seen",), is_button=True, told="“capture”", ready=ended_and_forgotten),
    Case("unbilled-nothing", SAID, SAID, told="“nothing to charge”", versions=("seen",), over=True, ready=ended_and_forgotten),
    Case("unbilled-performed-nothing", SAID, SAID, told="“nothing to charge”", versions=("seen",), over=True, ready=without_order),
    Case(
        "charge-rules",
        {"with-110501": "nothing"},
        {"with-110501": "review"},
        {"with-110513": "nothing"},
        told="110501 with images",
        beside="Nothing",
        versions=("seen",),
    ),
    EDIT_USER,
    Case("user-password", by=EDIT_USER, told="given name", over=True),
    Case("user-verb", by=EDIT_USER, at=page_of("user"), given={"verb": "switch-off"}, is_button=True, told="given name"),
    EDIT_CONSOLE,
    Case("console-remove", by=EDIT_CONSOLE, told="operator", is_button=True),
)

NOTHING_IS_OVERWRITTEN: Final = {
    "account-end-sessions": "of one's own sessions",
    "account-password": "asks for the present password",
    "account-token-revoke": "ends one token, which ends once",
    "token-new": "makes something",
    "token-revoke": "ends one token, which ends once",
    "user-new": "makes something",
    "charges-send-again": "sends what is set aside at that moment, each charge once",
    "connect-act": "begins, ends or adds one thing, each once; an address is allowed only of the version that was seen",
    "connect-forget": "ends one name, which ends once",
    "console-key": "does what the machine shows, one key at a time; what it shows is never typed over",
    "console-new": "makes something",
    "console-withdraw": "ends one act by its number, which ends once",
    "destination-new": "makes something",
    "destination-try": "changes no setting",
    "exchange-files": "reads",
    "fault-off": "ends one fault by its number, which ends once and says who ended it",
    "fault-on": "makes something",
    "order-new": "makes something",
    "patient-new": "makes something",
    "pool-new": "makes something",
    "sign-in": "of one's own session",
    "sign-out": "of one's own session",
    "station-copy": "makes something",
    "station-echo": "changes no setting",
    "station-new": "makes something",
    "station-report-file": "reads",
}
"""Addresses that take a form without a version, each with what makes that right."""


@pytest.fixture
def full(db: None) -> FullHospital:
    return a_full_hospital()


def signed_in(name: str, full: FullHospital) -> Client:
    client = Client()
    client.force_login(somebody(name, full.site))
    return client


def the_form(client: Client, case: Case, full: FullHospital) -> PageForm:
    """The form as the person has it open."""
    address = case.address(full)
    page = case.at(full) if case.at else address
    found = [form for form in forms_of(client.get(page).content) if form.method == "post" and (form.action or page) == address]
    assert found, f"{page} has no form for {address}"
    return found[0]


def send(client: Client, case: Case, full: FullHospital, form: PageForm, typed: Typed) -> Any:
    return client.post(case.address(full), {**form.fields, **typed})


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def of_two_people(full: FullHospital, case: Case, early: Client, late: Client) -> Iterator[str]:
    """What is wrong with how the later one is answered."""
    case.ready(full)
    form, earlier = the_form(late, case, full), case.by or case
    missing = [name for name in case.versions if name not in form.hidden or not form.fields[name][0]]
    if missing:
        yield f"the form does not carry {missing}"
    done = send(early, earlier, full, the_form(early, earlier, full), earlier.first)
    if done.status_code != 302:
        yield f"the first one was answered {done.status_code}"
    before = everything()
    answer = send(late, case, full, form, case.second)
    text = text_of(answer)
    if answer.status_code != (409 if case.is_button else 422):
        yield f"the second one was answered {answer.status_code}"
    if changed(before, everything()):
        yield f"the second one changed {changed(before, everything())}"
    if not re.search(r"early at \d\d:\d\d", text) or case.told not in text:
        yield f"the second one does not read who did {case.told} when"
    if case.beside and f"Now: {case.beside}" not in text:
        yield f"{case.beside} is not said to be there now"
    if case.is_button or case.over:
        return
    again = next(one for one in forms_of(answer.content) if one.method == "post" and not one.action)
    lost = [name for name, value in case.second.items() if again.fields.get(name) != [value]]
    if lost:
        yield f"what was typed as {lost} is lost"
    saved = send(late, case, full, again, {})
    if saved.status_code != 302:
        yield f"who has seen it cannot go on: {saved.status_code}"


def test_the_second_of_two_people_sees_what_the_first_did(full: FullHospital) -> None:
    early, late, wrong = signed_in("early", full), signed_in("late", full), []
    for case in CASES:
        with transaction.atomic():
            wrong += [f"{case.name} {dict(case.given) or ''}: {fault}" for fault in of_two_people(full, case, early, late)]
            transaction.set_rollback(True)
    assert not wrong


def of_two_who_change_different_things(full: FullHospital, case: Case, early: Client, late: Client) -> Iterator[str]:
    """What is wrong with what stands there when the later one, who touched nothing of the earlier one's, has saved twice."""
    case.ready(full)
    form = the_form(late, case, full)
    send(early, case, full, the_form(early, case, full), case.first)
    answer = send(late, case, full, form, case.other)
    if "Now: " in text_of(answer):
        yield "something is asked that only one of them changed"
    again = next(one for one in forms_of(answer.content) if one.method == "post" and not one.action)
    if (saved := send(late, case, full, again, {})).status_code != 302:
        yield f"who has seen it cannot go on: {saved.status_code}"
    there = the_form(late, case, full).fields
    for name, value in {**case.first, **case.other}.items():
        if there.get(name, []) != (value if isinstance(value, list) else [value]):
            yield f"{name} is {there.get(name)} and not {value}"


def test_what_the_second_did_not_touch_stays_as_the_first_changed_it(full: FullHospital) -> None:
    early, late, wrong = signed_in("early", full), signed_in("late", full), []
    cases = [case for case in CASES if case.beside]
    assert all(case.other for case in cases)
    for case in cases:
        with transaction.atomic():
            wrong += [f"{case.name}: {fault}" for fault in of_two_who_change_different_things(full, case, early, late)]
            transaction.set_rollback(True)
    assert not wrong


def without_a_version(full: FullHospital, case: Case, person: Client) -> Iterator[str]:
    """What is wrong with how a form is answered that does not say what it was opened with."""
    case.ready(full)
    form, typed = the_form(person, case, full), case.first or case.second
    sent = {name: value for name, value in {**form.fields, **typed}.items() if name not in case.versions}
    before = everything()
    answer = person.post(case.address(full), sent)
    if answer.status_code != (409 if case.is_button else 422):
        yield f"answered {answer.status_code}"
    if changed(before, everything()):
        yield f"changed {changed(before, everything())}"
    if not re.search(r"does not say what you saw|did not come whole", text_of(answer)):
        yield "does not say why"
    if case.is_button:
        return
    again = next(one for one in forms_of(answer.content) if one.method == "post" and not one.action)
    lost = [name for name, value in typed.items() if again.fields.get(name) != [value]]
    if lost:
        yield f"what was typed as {lost} is lost"
    saved = send(person, case, full, again, {})
    if saved.status_code not in (200, 302):  # a password that was made is shown at once
        yield f"who has looked at it cannot go on: {saved.status_code}"


def test_a_form_that_does_not_say_what_was_seen_is_refused(full: FullHospital) -> None:
    person, wrong = signed_in("early", full), []
    for case in CASES:
        with transaction.atomic():
            wrong += [f"{case.name} {dict(case.given) or ''}: {fault}" for fault in without_a_version(full, case, person)]
            transaction.set_rollback(True)
    assert not wrong


def test_every_form_that_changes_something_is_in_one_of_the_tables_here(full: FullHospital) -> None:
    client, taking, offered = signed_in("early", full), set(), set()
    names = {one.name for one in addresses()}
    for name in names - {"pulse", "healthz"}:
        address = reverse(name, kwargs=parameters(name, full))
        with transaction.atomic():
            client.force_login(User.objects.get(username="early"))  # one of the addresses signs out
            shown = client.get(address)
            offered |= {target for form in forms_of(b"" if shown.streaming else shown.content) if (target := changing(form, name))}
            if client.post(address).status_code not in (405, shown.status_code):
                taking.add(name)
            transaction.set_rollback(True)
    known = {case.name for case in CASES} | set(NOTHING_IS_OVERWRITTEN)
    assert taking | offered <= known <= names
    assert len(taking | offered) > len(CASES)


def parameters(name: str, full: FullHospital) -> dict[str, Any]:
    if name in EXAMPLES:
        return EXAMPLES[name](full)
    return {"ae_title": AE_TITLE} if name in OF_ANY_AE_TITLE else NO_IDENTIFIER.get(name, {})


def changing(form: PageForm, page: str) -> str:
    """The name of the address that a form is sent to, when it is one that changes something; empty for a search."""
    if form.method != "post" or {"q", "keys"} & form.fields.keys():
        return ""
    return resolve(form.action.partition("?")[0]).url_name or "" if form.action else page
