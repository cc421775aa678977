"""The product's own SCP, served in this process for one station, CT01."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dimse.server import DicomServer, ServerSettings
from mpps.scp import MPPS
from stepwise.associations import decide
from tests.support.hospital import a_site, a_station
from training.faults.effects import Injection
from worklist.scp import WORKLIST


@pytest.fixture
def data_dir(tmp_path: Path, settings) -> Path:
    settings.DATA_DIR = tmp_path
    settings.UNKNOWN_CALLERS = "reject"
    return tmp_path


@pytest.fixture
def port(transactional_db: None, data_dir: Path) -> Iterator[int]:
    a_station("CT01")
    server = DicomServer([WORKLIST, MPPS], ServerSettings(ae_title=a_site().ae_title, port=0, policy=decide, interference=Injection()))
    server.start()
    yield server.port
    server.stop()
