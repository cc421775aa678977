"""A receiver of charges that does as it is told, and somebody who decides about them."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from ris.actor import Actor
from tests.support.mllp import Receiver


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    with Receiver() as listening:
        settings.MLLP_HOST, settings.MLLP_PORT = "127.0.0.1", listening.port
        yield listening


@pytest.fixture
def biller(django_user_model: type) -> Actor:
    return Actor.user(django_user_model.objects.create_user("biller"))  # type: ignore[attr-defined]
