"""Each process of a run has test databases of its own: copies of one that the migrations made."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as examples
from xdist.scheduler.loadfile import LoadFileScheduling

from tests.support import append_only, prepared

# The same examples in each run, however slow the machine is: a run that fails fails again.
examples.register_profile("stepwise", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("stepwise")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    prepared.for_tests(settings.DATABASES)


@pytest.fixture(scope="session", autouse=True)
def _audit_trails_are_emptied_between_tests() -> None:
    append_only.let_tests_flush()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """What is there was made for this run and goes with its data directory or its server."""
    return True


@pytest.fixture(autouse=True)
def _nothing_gathered_before() -> None:
    """What this process gathers about queries waits in memory for a thread that tests do not run, and what it knows of faults is kept for a
    second: it is of rows that are rolled back. So is what was entered in the audit trail."""
    from billing.outages import watch
    from ris.web import disclosure
    from training.faults import active
    from worklist import findings

    disclosure.recent.forget()
    disclosure.refused.forget()
    findings.gathering._waiting.clear()
    active.forget()
    watch.forget()


@pytest.fixture(scope="session", autouse=True)
def _real_time_from_the_beginning() -> None:
    """What tests share is prepared in real time too: browsers run where Django refuses to ask the database for a clock."""
    from ris import clock

    clock.timelines.follow(dict)


@pytest.fixture(autouse=True)
def _real_time() -> None:
    """No test hears of a clock that another one set, and none asks the database for one unless it is about that."""
    from ris import clock

    clock.timelines.follow(dict)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts browsers and the whole product comes first, what takes moments last: no process of a run is left with the long files."""
    items.sort(key=lambda item: _LONG_FIRST.index(_kind(item.path)))


_LONG_FIRST = ("browser", "product", "integration", "unit")


def _kind(path: Path) -> str:
    """The folder below this one; `product` for the tests of integration as a whole."""
    inside = path.relative_to(Path(__file__).parent).parts
    return "product" if inside[0] == "integration" and len(inside) == 2 else inside[0]


class _ByFile(LoadFileScheduling):
    """A file stays on one process, and so does the folder of the browser tests: they share one running product."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _TOGETHER if file.startswith(_TOGETHER) else file


_TOGETHER = "tests/browser/"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return _ByFile(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """For a run of the tests that are marked for both databases, only files that have some are read."""
    wanted = config.getoption("markexpr")
    is_asked = wanted == "both_databases" and collection_path.name.startswith("test_")
    return True if is_asked and wanted not in collection_path.read_text(encoding="utf-8") else None
