"""Hosts and ports of other systems, as they are typed."""

import ipaddress
import re
from typing import Final

_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\.?$)[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?"
)


def host(given: str) -> str:
    """A host name or an address; may be empty. Raises ValueError in words."""
    stripped = given.strip()
    if "://" in stripped or "/" in stripped:
        raise ValueError("is an address of a page; write the host alone, for example ris.example.org or 10.20.8.7")
    if not stripped or _HOST_NAME.fullmatch(stripped):
        return stripped
    try:
        return str(ipaddress.ip_address(stripped.strip("[]")))
    except ValueError:
        hint = "; the port has a field of its own" if ":" in stripped else ""
        raise ValueError(f"is {stripped[:40]!r}, which is neither a host name nor an address{hint}") from None


def port(given: int | None) -> int | None:
    """A port; may be left out. Raises ValueError in words."""
    if given is not None and not 1 <= given <= 65535:
        raise ValueError(f"is {given}; a port is a number from 1 to 65535, often 104 or 11112")
    return given
