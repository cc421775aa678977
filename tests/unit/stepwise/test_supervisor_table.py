"""The process table."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from stepwise.supervisor.process import Process
from stepwise.supervisor.table import process_table


def _table(redis: Path | None = Path("/bin/redis-server")) -> list[Process]:
    return process_table(http_fd=3, dicom_fd=4, redis_binary=redis)


def test_redis_starts_first_and_stops_last(settings: Settings) -> None:
    settings.DEMO = True
    table = _table()
    assert [process.name for process in table] == ["redis", "charge_processor", "web", "dicom", "worker", "beat"]
    assert table[0].ready is not None
    ranks = {process.name: process.stop_rank for process in table}
    assert ranks["web"] == ranks["dicom"] == ranks["beat"] < ranks["worker"] < ranks["charge_processor"] < ranks["redis"]


def test_everything_is_stopped_within_ten_seconds() -> None:
    assert max(process.stop_by for process in _table()) < 10


def test_a_redis_that_runs_elsewhere_is_not_started() -> None:
    assert "redis" not in [process.name for process in _table(redis=None)]


def test_the_charge_processor_is_part_of_the_demo_alone(settings: Settings) -> None:
    settings.DEMO = False
    assert "charge_processor" not in [process.name for process in _table()]


@pytest.mark.parametrize(("count", "names"), [(1, ["dicom"]), (3, ["dicom.1", "dicom.2", "dicom.3"])])
def test_dicom_processes_share_the_listening_socket(settings: Settings, count: int, names: list[str]) -> None:
    settings.DICOM_PROCESSES = count
    dicom = [process for process in _table() if process.name.startswith("dicom")]
    assert [process.name for process in dicom] == names
    assert all(process.fds == (4,) and process.env == {"RIS_DICOM_FD": "4", "RIS_DICOM_STOP_TIMEOUT": "4"} for process in dicom)


def test_dicom_processes_get_the_socket_for_tls_when_there_is_one() -> None:
    (dicom,) = [process for process in process_table(http_fd=3, dicom_fd=4, tls_fd=5, redis_binary=None) if process.name == "dicom"]
    assert dicom.fds == (4, 5)
    assert dicom.env == {"RIS_DICOM_FD": "4", "RIS_DICOM_TLS_FD": "5", "RIS_DICOM_STOP_TIMEOUT": "4"}
