"""Who called under a name that nobody here has, and may be the modality that is being connected."""

from stepwise.connecting.facts import Call


def may_be(ae_title: str, call: Call, address: str) -> bool:
    """Another name from the `address` that the modality called from, or its own name spelled otherwise, from anywhere."""
    return bool(call.calling) and (call.address == address or _plain(call.calling) == _plain(ae_title))


def told(ae_title: str, call: Call) -> str:
    became = "rejected as unknown" if call.rejection else "accepted as unknown"
    said = f"{call.calling} called from {call.address} and was {became}"
    if _plain(call.calling) == _plain(ae_title):
        return f"{said}: upper and lower case count in AE titles."
    return f"{said}. Is it this one?"


def _plain(ae_title: str) -> str:
    return "".join(char for char in ae_title.casefold() if char.isalnum())
