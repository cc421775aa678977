"""Destinations over TLS: a certificate that is not trusted gets nothing, and says so."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpps import delivery
from mpps.models import Delivery, Destination
from tests.support.destinations import a_destination, an_exam, let_time_pass, states
from tests.support.pacs import Pacs

pytestmark = pytest.mark.django_db
FILES = Path(__file__).parents[2] / "data" / "tls"
State = Delivery.State


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    """A foreign one that asks for a certificate of an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem", FILES / "server.key")
    context.load_verify_locations(FILES / "authority.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    one = Pacs(tls=context)
    one.open()
    yield one
    one.shut()


@pytest.fixture(autouse=True)
def trusting(settings: Any) -> None:
    settings.DICOM_TLS_CA = str(FILES / "authority.pem")
    settings.DICOM_TLS_CERTIFICATE = str(FILES / "client.pem")
    settings.DICOM_TLS_KEY = str(FILES / "client.key")


def error_of(destination: Destination) -> str:
    """What is met when an exam is to go there; nothing of it does."""
    an_exam()
    assert delivery.deliver(destination.pk) == 0
    assert set(states(destination)) == {State.WAITING}
    destination.refresh_from_db()
    return destination.error


@pytest.mark.parametrize("kind", Destination.Kind.values)
def test_it_is_told_over_tls(pacs: Pacs, kind: str) -> None:
    destination = a_destination(pacs, tls=True, kind=kind)
    an_exam()
    assert delivery.deliver(destination.pk) == 1
    assert states(destination) == [State.SENT]


def test_a_certificate_of_somebody_else_gets_nothing_until_it_is_trusted(pacs: Pacs, settings: Any) -> None:
    settings.DICOM_TLS_CA = str(FILES / "stranger.pem")
    destination = a_destination(pacs, tls=True)
    assert "certificate is not trusted" in error_of(destination)
    settings.DICOM_TLS_CA = str(FILES / "authority.pem")
    let_time_pass()
    assert delivery.deliver(destination.pk) == 1


def test_a_certificate_that_names_another_host_gets_nothing(pacs: Pacs) -> None:
    assert "certificate is not trusted" in error_of(
        a_destination(pacs, tls=True, host="127.1")
    )  # the same machine by a name that it does not hold


def test_a_port_without_tls_is_told_of(pacs: Pacs) -> None:
    pacs.shut()
    pacs.tls = None
    pacs.open()
    assert "Does its port speak TLS?" in error_of(a_destination(pacs, tls=True))


def test_authorities_that_cannot_be_read_are_named(pacs: Pacs, settings: Any) -> None:
    destination = a_destination(pacs, tls=True)
    settings.DICOM_TLS_CA = "/nowhere/authority.pem"
    assert "/nowhere/authority.pem cannot be used for TLS" in error_of(destination)
