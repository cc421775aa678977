"""`manage.py play_day`: virtual modalities and a front desk play a whole day of the hospital, at up to 1,000 times real time."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from billing.targets import ledger_file
from ris import clock, queries, shell
from ris.actions import clocks
from ris.actor import Actor
from ris.audit import EXPORT, of_numbers
from ris.console import Asked, Stopped, asked_by_signals, counted, named_path, not_ready, say
from ris.errors import RisError
from ris.models import Site
from ris.validation import whole_number
from training import command_line
from training.day import audit, booking, reading, session, telling
from training.day.reading import Standing
from training.day.session import Session
from training.day.story import Plan
from training.day.writing import Writer
from training.errors import ModalityError
from training.progress import Bar
from training.target import Target

_FURTHEST = timedelta(days=3660)
_BEFORE_THE_FIRST = timedelta(minutes=40)
_MOST_EXAMS = 2000


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no number; 60 lets an hour pass in a minute") from None
    if not clocks.SLOWEST <= speed <= clocks.FASTEST:
        raise ArgumentTypeError(f"{text} is out of range; the clock runs at {clocks.SLOWEST} to {clocks.FASTEST} times real time")
    return speed


def _exams(text: str) -> int:
    exams = whole_number(text, _MOST_EXAMS)
    if not exams:
        raise ArgumentTypeError(f"{text!r} cannot be booked; it is a whole number from 1 to {_MOST_EXAMS}")
    return exams


def _day(text: str) -> date:
    wanted = command_line.day(text)
    if abs(wanted - clock.wall().date()) > _FURTHEST:
        raise ArgumentTypeError(f"{text} is more than ten years away")
    return wanted


def _moment(text: str) -> time_of_day:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  (a time of day)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time of day; write it as 07:30") from None


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Play a whole day of the hospital over real DICOM: patients arrive, exams are performed, broken off, called off, moved; some "
        "walk in, a scanner goes down. The site's clock runs at the speed that is asked for, and waits for what is not done. In the end "
        "every exam is compared with what its script said; exit 0 when each is there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--speed", type=_speed, default=60.0, metavar="X", help="times real time, 1 to 1000 (60)")
        add("--seed", type=int, default=1, metavar="N", help="same number and same bookings, same day (1)")
        add("--exams", type=_exams, metavar="N", help="book so many exams for the day first, with further stations as needed")
        add("--date", type=_day, metavar="YYYY-MM-DD", help="the day that is played (the hospital's today)")
        add(
            "--from",
            type=_moment,
            dest="since",
            metavar="HH:MM",
            help="when it begins (today: now; else before the first exam; not before what is in progress)",
        )
        add("--stations", default="", metavar="CT01,MR01", help="only these play; people may work at the others")
        add("--plan", type=named_path, metavar="FILE", help="write what each exam's script says there, - for the terminal")
        add("--only-plan", action="store_true", help="end when the plan is written")
        add("--host", default=settings.DICOM_HOST, help="where the hospital's DICOM server is (%(default)s)")
        add("--port", type=command_line.port, default=settings.DICOM_PORT, help="its port (%(default)s)")
        add("--called", default="", metavar="AET", help="its AE title (the hospital's)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with asked_by_signals() as asked:
                self._handle(asked, options)
        except DatabaseError as error:
            raise CommandError(str(not_ready(error))) from error
        except (RisError, ModalityError) as error:
            raise CommandError(str(error)) from error
        except Stopped as stopped:
            sys.exit(stopped.exit_code)

    def _handle(self, asked: Asked, options: dict[str, Any]) -> None:
        site, seed, bar = queries.default_site(), options["seed"], Bar(self.stdout)
        clocks.refuse_while_played(site)
        target = Target(options["host"], options["port"], options["called"] or site.ae_title)
        stations = _stations(site, options["stations"])
        actor = Actor.system(f"play_day {seed}")
        day = options["date"] or clock.today(site)
        if not options["only_plan"]:
            session.answers(site, target, seed)
        if options["exams"]:
            made = booking.book(site, day, options["exams"], seed, actor, _heeding(asked, bar))
            added = f", {counted(len(made.stations), 'station')} added" if made.stations else ""
            self.stdout.write(f"{counted(made.steps, 'exam')} booked for {day:%d-%b-%Y}{added}.")
        begins = _begins(site, day, options["since"])
        standing = reading.read(site, day, begins, stations)
        plan = self._plan(site, day, standing, seed)
        if options["plan"]:
            numbers = [("", one.accession_number) for story in plan.stories for one in story.booked]
            told = {"what": "plan of a day", "into": str(options["plan"])}
            shell.enter("play_day", EXPORT, site, of_numbers(site, numbers), total=len(numbers), asked=told)
            self._write(telling.plan(plan, site), options["plan"])
        if not options["only_plan"]:
            session.knows(site, target, standing, seed)
            self._play(Session(site, plan, standing, target, actor, options["speed"]), asked, bar)

    def _plan(self, site: Site, day: date, standing: Standing, seed: int) -> Plan:
        """Raises CommandError when there is nothing to be played."""
        plan = Writer(standing.begins, standing.machines, seed, standing.taken).write(standing.booked, standing.begun)
        told = {one.pk for story in plan.stories for one in story.booked}
        left_out = dict(standing.left_out)
        left_out["whose time was over for hours"] = sum(one.pk not in told for one in standing.booked)
        for why, number in left_out.items():
            if number:
                self.stderr.write(f"{counted(number, 'exam')} {why}: left as they are.")
        if not plan.stories:
            raise CommandError(
                f"On {day:%d-%b-%Y} no exam is left to be played from {clock.local(standing.begins, site):%H:%M} on. Book some with "
                "--exams 40, name another day with --date, or an earlier time with --from."
            )
        return plan

    def _write(self, lines: list[str], path: Path) -> None:
        if str(path) == "-":
            for line in lines:
                say(self.stdout, line)
            return
        try:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"The plan cannot be written to {path}: {error.strerror}.") from error
        self.stdout.write(f"What each exam's script says is in {path}.")

    def _play(self, played: Session, asked: Asked, bar: Bar) -> None:
        try:
            played.run(asked, bar.show)
        except Stopped:
            self._tell_stopped(played)
            raise
        books = audit.look(played.site, played.play.stories, ledger_file())
        self.stdout.write(f"Played {telling.played(played)}. {telling.real_again(played)}")
        self.stdout.write(f"{telling.ended(played.play.stories)}; {telling.charged(books)}; {telling.exchanged(played)}.")
        if books.waiting:
            why = books.why_waiting or "No worker runs that would send them; `manage.py simulate` starts one."
            self.stdout.write(f"{counted(books.waiting, 'charge')} still to be sent: {why}")
        if books.differences:
            for line in telling.differences(books):
                say(self.stderr, f"  {line}")
            raise CommandError(f"{counted(len(books.differences), 'difference')} from what the scripts said.")
        self.stdout.write("Every exam is where its script said.")

    def _tell_stopped(self, played: Session) -> None:
        over = [one for one in played.play.stories if one.is_over]
        say(self.stdout, "")
        say(self.stderr, f"Stopped after {len(over)} of {counted(len(played.play.stories), 'exam')}. {telling.real_again(played)}")
        left = telling.left_open(played.play.stories)
        if left:
            say(self.stderr, f"In progress on the stations, and left so; {telling.how_to_go_on(played)} goes on with them:")
        for line in left:
            say(self.stderr, f"  {line}")
        differ = telling.differences(audit.look(played.site, over, ledger_file()))
        if over:
            say(self.stderr, f"Those that are over are {'not all ' if differ else ''}where their script said{':' if differ else '.'}")
        for line in differ:
            say(self.stderr, f"  {line}")


def _stations(site: Site, named: str) -> list[str]:
    """Raises CommandError for one that is not there."""
    wanted = [one.strip() for one in named.split(",") if one.strip()]
    known = [one.ae_title for one in reading.machines(site)]
    missing = [one for one in wanted if one not in known]
    if missing:
        raise CommandError(f"{', '.join(missing)}: no such station is enabled. There are {', '.join(known) or 'none'}.")
    return wanted


def _begins(site: Site, day: date, since: time_of_day | None) -> datetime:
    """When the clock begins: as asked, else now, on another day before the first exam that waits; not before what a broken-off play did."""
    if since is not None:
        return clock.at(day, since, site)
    begins, heard = _first_moment(site, day), reading.last_heard(site, day)
    return begins if heard is None else max(begins, heard)


def _first_moment(site: Site, day: date) -> datetime:
    if day == clock.today(site):
        return clock.now(site)
    first = reading.first_start(site, day)
    return clock.at(day, time_of_day(7), site) if first is None else first - _BEFORE_THE_FIRST


def _heeding(asked: Asked, bar: Bar) -> booking.Progress:
    def show(what: str, done: int, of: int) -> None:
        bar.show(what, done, of)
        asked.heed()

    return show
