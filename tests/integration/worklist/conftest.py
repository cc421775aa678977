"""The worklist served on a free port out of the test database."""

from collections.abc import Iterator

import pytest
from django.db import connections

from dimse.server import DicomServer, ServerSettings
from ris.models import Site
from stepwise.associations import decide
from tests.support.hospital import a_site
from worklist.scp import WORKLIST


@pytest.fixture
def site(transactional_db: None) -> Site:
    return a_site()


@pytest.fixture
def server(site: Site, settings) -> Iterator[DicomServer]:
    """Lets every caller in, as in the demo."""
    settings.UNKNOWN_CALLERS = "accept"
    running = DicomServer([WORKLIST], ServerSettings(ae_title=site.ae_title, port=0, policy=decide))
    running.start()
    try:
        yield running
    finally:
        running.stop(grace=2)
        connections.close_all()
