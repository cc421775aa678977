"""Exams in the states that pages show; the demo hospital brings most of them, the rest is made the way a hospital makes them."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from playwright.sync_api import Page
from pydicom.dataset import Dataset

from dimse.outcomes import ScuError
from dimse.uids import new_uid
from tests.support import daytime
from tests.support.items import element, part_10, sequence
from tests.support.pacs import Pacs
from tests.support.ports import free_port
from tests.support.scans import acquire
from tests.support.stack import Stack
from tests.support.wait import wait_until
from training.performed import Device, final, in_progress, what_is_done
from training.query import Question
from training.scu import Wire
from training.target import Target

CT01 = Device("CT01", "CT", operator="WEBER^Jan")
_ZONE = daytime.zone()


@dataclass(frozen=True)
class Examples:
    """Keys of rows, as the addresses of pages hold them."""

    waiting: str
    arrived: str
    canceled: str
    done: str
    faulty: str
    tray: str
    underway: str
    held: str
    patient: str
    survivor: str
    merged: str
    order: str
    order_done: str
    procedure: str
    performed: str
    mismatched: str
    unscheduled: str
    sent_on: str
    destination: str
    destination_away: str
    posted_charge: str
    held_charge: str
    association: str
    failed_association: str
    query_message: str
    refused_message: str
    rejected_association: str
    console: str
    console_message: str
    console_failure: str
    user: str
    user_own: str
    token: str
    token_own: str


def prepare(stack: Stack, page: Page) -> Examples:
    """Make what the demo lacks and look up the rest. `page` is somebody's who may see everything."""
    pacs = Pacs(answer=lambda told: 0x0106 if told.verb == "N-SET" else 0x0000)
    pacs.open()
    destination, away = (
        _send_on(stack, "PACS", pacs.port),
        _send_on(stack, "Dose server", free_port(), called_ae_title="DOSE", kind="EVENTS"),
    )
    underway = _begin(stack, _ordered(stack, "Underway"))
    wait_until(lambda: stack.get(f"/api/v1/destinations/{destination}")["parked"], 30, "the PACS has refused a message")
    wait_until(lambda: stack.get(f"/api/v1/destinations/{away}")["error"], 30, "the dose server was not reached")
    pacs.shut()
    held = _perform_as_another(stack, _ordered(stack, "Held"))
    _begin_unscheduled(stack)
    _be_refused(stack)
    faulty = _import_faulty(stack)
    _order(stack, "Leftover", station_ae_title="CT01", start=f"{datetime.now(_ZONE) - timedelta(days=2):%Y-%m-%dT03:00:00%z}")
    Wire("MR01", _target(stack)).find([Question(station="MR01", step_id="S-FAULTY").identifier()])
    Wire("MR01", _target(stack)).find([Question(station="MR1").identifier()])  # a list that nobody has
    charge = _small_charge(stack)
    done = _step(stack, f"accession_number={charge['accession_number']}")
    several = _order(stack, "Several")
    path = f"/api/v1/orders/{several['accession_number']}/procedures"
    stack.post(path, {"procedure_code": "CTCHEST", "reason": "Asked for by phone"})
    order = _linked(page, f"/steps/{several['steps'][0]['id']}/", "/orders/")
    survivor = _merge(stack, page)
    association = _linked(page, "/associations/?q=CT01&service=C-FIND", "/associations/")
    failed = _linked(page, "/associations/?service=N-SET&result=failures", "/associations/")
    return Examples(
        waiting=_step(stack, "status=SCHEDULED"),
        arrived=_after(stack, "Arrived", "arrive"),
        canceled=_after(stack, "Canceled", "cancel", reason="Duplicate order"),
        done=done,
        faulty=faulty,
        tray=str(_order(stack, "Tray")["steps"][0]["id"]),
        underway=underway,
        held=held,
        patient=_linked(page, f"/steps/{done}/", "/patients/"),
        survivor=survivor,
        merged=_linked(page, f"/patients/{survivor}/", "/patients/"),
        order=order,
        order_done=_linked(page, f"/steps/{done}/", "/orders/"),
        procedure=_linked(page, f"/orders/{order}/", "/procedures/"),
        performed=_linked(page, f"/steps/{done}/", "/performed/"),
        mismatched=_linked(page, f"/steps/{held}/", "/performed/"),
        unscheduled=_linked(page, "/performed/?show=unscheduled", "/performed/"),
        sent_on=_linked(page, f"/steps/{underway}/", "/performed/"),
        destination=destination,
        destination_away=away,
        posted_charge=str(charge["id"]),
        held_charge=_linked(page, f"/steps/{held}/", "/charges/"),
        association=association,
        failed_association=failed,
        query_message=_linked(page, f"/associations/{association}/", f"/associations/{association}/messages/"),
        refused_message=_linked(page, f"/associations/{failed}/", f"/associations/{failed}/messages/"),
        rejected_association=_linked(page, "/associations/?result=rejected", "/associations/"),
        **_consoles(stack),
        user=_account(page, "biller"),
        user_own=_account(page, "admin"),
        token=_token(page, "biller", "month’s end", expires="31-Dec-2030"),
        token_own=_token(page, "admin", "inventory"),
    )


def _token(page: Page, user: str, name: str, expires: str = "") -> str:
    page.goto(f"/tokens/new/?user={user}")
    page.get_by_label("What it is for").fill(name)
    page.get_by_label("Last day").fill(expires)
    page.get_by_role("button", name="Make the token").click()
    page.get_by_role("link", name="It is kept").click()
    address = page.locator("tr", has_text=name).get_by_role("link", name=re.compile("^Revoke")).get_attribute("href")
    return str(address).strip("/").split("/")[1]


def _account(page: Page, name: str) -> str:
    page.goto("/users/")
    address = page.get_by_role("main").get_by_role("link", name=name, exact=True).get_attribute("href")
    return str(address).strip("/").rpartition("/")[2]


def press_key(stack: Stack, ae_title: str, key: str, **given: Any) -> dict[str, Any]:
    """Press a key of a console; what came of it, once a worker has done it."""
    status, act = stack.request("POST", f"/api/v1/consoles/{ae_title}/keys/{key}", given)
    assert status == 202, act

    def over() -> dict[str, Any] | None:
        found: dict[str, Any] = stack.get(f"/api/v1/consoles/{ae_title}/acts/{act['id']}")
        return found if found["ended_at"] else None

    return wait_until(over, 20, f"{key} of {ae_title} is over", interval=0.1)


def _consoles(stack: Stack) -> dict[str, str]:
    """A console in the middle of an exam, and one that is pointed at a port where nobody listens."""
    stack.post("/api/v1/consoles", {"ae_title": "US01", "kind": "US"})
    press_key(stack, "US01", "update", days="all", modality="", any_station=True)
    entries = stack.get("/api/v1/consoles/US01")["entries"]
    press_key(stack, "US01", "start", pick=entries[-1]["key"])
    press_key(stack, "US01", "next")
    stack.post("/api/v1/consoles", {"ae_title": "TESTER", "kind": "MR", "host": "127.0.0.1", "port": free_port(), "called": "OTHERRIS"})
    assert press_key(stack, "TESTER", "echo")["status"] == "FAILED"
    stack.post("/api/v1/consoles", {"ae_title": "MG01", "kind": "MG"})
    found, failed = (stack.get(f"/api/v1/consoles/{title}/messages")["items"] for title in ("US01", "TESTER"))
    return {
        "console": "US01",
        "console_message": str(next(one["id"] for one in found if one["verb"] == "C-FIND")),
        "console_failure": str(failed[0]["id"]),
    }


def _send_on(stack: Stack, name: str, port: int, **changes: str) -> str:
    body = {"name": name, "host": "127.0.0.1", "port": port, "called_ae_title": "PACS", "modalities": ["CT"]}
    return str(stack.post("/api/v1/destinations", body | changes)["id"])


def _step(stack: Stack, query: str) -> str:
    return str(stack.get(f"/api/v1/scheduled-steps?limit=1&{query}")["items"][0]["id"])


def _after(stack: Stack, given_name: str, verb: str, **body: Any) -> str:
    """A step of an order after a change; late in the evening the demo's day has none of some kinds left."""
    step = _ordered(stack, given_name)["id"]
    stack.post(f"/api/v1/scheduled-steps/{step}/{verb}", body)
    return str(step)


def _small_charge(stack: Stack) -> dict[str, Any]:
    """A posted charge for an exam of few images."""
    exams = stack.get("/api/v1/scheduled-steps?status=COMPLETED&station_ae_title=DX01&limit=500")["items"]
    accessions = {exam["accession_number"] for exam in exams}
    charges = stack.get("/api/v1/charges?status=POSTED&limit=500")["items"]
    return next(charge for charge in charges if charge["accession_number"] in accessions)


def _linked(page: Page, address: str, to: str) -> str:
    """The key in the first link of a page's content to an address below `to`, once there is one: the journal is written a little later."""

    def keys() -> list[str]:
        page.goto(address)
        links = page.locator(f"main a[href^='{to}']").evaluate_all("them => them.map(one => one.getAttribute('href'))")
        return [match[1] for link in links if (match := re.fullmatch(rf"{to}([0-9a-f-]*[0-9][0-9a-f-]*)/(?:add/)?", link))]

    return wait_until(keys, 15, f"{address} links to something below {to}", interval=0.2)[0]


def _order(stack: Stack, given_name: str, **booked: Any) -> dict[str, Any]:
    patient = {"name": f"EXAMPLE^{given_name}", "birth_date": "1984-05-31", "sex": "F"}
    body = {"patient": patient, "procedure_code": "CTCHEST", "referring_physician_name": "HADDAD^Rania", "reason": "Cough for three weeks"}
    order: dict[str, Any] = stack.post("/api/v1/orders", body | booked)
    return order


def _merge(stack: Stack, page: Page) -> str:
    """A patient that another record was merged into."""
    stays, goes = _order(stack, "Twice"), _order(stack, "Twise")
    keys = {"survivor": {"patient_id": stays["patient"]["patient_id"]}, "merged": {"patient_id": goes["patient"]["patient_id"]}}
    stack.post("/api/v1/patients/merge", {**keys, "reason": "Registered twice"})
    return _linked(page, f"/steps/{stays['steps'][0]['id']}/", "/patients/")


def _ordered(stack: Stack, given_name: str) -> dict[str, Any]:
    """The step of an order on the first free time of CT01."""
    slot = stack.get("/api/v1/stations/CT01/free-slots?procedure=CTCHEST&limit=1")["items"][0]
    step: dict[str, Any] = _order(stack, given_name, station_ae_title="CT01", start=slot["start"])["steps"][0]
    return step


def _target(stack: Stack, called: str = "STEPWISE") -> Target:
    return Target("127.0.0.1", stack.dicom_port, called)


def _item(stack: Stack, step: dict[str, Any]) -> Dataset:
    question = Question(station="CT01", step_id=step["scheduled_procedure_step_id"])
    return Wire("CT01", _target(stack)).find([question.identifier()])[0]


def _create(stack: Stack, item: Dataset, performed_step_id: str) -> str:
    """SOP Instance UID of a performed step that CT01 begins now."""
    uid = new_uid()
    answer = Wire("CT01", _target(stack)).n_create(uid, in_progress([item], CT01, datetime.now(_ZONE), performed_step_id))
    assert answer.ok, answer
    return uid


def report_series(stack: Stack, station: str, uid: str) -> None:
    """An N-SET of a CT while the exam goes on: two series of three."""
    modified = Dataset()
    modified.PerformedSeriesSequence = acquire(CT01, "CT chest", "CHEST", Random(1), share=0.5)
    answer = Wire(station, _target(stack)).n_set(uid, modified)
    assert answer.ok, answer


def _begin(stack: Stack, step: dict[str, Any]) -> str:
    report_series(stack, "CT01", _create(stack, _item(stack, step), "PPS-UNDERWAY"))
    return str(step["id"])


def _perform_as_another(stack: Stack, step: dict[str, Any]) -> str:
    """Begun and ended under the name of somebody else: the charge waits for a person."""
    item = _item(stack, step)
    item.PatientName, item.PatientID, item.PatientBirthDate = "SOMEBODY^Else", "E-26-0031", ""
    uid = _create(stack, item, "PPS-HELD")
    series = acquire(CT01, "CT chest", "CHEST", Random(1), share=0.1)
    answer = Wire("CT01", _target(stack)).n_set(uid, final("COMPLETED", what_is_done([item]), series, datetime.now(_ZONE)))
    assert answer.ok, answer
    again = Wire("CT01", _target(stack)).n_set(uid, final("COMPLETED", what_is_done([item]), series, datetime.now(_ZONE)))
    assert not again.ok  # an association with a failure in it
    return str(step["id"])


def _begin_unscheduled(stack: Stack) -> None:
    item = Dataset()
    item.PatientID, item.PatientName = "E-26-0032", "WALKIN^Wanda"
    _create(stack, item, "PPS-WALKIN")


def _import_faulty(stack: Stack) -> str:
    """An item without Study Instance UID, with a birth date that no calendar has and an accession number that is too long."""
    step = (
        element(0x00080060, "CS", "MR"),
        element(0x00400001, "AE", "MR01"),
        element(0x00400002, "DA", f"{datetime.now(_ZONE):%Y%m%d}"),
        element(0x00400003, "TM", "235000"),
        element(0x00400007, "LO", "MR head"),
        element(0x00400009, "SH", "S-FAULTY"),
    )
    path = stack.data_dir / "faulty.wl"
    path.write_bytes(
        part_10(
            element(0x00080050, "SH", "A-TOO-LONG-BY-FAR-17"),
            element(0x00100010, "PN", "EXAMPLE^Faulty"),
            element(0x00100020, "LO", "E-FAULTY"),
            element(0x00100030, "DA", "19600231"),
            sequence(0x00400100, b"".join(step)),
        )
    )
    stack.manage("import_worklist", str(path))
    return _step(stack, "patient_id=E-FAULTY")


def _be_refused(stack: Stack) -> None:
    with suppress(ScuError):
        Wire("CT01", _target(stack, called="NOBODY")).find([Question(station="CT01").identifier()])
