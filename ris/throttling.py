"""How often something may be tried in vain before one has to wait, and for how long: the table, and whom it is counted for.

A sign-in is counted for the name that was typed, whether there is such an account or not, and for the address that it came from. A
browser in which the account has signed in before, with its present password, is counted by itself instead, and with the others of that
kind at its address: whoever tries passwords from elsewhere, or from behind the same proxy, locks out nobody who was here before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from math import ceil
from typing import Final
from unicodedata import normalize

_IPV6_OF_ONE = 64
"""Bits of the network that one customer has at least: all its addresses count as one."""


@dataclass(frozen=True)
class Rule:
    """`free` failures cost nothing; the next wait is of `first` seconds, each further one twice as long, up to `longest`.

    After `forgotten` without a failure the count begins anew.
    """

    kind: str
    free: int
    first: int
    longest: int
    forgotten: timedelta

    def wait(self, failures: int) -> timedelta:
        """How long after the last of so many failures nothing more is looked at."""
        if failures < self.free:
            return timedelta(0)
        return timedelta(seconds=min(self.first * 2 ** min(failures - self.free, 30), self.longest))

    def left(self, failures: int, last_at: datetime, now: datetime) -> int:
        """Seconds still to wait, rounded up."""
        return max(ceil((last_at + self.wait(failures) - now).total_seconds()), 0)


ACCOUNT: Final = Rule("account", 5, 5, 900, timedelta(days=1))
BROWSER: Final = Rule("browser", 10, 5, 900, timedelta(days=1))
OWN: Final = Rule("own", 5, 5, 900, timedelta(days=1))
ADDRESS: Final = Rule("address", 50, 2, 60, timedelta(hours=1))
KNOWN: Final = Rule("known", 200, 2, 60, timedelta(hours=1))
TOKEN: Final = Rule("token", 30, 1, 60, timedelta(hours=1))
RULES: Final = {rule.kind: rule for rule in (ACCOUNT, BROWSER, OWN, ADDRESS, KNOWN, TOKEN)}
"""Of addresses more is borne and less is waited for: many people may sit behind one of them."""


UNGUESSABLE: Final = 32
"""Characters of the installation's own token from which on nobody guesses it."""


@dataclass(frozen=True)
class Counter:
    """What is counted by a rule, for whom."""

    rule: Rule
    whose: str

    @property
    def key(self) -> str:
        return f"{self.rule.kind}:{self.whose}"


def of_account(name: str) -> Counter:
    """The name as typed is not kept: people type their password into the wrong field."""
    return Counter(ACCOUNT, name_digest(name))


def name_digest(name: str) -> str:
    return sha256(normalize("NFKC", name).casefold().strip().encode("utf-8", "surrogatepass")).hexdigest()[:32]


def of_own(user_id: int) -> Counter:
    """The present password where another one is chosen: what strangers try at the sign-in keeps nobody from that who is signed in."""
    return Counter(OWN, str(user_id))


def of_address(address: str, rule: Rule = ADDRESS) -> Counter:
    """For IPv6 the network that one customer has."""
    try:
        network = ip_network(address)
    except ValueError:
        return Counter(rule, address[:64] or "unknown")
    if network.version == 6:
        network = network.supernet(new_prefix=_IPV6_OF_ONE)
    return Counter(rule, str(network.network_address))


def in_words(seconds: int) -> str:
    """`5 seconds`, `2 minutes`, `8 hours`: rounded up, so that waiting so long is enough."""
    count, unit = (seconds, "second") if seconds < 60 else (ceil(seconds / 60), "minute")
    if unit == "minute" and count % 60 == 0:
        count, unit = count // 60, "hour"
    return f"{count} {unit}{'' if count == 1 else 's'}"
