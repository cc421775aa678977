"""Domain events: how a lower room tells a higher one that something changed.

An event is a frozen dataclass. `publish` runs the subscribers at once, inside the publisher's transaction and in the
order in which they subscribed (in `AppConfig.ready()`); an exception in one rolls the whole change back.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

E = TypeVar("E")

_subscribers: dict[type, list[Callable[[Any], None]]] = defaultdict(list)


@dataclass(frozen=True)
class StepChanged:
    """A scheduled procedure step was made, scheduled, edited or changed its status."""

    step_id: int


@dataclass(frozen=True)
class StepsRemoved:
    """Scheduled procedure steps are about to be deleted (only `import_worklist --replace` does that)."""

    step_ids: tuple[int, ...]


@dataclass(frozen=True)
class PatientChanged:
    """Demographics of a patient changed."""

    patient_id: int


def subscribe(event_class: type[E], handler: Callable[[E], None]) -> None:
    """Register a handler once; a second registration of the same handler is ignored."""
    if handler not in _subscribers[event_class]:
        _subscribers[event_class].append(handler)


def publish(event: object) -> None:
    for handler in _subscribers[type(event)]:
        handler(event)
