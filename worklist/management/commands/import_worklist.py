"""`manage.py import_worklist PATH… [--replace]`: take in worklist items from files."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from ris import audit, shell
from ris.actions.sites import ensure_default_site
from ris.console import Asked, Stopped, asked_by_signals, counted, named_path, not_ready, say
from worklist import importer
from worklist.importer import ImportReport

_PATHS_KEPT = 500  # characters
_NOTES_SHOWN, _NOTE_LENGTH = 8, 200  # of one file; characters of one line
_EVERY, _EVERY_ON_TERMINAL = 5.0, 0.1  # seconds between two lines of progress, or two counts of one line


class Command(BaseCommand):
    _asked = Asked()
    _said_at: float = 0.0

    help = (
        "Take in Modality Worklist items: DICOM files (.wl, .dcm) or DCMTK text dumps (.dump), or directories of them. "
        "One file is one step; the same file can always be imported again. A file that is no worklist item is named with its "
        "reason and skipped. Exit code 0 when all went in, 1 when any was skipped, 130 when Ctrl-C ended it, 143 when SIGTERM did."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=named_path, metavar="PATH", help="a file, or a directory that is searched for files")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="first remove every step that modalities are offered and that was never begun, if there is a file to be read",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = ensure_default_site()
            told = {"what": "worklist", "from": ", ".join(map(_shown, options["paths"]))[:_PATHS_KEPT], "replace": options["replace"]}
            shell.enter("import_worklist", audit.IMPORT, site, action=audit.CREATE, asked=told)
        except DatabaseError as error:
            raise not_ready(error) from error
        self._said_at = time.monotonic()
        report = ImportReport()
        with asked_by_signals() as self._asked:
            try:
                importer.import_paths(options["paths"], options["replace"], site, self._progress, self._removal, report)
            except Stopped as stopped:
                self._tell(report, options["replace"])
                say(self.stderr, _where_it_stopped(report, options["replace"]))
                sys.exit(stopped.exit_code)
        self._tell(report, options["replace"])
        if report.skipped:
            sys.exit(1)

    def _tell(self, report: ImportReport, replace: bool) -> None:
        if report.nothing_to_import:
            say(self.stderr, "Nothing was removed, because none of the files can be read.")
        elif replace:
            say(self.stdout, f"{counted(report.removed, 'step')} removed, {report.kept} kept because performed steps belong to them")
        for path in report.performed:
            say(self.stdout, f"left alone  {_shown(path)}: work on its step was begun")
        for noted in report.noted:
            self._note(noted)
        for skipped in report.skipped:
            say(self.stderr, f"skipped  {_shown(skipped.path)}: {_plain(skipped.reason)}")
        say(
            self.stdout,
            f"{counted(len(report.made), 'step')} made, {len(report.updated)} updated, {len(report.unchanged)} unchanged, "
            f"{len(report.performed)} left alone, {counted(len(report.skipped), 'file')} skipped",
        )

    def _note(self, noted: importer.Noted) -> None:
        """A line for each thing of a file that was taken in and is odd, up to a bound."""
        for note in noted.notes[:_NOTES_SHOWN]:
            say(self.stderr, f"noted  {_shown(noted.path)}: {_plain(note[:_NOTE_LENGTH])}")
        if len(noted.notes) > _NOTES_SHOWN:
            say(self.stderr, f"noted  {_shown(noted.path)}: and {len(noted.notes) - _NOTES_SHOWN} more of this kind")

    def _progress(self, done: int, total: int) -> None:
        self._count(f"{done} of {counted(total, 'file')}", is_last=done == total)

    def _removal(self, removed: int) -> None:
        self._count(f"{counted(removed, 'step')} removed", is_last=False)

    def _count(self, text: str, is_last: bool) -> None:
        """A line that counts on a terminal; elsewhere a line every few seconds. Raises Stopped when that was asked for."""
        since, on_terminal = time.monotonic() - self._said_at, self.stderr.isatty()
        if on_terminal and (is_last or self._asked or since > _EVERY_ON_TERMINAL):
            say(self.stderr, f"\r{text:<30}", ending="\n" if is_last or self._asked else "")
            self._said_at = time.monotonic()
        elif not on_terminal and since > _EVERY:
            say(self.stderr, text)
            self._said_at = time.monotonic()
        self._asked.heed()


def _where_it_stopped(report: ImportReport, replace: bool) -> str:
    again = "Run it again without --replace to go on." if replace else "Run it again to go on: what is in already is passed over."
    left = report.files - report.looked_at
    return f"Stopped: {left} of {report.files} files were not looked at. What was taken in stays, each file whole. {again}"


def _shown(path: Path) -> str:
    """A path on one line, whatever bytes its name holds."""
    return _plain(os.fsencode(path).decode("utf-8", "backslashreplace"))


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
