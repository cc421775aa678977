"""How a destination is shown: how it stands, in a word and a sentence."""

from dataclasses import dataclass

from mpps.destination_queries import Load
from mpps.models import Destination


@dataclass(frozen=True)
class ShownDestination:
    """`look` and `word` say how it stands. `concerns` is whom it is told about."""

    row: Destination
    load: Load
    look: str
    word: str
    gets: str
    concerns: str


def shown(row: Destination, load: Load | None) -> ShownDestination:
    look, word = _standing(row)
    gets = "notifications" if row.kind == Destination.Kind.EVENTS else "every N-CREATE and N-SET"
    return ShownDestination(row, load or Load(), look, word, gets, _concerns(row))


def saved(row: Destination, load: Load | None) -> str:
    """What follows from its settings as they are now."""
    if not row.enabled:
        return f"{row.name} is saved; nothing is sent there until it is switched on."
    if load is None or not load.waiting:
        return f"{row.name} is saved; it is told from the next message on."
    return f"{row.name} is saved; {load.waiting} message{' goes' if load.waiting == 1 else 's go'} there now."


def _standing(row: Destination) -> tuple[str, str]:
    if not row.enabled:
        return "", "Off"
    if row.error:
        return "ERROR", "Not reached"
    return ("PASS", "Reached") if row.reached_at else ("INFO", "Not tried yet")


def _concerns(row: Destination) -> str:
    parts = (", ".join(row.stations), ", ".join(row.modalities))
    return "; ".join(part for part in parts if part) or "All stations"
