"""The worklist served on a free port out of the test database, with the performed steps that it leads to."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.db import connections

from dimse.entries import AssociationEnded, Entry, MessageEntry
from dimse.server import DicomServer, ServerSettings
from mpps.scp import MPPS
from ris.models import Site
from stepwise.associations import decide
from tests.support.hospital import a_site
from worklist.scp import WORKLIST


@pytest.fixture
def site(transactional_db: None) -> Site:
    return a_site()


@dataclass
class Journal:
    """Keeps what the server tells it."""

    entries: list[Entry] = field(default_factory=list)

    def put(self, entry: Entry) -> None:
        self.entries.append(entry)

    @property
    def notes(self) -> str:
        """What was noted of messages, requests and responses."""
        return "; ".join(entry.note for entry in self.entries if isinstance(entry, MessageEntry) and entry.note)

    @property
    def endings(self) -> list[str]:
        """How associations ended."""
        return [entry.ending.value for entry in self.entries if isinstance(entry, AssociationEnded)]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def server(site: Site, settings, journal: Journal) -> Iterator[DicomServer]:
    """Lets every caller in, as in the demo."""
    settings.UNKNOWN_CALLERS = "accept"
    running = DicomServer([WORKLIST, MPPS], ServerSettings(ae_title=site.ae_title, port=0, policy=decide), journal)
    running.start()
    try:
        yield running
    finally:
        running.stop(grace=2)
        connections.close_all()
