"""`import_worklist`: worklist items of other systems become patients, orders and steps here."""

import json
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

import structlog
from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from pydicom import Dataset

from dimse.dispatch import without_values
from ris import titles
from ris.actions import intake, intake_item, intake_lots, intake_settled, removal
from ris.actions.intake_item import IntakeItem, Offered, Outcome
from ris.actor import Actor
from ris.models import Site
from worklist import beyond, reading, received
from worklist import item as worklist_item
from worklist.matching import SERVED
from worklist.models import WorklistEntry
from worklist.reading import Found, Unreadable

log = structlog.get_logger(__name__)
_UNFIT = (ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError, struct.error)
"""What pydicom raises for values that it cannot convert or encode."""
_FIRST_LOT, _SMALLEST_LOT, _LARGEST_LOT = 40, 20, 250  # files
_HOLDING = 0.15  # seconds that a lot may hold the writer's lock of SQLite; a modality's message waits for it
ACTOR = Actor.system("import_worklist")
SERVED_STEPS = Exists(WorklistEntry.objects.filter(pk=OuterRef("pk"), status__in=SERVED))
"""Of steps: those that modalities are offered."""
OnProgress = Callable[[int, int], None]
"""Called after each file with how many are done and how many there are. What it raises ends the import between two lots."""
OnRemoval = Callable[[int], None]
"""The same for the removal before: how many steps were removed."""


@dataclass(frozen=True)
class Skipped:
    path: Path
    reason: str


@dataclass(frozen=True)
class Noted:
    """A file that was looked at, and what in it is not as it should be."""

    path: Path
    notes: tuple[str, ...]


@dataclass
class ImportReport:
    """What became of the `files` that were found: each is in one of the lists, `noted` aside, which names those with odd values.

    `performed` were left alone, because work on their steps was begun. `removed` and `kept` count steps that waited: the latter
    had been begun and put back. With `nothing_to_import` none was removed, because no file could be read.
    """

    files: int = 0
    removed: int = 0
    kept: int = 0
    nothing_to_import: bool = False
    made: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    performed: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)

    @property
    def looked_at(self) -> int:
        """How many files."""
        taken = sum(len(paths) for paths in (self.made, self.updated, self.unchanged, self.performed))
        return taken + len(self.skipped)

    def came_to(self, path: Path, outcome: Outcome) -> None:
        lists = {
            Outcome.MADE: self.made,
            Outcome.UPDATED: self.updated,
            Outcome.UNCHANGED: self.unchanged,
            Outcome.PERFORMED: self.performed,
        }
        lists[outcome].append(path)


def import_paths(
    paths: Iterable[Path],
    replace: bool,
    site: Site,
    on_progress: OnProgress = lambda done, total: None,
    on_removal: OnRemoval = lambda removed: None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Take in every file, whole or not at all; one that cannot be read is skipped with its reason.

    With `replace` every served step that was never begun is removed first, if there is anything to take its place.
    `report` is filled on the way, for whoever ends the import by an exception of `on_progress`.
    """
    found = list(reading.files(paths))
    report = report if report is not None else ImportReport()
    report.files = len(found)
    if replace and any(map(_is_readable, found)):
        _remove(site, report, on_removal)
    else:
        report.nothing_to_import = replace
    run = _Import(site, report)
    for done, one in enumerate(found, start=1):
        if run.look_at(one) or done == len(found):
            run.take_lot()
        on_progress(done, len(found))
    return report


def _remove(site: Site, report: ImportReport, on_removal: OnRemoval) -> None:
    def removed(steps: int) -> None:
        report.removed = steps
        on_removal(steps)

    report.removed, report.kept = removal.remove_steps(site, ACTOR, removed, SERVED_STEPS)


def _is_readable(found: Found) -> bool:
    try:
        return not found.problem and bool(reading.read(found.path))
    except Unreadable:
        return False


@dataclass(frozen=True)
class _Waiting:
    """A file that was read and is to be taken in with its lot."""

    path: Path
    identity: tuple[str, ...]
    offered: Offered


@dataclass
class _Import:
    """Files gathered to a lot that is taken in at once; when that fails, one after the other, so that each has its own reason."""

    site: Site
    report: ImportReport
    lot: dict[tuple[str, ...], _Waiting] = field(default_factory=dict)  # by what tells a step from others
    lot_size: int = _FIRST_LOT
    taken: dict[tuple[str, ...], Path] = field(default_factory=dict)
    catalogue: received.Catalogue = field(init=False)
    renamed: Mapping[str, str] = field(init=False)  # former titles of stations that are accepted, each with the present one

    def __post_init__(self) -> None:
        self._look_up()

    def _look_up(self) -> None:
        """What items are read by, for one lot."""
        self.catalogue, self.renamed = received.catalogue_of(self.site), dict(titles.renamed(self.site))

    def look_at(self, found: Found) -> bool:
        """Read a file, and put it into the lot unless it is skipped. True when the lot is full."""
        try:
            if found.problem:
                raise Unreadable(found.problem)
            self._read(found.path)
        except Unreadable as error:
            self._skip(found.path, str(error))
        except _UNFIT as error:
            self._unfit(found.path, error)
        return len(self.lot) >= self.lot_size

    def _read(self, path: Path) -> None:
        read = reading.read(path)
        notes = (*read.notes, *received.remarks(read.dataset, self.site))
        dataset = received.at_present_titles(read.dataset, self.renamed)
        item = received.intake_item(dataset, self.site, self.catalogue, notes)
        identity = _identity(item)
        if identity in self.lot:
            self.take_lot()
        if identity in self.taken:
            self._is_the_same(path, read.dataset, self.taken[identity])
            return
        self.lot[identity] = _Waiting(path, identity, Offered(item, partial(beyond.columns, dataset=dataset)))

    def _is_the_same(self, path: Path, dataset: Dataset, other: Path) -> None:
        if fingerprint(reading.read(other).dataset) != fingerprint(dataset):
            raise Unreadable(
                f"it names the same step as {other} (accession number, requested procedure ID and step ID) with other content; "
                "one file is one step"
            )
        self.report.came_to(path, Outcome.UNCHANGED)

    def take_lot(self) -> None:
        """Take in what was gathered."""
        lot = list(self.lot.values())
        self.lot = {}
        self._look_up()
        outcomes = self._settled(lot)
        rest = [waiting for waiting, outcome in zip(lot, outcomes, strict=True) if outcome is None]
        taken = iter(self._taken_in(rest))
        for waiting, outcome in zip(lot, outcomes, strict=True):
            came_to = outcome or next(taken)
            if came_to is not None:
                self._took(waiting, came_to)

    def _settled(self, lot: Sequence[_Waiting]) -> list[Outcome | None]:
        try:
            return intake_settled.settled(self.site, [waiting.offered for waiting in lot])
        except (DatabaseError, *_UNFIT) as error:
            log.info("a lot is looked at file by file", files=len(lot), error=without_values(error))
            return [None] * len(lot)

    def _taken_in(self, rest: Sequence[_Waiting]) -> Sequence[Outcome | None]:
        """What became of each; None for one that was skipped, which the report says."""
        if not rest:
            return ()
        begun = time.monotonic()
        try:
            outcomes = intake_lots.intake_steps(self.site, [waiting.offered for waiting in rest], ACTOR)
        except (DatabaseError, *_UNFIT) as error:
            log.info("a lot is taken in file by file", files=len(rest), error=without_values(error))
            return [self._alone(waiting) for waiting in rest]
        self._size(len(rest), time.monotonic() - begun)
        return outcomes

    def _alone(self, waiting: _Waiting) -> Outcome | None:
        try:
            return intake.intake_step(self.site, waiting.offered.item, ACTOR, waiting.offered.received).outcome
        except DatabaseError as error:
            self._skip(waiting.path, f"the database refused it: {error}")
        except _UNFIT as error:
            self._unfit(waiting.path, error)
        return None

    def _unfit(self, path: Path, error: Exception) -> None:
        """Skip a file whose item cannot be encoded. Where it can be, what went wrong is no fault of the file: raises the error."""
        problem = _problem_of(path)
        if problem is None:
            raise error
        log.warning("an item cannot be kept", error=without_values(problem))
        self._skip(path, f"a value of it cannot be kept ({' '.join(str(problem).split())[:300]})")

    def _skip(self, path: Path, reason: str) -> None:
        self.report.skipped.append(Skipped(path, reason))

    def _took(self, waiting: _Waiting, outcome: Outcome) -> None:
        self.taken[waiting.identity] = waiting.path
        if waiting.offered.item.notes:
            self.report.noted.append(Noted(waiting.path, waiting.offered.item.notes))
        self.report.came_to(waiting.path, outcome)

    def _size(self, files: int, seconds: float) -> None:
        """Let the next lot take about as long as one may."""
        wanted = round(files * _HOLDING / seconds)
        self.lot_size = max(_SMALLEST_LOT, min(wanted, 2 * self.lot_size, _LARGEST_LOT))


def _problem_of(path: Path) -> Exception | None:
    """What reading a file's item, keeping it as JSON and encoding it raises; None when it is an item like others."""
    try:
        kept = json.dumps(beyond.whole_json(reading.read(path).dataset), allow_nan=False)
        worklist_item.encode(worklist_item.from_json(json.loads(kept)))
    except (Unreadable, *_UNFIT) as error:
        return error
    return None


def _identity(item: IntakeItem) -> tuple[str, ...]:
    """What tells a step from others among the files of one import."""
    procedure_id, step_id = item.procedure["requested_procedure_id"], item.step["scheduled_procedure_step_id"]
    return intake_item.identity(item.accession_number, item.patient["patient_id"], item.patient["name"], procedure_id, step_id)


def fingerprint(dataset: Dataset) -> str:
    """The same for two files that say the same, however they are encoded."""
    return sha256(json.dumps(beyond.whole_json(dataset), sort_keys=True).encode()).hexdigest()
