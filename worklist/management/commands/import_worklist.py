"""`manage.py import_worklist PATH… [--replace]`: take in worklist items from files."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from ris.actions.sites import ensure_default_site
from worklist import importer


class Command(BaseCommand):
    help = (
        "Take in Modality Worklist items: DICOM files (.wl, .dcm) or DCMTK text dumps (.dump), or directories of them. "
        "One file is one step; the same file can always be imported again. Exit code 0 when all went in, 1 when any was skipped."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a directory that is searched for files")
        parser.add_argument("--replace", action="store_true", help="first remove every served step that has no performed step")

    def handle(self, *args: Any, **options: Any) -> None:
        site = ensure_default_site()
        report = importer.import_paths(options["paths"], options["replace"], site, self._progress)
        if options["replace"]:
            self.stdout.write(f"{report.removed} steps removed")
        for path in report.performed:
            self.stdout.write(f"left alone  {path}: work on its step was begun")
        for skipped in report.skipped:
            self.stderr.write(f"skipped  {skipped.path}: {skipped.reason}")
        self.stdout.write(
            f"{len(report.made)} steps made, {len(report.updated)} updated, {len(report.unchanged)} unchanged, "
            f"{len(report.performed)} left alone, {len(report.skipped)} files skipped"
        )
        if report.skipped:
            sys.exit(1)

    def _progress(self, done: int, total: int) -> None:
        """A line that counts on a terminal; elsewhere a line for each thousand files."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} files", ending="\n" if done == total else "")
        elif done % 1000 == 0:
            self.stderr.write(f"{done} of {total} files")
