"""Answers that wait to be linted, of each station in the order in which they were given, within bounds.

The first thousands wait as they were sent. Of what comes on top only the step and the mark of the item wait, sixteen bytes an answer, and
the item is read again when its turn comes. What does not fit even so is passed over and counted.
"""

import threading
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from worklist.find import Found

Station = tuple[int, str]
"""The key of a site and the AE title that asked."""


@dataclass(slots=True)
class Page:
    """Answers of one query, seen on the site's clock: as they were sent (`found`), or by step and mark in turn (`marks`).
    `at` is the number of those that were looked at."""

    seen: datetime
    found: Sequence[Found] = ()
    marks: "array[int]" = field(default_factory=lambda: array("q"))
    at: int = 0

    def __len__(self) -> int:
        return len(self.found) or len(self.marks) // 2


@dataclass(slots=True)
class Line:
    """What waits of one station since `since` (its site's clock), and how many answers were passed over. `began` is monotonic time."""

    since: datetime
    began: float
    pages: deque[Page] = field(default_factory=deque)
    passed: int = 0

    @property
    def waiting(self) -> int:
        return sum(len(page) - page.at for page in tuple(self.pages))


class Waiting:
    """Any thread may `put`, one takes: the stations in turn, so that a long list keeps nobody else's waiting."""

    def __init__(self, whole: int, marked: int) -> None:
        """The answers that wait as they were sent, and by their mark, at most."""
        self._bounds = whole, marked
        self._whole = self._marked = 0
        self._lines: dict[Station, Line] = {}
        self._lock = threading.Lock()

    def put(self, station: Station, found: Sequence[Found], seen: datetime) -> None:
        if self._whole + len(found) <= self._bounds[0]:
            page = Page(seen, found)
        elif self._marked + len(found) <= self._bounds[1]:
            page = Page(seen, marks=array("q", [number for one in found for number in (one.step_id, mark(one.item))]))
        else:
            page = None
        with self._lock:
            line = self._lines.get(station)
            if line is None or not line.pages:
                line = self._lines[station] = Line(seen, monotonic())
            if page is None:
                line.passed += len(found)
            else:
                line.pages.append(page)
                self._count(page, 1)

    def next(self) -> tuple[Station, Page] | None:
        """The first page of the station whose turn it is; None when nothing waits."""
        with self._lock:
            station = next((station for station, line in self._lines.items() if line.pages), None)
            if station is None:
                return None
            line = self._lines[station] = self._lines.pop(station)  # its next turn comes after those of the others
            return station, line.pages[0]

    def done(self, station: Station) -> bool:
        """Its first page was looked at; whether nothing else of the station waits."""
        with self._lock:
            line = self._lines[station]
            self._count(line.pages.popleft(), -1)
            if not line.pages and not line.passed:
                del self._lines[station]
            return not line.pages

    def _count(self, page: Page, sign: int) -> None:
        if page.found:
            self._whole += sign * len(page)
        else:
            self._marked += sign * len(page)

    def lines(self) -> list[tuple[Station, Line]]:
        """What waits, and what was passed over since its station asked anew."""
        with self._lock:
            return list(self._lines.items())


def mark(item: bytes) -> int:
    """Python keeps it with the bytes, and who composes the answer asks for it too."""
    return hash(item)
