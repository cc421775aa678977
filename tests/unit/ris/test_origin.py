"""Where a request came from, and who may say so."""

from typing import Any

import pytest
from django.test import RequestFactory

from ris import networks
from ris.origin import address_of

PROXIES = ["10.0.0.1", "192.168.7.0/24", "fd00::/64"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 192.168.7.20", "203.0.113.9"),
        ("10.0.0.1", "192.168.7.21, 192.168.7.20", "192.168.7.21"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.50", "", "203.0.113.50"),
        ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "::FFFF:CB00:7109", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, ::ffff:192.168.7.20", "203.0.113.9"),
        ("", "203.0.113.9", ""),
        ("fd00::7", "2001:db8::9", "2001:db8::9"),
        ("203.0.113.50", "10.9.9.9", "203.0.113.50"),
    ],
)
def test_what_a_proxy_says_is_believed_of_trusted_ones_alone(settings: Any, peer: str, forwarded: str, address: str) -> None:
    settings.TRUSTED_PROXIES = networks.parsed(PROXIES)
    assert address_of(RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)) == address


def test_nobody_is_trusted_unless_it_is_set() -> None:
    assert address_of(RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9")) == "127.0.0.1"
