"""`manage.py import_worklist PATH… [--replace]`: take in worklist items from files."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ris.actions.sites import ensure_default_site
from worklist import importer

_NOTES_SHOWN, _NOTE_LENGTH = 8, 200  # of one file; characters of one line


class Command(BaseCommand):
    help = (
        "Take in Modality Worklist items: DICOM files (.wl, .dcm) or DCMTK text dumps (.dump), or directories of them. "
        "One file is one step; the same file can always be imported again. Exit code 0 when all went in, 1 when any was skipped."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a directory that is searched for files")
        parser.add_argument("--replace", action="store_true", help="first remove every waiting step of a procedure that was never begun")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = ensure_default_site()
        except DatabaseError as error:
            raise CommandError(f"The database is not ready ({str(error).strip()}); run `manage.py migrate` first.") from error
        report = importer.import_paths(options["paths"], options["replace"], site, self._progress)
        if options["replace"]:
            self.stdout.write(f"{report.removed} steps removed, {report.kept} kept because their procedure was begun")
        for path in report.performed:
            self.stdout.write(f"left alone  {path}: work on its step was begun")
        for noted in report.noted:
            self._note(noted)
        for skipped in report.skipped:
            self.stderr.write(f"skipped  {skipped.path}: {skipped.reason}")
        self.stdout.write(
            f"{len(report.made)} steps made, {len(report.updated)} updated, {len(report.unchanged)} unchanged, "
            f"{len(report.performed)} left alone, {len(report.skipped)} files skipped"
        )
        if report.skipped:
            sys.exit(1)

    def _note(self, noted: importer.Noted) -> None:
        """A line for each thing of a file that was taken in and is odd, up to a bound."""
        for note in noted.notes[:_NOTES_SHOWN]:
            self.stderr.write(f"noted  {noted.path}: {note[:_NOTE_LENGTH]}")
        if len(noted.notes) > _NOTES_SHOWN:
            self.stderr.write(f"noted  {noted.path}: and {len(noted.notes) - _NOTES_SHOWN} more of this kind")

    def _progress(self, done: int, total: int) -> None:
        """A line that counts on a terminal; elsewhere a line for each thousand files."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} files", ending="\n" if done == total else "")
        elif done % 1000 == 0:
            self.stderr.write(f"{done} of {total} files")
