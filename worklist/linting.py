"""The lint of what stations are answered, behind the answers and at its own pace: the worklist's speed does not pay for it.

A handler hands over a page of answers (`looking.offer`), which costs an append to a list; a thread lints them for a few milliseconds at a
time until it has looked at all of them, and reports what it finds (`worklist.findings`), of an item that stays as it is once a day. When
that takes longer than some seconds, how many still wait is told by `worklist.backlog`.
"""

import logging
import os
import socket
import threading
from collections.abc import Sequence
from datetime import datetime
from time import monotonic, perf_counter
from uuid import uuid4

from django.db import DatabaseError, connections

from dimse.dispatch import without_values
from worklist import backlog, findings, lint
from worklist.backlog import Backlog
from worklist.find import Found
from worklist.findings import Observed
from worklist.looked import Looked
from worklist.models import WorklistEntry
from worklist.waiting import Page, Station, Waiting, mark

logger = logging.getLogger(__name__)

WHOLE, MARKED = 5_000, 1_000_000
"""Answers of a process that wait: as they were sent (some 8 MB), and by step and mark (16 MB)."""
_SLICE = 0.002  # seconds of work at a time
_REST = 24  # times as long as the work: some 4 % of a core
_READ = 50  # items that are read at once
_BEHIND = 2.0  # seconds after which it is told that a station waits, and between two times
_DATABASE_AWAY = 2.0  # seconds until it is asked again


class Linting:
    """Answers that wait to be linted. Any thread may `offer`; `start` and `stop` frame the thread that looks at them."""

    def __init__(self, whole: int = WHOLE, marked: int = MARKED) -> None:
        self._bounds = whole, marked
        self.waiting = Waiting(whole, marked)
        self._something = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, site_id: int, station_ae_title: str, found: Sequence[Found], seen: datetime) -> None:
        """Answers to a station, seen on the site's clock. They are passed over while nobody looks."""
        if self._thread is not None and found:
            self.waiting.put((site_id, station_ae_title), found, seen)
            self._something.set()

    def start(self) -> None:
        self._stopping.clear()
        self.waiting = Waiting(*self._bounds)
        self._thread = threading.Thread(target=self._run, name="worklist-lint", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """What still waits is left for the next query, and told."""
        self._stopping.set()
        self._something.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self._thread = None

    def _run(self) -> None:
        work = _Work(self.waiting)
        while not self._stopping.is_set():
            self._something.wait()
            self._something.clear()
            while not self._stopping.is_set() and (rest := work.slice()) is not None:
                self._stopping.wait(rest)
            work.tell(everything=self._stopping.is_set())
            connections.close_all()


class _Work:
    """What the thread knows: which items it has looked at, and what it told last."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._looked = Looked()
        self._process = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid4().hex[:8]}"  # of a restarted container the rest may be the same
        self._told: list[Backlog] = []
        self._tell_at = 0.0
        self._others: set[Station] | None = None  # who waits in other processes, which may be gone

    def slice(self) -> float | None:
        """Look at some of what waits; the seconds to rest from that, None when nothing waits."""
        first = self._waiting.next()
        if first is None:
            return None
        station, page = first
        began = perf_counter()
        try:
            self._look_at(station, page, began + _SLICE)
            if page.at >= len(page) and self._waiting.done(station):
                self._done(station)
        except DatabaseError as error:
            logger.warning("Answers wait to be linted until the database can be read: %s", type(error).__name__)
            connections.close_all()
            return _DATABASE_AWAY
        if monotonic() > self._tell_at:
            self.tell()
        return (perf_counter() - began) * _REST

    def _look_at(self, station: Station, page: Page, end: float) -> None:
        while page.at < len(page) and perf_counter() < end:
            if page.found:
                self._look(station, page.found[page.at], page.seen)
                page.at += 1
            else:
                at = page.at
                steps, at = self._unknown(page, end)
                for step_id, item in WorklistEntry.objects.filter(pk__in=steps).values_list("pk", "item"):
                    self._look(station, Found(step_id, bytes(item)), page.seen)
                page.at = at

    def _unknown(self, page: Page, end: float) -> tuple[list[int], int]:
        """The next steps with an item that was not looked at, and how far that is in the page."""
        steps: list[int] = []
        at = page.at
        while at < len(page) and len(steps) < _READ and perf_counter() < end:
            if page.marks[2 * at + 1] not in self._looked:
                steps.append(page.marks[2 * at])
            at += 1
        return steps, at

    def _look(self, station: Station, one: Found, seen: datetime) -> None:
        try:
            look(*station, one, seen, self._looked)
        except Exception as error:  # noqa: BLE001  (one odd item must not end the lint)
            logger.error("The item of step %d cannot be linted: %s", one.step_id, without_values(error))

    def _done(self, station: Station) -> None:
        """What a process that is gone left of the station was looked at now, or is not answered any more."""
        if self._others is None:
            self._others = backlog.stations(besides=self._process)
        if station in self._others and backlog.forget_stale(station):
            self._others.discard(station)

    def tell(self, *, everything: bool = False) -> None:
        """Write down who waits for long; of a server that stops, who waits at all."""
        self._tell_at = monotonic() + _BEHIND
        present = [
            Backlog(station, line.waiting, line.passed, line.since)
            for station, line in self._waiting.lines()
            if everything or line.passed or line.began + _BEHIND < monotonic()
        ]
        if present != self._told:
            try:
                backlog.record(self._process, present)
                self._told = present
            except DatabaseError as error:
                logger.warning("Nobody is told that answers wait to be linted: %s", type(error).__name__)
                connections.close_all()


def look(site_id: int, station_ae_title: str, one: Found, seen: datetime, looked: Looked) -> None:
    """Report what is wrong with one answer, unless that was done today."""
    item = mark(one.item)
    if item in looked:  # nothing is wrong with it
        return
    told = hash((site_id, station_ae_title, one.step_id, item, seen.date()))
    if told in looked:
        return
    wrong = lint.lint(one.item)
    looked.add(told if wrong else item)
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
