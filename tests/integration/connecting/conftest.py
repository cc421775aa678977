"""The product's services with a journal, which let stations in only."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import connections

from dimse.journal import DatabaseJournal
from dimse.server import DicomServer, ServerSettings
from mpps.scp import MPPS
from ris.models import Site
from stepwise.associations import decide
from tests.support.hospital import a_site
from worklist.scp import WORKLIST


@pytest.fixture
def site(settings: LazySettings) -> Site:
    settings.UNKNOWN_CALLERS = "reject"
    return a_site()


@pytest.fixture
def ours(site: Site) -> Iterator[DicomServer]:
    journal = DatabaseJournal(interval=0.02)
    running = DicomServer([WORKLIST, MPPS], ServerSettings(ae_title=site.ae_title, port=0, policy=decide), journal)
    running.start()
    journal.start()
    yield running
    running.stop(grace=2)
    journal.stop(2)
    connections.close_all()
