"""Answers that are still to be linted, told by each process that lints (`worklist.linting`), for people who look at a station."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ris import clock
from ris.db import action
from ris.models import Site
from worklist.models import LintBacklog
from worklist.waiting import Station

STALE: Final = timedelta(seconds=30)
"""A process tells more often while something waits: who told nothing for so long is gone, and what waited with it."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Answers to one station: how many wait, since when on the site's clock, and how many were passed over, since there were too many."""

    station: Station
    waiting: int
    passed: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Behind:
    """Of one station over all processes: answers that wait since `since`, and answers that are not looked at before it asks again."""

    waiting: int = 0
    left: int = 0
    since: datetime | None = None


@action
def record(process: str, present: Collection[Backlog]) -> None:
    """What waits in a process; what it told before is over."""
    LintBacklog.objects.filter(process=process).delete()
    LintBacklog.objects.bulk_create(
        LintBacklog(
            site_id=one.station[0],
            station_ae_title=one.station[1][:16],
            process=process,
            waiting=one.waiting,
            passed=one.passed,
            since=one.since,
            at=clock.wall(),
        )
        for one in present
    )


def stations(besides: str) -> set[Station]:
    """Those of which other processes told something."""
    return set(LintBacklog.objects.exclude(process=besides).values_list("site_id", "station_ae_title"))


@action
def forget_stale(station: Station) -> bool:
    """Forget what processes that are gone told of a station; whether that was all."""
    rows = LintBacklog.objects.filter(site=station[0], station_ae_title=station[1])
    rows.filter(at__lt=clock.wall() - STALE).delete()
    return not rows.exists()


@action
def prune(before: datetime) -> int:
    """Forget what was told before, by wall time; returns how many rows."""
    return LintBacklog.objects.filter(at__lt=before).delete()[0]


def of(site: Site, ae_title: str) -> Behind:
    """How far the lint of what an AE title is answered is behind."""
    rows = list(LintBacklog.objects.filter(site=site, station_ae_title=ae_title))
    alive = [row for row in rows if row.at >= clock.wall() - STALE]
    waiting = sum(row.waiting for row in alive)
    left = sum(row.passed for row in rows) + sum(row.waiting for row in rows if row not in alive)
    return Behind(waiting, left, min((row.since for row in alive if row.waiting), default=None))
