"""`export_worklist`: the served steps as a folder of files, as DCMTK's `wlmscpfs` serves them: DIR/*.wl and DIR/lockfile.

All files are written beside the folder's own first, in `.stepwise-export` within it, and put in their places at the end, while the
lockfile is held as `wlmscpfs` holds it during a search: a query sees the folder as it was or as it will be.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from base64 import b32encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import QuerySet

from ris.actions import intake_item
from ris.models import Site
from worklist import writing
from worklist.matching import SERVED
from worklist.models import WorklistEntry

SUFFIX, LOCKFILE, STAGING = ".wl", "lockfile", ".stepwise-export"
_PAGE = 500
_PATIENCE = 30.0  # seconds that a search may hold the lockfile
_OUR_NAME = re.compile(r"[\w.-]{1,48}-[a-z2-7]{12}\.wl", re.ASCII)
_NO_NAME = re.compile(r"[^A-Za-z0-9.-]+")
_NEEDED = {  # by wlmscpfs, of an item that it takes for complete: attributes of return type 1 (PS3.4 K.6-1) by their columns
    "station_ae_titles": "ScheduledStationAETitle",
    "local_time": "ScheduledProcedureStepStartTime",
    "modality": "Modality",
    "scheduled_procedure_step_id": "ScheduledProcedureStepID",
    "requested_procedure_id": "RequestedProcedureID",
    "study_instance_uid": "StudyInstanceUID",
    "patient_name": "PatientName",
    "patient_id": "PatientID",
}
_NEEDED_ONE_OF = {  # type 1C: a description or a code, by the first bytes of their elements, which no text holds
    "ScheduledProcedureStepDescription": (b"\x40\x00\x07\x00LO", b"\x40\x00\x08\x00SQ"),
    "RequestedProcedureDescription": (b"\x32\x00\x60\x10LO", b"\x32\x00\x64\x10SQ"),
}
OnProgress = Callable[[int, int], None]
"""Called after each page of steps with how many are done and how many there were at the beginning."""
MayEnd = Callable[[], None]
"""Called, as long as nothing in the folder is changed, where what it raises ends the export."""
Enter = Callable[[int], None]
"""Called with how many steps there are, before anything in the folder is changed."""


class ExportError(Exception):
    """The folder cannot be what was asked for; the text says why, what state it is in and what to do."""


@dataclass(frozen=True)
class Incomplete:
    """A file that was written, and the attributes without which `wlmscpfs` passes over it."""

    name: str
    lacks: tuple[str, ...]


@dataclass
class ExportReport:
    """What became of the folder. `foreign` counts its other `.wl` files; `skipped` names those that stand where ours should."""

    written: int = 0
    unchanged: int = 0
    removed: int = 0
    foreign: int = 0
    skipped: list[str] = field(default_factory=list)
    incomplete: list[Incomplete] = field(default_factory=list)


def export(
    directory: Path,
    site: Site,
    on_progress: OnProgress = lambda done, total: None,
    may_end: MayEnd = lambda: None,
    enter: Enter = lambda total: None,
) -> ExportReport:
    """Make the folder hold one file for each step that a modality can see (SCHEDULED, ARRIVED, READY), and no other file of ours.

    Files that are not ours are left as they are. Raises ExportError when the folder cannot be written.
    """
    report = ExportReport()
    with _staging(directory) as staging:
        with _telling(directory, "Nothing in it was changed."):
            names = _stage(directory, staging, site, report, on_progress, may_end)
            enter(len(names))
            others = {path.name for path in directory.glob(f"*{SUFFIX}")} - names.keys()
            gone = [directory / name for name in others if _is_ours(directory / name)]
        report.foreign, report.removed = len(others) - len(gone), len(gone)
        with _telling(directory, "Export again to make the folder whole."), _locked(directory / LOCKFILE, may_end):
            for name, is_new in names.items():
                if is_new:
                    (staging / name).replace(directory / name)
            for path in gone:
                path.unlink(missing_ok=True)
    return report


def first(site: Site, most: int) -> list[tuple[str, str]]:
    """Patient ID and accession number of the first steps that are exported."""
    served = WorklistEntry.objects.filter(site=site, status__in=SERVED).order_by("pk")
    return list(served.values_list("patient_id", "accession_number")[:most])


@contextmanager
def _telling(directory: Path, state: str) -> Iterator[None]:
    """ExportError in place of what the operating system refuses; `state` is what that leaves behind."""
    try:
        yield
    except OSError as error:
        raise ExportError(f"{directory} cannot be written: {error.strerror} ({error.filename or directory}). {state}") from error


def _stage(directory: Path, staging: Path, site: Site, report: ExportReport, on_progress: OnProgress, may_end: MayEnd) -> dict[str, bool]:
    """Write what is new or other than it was; returns the names of all steps' files, and of each whether it is staged."""
    served = WorklistEntry.objects.filter(site=site, status__in=SERVED)
    names: dict[str, bool] = {}
    total, done = served.count(), 0
    for page in _pages(served):
        for entry in page:
            identity = _identity(entry)
            while (name := _name(entry, identity)) in names:
                identity += "\nagain"
            content = writing.compose(entry.item, identity)
            names[name] = _stage_one(directory / name, staging / name, content, report)
            if lacks := _lacks(entry):
                report.incomplete.append(Incomplete(name, lacks))
        done += len(page)
        on_progress(done, max(done, total))
        may_end()
    return names


def _stage_one(path: Path, staged: Path, content: bytes, report: ExportReport) -> bool:
    try:
        existing = path.read_bytes()
    except FileNotFoundError:
        existing = b""
    if existing == content:
        report.unchanged += 1
        return False
    if existing and not writing.is_ours(existing):
        report.skipped.append(path.name)
        return False
    staged.write_bytes(content)
    report.written += 1
    return True


def _pages(entries: QuerySet[WorklistEntry]) -> Iterator[list[WorklistEntry]]:
    """In order of the steps' numbers, with no cursor open between pages."""
    rows = entries.order_by("pk").only("item", "accession_number", *_NEEDED)
    last = 0
    while page := list(rows.filter(pk__gt=last)[:_PAGE]):
        yield page
        last = page[-1].pk


def _identity(entry: WorklistEntry) -> str:
    """What an import finds the step by again."""
    ids = entry.requested_procedure_id, entry.scheduled_procedure_step_id
    return "\n".join(intake_item.identity(entry.accession_number, entry.patient_id, entry.patient_name, *ids))


def _name(entry: WorklistEntry, identity: str) -> str:
    """The same for the same step, wherever it is exported: what people read, and what tells it from all others."""
    parts = (_NO_NAME.sub("", text).lstrip(".")[:20] for text in (entry.accession_number, entry.scheduled_procedure_step_id))
    digest = b32encode(hashlib.sha256(identity.encode(errors="surrogatepass")).digest()).decode().lower()
    return f"{'_'.join(part for part in parts if part) or 'step'}-{digest[:12]}{SUFFIX}"


def _lacks(entry: WorklistEntry) -> tuple[str, ...]:
    item = bytes(entry.item)
    missing = [keyword for column, keyword in _NEEDED.items() if not getattr(entry, column)]
    return (*missing, *(keyword for keyword, either in _NEEDED_ONE_OF.items() if not any(one in item for one in either)))


def _is_ours(path: Path) -> bool:
    if not _OUR_NAME.fullmatch(path.name):
        return False
    with path.open("rb") as file:
        return writing.is_ours(file.read(writing.HEADER_LENGTH))


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    """An empty folder for what is being written, this export's own; it and what a killed export left in it are gone afterwards."""
    if directory.exists() and not directory.is_dir():
        raise ExportError(f"{directory} cannot be written: it is a file, not a folder. Choose a folder that can be written.")
    staging = directory / STAGING
    with _telling(directory, "Choose a folder that can be written."):
        directory.mkdir(parents=True, exist_ok=True)
        staging.mkdir(exist_ok=True)
        handle = os.open(staging, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportError(f"Another export into {directory} is running; wait until it has ended.") from None
        try:
            for left in staging.iterdir():
                left.unlink()
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        os.close(handle)


@contextmanager
def _locked(lockfile: Path, may_end: MayEnd) -> Iterator[None]:
    """Hold the lockfile for writing, once no search holds it: the record lock that `wlmscpfs` waits for."""
    with lockfile.open("ab") as handle:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() > deadline:
                    raise ExportError(
                        f"{lockfile} is locked by another program for {_PATIENCE:g} seconds; end it and export again. Nothing was changed."
                    ) from None
                may_end()
                time.sleep(0.05)
        may_end()
        yield
