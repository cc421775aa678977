"""From a plan to a day that was played: the clock is set, the consoles are switched on, and in the end all is put back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ris import clock
from ris.actor import Actor
from ris.console import counted
from ris.errors import Conflict
from ris.models import Heartbeat, Site, Station
from training.day import audit, reading
from training.day.fleet import Console, Desk, consoles
from training.day.pace import Pace
from training.day.play import Heeding, Play
from training.day.reading import Standing
from training.day.story import DESK, Plan
from training.day.writing import Machine
from training.query import Question
from training.sent import Sent
from training.target import Target

_SETTLING = 60.0  # seconds for which charges are waited for
_PAUSE = 0.2
_ALIVE = timedelta(seconds=30)

Progress = Callable[[str, int, int, str], None]
"""`progress(what, done, of, what the site's clock shows)`."""


@dataclass
class Session:
    """One play of a plan. `play` tells how far each story has come, also of one that was broken off.

    `took` holds for each message the seconds until its answer, None without one: no data set is kept, as a day has many thousands.
    """

    site: Site
    plan: Plan
    standing: Standing
    target: Target
    actor: Actor
    speed: float
    seconds: float = 0.0
    ended: datetime | None = None
    took: list[float | None] = field(default_factory=list)

    def run(self, asked: Heeding, progress: Progress) -> None:
        """Raises Conflict (somebody plays already, or the clock was lost) and what `asked` raises; the clock is real afterwards."""
        about = f"play_day plays {counted(len(self.plan.stories), 'exam')}, seed {self.plan.seed}"
        pace = Pace.start(self.site, self.plan.begins, self.speed, self.actor, about)
        fleet = consoles(self.site, self.standing.machines, self.target, pace.now, self._hear, self.plan.seed)
        self.play = Play(self.plan, {DESK: Desk(self.actor), **fleet}, pace)
        try:
            self._go_on(fleet)
            began = time.monotonic() + pace.seconds_until(self.plan.begins)
            self.play.run(asked, lambda done, of: progress("exams", done, of, self._shown(pace)))
            self.seconds, self.ended = time.monotonic() - began, pace.now()
            self._settle(asked, pace, progress)
        finally:
            self.ended = self.ended or pace.now()
            pace.stop()
            for console in fleet.values():
                console.close()

    def _hear(self, sent: Sent) -> None:
        self.took.append(sent.seconds if sent.answer is not None else None)

    def _shown(self, pace: Pace) -> str:
        return f"{clock.local(pace.now(), self.site):%d-%b %H:%M}"

    def _go_on(self, fleet: dict[str, Console]) -> None:
        """What is in progress is made known to its console."""
        for running in self.play.stories:
            begun = running.story.begun
            if begun is not None:
                created = reading.created(self.site, begun)
                running.exams[0] = fleet[begun.station].go_on_with(created, begun.sop_instance_uid)

    def _settle(self, asked: Heeding, pace: Pace, progress: Progress) -> None:
        """The clock stands while a worker, if there is one, sends what is charged."""
        until, last = time.monotonic() + _SETTLING, pace.now()
        of = audit.waiting(self.site, self.play.stories)
        while worker_is_alive() and (left := audit.waiting(self.site, self.play.stories)) and time.monotonic() < until:
            asked.heed()
            pace.keep(last)
            progress("charges", max(of - left, 0), of, self._shown(pace))
            time.sleep(_PAUSE)


def worker_is_alive() -> bool:
    """Whether somebody sends charges."""
    return Heartbeat.objects.filter(process="worker", at__gt=clock.wall() - _ALIVE).exists()


def answers(site: Site, target: Target, seed: int) -> None:
    """Raises ModalityError when the DICOM server does not answer, Conflict when no station is there that could ask it."""
    machines = reading.machines(site)
    if not machines:
        raise Conflict("The hospital has no station that is enabled; load the demo hospital (`manage.py demo_hospital`) or add one.")
    _asking(site, machines[0], target, seed, lambda console: console.modality.echo())


def knows(site: Site, target: Target, standing: Standing, seed: int) -> None:
    """Raises Conflict when the server is another hospital's: an exam that waits here is not on its list."""
    shown = set(Station.objects.filter(site=site, requires_arrival=False, age_limit_hours=None).values_list("ae_title", flat=True))
    one = next((one for one in standing.booked if one.places[0] in shown and one.accession_number), None)
    if one is None:
        return
    place = one.places[0]
    machine = next(machine for machine in standing.machines if machine.ae_title == place)
    asked = Question.for_accession(one.accession_number, place)
    found: list[object] = []
    _asking(site, machine, target, seed, lambda console: found.extend(console.modality.worklist(asked)))
    if not found:
        raise Conflict(
            f"{target} has not got exam {one.name} (accession number {one.accession_number}) on its list for {place}, and the database of "
            "this command has: is it another hospital's? --host, --port and --called name the server."
        )


def _asking(site: Site, machine: Machine, target: Target, seed: int, ask: Callable[[Console], object]) -> None:
    console = Console(site, machine, target, clock.now, lambda _: None, seed)
    try:
        ask(console)
    finally:
        console.close()
