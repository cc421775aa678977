"""Numbers in addresses, written by anybody: what no key can be names nothing, and fails nothing."""

import pytest
from django.test import Client

from stepwise import health
from stepwise.addresses import pages
from tests.support.addresses import World, somebody

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

PARAMETERS = ("patient", "with", "exchange", "compare", "message", "answer", "page", "begin", "before")
"""All that some page reads a number from."""
BEYOND = "9" * 5000
"""More than a database holds, and more digits than Python reads (`sys.set_int_max_str_digits`)."""


def test_a_number_that_no_key_can_be_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(False, "is not asked")})
    world = World(monkeypatch)
    client = Client()
    client.force_login(world.be(somebody("chief", is_superuser=True)))
    for page in pages():
        if page.name != "healthz":  # 503 here
            for address, _ in world.addresses(page):
                assert client.get(address, dict.fromkeys(PARAMETERS, BEYOND)).status_code < 500, address
