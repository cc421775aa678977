"""`manage.py close_left_over [--dry-run]`: close exams that nobody performed, by the rules of their site."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from ris.console import counted, not_ready
from ris.models import Site
from stepwise import housekeeping


class Command(BaseCommand):
    help = (
        "Cancel exams that were not begun within RIS_CLOSE_WAITING_DAYS of their time, and discontinue begun ones without news for "
        "RIS_CLOSE_BEGUN_DAYS, as housekeeping does by itself every ten minutes. With --dry-run they are only counted."
    )
    requires_system_checks: list[str] = []

    _closed = 0

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count them, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for site in Site.objects.order_by("pk"):
                if options["dry_run"]:
                    self._count(site)
                else:
                    closed = housekeeping.close_left_over(site, closed=self._progress)
                    self.stdout.write(f"{site.name}: {counted(closed, 'exam')} closed")
        except DatabaseError as error:
            raise not_ready(error) from error
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped behind {counted(self._closed, 'exam')}. Each is closed as a whole; run it again for the rest.")
            raise

    def _count(self, site: Site) -> None:
        for rule, steps in housekeeping.left_over(site):
            days = getattr(site, rule.days)
            self.stdout.write(f"{site.name}: {counted(steps.count(), 'exam')} to {rule.verb} ({rule.reason.format(days=days)})")

    def _progress(self, closed: int) -> None:
        self._closed = closed
        if self.stderr.isatty():
            self.stderr.write(f"\r{counted(closed, 'exam')}", ending="")
