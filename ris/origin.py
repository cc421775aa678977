"""Where a request came from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from ris import networks


def address_of(request: HttpRequest) -> str:
    """The address of the peer; behind a proxy of `RIS_TRUSTED_PROXIES` the one that it names, or the last that no such proxy is.

    X-Forwarded-For is written by whoever likes to, up to the first proxy that is trusted: it is read from the right, and not at all
    when the peer is nobody's proxy. An IPv4 address that is written as IPv6 (RFC 4291 2.5.5.2), as a server that listens on both sees
    all of them, is that IPv4 address: of IPv6 a whole network counts as one.
    """
    address = _unfolded(str(request.META.get("REMOTE_ADDR", "")))
    hops = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    while hops and networks.hold(settings.TRUSTED_PROXIES, address) and _is_address(hops[-1]):
        address = _unfolded(hops.pop())
    return address


def _unfolded(text: str) -> str:
    if not _is_address(text):
        return text
    mapped = getattr(ip_address(text), "ipv4_mapped", None)
    return text if mapped is None else str(mapped)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
