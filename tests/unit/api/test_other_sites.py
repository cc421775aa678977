"""What belongs to another hospital is not there for a token: every operation is asked for what another one has."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from ris.actions import tokens
from ris.actions.patients import register_patient
from ris.models import Order, Patient, ScheduledProcedureStep, Station, StationPool
from stepwise.api import api
from tests.support.hospital import ACTOR, a_patient_data
from tests.support.sites import a_procedure_of, an_exam_of, another_site
from tests.support.two_hospitals import (
    AE_TITLE,
    MERGED_ID,
    PATIENT_ID,
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

Operation = tuple[str, str]
"""Method and path, as the operation declares it."""


@dataclass(frozen=True)
class Call:
    """What a call takes, each name of the full hospital; `body` is one that would be done there."""

    path: dict[str, Any]
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)


def calls(full: FullHospital) -> dict[Operation, Call]:
    """Each operation below something that a hospital has."""
    step, order, destination = {"step_id": full.waiting.pk}, {"accession_number": full.order.accession_number}, {"pk": full.destination.pk}
    procedure = order | {"requested_procedure_id": full.procedure.requested_procedure_id}
    station, delivery, fault = {"ae_title": AE_TITLE}, {"pk": full.delivery.pk}, {"fault_id": full.fault.pk}
    why = {"reason": "Asked for by phone"}
    a_step = {"description": "Late images", "modality": "CT", "duration_minutes": 10}
    return {
        ("GET", "/scheduled-steps/{int:step_id}/explanation"): Call(step, query={"station": AE_TITLE}),
        ("GET", "/scheduled-steps/{int:step_id}/findings"): Call(step),
        ("POST", "/scheduled-steps/{step_id}/arrive"): Call(step),
        ("POST", "/scheduled-steps/{step_id}/cancel"): Call(step, why),
        ("POST", "/scheduled-steps/{step_id}/reschedule"): Call(step, {"station_ae_title": AE_TITLE, "start": "2030-03-04T10:00"}),
        ("GET", "/stations/{path:ae_title}/free-slots"): Call(station, query={"procedure": PROCEDURE}),
        ("GET", "/stations/{path:ae_title}"): Call(station),
        ("PATCH", "/stations/{path:ae_title}"): Call(station, {"room": "Elsewhere"}),
        ("GET", "/patients/{path:patient_id}"): Call({"patient_id": PATIENT_ID}),
        ("POST", "/orders/{path:accession_number}/procedures/{requested_procedure_id}/steps"): Call(procedure, a_step),
        ("POST", "/orders/{path:accession_number}/procedures/{requested_procedure_id}/cancel"): Call(procedure, why),
        ("POST", "/orders/{path:accession_number}/procedures"): Call(order, {"procedure_code": PROCEDURE}),
        ("POST", "/orders/{path:accession_number}/cancel"): Call(order, why),
        ("GET", "/orders/{path:accession_number}"): Call(order),
        ("GET", "/performed-steps/{sop_instance_uid}"): Call({"sop_instance_uid": full.performed.sop_instance_uid}),
        ("GET", "/destinations/{int:pk}"): Call(destination),
        ("PATCH", "/destinations/{int:pk}"): Call(destination, {"port": 105}),
        ("DELETE", "/destinations/{int:pk}"): Call(destination),
        ("POST", "/destinations/{int:pk}/try-now"): Call(destination),
        ("GET", "/destinations/{int:pk}/deliveries"): Call(destination),
        ("POST", "/deliveries/{int:pk}/send-again"): Call(delivery),
        ("POST", "/deliveries/{int:pk}/leave-out"): Call(delivery),
        ("POST", "/consoles/{path:ae_title}/keys/{key}"): Call(station | {"key": "plug"}),
        ("GET", "/consoles/{path:ae_title}/acts/{act_id}"): Call(station | {"act_id": full.act.pk}),
        ("GET", "/consoles/{path:ae_title}/messages/{message_id}"): Call(station | {"message_id": full.console_message.pk}),
        ("GET", "/consoles/{path:ae_title}/messages"): Call(station),
        ("GET", "/consoles/{path:ae_title}"): Call(station),
        ("PATCH", "/consoles/{path:ae_title}"): Call(station, {"operator": "WEBER^Jan"}),
        ("DELETE", "/consoles/{path:ae_title}"): Call(station),
        ("GET", "/faults/{int:fault_id}"): Call(fault),
        ("POST", "/faults/{int:fault_id}/end"): Call(fault, why),
    }


ELSEWHERE = {
    ("GET", "/orders/{path:accession_number}/procedures"): "the order of a number that ends so",
    ("GET", "/orders/{path:accession_number}/cancel"): "the order of a number that ends so",
    ("GET", "/stations/{path:ae_title}/queries"): "an AE title that is no station asks, too: the list is empty",
    ("GET", "/stations/{path:ae_title}/findings"): "an AE title that is no station asks, too: the list is empty",
    ("PUT", "/stations/{path:ae_title}"): "makes one's own of that title",
    ("PUT", "/pools/{path:code}"): "makes one's own of that code",
} | dict.fromkeys(((method, "/{path:rest}") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")), "leads nowhere")
"""Operations whose path need not name something that is there; tests of their own follow where they matter."""

LISTS = {
    "/associations": ({"calling": AE_TITLE},),
    "/charges": ({"accession_number": "ACCESSION"},),
    "/consoles": (),
    "/destinations": (),
    "/faults": ({"station_ae_title": AE_TITLE}, {"active": "true"}),
    "/messages": ({"calling": AE_TITLE},),
    "/performed-steps": ({"accession_number": "ACCESSION"}, {"station_ae_title": AE_TITLE}),
    "/pools": (),
    "/procedures": (),
    "/scheduled-steps": ({"accession_number": "ACCESSION"}, {"patient_id": PATIENT_ID}, {"station_ae_title": AE_TITLE}),
    "/stations": (),
    "/stations/{path:ae_title}/findings": (),
    "/stations/{path:ae_title}/queries": (),
    "/unbilled": (),
}
"""Lists, each with queries for what is the full hospital's."""
NOT_OF_A_HOSPITAL = {("GET", "/"), ("GET", "/fault-kinds")}


def of_bodies(full: FullHospital) -> list[tuple[Operation, dict[str, Any]]]:
    """Calls without a parameter in the path that name in their bodies what another hospital has, and cannot be done without it."""
    patient = {"name": "DOE^John"}
    mine, theirs = {"patient_id": "MINE"}, {"patient_id": PATIENT_ID}
    place = {"station_ae_title": AE_TITLE, "start": "2030-03-04T10:00"}
    return [
        (("POST", "/orders"), {"patient": patient, "procedure_code": PROCEDURE}),
        (("POST", "/orders"), {"patient": patient, "procedure_code": "MYCHEST", **place}),
        (("POST", "/orders"), {"patient": patient, "procedure_code": "MYCHEST", **place, "station_ae_title": POOL}),
        (("POST", "/patients/merge"), {"survivor": theirs, "merged": {"patient_id": MERGED_ID}, "reason": "One person"}),
        (("POST", "/patients/merge"), {"survivor": mine, "merged": theirs, "reason": "One person"}),
        (("POST", "/patients/merge"), {"survivor": theirs, "merged": mine, "reason": "One person"}),
        (("POST", "/patients/undo-merge"), {"merged": {"patient_id": MERGED_ID}, "reason": "Two persons"}),
        (("POST", "/faults"), {"kind": "delay", "station_ae_title": AE_TITLE}),
        (("PUT", "/pools/MYPOOL"), {"stations": [AE_TITLE]}),
    ]


MAKES = {("POST", "/consoles"): "of any AE title", ("POST", "/destinations"): "anywhere"}
"""Operations that make something out of a body that names nothing of a hospital."""


def operations() -> Iterator[Operation]:
    for _, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                yield from ((method, path) for method in operation.methods)


class Token:
    def __init__(self, user: Any) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {tokens.create_token(user, 'tests')}"})

    def __call__(self, operation: Operation, call: Call) -> HttpResponse:
        method, path = operation
        for name, value in call.path.items():
            path = re.sub(rf"{{(path:|int:)?{name}}}", str(value), path)
        body = "" if method == "GET" else json.dumps(call.body)
        found: HttpResponse = self._client.generic(method, f"/api/v1{path}", body, "application/json", query_params=call.query)
        return found


@pytest.fixture
def full(db: None) -> FullHospital:
    return a_full_hospital()


@pytest.fixture
def there(full: FullHospital) -> Token:
    return Token(somebody_elsewhere())


@pytest.fixture
def here(full: FullHospital) -> Token:
    return Token(somebody("here", full.site))


def test_every_operation_is_asked_here_for_what_another_hospital_has(full: FullHospital) -> None:
    named = {operation for operation, _ in of_bodies(full)} | set(calls(full)) | set(ELSEWHERE) | set(MAKES) | NOT_OF_A_HOSPITAL
    named |= {("GET", path) for path in LISTS}
    assert set(operations()) - named == set()


def test_what_is_of_another_hospital_is_404_and_stays_as_it_is(full: FullHospital, there: Token, here: Token) -> None:
    before, wrong = everything(), []
    for operation, call in calls(full).items():
        answer = there(operation, call)
        if answer.status_code != 404 or told(answer):
            wrong.append(f"{operation}: {answer.status_code} {answer.content[:200]!r}")
        wrong += [f"{operation} changes {table}" for table in changed(before, everything())]
        with transaction.atomic():
            answer = here(operation, call)  # the example is one: at its own hospital it is done
            transaction.set_rollback(True)
        if answer.status_code not in (200, 201, 202, 204, 409):
            wrong.append(f"{operation} at its own hospital: {answer.status_code} {answer.content[:200]!r}")
    assert not wrong


def test_lists_hold_nothing_of_another_hospital(full: FullHospital, there: Token, here: Token) -> None:
    for path, queries in LISTS.items():
        for query in ({}, *queries):
            asked = {name: full.order.accession_number if value == "ACCESSION" else value for name, value in query.items()}
            call = Call({"ae_title": AE_TITLE}, query=asked)
            answers = [json.loads(token(("GET", path), call).content) for token in (there, here)]
            assert (answers[0]["count"], answers[0]["items"]) == (0, []), (path, query)
            assert answers[1]["count"] > 0 or "accession_number" in query, (path, query)


def test_a_station_of_another_hospital_is_none_to_ask_unbilled_work_of(full: FullHospital, there: Token, here: Token) -> None:
    call = Call({}, query={"station_ae_title": AE_TITLE})
    assert [token(("GET", "/unbilled"), call).status_code for token in (there, here)] == [422, 200]


def test_what_bodies_name_is_looked_up_in_ones_own_hospital(full: FullHospital, there: Token) -> None:
    own = another_site()
    a_procedure_of(own)
    register_patient(own, a_patient_data(patient_id="MINE"), ACTOR)
    before = everything()
    for operation, body in of_bodies(full):
        answer = there(operation, Call({}, body))
        assert answer.status_code in (404, 422), (operation, body, answer.content)
        assert not told(answer)
        assert not changed(before, everything()), (operation, body)


def test_an_id_that_another_hospital_gave_is_ones_own_person_s_here(full: FullHospital, there: Token) -> None:
    own = another_site()
    a_procedure_of(own)
    version = Patient.objects.get(pk=full.patient.pk).version
    numbers = {"accession_number": full.order.accession_number, "placer_order_number": full.order.placer_order_number}
    body = {"patient": {"name": "DOE^John", "patient_id": PATIENT_ID}, "procedure_code": "MYCHEST", **numbers}
    answer = there(("POST", "/orders"), Call({}, body))
    assert (answer.status_code, told(answer)) == (201, False)
    mine = Order.objects.get(site=own)
    assert (mine.patient.site, mine.accession_number) == (own, full.order.accession_number)
    assert set(ScheduledProcedureStep.objects.filter(site=own).values_list("requested_procedure__order", flat=True)) == {mine.pk}
    assert Patient.objects.get(pk=full.patient.pk).version == version


def test_a_station_and_a_pool_of_a_title_that_another_hospital_has_are_ones_own(full: FullHospital, there: Token) -> None:
    before = {one.site: one.room for one in Station.objects.all()}
    answers = [
        there(("PUT", f"/stations/{AE_TITLE}"), Call({}, {"modalities": ["MR"]})),
        there(("PUT", f"/pools/{POOL}"), Call({}, {"stations": [AE_TITLE]})),
        there(("POST", "/consoles"), Call({}, {"ae_title": AE_TITLE})),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 201]
    assert not any(map(told, answers))
    assert {one.site: one.room for one in Station.objects.all()} == before | {another_site(): ""}
    assert [pool.stations.get().room for pool in StationPool.objects.order_by("site__is_default")] == ["", "Zebedee"]


def test_a_message_of_another_hospital_explains_nothing(full: FullHospital, there: Token) -> None:
    own = another_site()
    Station.objects.create(site=own, ae_title="MYCT", name="MYCT")
    step = an_exam_of(own)
    operation = ("GET", "/scheduled-steps/{int:step_id}/explanation")
    for station in ("MYCT", AE_TITLE):
        answer = there(operation, Call({"step_id": step.pk}, query={"station": station, "message": full.message.pk}))
        assert (answer.status_code, told(answer)) == (404, False)
        answer = there(operation, Call({"step_id": step.pk}, query={"station": station}))
        assert (answer.status_code, told(answer)) == (200, False)
        assert json.loads(answer.content)["query"]["message"] is None
