"""`manage.py generate_worklist --steps N --days D --seed S`: a load of any size on the hospital as it stands."""

import argparse
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ris.actions.sites import ensure_default_site
from ris.actor import Actor
from ris.console import Asked, Stopped, asked_by_signals, counted, not_ready, say
from ris.errors import RisError
from training.load.run import Outcome, Progress, Writer, look_at, with_room_for
from training.progress import Bar

_MOST_STEPS, _MOST_DAYS = 10_000_000, 3650
_SHOWN = 12
_UNCOLLECTED = 100_000  # objects


def _whole(most: int, what: str) -> Any:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {what}") from None
        if not 1 <= number <= most:
            raise argparse.ArgumentTypeError(f"{number} is out of range; ask for 1 to {most} {what}")
        return number

    return read


def _heeding(asked: Asked, show: Progress) -> Progress:
    """A progress that raises Stopped when that was asked for: what was begun is whole then."""

    def show_or_stop(what: str, done: int, of: int) -> None:
        show(what, done, of)
        asked.heed()

    return show_or_stop


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows go when nobody names them any more; searching each few hundred new objects for cycles took a quarter of the time."""
    before = gc.get_threshold()
    gc.set_threshold(_UNCOLLECTED, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Command(BaseCommand):
    help = (
        "Fill the worklist: exams of the site's catalogue on its stations, without double bookings, for today and the days after it. "
        "People are made up. All steps are SCHEDULED. The same seed on the same database on the same day gives the same load; "
        "run again it adds another one around what is booked. Stations are added when those there are too few."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--steps", type=_whole(_MOST_STEPS, "steps"), required=True, help="how many scheduled procedure steps")
        parser.add_argument("--days", type=_whole(_MOST_DAYS, "days"), default=1, help="over how many days from today on (%(default)s)")
        parser.add_argument("--seed", type=int, default=1, help="same number, same load (%(default)s)")
        parser.add_argument(
            "--stations",
            choices=("add", "existing"),
            default="add",
            help="when the stations are too few: add further ones, or refuse and say how many steps fit (%(default)s)",
        )

    def handle(self, *args: Any, steps: int, days: int, seed: int, stations: str, **options: Any) -> None:
        began = time.monotonic()
        outcome, bar = Outcome(steps), Bar(self.stdout, rates=True)
        actor = Actor.system(f"generate_worklist {seed}")
        try:
            with asked_by_signals() as asked, _few_collections():
                show = _heeding(asked, bar.show)
                found = look_at(ensure_default_site(), days, seed)
                if found.too_long:
                    self.stderr.write(f"Left out, since no station is open for as long as they take: {_list(found.too_long)}.")
                hospital = with_room_for(found, steps, actor, outcome, show, may_add=stations == "add")
                Writer(hospital, actor, outcome, show).write()
        except DatabaseError as error:
            raise CommandError(f"{not_ready(error)} {_summary(outcome)}") from error
        except RisError as error:
            raise CommandError(f"{str(error).rstrip('.')}. {_summary(outcome)}") from error
        except Stopped as stopped:
            say(self.stdout, "")
            say(self.stderr, f"Stopped. {_summary(outcome)}{' Each of them is whole; run it again for more.' if outcome.steps else ''}")
            sys.exit(stopped.exit_code)
        seconds = time.monotonic() - began
        self.stdout.write(f"{_summary(outcome)} {seconds:.1f} s, {counted(round(outcome.steps / seconds), 'step')} a second.")
        if outcome.steps < steps:
            raise CommandError(f"{steps - outcome.steps} steps found no place, since the stations were booked meanwhile; run it again.")


def _summary(outcome: Outcome) -> str:
    """What was written, in words."""
    if not outcome.steps and not outcome.stations:
        return "Nothing was written."
    said = (
        f"{counted(outcome.steps, 'step')} of {counted(outcome.exams, 'exam')} for {counted(outcome.patients, 'new patient')} "
        f"{'is' if outcome.steps == 1 else 'are'} in."
    )
    if not outcome.stations:
        return said
    return f"{said} {len(outcome.stations)} stations were added: {_list(outcome.stations)}."


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
