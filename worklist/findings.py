"""What is odd about a station's queries and the answers it gets, written off the hot path: gathered in memory, one row for each fact.

A handler says `report(...)`, which costs a dictionary operation; a thread writes what has gathered every few seconds. The same fact met a
thousand times is one row with a count. What does not fit into the gathering is dropped and counted.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.models import F

from ris import titles
from ris.db import action
from ris.models import ScheduledProcedureStep
from worklist.models import LintBacklog, WorklistFinding

logger = logging.getLogger(__name__)

_TEXT, _ATTRIBUTE = 500, 250  # characters that the columns hold


class Code(StrEnum):
    """What a finding is about, beside the rules of `worklist.lint_rules`, whose codes are findings too."""

    NOT_IN_CHARACTER_SET = "NOT_IN_CHARACTER_SET"  # an answer's text that the station's character set does not have
    ANSWERS_CUT = "ANSWERS_CUT"  # more exams matched than the station's answer limit
    TOLERATED_IN_QUERY = "TOLERATED_IN_QUERY"  # something in an identifier that is not as it should be, and was understood
    QUERY_UNDECODABLE = "QUERY_UNDECODABLE"  # C002: the identifier cannot be decoded
    QUERY_KEY_REFUSED = "QUERY_KEY_REFUSED"  # A900: a key that cannot be read, or may not come like that
    QUERY_TOO_WIDE = "QUERY_TOO_WIDE"  # A700: more exams matched than the station's answer limit, and it is set to be refused then
    QUERY_FAILED = "QUERY_FAILED"  # C001: a fault of ours
    QUERY_REFUSED = "QUERY_REFUSED"  # any other failure: the command is not as it should be


_Key = tuple[int, str, int | None, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A fact as it was met: `count` times, last at `seen` (the site's clock). `step_id` is None for what concerns the station alone."""

    site_id: int
    station_ae_title: str
    code: str
    text: str
    seen: datetime
    step_id: int | None = None
    attribute: str = ""
    count: int = 1

    @property
    def key(self) -> _Key:
        """What makes two observations one fact."""
        return self.site_id, self.station_ae_title[:16], self.step_id, str(self.code), self.attribute[:_ATTRIBUTE]


class Gathering:
    """Facts that wait to be written. Any thread may `put`; `start` and `stop` frame the thread that writes."""

    def __init__(self, capacity: int = 5_000, interval: float = 2.0) -> None:
        self._capacity, self._interval = capacity, interval
        self._waiting: dict[_Key, Observed] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._dropped = self._reported = 0

    @property
    def dropped(self) -> int:
        """How many observations were lost since the start."""
        return self._dropped

    def put(self, observed: Observed) -> None:
        with self._lock:
            before = self._waiting.get(observed.key)
            if before is not None:
                observed = replace(observed, count=before.count + observed.count)
            elif len(self._waiting) >= self._capacity:
                self._dropped += observed.count
                return
            self._waiting[observed.key] = observed

    def write(self) -> None:
        """Write what waits. While the database cannot be reached it goes on waiting."""
        with self._lock:
            batch, self._waiting = self._waiting, {}
        try:
            record(batch.values())
        except (OperationalError, InterfaceError) as error:
            logger.warning("Findings of the worklist wait for the database: %s", type(error).__name__)
            for observed in batch.values():
                self.put(observed)
        except (DatabaseError, ValueError):  # a step that was removed meanwhile, or text that no column takes: the others are fine
            for observed in batch.values():
                self._write_alone(observed)
        self._report_drops()

    def _write_alone(self, observed: Observed) -> None:
        try:
            record([observed])
        except (DatabaseError, ValueError) as error:
            self._dropped += observed.count
            logger.warning("A finding %s of the worklist cannot be written: %s", observed.code, type(error).__name__)

    def _report_drops(self) -> None:
        if self._dropped > self._reported:
            logger.warning("%d findings of the worklist were lost (%d in all)", self._dropped - self._reported, self._dropped)
            self._reported = self._dropped

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="worklist-findings", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Write what waits, for at most `timeout` seconds."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stopping.wait(self._interval)
            if self._waiting:
                try:
                    self.write()
                finally:
                    connections.close_all()


gathering = Gathering()
report = gathering.put


@action
def record(observed: Iterable[Observed]) -> None:
    """Add to the rows of these facts, or make them. What is about a step that is gone is left out."""
    observed = _under_present_titles(list(observed))
    facts = sorted(observed, key=lambda one: tuple(map(str, one.key)))  # in one order: two processes do not wait for each other
    asked = {one.step_id for one in facts if one.step_id is not None}
    known = {None, *ScheduledProcedureStep.objects.filter(pk__in=asked).values_list("pk", flat=True)}
    facts = [one for one in facts if one.step_id in known]
    WorklistFinding.objects.bulk_create([_row(one) for one in facts], ignore_conflicts=True)
    for one in facts:
        site_id, ae_title, step_id, code, attribute = one.key
        row = WorklistFinding.objects.filter(site=site_id, station_ae_title=ae_title, step=step_id, code=code, attribute=attribute)
        row.update(count=F("count") + one.count, last_seen=one.seen, text=one.text[:_TEXT])


def _under_present_titles(observed: list[Observed]) -> list[Observed]:
    """A station may have got another title since something was met; what is met under one that was given up is a stranger's."""
    present: dict[tuple[int, str], str] = {}
    for site_id in sorted({one.site_id for one in observed}):
        titles.hold(site_id)
        present |= {(site_id, former): now for former, now in titles.renamed(site_id)}
    return [replace(one, station_ae_title=present.get((one.site_id, one.station_ae_title), one.station_ae_title)) for one in observed]


def _row(one: Observed) -> WorklistFinding:
    """A fact that was not met before: its count is still to be added."""
    site_id, ae_title, step_id, code, attribute = one.key
    return WorklistFinding(
        site_id=site_id,
        station_ae_title=ae_title,
        step_id=step_id,
        code=code,
        attribute=attribute,
        text=one.text[:_TEXT],
        first_seen=one.seen,
        last_seen=one.seen,
        count=0,
    )


@action
def follow(site_id: int, before: str, after: str) -> None:
    """Have what was told of a station stand under its new AE title. What was told of that one too, before it was a station's, is added.

    ValueError when it is the same title, under which all would be there already, and be removed.
    """
    if before == after:
        raise ValueError(f"{before} is no other AE title than before")
    known = WorklistFinding.objects.filter(site=site_id)
    there = {(row.step_id, row.code, row.attribute): row for row in known.filter(station_ae_title=after)}
    for row in known.filter(station_ae_title=before) if there else ():
        same = there.get((row.step_id, row.code, row.attribute))
        if same is not None:
            later = max(same, row, key=lambda one: one.last_seen)
            same.text, same.last_seen, same.count = later.text, later.last_seen, same.count + row.count
            same.first_seen = min(same.first_seen, row.first_seen)
            same.save()
            row.delete()
    known.filter(station_ae_title=before).update(station_ae_title=after)
    LintBacklog.objects.filter(site=site_id, station_ae_title=before).delete()  # each process tells it again under the title of then


@action
def prune(before: datetime) -> int:
    """Forget what was not met since; returns how many rows."""
    return WorklistFinding.objects.filter(last_seen__lt=before).delete()[0]
