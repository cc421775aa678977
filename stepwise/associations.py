"""Which associations are accepted: the policy of the DICOM server, asked at each request."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from dimse import policy
from dimse.policy import Accept, Reject
from ris import callers, networks, peers

_RECORD = "associations.json"


@dataclass(frozen=True)
class _Strangers:
    """What becomes of AE titles that are not known here: `accept`, or another word to refuse them."""

    callers: str
    called: str


def decide(calling: str, called: str, address: str) -> Accept | Reject:
    """The called AE title must be a site's, the calling one a station's there: unless RIS_UNKNOWN_CALLED or RIS_UNKNOWN_CALLERS is accept.

    A station that lists addresses may call from these only, whoever else is let in.
    """
    return _decide(calling, called, address, _set())


def decide_as_served(calling: str, called: str, address: str) -> Accept | Reject:
    """As the DICOM server of this data directory decides, for those who tell of it in a process whose environment may be another one."""
    return _decide(calling, called, address, _recorded() or _set())


def record() -> None:
    """Write down how the server of this process decides on strangers."""
    (Path(settings.DATA_DIR) / _RECORD).write_text(json.dumps(asdict(_set())), encoding="ascii")


def _set() -> _Strangers:
    return _Strangers(settings.UNKNOWN_CALLERS, settings.UNKNOWN_CALLED)


def _recorded() -> _Strangers | None:
    """None where no server has run, as on a machine that shares nothing but the database with it."""
    path = Path(settings.DATA_DIR) / _RECORD
    return _Strangers(**json.loads(path.read_text(encoding="ascii"))) if path.exists() else None


def _decide(calling: str, called: str, address: str, strangers: _Strangers) -> Accept | Reject:
    site = peers.site_called(called)
    if site is None and strangers.called != "accept":
        return policy.called_ae_title_unknown(called)
    site = site or peers.site_of(called, calling)
    allowed = callers.of(site).get(calling)
    if allowed is None and strangers.callers != "accept":
        return policy.calling_ae_title_unknown(calling)
    if allowed and not networks.hold(allowed, address):
        listed = ", ".join(networks.shown(network) for network in allowed)
        advice = f"add it to the addresses of the station if it is the device's (now {listed})"
        return policy.calling_from_elsewhere(calling, address, advice)
    return Accept()
