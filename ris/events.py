"""Domain events: how a lower room tells a higher one that something changed.

An event is a frozen dataclass. `publish` runs the subscribers at once, inside the publisher's transaction and in the
order in which they subscribed (in `AppConfig.ready()`); an exception in one rolls the whole change back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ris.models import Change, Order, Patient, RequestedProcedure, ScheduledProcedureStep, Site, StepStation, Visit

E = TypeVar("E")

_subscribers: dict[type, list[Callable[[Any], None]]] = defaultdict(list)
_gathered: ContextVar[tuple[type, dict[object, None]] | None] = ContextVar("gathered", default=None)


@dataclass(frozen=True, slots=True)
class Changed:
    """A row of a history was written: the audit trail listens."""

    row: "Change"


@dataclass(frozen=True)
class StepChanged:
    """A scheduled procedure step was made, scheduled or edited."""

    step_id: int


@dataclass(frozen=True)
class StepStatusChanged:
    """A scheduled procedure step got another status by a verb of `ris.transitions`, and nothing else of it changed.

    Its requested procedure and its own row are locked. `actor_kind` is one of `ris.actor`.
    """

    step_id: int
    requested_procedure_id: int
    verb: str
    status: str
    actor_kind: str


@dataclass(frozen=True, slots=True)
class StepRecords:
    """A step with all that it belongs to, as just written: whoever follows need not read it again."""

    step: "ScheduledProcedureStep"
    procedure: "RequestedProcedure"
    order: "Order"
    patient: "Patient"
    visit: "Visit | None"
    site: "Site"
    stations: "Sequence[StepStation]"


@dataclass(frozen=True)
class StepsAdded:
    """Scheduled procedure steps were made in bulk."""

    steps: tuple[StepRecords, ...]


@dataclass(frozen=True)
class StepsRemoved:
    """Scheduled procedure steps were deleted (by `import_worklist --replace`, or as a test exam), with what hung on them.

    `requested_procedure_ids` are those of their procedures that have other steps; their rows are locked.
    """

    requested_procedure_ids: tuple[int, ...]


@dataclass(frozen=True)
class PatientChanged:
    """Demographics of a patient changed."""

    patient_id: int


@dataclass(frozen=True)
class StationChanged:
    """A station was made or its settings changed; `changed` names the settings, none for a new one."""

    station_id: int
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class StationRenamed:
    """A station was given another AE title, and its exams with it; the rows of both are written. ValueError when it is the same title:
    who moves what is on a list to that list would remove it as already there."""

    station_id: int
    site_id: int
    before: str
    after: str

    def __post_init__(self) -> None:
        if self.before == self.after:
            raise ValueError(f"{self.before} is no other AE title than before")


@dataclass(frozen=True)
class SiteChanged:
    """A site's time zone changed: every local date and time of it reads differently now."""

    site_id: int


def subscribe(event_class: type[E], handler: Callable[[E], None]) -> None:
    """Register a handler once; a second registration of the same handler is ignored."""
    if handler not in _subscribers[event_class]:
        _subscribers[event_class].append(handler)


def publish(event: object) -> None:
    gathered = _gathered.get()
    if gathered is not None and type(event) is gathered[0]:
        gathered[1][event] = None
        return
    for handler in _subscribers[type(event)]:
        handler(event)


@contextmanager
def once_each(event_class: type) -> Iterator[None]:
    """Hold events of the class back and publish equal ones once, when the block ends: for work that changes a record many times.

    The block belongs inside one transaction; when it fails nothing is published and the transaction is rolled back.
    """
    waiting: dict[object, None] = {}
    token = _gathered.set((event_class, waiting))
    try:
        yield
    finally:
        _gathered.reset(token)
    for event in waiting:
        publish(event)
