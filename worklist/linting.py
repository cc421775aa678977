"""The lint of what stations are answered, behind the answers and at its own pace: the worklist's speed does not pay for it.

A handler hands over a page of answers (`looking.offer`), which costs an append to a list; a thread lints them for a few milliseconds at a
time and reports what it finds (`worklist.findings`), of an item that stays as it is once a day. What does not fit is left for the next
query: consoles ask all day.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from worklist import findings, lint
from worklist.find import Found
from worklist.findings import Observed
from worklist.recent import Recent

MOST = 500
"""Answers of one query that are handed over."""
_PAGES = 16  # that wait
_TOLD = 5_000  # faulty answers of which is remembered that they were told
_SLICE, _PAUSE = 0.002, 0.05  # seconds of work, and between two of them: at most some 4 % of a core


@dataclass(frozen=True, slots=True)
class _Page:
    site_id: int
    station_ae_title: str
    seen: datetime
    found: Sequence[Found]


class Linting:
    """Answers that wait to be linted. Any thread may `offer`; `start` and `stop` frame the thread that looks at them."""

    def __init__(self) -> None:
        self._waiting: deque[_Page] = deque()
        self._something = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, site_id: int, station_ae_title: str, found: Sequence[Found], seen: datetime) -> None:
        """Answers to a station, seen on the site's clock. They are passed over while nobody looks, or too many wait."""
        if self._thread is not None and len(self._waiting) < _PAGES:
            self._waiting.append(_Page(site_id, station_ae_title, seen, found[:MOST]))
            self._something.set()

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="worklist-lint", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """What still waits is left for the next query."""
        self._stopping.set()
        self._something.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._something.wait()
            self._something.clear()
            while self._waiting and not self._stopping.is_set():
                self._look(self._waiting.popleft())

    def _look(self, page: _Page) -> None:
        end = time.monotonic() + _SLICE
        for one in page.found:
            look(page.site_id, page.station_ae_title, one, page.seen)
            if time.monotonic() > end:
                if self._stopping.wait(_PAUSE):
                    return
                end = time.monotonic() + _SLICE


_told: Recent[tuple[int, str, int, bytes, date], bool] = Recent(_TOLD)


def look(site_id: int, station_ae_title: str, one: Found, seen: datetime) -> None:
    """Report what is wrong with one answer, unless that was done today."""
    wrong = lint.lint(one.item)
    key = (site_id, station_ae_title, one.step_id, one.item, seen.date())
    if not wrong or _told.get(key):
        return
    _told.put(key, True)
    for found in wrong:
        findings.report(
            Observed(
                site_id=site_id,
                station_ae_title=station_ae_title,
                step_id=one.step_id,
                code=found.code,
                attribute=found.attribute,
                text=found.text,
                seen=seen,
            )
        )


looking = Linting()
