"""The main job, end to end, with every process of the product: order → worklist → MPPS → charge in the ledger."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.chaos.play import play
from tests.support import prepared
from tests.support.dcmtk import dcmtk, dcmtk_examples
from tests.support.stack import TOKEN, Stack, running_stack
from tests.support.wait import wait_until

pytestmark = [pytest.mark.xdist_group("story"), pytest.mark.timeout(300)]

IMPORTED_ITEM = """\
# Dicom-File-Format
(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [IMP00042]
(0010,0010) PN [MÜLLER^JÜRGEN]
(0010,0020) LO [IMP-PATIENT-42]
(0010,0030) DA [19490202]
(0010,0040) CS [M]
(0020,000d) UI [1.2.276.0.7230010.3.2.842]
(0032,1060) LO [IMPORTED CT]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [CT]
(0040,0001) AE [CT01]
(0040,0002) DA [20261231]
(0040,0003) TM [101500]
(0040,0007) LO [IMPORTED CT STEP]
(0040,0009) SH [IMPSPS42]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [IMPRP42]
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """On SQLite with a demo hospital that is there already; on PostgreSQL the first start loads it."""
    data_dir = tmp_path_factory.mktemp("stack")
    database = {"DATABASE_URL": os.environ["DATABASE_URL"]} if os.environ.get("DATABASE_URL") else {}
    if not database:
        prepared.with_demo(data_dir)
    with running_stack(data_dir, **database) as running:
        yield running


def order_ct(stack: Stack, patient_id: str) -> dict[str, Any]:
    """Order a CT exam of one step on the first free slot of CT01."""
    procedures = stack.get("/api/v1/procedures?limit=1000")["items"]
    code = next(p["code"] for p in procedures if p["modality"] == "CT" and len(p["steps"]) == 1)
    slot = stack.get(f"/api/v1/stations/CT01/free-slots?procedure={code}&limit=1")["items"][0]
    order: dict[str, Any] = stack.post(
        "/api/v1/orders",
        {
            "patient": {"patient_id": patient_id, "name": "STORY^TELLER", "birth_date": "1970-01-31", "sex": "F"},
            "procedure_code": code,
            "priority": "ROUTINE",
            "station_ae_title": "CT01",
            "start": slot["start"],
        },
    )
    return order


def perform(stack: Stack, verb: str, step_id: str, *more: str) -> str:
    return stack.manage("modality", "--station", "CT01", verb, step_id, *more)


def status_of(stack: Stack, order: dict[str, Any]) -> str:
    return str(stack.get(f"/api/v1/orders/{order['accession_number']}")["steps"][0]["status"])


def charge_of(stack: Stack, accession_number: str, status: str = "POSTED", timeout: float = 60) -> dict[str, Any]:
    """The one charge of the order, once it has the status."""

    def posted() -> dict[str, Any] | None:
        charges = stack.get(f"/api/v1/charges?accession_number={accession_number}")["items"]
        assert len(charges) <= 1, charges
        return next((charge for charge in charges if charge["status"] == status), None)

    return wait_until(posted, timeout, f"the charge of {accession_number} is {status}", interval=0.2)


def findscu(stack: Stack, *keys: str) -> str:
    command = [dcmtk("findscu"), "-v", "-W", "-aet", "CT01", "-aec", "STEPWISE", "127.0.0.1", str(stack.dicom_port)]
    for key in keys:
        command += ["-k", key]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).decode("latin-1")


def test_the_banner_says_where_charges_go_once_that_is_known(stack: Stack) -> None:
    said = wait_until(lambda: re.search(r"Charges +HL7 DFT\^P03 to (.+)", stack.log.read_text()), 30, "the banner is shown")
    assert said[1] == f"the demo charge processor at 127.0.0.1:{(stack.data_dir / 'mllp.port').read_text().strip()}"


@pytest.mark.both_databases
def test_an_order_made_here_is_performed_and_charged_once(stack: Stack) -> None:
    order = order_ct(stack, "STORY1")
    step = order["steps"][0]
    stack.post(f"/api/v1/scheduled-steps/{step['id']}/arrive")
    step_id = step["scheduled_procedure_step_id"]
    assert step_id in stack.manage("modality", "--station", "CT01", "list", "--date", step["start"][:10])
    perform(stack, "start", step_id)
    assert status_of(stack, order) == "STARTED"
    perform(stack, "complete", step_id)
    assert status_of(stack, order) == "COMPLETED"
    performed = stack.get(f"/api/v1/performed-steps?accession_number={order['accession_number']}")["items"]
    assert [(p["status"], p["unscheduled"], len(p["series"]) > 0) for p in performed] == [("COMPLETED", False, True)]
    charge = charge_of(stack, order["accession_number"])
    entries = stack.ledger().entries(control_id=charge["control_id"])
    assert len(entries) == 1
    assert step_id not in stack.manage("modality", "--station", "CT01", "list", "--date", step["start"][:10])


def play_imported(stack: Stack, accession: str, patient_id: str, step_id: str, station: str) -> None:
    answer = findscu(
        stack,
        f"(0008,0050)={accession}",
        "PatientName",
        "PatientID",
        f"(0040,0100)[0].(0040,0001)={station}",
        "(0040,0100)[0].(0040,0009)",
    )
    assert patient_id in answer
    assert step_id in answer
    for verb in ("start", "complete"):
        stack.manage("modality", "--station", station, verb, step_id)
    charge = charge_of(stack, accession)
    assert len(stack.ledger().entries(control_id=charge["control_id"])) == 1


def test_an_imported_item_is_found_by_findscu_performed_and_charged(stack: Stack, tmp_path: Path) -> None:
    dcmtk("findscu")
    item = tmp_path / "item.dump"
    item.write_bytes(IMPORTED_ITEM.encode("latin-1"))
    stack.manage("import_worklist", str(item))
    play_imported(stack, "IMP00042", "IMP-PATIENT-42", "IMPSPS42", "CT01")


def test_the_ten_items_of_dcmtk_are_imported_and_one_is_performed_and_charged(stack: Stack) -> None:
    stack.manage("import_worklist", str(dcmtk_examples("wlistdb/OFFIS")))
    play_imported(stack, "00000", "AV35674", "SPD3445", "AA32")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "victim",
    [("celery", "worker"), ("redis-server",), ("charge_processor",)],
    ids=["worker", "redis", "charge_processor"],
)
def test_a_process_killed_in_the_middle_of_a_completion_loses_and_doubles_nothing(stack: Stack, victim: tuple[str, ...]) -> None:
    order = order_ct(stack, f"KILL-{victim[0][:5]}")
    step_id = order["steps"][0]["scheduled_procedure_step_id"]
    perform(stack, "start", step_id)
    with stack.without(*victim) as pid:
        perform(stack, "complete", step_id)
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert status_of(stack, order) == "COMPLETED"
        charges = stack.get(f"/api/v1/charges?accession_number={order['accession_number']}")["items"]
        assert [charge["status"] == "POSTED" for charge in charges] == [False]  # each of the three is needed to post it
    back = time.monotonic()
    charge = charge_of(stack, order["accession_number"])
    sys.stdout.write(f"{' '.join(victim)} was away; posted {time.monotonic() - back:.1f} s after the supervisor went on\n")
    assert len(stack.ledger().entries(control_id=charge["control_id"])) == 1
    wait_until(lambda: stack.request("GET", "/healthz")[0] == 200, 60, "everything is back")


@pytest.mark.both_databases
def test_exams_that_go_on_while_every_part_is_killed_are_where_they_were_told_to_be_and_charged_once(stack: Stack) -> None:
    outcome = play(stack, 30, seed=20261127, seconds=6, kill_every=0.8)
    sys.stdout.write(f"{outcome}\n")
    assert set(outcome.killed) == {"worker", "beat", "Redis", "dicom process", "charge processor"}
    assert outcome.books.charges > 20


def test_a_taken_slot_is_409_and_names_the_exam_in_the_way(stack: Stack) -> None:
    order = order_ct(stack, "STORY2")
    step = order["steps"][0]
    begins = datetime.fromisoformat(step["start"]) + timedelta(minutes=5)
    status, body = stack.request(
        "POST",
        "/api/v1/orders",
        {
            "patient": {"patient_id": "STORY3", "name": "LATE^COMER", "birth_date": "1970-01-31", "sex": "M"},
            "procedure_code": order["requested_procedures"][0]["code"],
            "priority": "ROUTINE",
            "station_ae_title": "CT01",
            "start": begins.isoformat(),
        },
    )
    assert status == 409
    assert order["accession_number"] in str(body["detail"])
    assert stack.get("/api/v1/scheduled-steps?patient_id=STORY3")["count"] == 0


def test_the_log_of_all_processes_names_no_patient_and_no_address_with_values(stack: Stack) -> None:
    """What was ordered, imported, performed and charged above, and requests that only gunicorn sees."""
    for odd in (
        b"GET /patients/?q=ZYX999Q HTTP/9.9\r\n\r\n",
        b"G\0T /ZYX999Q HTTP/1.1\r\n\r\n",
        b"GET /ZYX999Q HTTP/1.1\r\nZYX 999Q: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", stack.http_port)) as connection:
            connection.sendall(odd)
            assert connection.recv(64).startswith(b"HTTP/1.1 4")
    stack.request("GET", "/api/v1/orders/ZYX999Q?q=ZYX999Q")
    log = wait_until(lambda: text if "Not Found: GET /api/v1/orders/" in (text := stack.log.read_text()) else "", 15, "the log tells of it")
    assert "Invalid request from ip=127.0.0.1: " in log
    told = [word for word in ("ZYX999Q", "JÜRGEN", "IMP-PATIENT-42", "AV35674", "VIVALDI", "STORY1", "KILL-", "COMER") if word in log]
    assert told == []
    for secret in (TOKEN, stack.environment["RIS_DEMO_PASSWORD"]):
        assert secret not in log
