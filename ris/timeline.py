"""How a simulated clock runs: pure arithmetic between wall time and what the site's clock shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LOOK = 1.0
"""Seconds of wall time after which a process looks at latest whether a clock was set."""
_SOONEST = 0.05
_UNSEEN = 60.0  # seconds of the site's time that a process may be behind with what it knows


@dataclass(frozen=True, slots=True)
class Timeline:
    """A site's clock shows `shows` at `anchored` and runs `speed` times as fast as wall time, up to `horizon`, where it stands.

    It holds from `begins` up to `until`, with real time before and after. These two and `anchored` are wall time; all are aware UTC.
    """

    begins: datetime
    anchored: datetime
    shows: datetime
    speed: float
    horizon: datetime
    until: datetime
    played_by: str = ""

    def at(self, wall: datetime) -> datetime | None:
        """What the clock shows at a moment of wall time; None when it shows the real time."""
        if not self.begins <= wall < self.until:
            return None
        return self.reading(wall)

    def reading(self, wall: datetime) -> datetime:
        """The same, whether or not it holds: before `anchored` the clock stands at what it shows then."""
        gone = max(wall - self.anchored, timedelta(0))
        return min(self.shows + gone * self.speed, self.horizon)

    def has_run_out(self, wall: datetime) -> bool:
        """Whether it stands or is over unless it was prolonged: who knows no more than this looks again before answering."""
        return wall >= self.until or (wall >= self.begins and self.reading(wall) >= self.horizon)

    @property
    def look_again(self) -> float:
        """Seconds after which to look again: nobody is behind by more than a minute of the site's time, at any speed."""
        return min(LOOK, max(_UNSEEN / self.speed, _SOONEST))
