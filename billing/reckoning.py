"""Books for pages that ask again by themselves: what took long to reckon is shown again for a while.

Measured: 0.6 s of CPU for 1,200 services, so that a month of a large hospital takes tens of seconds. An open page asks every few
seconds while anything changes; reckoned each time, it would keep a processor busy for itself.
"""

import threading
import time as stopwatch
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from billing import accounting
from billing.accounting import Books
from ris import clock
from ris.models import Site

LONG: Final = 1.0
"""Seconds; what takes less is reckoned each time."""
SHARE: Final = 20
"""Books that took a second are shown for so many: a twentieth of a processor for each period that is looked at."""
_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Reckoned:
    """`at` is the hospital's time of it, `took` in seconds."""

    books: Books
    at: datetime
    took: float
    until: float
    """When it is reckoned anew, by the stopwatch."""


class Kept:
    """In this process. Two that ask at one moment reckon once each."""

    def __init__(self, now: Callable[[], float] = stopwatch.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[tuple[int, date, date], Reckoned] = {}

    def books(self, site: Site, first: date, last: date) -> Reckoned:
        """Of local days `first` to `last`."""
        key, began = (site.pk, first, last), self._now()
        with self._lock:
            known = self._known.get(key)
        if known is not None and began < known.until:
            return known
        found, at = accounting.books(site, first, last), clock.now(site)
        ended = self._now()
        reckoned = Reckoned(found, at, ended - began, ended + SHARE * (ended - began))
        with self._lock:
            self._known.pop(key, None)
            if reckoned.took >= LONG:
                self._known[key] = reckoned
                for oldest in list(self._known)[:-_MOST]:
                    del self._known[oldest]
        return reckoned


kept = Kept()
