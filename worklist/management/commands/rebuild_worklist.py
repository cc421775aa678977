"""`manage.py rebuild_worklist [--check]`: make every worklist entry what its source says, or only compare."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from worklist import projection
from worklist.models import WorklistEntry


class Command(BaseCommand):
    help = (
        "Rebuild the worklist entries of all scheduled steps. With --check nothing is written: each step whose entry is not what "
        "its source says is named, and the exit code is 1 when there is any."
    )
    requires_system_checks: list[str] = []

    _done = 0

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare only; exit code 1 when anything differs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                self._check()
            else:
                steps = projection.rebuild_all(self._progress)
                self.stdout.write(f"{steps} steps looked at, {WorklistEntry.objects.count()} worklist entries")
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped behind {self._done} steps. What was rebuilt is whole; run it again for the rest.")
            raise

    def _check(self) -> None:
        wrong = 0
        for step_id, difference in projection.differences(self._progress):
            wrong += 1
            self.stdout.write(f"step {step_id}: its entry {difference}")
        self.stdout.write(f"{WorklistEntry.objects.count()} worklist entries, {wrong} differ from their source")
        if wrong:
            sys.exit(1)

    def _progress(self, done: int) -> None:
        self._done = done
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} steps", ending="")
        elif done % 10_000 == 0:
            self.stderr.write(f"{done} steps")
