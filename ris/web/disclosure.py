"""What a page or a REST call discloses of patients, said by its view, and recorded when the answer is ready and before it leaves.

    disclose(request, audit.PROCEDURE, step)
    disclose(request, audit.LIST, *shown, total=found.count(), asked={"q": text})

Parts of pages that ask for themselves every few seconds would fill the trail: what somebody saw on a page is not recorded again for
WINDOW seconds, for the same person, address, page, filters and patient. A patient who comes onto the list in between is. What cannot be
recorded is not shown: `ris.web.recording` answers 503 instead.
"""

import threading
import time as stopwatch
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError
from django.http import HttpRequest

from ris import audit
from ris.actions import auditing
from ris.actions.auditing import Claimant, Place
from ris.actor import Actor
from ris.audit import Subject
from ris.kept import kept
from ris.models import Site
from ris.throttling import of_address

WINDOW: Final = 300.0
"""Seconds."""
_MOST_KEPT = 200_000
"""Of what was recorded of late; the oldest are forgotten first."""


@dataclass(frozen=True)
class Disclosure:
    """`about` are the patients shown, `total` how many the list holds, `asked` what it was narrowed by."""

    event: str
    about: tuple[Subject, ...]
    total: int | None
    asked: dict[str, Any]


def disclose(request: HttpRequest, event: str, *things: object, total: int | None = None, asked: dict[str, Any] | None = None) -> None:
    """Say what the answer to this request shows: patients, orders, steps, performed steps, charges, or `Subject`s.

    A list that shows nobody is said too: that somebody searched for a name is worth knowing."""
    given = {name: value for name, value in (asked or {}).items() if value not in ("", None, False)}
    _said(request).append(Disclosure(event, tuple(audit.all_subjects(things)), total, given))


def disclosed(request: HttpRequest) -> Sequence[Disclosure]:
    return _said(request)


def _said(request: HttpRequest) -> list[Disclosure]:
    return kept(request, "_disclosed", list[Disclosure])


class Recent:
    """What was recorded less than WINDOW seconds ago, in this process."""

    def __init__(self) -> None:
        self._at: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def new(self, keys: Sequence[Hashable]) -> list[Hashable]:
        """Those of the keys that are not there."""
        now = stopwatch.monotonic()
        with self._lock:
            return [key for key in keys if now - self._at.get(key, -WINDOW) >= WINDOW]

    def add(self, keys: Sequence[Hashable]) -> None:
        now = stopwatch.monotonic()
        with self._lock:
            for key in keys:
                self._at.pop(key, None)
                self._at[key] = now
            while self._at and (len(self._at) > _MOST_KEPT or now - next(iter(self._at.values())) >= WINDOW):
                del self._at[next(iter(self._at))]

    def forget(self) -> None:
        with self._lock:
            self._at.clear()


recent: Final = Recent()


def record_reading(who: Actor, site: Site | None, place: Place, said: Disclosure) -> None:
    """Record what of a disclosure was not recorded of late. Raises DatabaseError."""
    page = (who.kind, who.user_id or who.name, place, said.event, repr(sorted(said.asked.items())))
    keys: list[Hashable] = [(page, one) for one in said.about] or [(page, None)]
    new = set(recent.new(keys))
    if not new and said.event != audit.EXPORT:
        return
    about = [one for one in said.about if said.event == audit.EXPORT or (page, one) in new]
    detail = {"asked": said.asked} if said.asked else {}
    auditing.record(who, said.event, audit.READ, site=site, place=place, about=about, total=said.total, detail=detail)
    recent.add(keys)


class Tally:
    """How often the same happened since it first did, for WINDOW seconds, in this process, and when that is to be told."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, tuple[float, int, int]] = {}
        """When it first happened, how often it has, and from which time on it is to be told next."""
        self._lock = threading.Lock()

    def count(self, key: Hashable, told_from: int = 1) -> int:
        """Which one this is when it is to be told: from `told_from` on the first, then the 10th, the 100th, the 1000th; else 0."""
        now = stopwatch.monotonic()
        with self._lock:
            since, before, due = self._counts.get(key, (now, 0, told_from))
            if now - since >= WINDOW:
                del self._counts[key]
                since, before, due = now, 0, told_from
            times = before + 1
            self._counts[key] = since, times, due if times < due else 10 ** len(str(times))
            while len(self._counts) > _MOST_KEPT or now - self._counts[next(iter(self._counts))][0] >= WINDOW:
                del self._counts[next(iter(self._counts))]
            return times if times >= due else 0

    def not_told(self, key: Hashable) -> None:
        """What was to be told could not be: the next one is."""
        with self._lock:
            if key in self._counts:
                since, times, _ = self._counts[key]
                self._counts[key] = since, times, times

    def forget(self) -> None:
        with self._lock:
            self._counts.clear()


refused: Final = Tally()


def record_summed(
    who: Actor | Claimant,
    event: str,
    outcome: int,
    site: Site | int | None,
    place: Place,
    detail: dict[str, Any],
    *,
    alike: tuple[Hashable, ...],
    told_from: int = 1,
) -> None:
    """Record what went wrong; of the same within WINDOW seconds the 10th, the 100th, the 1000th time, with the number of times.

    So a flood is told by its size in a few rows, and cannot fill a trail that nobody empties. `alike` is what makes it the same, beside
    who did it and from where: an address, of IPv6 the network that one customer has; what happens less often than `told_from` is left out.
    Raises DatabaseError, after which the next of the same is recorded.
    """
    whose = (who.user_id or who.name) if isinstance(who, Actor) else who.claim
    key = (whose, of_address(place.address).whose, event, outcome, *alike)
    times = refused.count(key, told_from)
    if not times:
        return
    said = detail | ({"times": times} if times > 1 else {})
    try:
        auditing.record(who, event, audit.EXECUTE, site=site, place=place, outcome=outcome, detail=said)
    except DatabaseError:
        refused.not_told(key)
        raise
