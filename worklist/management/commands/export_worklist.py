"""`manage.py export_worklist DIR`: write the worklist as files that DCMTK's wlmscpfs serves."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ris import audit, shell
from ris.actions.auditing import MOST_PATIENTS
from ris.actions.sites import ensure_default_site
from ris.console import Stopped, asked_by_signals, counted, named_path, not_ready, say
from worklist import exporter

_SHOWN = 8  # files that are named of each kind


class Command(BaseCommand):
    help = (
        "Write one Modality Worklist file (.wl, DICOM Part 10) for each step that modalities can see (SCHEDULED, ARRIVED, READY), and "
        "the lockfile, into DIR. DIR is the folder of one AE title for DCMTK's wlmscpfs: to serve /srv/worklist/STEPWISE, export into it "
        "and run `wlmscpfs --keep-char-set --data-files-path /srv/worklist 11113`. Exported again, DIR follows the worklist: "
        "changed steps are replaced and those no longer served removed; files that this command did not write are left alone. "
        "Exit code 0 when all were written, 1 when any was skipped; 130 when Ctrl-C ended it, 143 when SIGTERM did, and nothing in DIR is "
        "changed then."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("directory", type=named_path, metavar="DIR", help="the folder; made when there is none")

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"]
        try:
            site = ensure_default_site()

            def enter(total: int) -> None:
                about = audit.of_numbers(site, exporter.first(site, MOST_PATIENTS))
                told = {"what": "worklist", "as": "files (.wl)", "into": str(directory)}
                shell.enter("export_worklist", audit.EXPORT, site, about, total=total, asked=told)

            with asked_by_signals() as asked:
                report = exporter.export(directory, site, self._progress, asked.heed, enter)
        except Stopped as stopped:
            say(self.stderr, f"Stopped. Nothing in {directory} was changed. Run it again to export.")
            sys.exit(stopped.exit_code)
        except DatabaseError as error:
            raise not_ready(error) from error
        except exporter.ExportError as error:
            raise CommandError(str(error)) from error
        self._tell_incomplete(report.incomplete)
        if report.foreign:
            say(self.stdout, f"{report.foreign} other {exporter.SUFFIX} files in {directory} left alone; wlmscpfs serves them as well")
        for name in report.skipped:
            say(self.stderr, f"skipped  {directory / name}: a file of this name is there that this command did not write; move it away")
        say(
            self.stdout,
            f"{counted(report.written, 'file')} written, {report.unchanged} unchanged, {report.removed} removed, "
            f"{len(report.skipped)} skipped",
        )
        if report.skipped:
            sys.exit(1)

    def _tell_incomplete(self, incomplete: list[exporter.Incomplete]) -> None:
        for one in incomplete[:_SHOWN]:
            say(self.stderr, f"noted  {one.name}: it has no {', '.join(one.lacks)}")
        if len(incomplete) > _SHOWN:
            say(self.stderr, f"noted  and {len(incomplete) - _SHOWN} more of this kind")
        if incomplete:
            say(self.stderr, f"noted  {len(incomplete)} files lack what wlmscpfs needs; it serves them with --disable-file-reject only")

    def _progress(self, done: int, total: int) -> None:
        """A line that counts on a terminal; elsewhere a line for each ten thousand steps."""
        if self.stderr.isatty():
            say(self.stderr, f"\r{done} of {total} steps", ending="\n" if done == total else "")
        elif done % 10_000 == 0:
            say(self.stderr, f"{done} of {total} steps")
