"""`manage.py demo_hospital`: the demo hospital, once; with --today its schedule is moved to the present."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ris.actions.sites import ensure_default_site
from ris.models import Patient, Procedure, ScheduledProcedureStep, Site, Station
from training.hospital import demo
from training.progress import Bar


class Command(BaseCommand):
    help = (
        "Load the demo hospital: stations, catalogue, patients and a day that is happening now. "
        "Does nothing when it is there already; --today then moves its schedule to the present."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--today", action="store_true", help="move the schedule of a demo hospital that was loaded earlier to today")
        parser.add_argument("--seed", type=int, default=demo.SEED, help="same number, same people and plan (%(default)s)")

    def handle(self, *args: Any, today: bool, seed: int, **options: Any) -> None:
        site = ensure_default_site()
        began = time.monotonic()
        bar = Bar(self.stdout)
        if not demo.is_loaded(site):
            demo.load(bar.show, seed)
            self.stdout.write(f"Demo hospital {site.name}: {_counts(site)} ({time.monotonic() - began:.1f} s).")
        elif not today:
            moved = "Its schedule is of an earlier time; `manage.py demo_hospital --today` moves it to the present."
            advice = "" if demo.is_current(site) else f" {moved}"
            self.stdout.write(f"The demo hospital is loaded already.{advice}")
        elif demo.is_current(site):
            self.stdout.write("The demo's schedule is about the present already; nothing was moved.")
        else:
            demo.move_to_today(site, bar.show, seed)
            self.stdout.write(f"The demo's schedule was moved to the present: {_counts(site)} ({time.monotonic() - began:.1f} s).")


def _counts(site: Site) -> str:
    counted = (
        (Station, "stations"),
        (Procedure, "procedures"),
        (Patient, "patients"),
        (ScheduledProcedureStep, "exam steps"),
    )
    return ", ".join(f"{model.objects.filter(site=site).count()} {name}" for model, name in counted)
