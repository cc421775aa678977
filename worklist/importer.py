"""`import_worklist`: worklist items of other systems become patients, orders and steps here."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import structlog
from django.db import DatabaseError
from pydicom import Dataset

from ris.actions import intake, removal
from ris.actions.intake import Outcome
from ris.actor import Actor
from ris.models import Site
from worklist import reading, received
from worklist.reading import Unreadable

log = structlog.get_logger(__name__)
_UNFIT = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)  # what pydicom raises for values it cannot encode
ACTOR = Actor.system("import_worklist")
OnProgress = Callable[[int, int], None]
"""Called after each file with how many are done and how many there are."""


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
    """What became of the files. `performed` were left alone, because work on their steps was begun; `noted` hold odd values.

    `removed` and `kept` count steps that waited: the latter's requested procedures were begun.
    """

    removed: int = 0
    kept: int = 0
    made: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    performed: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)


def import_paths(paths: Iterable[Path], replace: bool, site: Site, on_progress: OnProgress = lambda done, total: None) -> ImportReport:
    """Take in every file, each in a transaction of its own; one that cannot be read is skipped with its reason.

    With `replace` every step that waits and whose requested procedure was never begun is removed first.
    """
    found = list(reading.files(paths))
    report = ImportReport()
    if replace:
        report.removed, report.kept = removal.remove_steps(site, ACTOR)
    taken: dict[tuple[str, ...], tuple[Path, str]] = {}
    for done, one in enumerate(found, start=1):
        try:
            if one.problem:
                raise Unreadable(one.problem)
            _take(one.path, site, report, taken)
        except Unreadable as error:
            report.skipped.append(Skipped(one.path, str(error)))
        except DatabaseError as error:
            report.skipped.append(Skipped(one.path, f"the database refused it: {error}"))
        except _UNFIT as error:
            log.warning("an item cannot be kept", path=str(one.path), exc_info=True)
            report.skipped.append(Skipped(one.path, f"a value of it cannot be kept ({' '.join(str(error).split())[:300]})"))
        on_progress(done, len(found))
    return report


def _take(path: Path, site: Site, report: ImportReport, taken: dict[tuple[str, ...], tuple[Path, str]]) -> None:
    read = reading.read(path)
    dataset = read.dataset
    notes = (*read.notes, *received.remarks(dataset, site))
    item = received.intake_item(dataset, site, notes)
    identity = (
        item.accession_number,
        "" if item.accession_number else item.patient["patient_id"] or item.patient["name"],
        item.procedure["requested_procedure_id"],
        item.step["scheduled_procedure_step_id"],
    )
    if identity in taken:
        other, content = taken[identity]
        if content != fingerprint(dataset):
            raise Unreadable(
                f"it names the same step as {other} (accession number, requested procedure ID and step ID) with other content; "
                "one file is one step"
            )
        report.unchanged.append(path)
        return
    result = intake.intake_step(site, item, ACTOR, lambda step: received.beyond_columns(step, dataset))
    taken[identity] = path, fingerprint(dataset)
    if notes:
        report.noted.append(Noted(path, notes))
    lists = {
        Outcome.MADE: report.made,
        Outcome.UPDATED: report.updated,
        Outcome.UNCHANGED: report.unchanged,
        Outcome.PERFORMED: report.performed,
    }
    lists[result.outcome].append(path)


def fingerprint(dataset: Dataset) -> str:
    """The same for two files that say the same, however they are encoded."""
    return sha256(json.dumps(received.whole_json(dataset), sort_keys=True).encode()).hexdigest()
