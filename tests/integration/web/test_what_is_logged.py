"""A patient whose every attribute is a mark, through everything that can go right and wrong: no line of any log holds a mark.

Everything is at its most talkative (DEBUG), and on the real ports: worklist, MPPS, charge processor, pages, REST.
"""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from pydicom import Dataset
from pytest_django.fixtures import Settings

from billing import delivery
from billing.charge_processor.behaviour import Behaviour, Refusal
from billing.models import Charge
from dimse.outcomes import ScuError
from dimse.scu import ScuAssociation
from dimse.server import DicomServer
from dimse.uids import new_uid
from mpps import actions as mpps_actions
from ris.api import orders as order_api
from ris.models import Patient, ScheduledProcedureStep
from ris.web import patients as patient_pages
from stepwise.celery import app
from tests.integration.web.conftest import connected
from tests.support.charge_processor import charge_processor
from tests.support.charges import make_due
from tests.support.everything import an_item_of, marks, performed_of
from tests.support.hospital import a_site
from tests.support.items import write_item
from tests.support.mpps import an_end
from worklist import scp

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True, databases=["default", "journal"])]
MARK = re.compile(r"ZYX\d{3}Q", re.IGNORECASE)
A_MARK = "ZYX999Q"
SPELLED = (f"M%C3%BCller-{A_MARK}", f"%E5%B1%B1%E7%94%B0{A_MARK}", f"A%0A{A_MARK}", f"A%5C{A_MARK}")
"""In addresses: an umlaut, kanji, a control character and a backslash, all of which Django escapes in what it logs."""


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """All that was logged or written to the standard outputs so far, at every level there is."""
    stream = io.StringIO()
    root = logging.getLogger()
    [handler] = [one for one in root.handlers if type(one) is logging.StreamHandler]
    before, level = handler.setStream(stream), root.level  # type: ignore[attr-defined]
    root.setLevel(logging.DEBUG)
    yield lambda: stream.getvalue() + "".join(capfd.readouterr())
    root.setLevel(level)
    handler.setStream(before or io.StringIO())  # type: ignore[attr-defined]


def broken(*args: object, **kwargs: object) -> None:
    """What nobody foresaw: an exception whose message and cause hold what they should not."""
    try:
        int(A_MARK)
    except ValueError as error:
        raise ValueError(f"{A_MARK} cannot be {error}") from error


def take_in(folder: Path) -> ScheduledProcedureStep:
    fixed = {"Modality": "CT", "ScheduledStationAETitle": "CT01", "ScheduledProcedureStepStatus": None}
    call_command("import_worklist", str(write_item(folder / "one.wl", an_item_of(marks(), **fixed))), stdout=io.StringIO())
    (folder / f"{A_MARK}.wl").write_bytes(b"no item, and called like somebody")
    with pytest.raises(SystemExit):
        call_command("import_worklist", str(folder), stdout=io.StringIO(), stderr=io.StringIO())
    return ScheduledProcedureStep.objects.get()


def query(association: ScuAssociation, **keys: str) -> int:
    asked = Dataset()
    asked.PatientName, asked.PatientID, asked.AccessionNumber = keys.get("name", "*"), keys.get("patient_id", ""), ""
    return len(list(association.find(asked)))


def play_the_scanner(server: DicomServer, step: ScheduledProcedureStep, monkeypatch: pytest.MonkeyPatch) -> None:
    order = step.requested_procedure.order
    own = {
        "PerformedProcedureStepStatus": "IN PROGRESS", "Modality": "CT", "PerformedStationAETitle": "CT01",
        "AccessionNumber": order.accession_number, "StudyInstanceUID": step.requested_procedure.study_instance_uid,
        "PatientName": order.patient.name, "PatientID": order.patient.patient_id,
    }  # fmt: skip
    uid, mark = new_uid(), marks()
    created, final = performed_of(mark, **own), performed_of(mark, **own | {"PerformedProcedureStepStatus": "COMPLETED"})
    with connected(server) as association:
        assert query(association, name="*") == 1
        assert query(association, name=f"{A_MARK}*") == 0
        assert association.n_create(created, uid).status == 0
        assert association.n_create(created, uid).status == 0x0111
        assert association.n_create(performed_of(mark), new_uid()).status != 0
        assert association.n_set(performed_of(mark, PerformedProcedureStepStatus=A_MARK), uid).status != 0
        assert association.n_set(final, f"1.2.{'9' * 20}").status == 0x0112
    with monkeypatch.context() as patched:
        patched.setattr(mpps_actions, "n_set", broken)
        patched.setattr(scp.askers, "profile_of", broken)
        with connected(server) as association:
            assert association.n_set(final, uid).status == 0x0110
        with connected(server) as association, pytest.raises(ScuError):
            query(association)
    with connected(server) as association:
        assert association.n_set(an_end(CommentsOnThePerformedProcedureStep=A_MARK), uid).status == 0
    with connected(server, A_MARK) as association:  # a caller nobody knows
        query(association, patient_id=A_MARK)


def play_the_biller(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with the patient's name in the answer, then acknowledged; then the program itself fails."""
    charge = Charge.objects.get()
    told = [Behaviour(refusal=Refusal("AE", f"{A_MARK} is unknown"))]
    with charge_processor(tmp_path / "ledger.sqlite3", lambda: told[0]) as settings.MLLP_PORT:
        settings.MLLP_HOST = "127.0.0.1"
        delivery.deliver(charge.pk)
        make_due(charge)
        told[0] = Behaviour()
        with monkeypatch.context() as patched:
            patched.setattr(delivery, "_send", broken)
            delivery.deliver(charge.pk)
    app.task(broken, name="tests.broken").apply()


def play_the_desk(step: ScheduledProcedureStep, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=False)
    client.force_login(User.objects.create_superuser("chief"))
    patient = step.requested_procedure.order.patient
    for address in ("/worklist/", "/patients/", "/find/", "/orders/new/", "/charges/ledger/"):
        assert client.post(address, {"q": patient.name.split("^")[0]}, follow=True).status_code == 200
    for address in (f"/{A_MARK}/?q={A_MARK}", f"/patients/{A_MARK}/", f"/worklist/{A_MARK}/?q={A_MARK}", f"/stations/{A_MARK}/edit/"):
        assert client.get(address).status_code == 404, address
    for spelled in SPELLED:
        for page in ("patients", "orders", "find"):
            assert client.get(f"/{page}/{spelled}/").status_code == 404, (page, spelled)
    assert client.get(f"/patients/{patient.pk}/", headers={"Host": f"{A_MARK}.example.org"}).status_code == 400
    assert client.get(f"/charges/send-again/?q={A_MARK}").status_code == 405
    assert Client(enforce_csrf_checks=True).post(f"/sign-in/?next=/{A_MARK}", {"username": A_MARK, "password": A_MARK}).status_code == 403
    assert Client().post("/sign-in/", {"username": A_MARK, "password": A_MARK}).status_code == 422
    with monkeypatch.context() as patched:
        patched.setattr(patient_pages.patients, "register_patient", broken)
        assert client.post(f"/patients/new/?name={A_MARK}", {"family": A_MARK}).status_code == 500
        patched.setattr(patient_pages.patients, "register_patient", refused_by_the_database)
        assert client.post(f"/patients/new/?name={A_MARK}", {"family": A_MARK}).status_code == 409
        patched.setattr(patient_pages.patients, "register_patient", not_taken_by_the_database)
        refused = connection.vendor == "postgresql"  # SQLite takes any text for a number
        assert client.post("/patients/new/", {"family": A_MARK}).status_code == (500 if refused else 302)


def refused_by_the_database(*args: object, **kwargs: object) -> None:
    """PostgreSQL tells the whole row that it refuses."""
    site = a_site()
    with transaction.atomic():
        for _ in range(2):
            Patient.objects.create(site=site, patient_id=A_MARK, name=A_MARK, name_key=A_MARK, issuer_of_patient_id="")


def not_taken_by_the_database(*args: object, **kwargs: object) -> Patient:
    """PostgreSQL says what is too long, or is no number."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ris_patient WHERE id = CAST(%s AS integer)", [A_MARK])
    return Patient.objects.all()[0]


def play_the_script(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_TOKEN = "a-token-of-forty-characters-and-some-more"
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {settings.API_TOKEN}"})
    order = {"patient": {"patient_id": A_MARK, "name": A_MARK, "birth_date": A_MARK, "sex": A_MARK}, "procedure_code": A_MARK}
    api = "/api/v1"
    asked: list[tuple[str, str, object, int]] = [
        ("GET", f"/orders/{A_MARK}", None, 404),
        ("GET", f"/scheduled-steps?patient_id={A_MARK}&date={A_MARK}", None, 422),
        ("GET", f"/performed-steps/{A_MARK}", None, 404),
        ("DELETE", f"/orders/{A_MARK}", None, 405),
        ("GET", f"/nothing/{A_MARK}", None, 404),
        ("POST", "/orders", order, 404),
        *(("GET", f"/{what}/{spelled}", None, 404) for what in ("patients", "orders") for spelled in SPELLED),
    ]
    for method, path, body, status in asked:
        answer = client.generic(method, api + path, json.dumps(body) if body else "", content_type="application/json")
        assert answer.status_code == status, (path, answer.content)
    assert client.generic("POST", f"{api}/orders", f"{{{A_MARK}", content_type="application/json").status_code == 400
    assert Client(headers={"Authorization": f"Bearer {A_MARK}"}).get(f"{api}/orders/{A_MARK}").status_code == 401
    for fault, status in ((broken, 500), (refused_by_the_database, 409)):
        with monkeypatch.context() as patched:
            patched.setattr(order_api.queries, "order", fault)
            assert client.get(f"{api}/orders/{A_MARK}?x={A_MARK}").status_code == status


def test_no_log_line_holds_a_mark(
    said: Callable[[], str], server: DicomServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    step = take_in(tmp_path)
    play_the_scanner(server, step, monkeypatch)
    play_the_biller(tmp_path, settings, monkeypatch)
    play_the_desk(step, monkeypatch)
    play_the_script(settings, monkeypatch)
    lines = said()
    for heard in (
        "N-SET handler failed: ValueError after ValueError", "C-FIND handler failed", "charge sent", "tests.broken",
        "GET /patients/{int:pk}/", "GET (no such address)", "GET /api/v1/orders/{path:accession_number}", "a REST call failed",
        "a REST call lost a race", "a page lost a race",
    ):  # fmt: skip
        assert heard in lines, heard
    assert sorted(set(MARK.findall(lines))) == [], "\n".join(line for line in lines.splitlines() if MARK.search(line))
