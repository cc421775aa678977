"""Worklist and MPPS on a free port with the journal that the pages show."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_django.fixtures import Settings

from dimse.journal import DatabaseJournal
from dimse.scu import open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST
from mpps.scp import MPPS
from stepwise.associations import decide
from tests.support.hospital import a_site, a_station
from worklist.scp import WORKLIST


@pytest.fixture
def server(settings: Settings) -> Iterator[DicomServer]:
    settings.UNKNOWN_CALLERS = "accept"
    a_station("CT01")
    journal = DatabaseJournal()
    running = DicomServer([WORKLIST, MPPS], ServerSettings(ae_title=a_site().ae_title, port=0, policy=decide), journal)
    running.start()
    journal.start()
    try:
        yield running
    finally:
        running.stop(grace=2)
        journal.stop(timeout=2)
        connections.close_all()


def connected(server: DicomServer, calling: str = "CT01") -> Any:
    contexts = [MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP]
    return open_association("127.0.0.1", server.port, calling=calling, called=server.settings.ae_title, contexts=contexts)
