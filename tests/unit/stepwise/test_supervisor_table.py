"""The process table."""

import socket
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from billing import targets
from billing.mllp import port_file
from stepwise.management.commands import simulate
from stepwise.supervisor.process import Process
from stepwise.supervisor.table import process_table
from tests.support.ports import free_port


def _table(redis: Path | None = Path("/bin/redis-server"), charge_processor: bool = True) -> list[Process]:
    return process_table(http_fd=3, dicom_fd=4, redis_binary=redis, charge_processor=charge_processor)


def test_redis_starts_first_and_stops_last() -> None:
    table = _table()
    assert [process.name for process in table] == ["redis", "charge_processor", "web", "dicom", "worker", "beat"]
    assert table[0].ready is not None
    ranks = {process.name: process.stop_rank for process in table}
    assert ranks["web"] == ranks["dicom"] == ranks["beat"] < ranks["worker"] < ranks["charge_processor"] < ranks["redis"]


def test_everything_is_stopped_within_ten_seconds() -> None:
    assert max(process.stop_by for process in _table()) < 10


def test_a_redis_that_runs_elsewhere_is_not_started() -> None:
    assert "redis" not in [process.name for process in _table(redis=None)]


def test_without_the_demo_s_charge_processor_everything_else_is_there() -> None:
    assert [process.name for process in _table(charge_processor=False)] == ["redis", "web", "dicom", "worker", "beat"]


@pytest.mark.parametrize(
    ("demo", "host", "port", "folder", "starts"),
    [
        (True, "", "free", "", True),
        (True, "", 0, "", True),
        (True, "127.0.0.1", 0, "", True),
        (True, "", "taken", "", False),
        (True, "127.0.0.1", "free", "", False),
        (True, "billing.example.org", 2575, "", False),
        (True, "", "free", "/srv/charges", False),
        (False, "", 0, "", False),
    ],
)
def test_the_demo_s_charge_processor_stays_away_from_where_charges_go(
    settings: Settings, tmp_path: Path, demo: bool, host: str, port: int | str, folder: str, starts: bool
) -> None:
    settings.DATA_DIR, settings.DEMO, settings.MLLP_HOST, settings.CHARGE_FOLDER = tmp_path, demo, host, folder
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.MLLP_PORT = {"free": free_port(), "taken": taken.getsockname()[1]}.get(str(port), port)
        port_file().write_text(f"{settings.MLLP_PORT or 1}\n")  # of an earlier run
        assert simulate._takes_charges_here() == starts
        assert targets.is_demo() == (starts or not demo)


@pytest.mark.parametrize(("count", "names"), [(1, ["dicom"]), (3, ["dicom.1", "dicom.2", "dicom.3"])])
def test_dicom_processes_share_the_listening_socket(settings: Settings, count: int, names: list[str]) -> None:
    settings.DICOM_PROCESSES = count
    dicom = [process for process in _table() if process.name.startswith("dicom")]
    assert [process.name for process in dicom] == names
    assert all(process.fds == (4,) and process.env == {"RIS_DICOM_FD": "4", "RIS_DICOM_STOP_TIMEOUT": "4"} for process in dicom)


def test_dicom_processes_get_the_socket_for_tls_when_there_is_one() -> None:
    (dicom,) = [
        process
        for process in process_table(http_fd=3, dicom_fd=4, tls_fd=5, redis_binary=None, charge_processor=True)
        if process.name == "dicom"
    ]
    assert dicom.fds == (4, 5)
    assert dicom.env == {"RIS_DICOM_FD": "4", "RIS_DICOM_TLS_FD": "5", "RIS_DICOM_STOP_TIMEOUT": "4"}
