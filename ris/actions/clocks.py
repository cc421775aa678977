"""Setting a site's clock: simulated for as long as somebody plays, and back to real time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from ris import clock
from ris.actor import Actor
from ris.db import action, lock
from ris.errors import Conflict, InvalidInput
from ris.models import RecordChange, SimulatedClock, Site
from ris.timeline import LOOK, Timeline

LEASE = timedelta(seconds=15)
"""Wall time after which a clock is real again when nobody prolongs it."""
LEAD = timedelta(seconds=LOOK * 1.5)
"""Wall time between setting a clock and its begin: all processes have heard of it then."""
SLOWEST, FASTEST = 1, 1000


@dataclass(frozen=True)
class Held:
    """A simulated clock in the hands of who plays. `holder` proves it."""

    site: Site
    holder: UUID
    timeline: Timeline


@action
def simulate(site: Site, shows: datetime, speed: float, horizon: datetime, actor: Actor, played_by: str) -> Held:
    """Let the site's clock begin at `shows` in a moment (`LEAD`) and run at `speed` up to `horizon`, for `LEASE` if nobody prolongs it.

    Raises InvalidInput (speed), or Conflict while somebody else plays.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise InvalidInput({"speed": f"{speed:g} is outside of {SLOWEST} to {FASTEST}"})
    lock(lambda: Site.objects.filter(pk=site.pk))
    refuse_while_played(site)
    now = clock.wall()
    begins = now + LEAD
    timeline = Timeline(begins, begins, shows, speed, horizon, begins + LEASE, played_by)
    holder = uuid4()
    SimulatedClock.objects.update_or_create(site=site, defaults={"holder": holder, **_columns(timeline)})
    detail = {"clock": ["real time", f"{clock.local(shows, site).isoformat(timespec='seconds')} at {speed:g}×"]}
    RecordChange.by(actor, at=now, verb="simulate clock", subject="site", subject_id=site.pk, reason=played_by, detail=detail)
    clock.timelines.forget()
    return Held(site, holder, timeline)


def refuse_while_played(site: Site) -> None:
    """Conflict while somebody has set the site's clock."""
    present = SimulatedClock.objects.filter(site=site, until__gt=clock.wall()).first()
    if present is not None:
        raise Conflict(
            f"The clock of {site} is simulated already: {present.played_by} (at {present.speed:g}×). Stop that first; when it was "
            f"killed, the clock is real again by {clock.local(present.until, site):%H:%M:%S}."
        )


@action
def run_on(held: Held, horizon: datetime, anchored: datetime | None = None) -> Held:
    """Let the clock run up to a later `horizon` and prolong the lease; with `anchored` (wall time) it stands where it is until then.

    Raises Conflict when the lease is over: the site is on real time, or somebody else plays.
    """
    now, before = clock.wall(), held.timeline
    timeline = replace(before, horizon=max(horizon, before.horizon), until=max(now + LEASE, before.until))
    if anchored is not None:
        timeline = replace(timeline, anchored=anchored, shows=before.reading(now))
    mine = SimulatedClock.objects.filter(site=held.site, holder=held.holder, until__gt=now)
    if not mine.update(**_columns(timeline)):
        raise Conflict(f"The clock of {held.site} went back to real time: nobody prolonged its simulation for {LEASE.seconds} seconds.")
    clock.timelines.forget()
    return replace(held, timeline=timeline)


@action
def end_simulation(held: Held, actor: Actor) -> None:
    """Real time again, at once. Nothing happens when the lease is over already."""
    now = clock.wall()
    if SimulatedClock.objects.filter(site=held.site, holder=held.holder, until__gt=now).update(until=now):
        shown = clock.local(held.timeline.reading(now), held.site).isoformat(timespec="seconds")
        detail = {"clock": [f"{shown} at {held.timeline.speed:g}×", "real time"]}
        RecordChange.by(actor, at=now, verb="end simulated clock", subject="site", subject_id=held.site.pk, detail=detail)
    clock.timelines.forget()


def timelines() -> dict[int | None, Timeline]:
    """The clocks that are simulated now or in a moment, by site; the default site's under None, too."""
    found: dict[int | None, Timeline] = {}
    for row in SimulatedClock.objects.filter(until__gt=clock.wall()).select_related("site"):
        timeline = Timeline(row.begins, row.anchored, row.shows, row.speed, row.horizon, row.until, row.played_by)
        found[row.site_id] = timeline
        if row.site.is_default:
            found[None] = timeline
    return found


def _columns(timeline: Timeline) -> dict[str, datetime | float | str]:
    return {
        "begins": timeline.begins,
        "anchored": timeline.anchored,
        "shows": timeline.shows,
        "speed": timeline.speed,
        "horizon": timeline.horizon,
        "until": timeline.until,
        "played_by": timeline.played_by,
    }
