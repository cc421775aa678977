"""The site's clock while a day is played: it runs at its speed, and waits for the fleet.

What is due and not done holds it on a leash: a message never arrives later than that after the moment it tells of, however slow the machine
(docs/adr/0017).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ris import clock
from ris.actions import clocks
from ris.actions.clocks import LEASE, Held
from ris.actor import Actor
from ris.models import Site

LEASH: Final = timedelta(minutes=5)
"""How far the clock runs ahead of what is still to be done: half of what makes the finding of a wrong console clock."""
_HEARD: Final = 0.02  # seconds that writing a clock may take


@dataclass
class Pace:
    """Sets the site's clock and drives it; made by `start`. One thread calls `keep`, any may ask."""

    held: Held
    actor: Actor

    @classmethod
    def start(cls, site: Site, shows: datetime, speed: float, actor: Actor, played_by: str) -> "Pace":
        """Raises InvalidInput (speed), Conflict (somebody plays already)."""
        return cls(clocks.simulate(site, shows, speed, shows + LEASH, actor, played_by), actor)

    @property
    def speed(self) -> float:
        return self.held.timeline.speed

    def now(self) -> datetime:
        """What the site's clock shows; before it begins what it will show then."""
        return self.held.timeline.reading(clock.wall())

    def seconds_until(self, moment: datetime) -> float:
        """Wall time until the clock shows the moment, if nothing holds it."""
        until_it_runs = max((self.held.timeline.anchored - clock.wall()).total_seconds(), 0.0)
        return until_it_runs + max((moment - self.now()).total_seconds() / self.speed, 0.0)

    @property
    def tick(self) -> float:
        """Seconds between two calls of `keep`."""
        return min(max(LEASH.total_seconds() / self.speed / 8, 0.01), 1.0)

    def keep(self, undone: datetime | None) -> None:
        """Let the clock run on: to a leash behind now, or behind the earliest moment whose deeds are `undone`; prolong the lease.

        Raises Conflict when the lease was lost.
        """
        line, wall = self.held.timeline, clock.wall()
        reading = line.reading(wall)
        limit = (reading if undone is None else min(undone, reading)) + LEASH
        if limit > line.horizon and reading >= line.horizon:
            lead = timedelta(seconds=2 * line.look_again + _HEARD)
            self.held = clocks.run_on(self.held, limit, anchored=wall + lead)
        elif limit - line.horizon >= LEASH / 4 or line.until - wall < LEASE / 2:
            self.held = clocks.run_on(self.held, limit)

    def stop(self) -> None:
        """Real time again."""
        clocks.end_simulation(self.held, self.actor)
