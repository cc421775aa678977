"""Where a station calls from, as far as that is known: the addresses that it may call from, and its host where that is an address."""

from ipaddress import ip_address

from ris import networks
from ris.networks import Network
from stepwise.connecting.facts import Call, Evidence


def is_elsewhere(seen: Evidence, call: Call) -> bool:
    """Whether it came from none of the station's addresses, of which some are known."""
    known = _known(seen)
    return bool(known) and not networks.hold(known, call.address)


def is_expected(seen: Evidence, call: Call) -> bool:
    """A rejected call from its host is not: the host is where we call it, its addresses are where it may call from."""
    return networks.hold(_known(seen), call.address) and may_call(seen, call)


def may_call(seen: Evidence, call: Call) -> bool:
    """Whether the station may call from there now, by the rule that lets associations in."""
    return not seen.addresses or networks.hold(networks.parsed(seen.addresses), call.address)


def told(seen: Evidence) -> str:
    """`its host 10.1.2.3`, `its addresses 10.1.0.0/16, 10.2.0.7`."""
    if seen.addresses:
        return f"its address{'' if len(seen.addresses) == 1 else 'es'} {', '.join(seen.addresses)}"
    return f"its host {seen.host}"


def _known(seen: Evidence) -> tuple[Network, ...]:
    return (*networks.parsed(seen.addresses), *networks.parsed([seen.host] if _is_address(seen.host) else []))


def _is_address(host: str) -> bool:
    """Names are not looked up: a page waits for no DNS."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
