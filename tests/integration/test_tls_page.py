"""docs/tls.md as it is written: its commands make certificates with which a DICOM process starts and DCMTK gets an answer."""

import re
import shlex
import sqlite3
import ssl
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from dimse.echo import Echo, echo
from dimse.outcomes import Obstacle
from dimse.tls import client_context
from tests.support.dcmtk import dcmtk
from tests.support.hospital import a_station
from tests.support.ports import free_port
from tests.support.scp import dicom_processes
from tests.support.wait import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
PAGE = Path("docs/tls.md")
HOST, PORT = "ris.example.org", "2762"
"""As the page has them; here they are this machine and a free port."""
MODALITY_HOST, MODALITY_PORT = "ct01.example.org", "11112"


def run(command: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )


def environment_of(command: str, directory: Path) -> dict[str, str]:
    """The variables in front of `make run`."""
    *variables, make, what = shlex.split(command.replace("\\\n", " ").replace("$PWD", str(directory)))
    assert (make, what) == ("make", "run")
    return dict(variable.split("=", 1) for variable in variables)


def journalled(directory: Path) -> tuple[str, str, str] | None:
    """What the association of CT01 was secured by: version, cipher, subject."""
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as journal:
        return journal.execute("SELECT tls_version, tls_cipher, tls_subject FROM dimse_association WHERE calling = 'CT01'").fetchone()


def test_the_commands_of_the_page_lead_to_an_answer_over_tls(tmp_path: Path) -> None:
    a_station("CT01")
    port = str(free_port())
    modality = free_port()
    page = PAGE.read_text(encoding="utf-8").replace(HOST, "localhost").replace(PORT, port)
    page = page.replace(MODALITY_HOST, "localhost").replace(MODALITY_PORT, str(modality))
    making, starting, trying, standing_in = re.findall(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    made = run(making, tmp_path)
    assert made.returncode == 0, made.stderr
    assert {"ca.pem", "ris.pem", "ris.key", "ct01.pem", "ct01.key"} <= {path.name for path in (tmp_path / "tls").iterdir()}
    with dicom_processes(tmp_path, 1, environment_of(starting, tmp_path)) as scp:
        assert f"({port} with TLS)" in scp.processes[0].output()
        command = trying.replace("echoscu", dcmtk("echoscu"), 1)
        answered = run(command, tmp_path)
        assert answered.returncode == 0, answered.stderr
        row = wait_until(lambda: journalled(tmp_path), 10, "the association is in the journal")
        assert row[0].startswith("TLSv1.") and row[1] and row[2] == "CN=CT01"
        without = command.replace("+tls tls/ct01.key tls/ct01.pem", "+tla")
        assert without != command and run(without, tmp_path).returncode != 0, "required means required"
    our_echo_is_answered(tmp_path, standing_in, modality)


def our_echo_is_answered(directory: Path, standing_in: str, port: int) -> None:
    """By the modality that the page has, whose certificate names its host."""
    tls = directory / "tls"
    ours = client_context(tls / "ca.pem", tls / "ris.pem", tls / "ris.key")
    command = shlex.split(standing_in.replace("storescp", dcmtk("storescp"), 1))
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as modality:
        try:
            answered = wait_until(lambda: reached(port, ours), 10, "the modality listens")
        finally:
            modality.terminate()
    assert answered.ok, answered.words


def reached(port: int, ours: ssl.SSLContext) -> Echo | None:
    """What came of a C-ECHO; None while nothing listens there."""
    found = echo("localhost", port, calling="STEPWISE", called="CT01", tls=ours)
    return None if found.result == Obstacle.REFUSED else found
