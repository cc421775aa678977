"""Who called under a name that nobody here has, and may be the modality that is being connected."""

from stepwise.connecting import places
from stepwise.connecting.facts import Call, Evidence


def may_be(seen: Evidence, call: Call, address: str = "") -> bool:
    """No DICOM or another name from where the modality calls; its own name spelled otherwise or one that it had, from anywhere; never
    one that another station had.

    `address` is where it called from. Before it did, whoever calls may be it, unless where it calls from is known and elsewhere.
    """
    if call.calling and _plain(call.calling) == _plain(seen.ae_title):
        return True
    former = seen.given_up.get(call.calling)
    if former is not None:
        return former.station == seen.ae_title
    return call.address == address if address else not places.is_elsewhere(seen, call)


def told(ae_title: str, call: Call) -> str:
    became = "rejected as unknown" if call.rejection else "accepted as unknown"
    said = f"{call.calling} called from {call.address} and was {became}"
    if _plain(call.calling) == _plain(ae_title):
        return f"{said}: upper and lower case count in AE titles."
    return f"{said}. Is it this one?"


def _plain(ae_title: str) -> str:
    return "".join(char for char in ae_title.casefold() if char.isalnum())
