"""Addresses and networks (CIDR, IPv4 and IPv6) that a station may call from."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

MOST = 64
"""Addresses and networks that a station may list."""


def listed(texts: Iterable[str]) -> list[str]:
    """Each in the one form that it is kept in, once, in the order given. Raises ValueError in words."""
    kept = list(dict.fromkeys(_canonical(text.strip()) for text in texts if text.strip()))
    if len(kept) > MOST:
        raise ValueError(f"has {len(kept)} addresses, at most {MOST} are kept; write a network (10.0.0.0/24) for many of them")
    return kept


def _canonical(text: str) -> str:
    """One of the list, as it is kept."""
    try:
        network = ip_network(text.replace("%", "?"), strict=False)  # no zone (fe80::1%eth0): it is a name on this host alone
    except ValueError:
        raise ValueError(f"holds {text[:48]!r}, which is no address and no network; write it as 10.0.0.5, 10.0.0.0/24 or fd00::5") from None
    if "/" in text and ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError(f"holds {text!r}, one address with the mask of a network; write {network}, or the address alone")
    return shown(network)


def shown(network: Network) -> str:
    """As it is kept: a network of one address is that address, one of IPv4 in IPv6's clothes is that of IPv4."""
    if network.num_addresses > 1:
        return str(network)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return str(mapped or network.network_address)


def parsed(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of a list as it is kept."""
    return tuple(ip_network(text) for text in texts)


def hold(networks: Iterable[Network], address: str) -> bool:
    """Whether the peer's address lies in one of them. A socket for both families shows an IPv4 peer as ::ffff:10.0.0.5."""
    try:
        peer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
        return any(peer.ipv4_mapped in network for network in networks)
    return any(peer in network for network in networks)
