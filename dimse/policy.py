"""Whether an association is accepted: what the server asks about each request, and the standard's reasons to refuse (PS3.8 9.3.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Accept:
    """The association is welcome, but for presentation contexts of `withheld` abstract syntaxes; `note` is for the journal."""

    withheld: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """The association is refused with this result, source and reason; `why` is for the journal and the log."""

    result: int
    source: int
    reason: int
    why: str


class UserIdentities(StrEnum):
    """What becomes of an association whose requestor offers a user identity. Nobody is authenticated by one here."""

    IGNORE = "ignore"
    REFUSE = "refuse"


Policy = Callable[[str, str, str], Accept | Reject]
"""`policy(calling AE title, called AE title, peer's address)`; AE titles come without padding."""

PERMANENT, TRANSIENT = 1, 2
_SERVICE_USER, _ACSE, _PRESENTATION = 1, 2, 3


def called_ae_title_unknown(called: str) -> Reject:
    return Reject(PERMANENT, _SERVICE_USER, 7, f"called AE title {called!r} is not served here")


def calling_ae_title_unknown(calling: str) -> Reject:
    return Reject(PERMANENT, _SERVICE_USER, 3, f"calling AE title {calling!r} is not known here")


FROM_ELSEWHERE = "may not call from"
"""What `why` has of an AE title that is known by where it calls from; the standard has no reason of its own for it."""


def calling_from_elsewhere(calling: str, address: str, advice: str) -> Reject:
    """An AE title is known by where it calls from, too. `advice`: what to do."""
    return Reject(PERMANENT, _SERVICE_USER, 3, f"{calling!r} {FROM_ELSEWHERE} {address}; {advice}")


def application_context_unknown(name: str) -> Reject:
    return Reject(PERMANENT, _SERVICE_USER, 2, f"application context {name!r} is not DICOM's")


def protocol_version_unknown(version: int) -> Reject:
    return Reject(PERMANENT, _ACSE, 2, f"protocol version {version:04X}H does not include version 1")


def user_identity_refused(identity: str) -> Reject:
    """The standard names result and source (PS3.7 D.3.3.7), and no reason of its own. `identity`: its type, never what it says."""
    return Reject(PERMANENT, _ACSE, 1, f"a user identity ({identity}) was offered, and none is accepted here; have the device offer none")


def no_reason_given(why: str) -> Reject:
    """Permanent, and the peer is not told why."""
    return Reject(PERMANENT, _SERVICE_USER, 1, why)


def out_of_order(why: str) -> Reject:
    """Transient, no reason given: the fault is ours, and asking again later may help."""
    return Reject(TRANSIENT, _SERVICE_USER, 1, why)


def temporary_congestion(why: str) -> Reject:
    return Reject(TRANSIENT, _PRESENTATION, 1, why)


def local_limit_exceeded(limit: int, caller: str = "") -> Reject:
    """`caller` when the limit is that of one calling AE title."""
    return Reject(TRANSIENT, _PRESENTATION, 2, f"there are already {limit} associations{f' of {caller!r}' if caller else ''}")


def accept_all(calling: str, called: str, address: str) -> Accept:
    """The policy of a server that was given none."""
    return Accept()


_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


def reason_in_words(source: int, reason: int) -> str:
    """The diagnostic of an A-ASSOCIATE-RJ (PS3.8 Table 9-21), e.g. "called AE title not recognized"."""
    return _REASONS.get((source, reason), f"unknown reason {source}/{reason}")
