"""pytest plugin: a data directory of the run, the time zone of its hospitals, and `--database postgresql` for a real PostgreSQL server.

Both exist before Django reads its settings; xdist workers inherit them from the controller's environment.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.daytime import zone_by_day
from tests.support.postgres import start_postgres

_clean_up: list[Callable[[], None]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="database the tests run on")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    kept = Path(os.environ.get("RIS_DATA_DIR") or Path(__file__).resolve().parents[2] / "var")
    os.environ["RIS_TEST_SCREENSHOTS"] = os.environ.get("RIS_TEST_SCREENSHOTS") or str((kept / "screenshots").resolve())
    os.environ["RIS_TEST_TIME_ZONE"] = zone_by_day(datetime.now(UTC))
    data_dir = tempfile.mkdtemp(prefix="stepwise-test-")
    os.environ["RIS_DATA_DIR"] = data_dir
    _clean_up.append(lambda: shutil.rmtree(data_dir, ignore_errors=True))
    if early_config.known_args_namespace.database == "postgresql":
        server, os.environ["DATABASE_URL"] = start_postgres()
        _clean_up.append(server.cleanup)


def pytest_unconfigure() -> None:
    while _clean_up:
        _clean_up.pop()()
