"""Entries that answer a query, in order of start: SQL narrows, `worklist.matching` decides.

Pages are read one at a time with no cursor left open between them, for a slow peer may take minutes to read its answers.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import TypeVar

from django.db import connection
from django.db.models import Q, QuerySet

from ris.models import Site
from ris.transitions import STATUSES
from worklist import matching, values
from worklist.keys import Kind
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.query import Asked, Query, range_of

PAGE = 200
Row = TypeVar("Row", WorklistEntry, WorklistEntryStation)
_TEXT_COLUMNS = {
    "Modality": "modality",
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
    "RequestedProcedureID": "requested_procedure_id",
    "ScheduledProcedureStepID": "scheduled_procedure_step_id",
    "StudyInstanceUID": "study_instance_uid",
}
_NAME_COLUMNS = ("name_alphabetic", "name_ideographic", "name_phonetic")


def find(site: Site, query: Query) -> Iterator[WorklistEntry]:
    """Every entry that matches, once, in order of start."""
    sent: set[int] = set()
    for page in _pages(site, query):
        for entry in page:
            if entry.pk not in sent and matching.matches(query, entry):
                sent.add(entry.pk)
                yield entry


def _pages(site: Site, query: Query) -> Iterator[list[WorklistEntry]]:
    station = query.asked("ScheduledStationAETitle")
    if station is not None and station.kind is Kind.SINGLE and len(station.values) == 1:
        rows = WorklistEntryStation.objects.filter(_narrowed(query, "entry__"), site=site, ae_title=station.values[0])
        days = _days(query, "local_date")
        for found in _keyset(rows.filter(days).select_related("entry"), "entry_id"):
            yield [row.entry for row in found]
    else:
        entries = WorklistEntry.objects.filter(_narrowed(query, ""), _days(query, "local_date"), site=site)
        yield from _keyset(entries, "step_id")


def _keyset(rows: QuerySet[Row], tie: str) -> Iterator[list[Row]]:
    """Pages by (start, step), each found by where the one before ended."""
    rows = rows.order_by("start", tie)
    behind = Q()
    while page := list(rows.filter(behind)[:PAGE]):
        yield page
        if len(page) < PAGE:
            return
        last = page[-1]
        behind = Q(start__gte=last.start) & (Q(start__gt=last.start) | Q(**{f"{tie}__gt": getattr(last, tie)}))


def _narrowed(query: Query, prefix: str) -> Q:
    """What SQL can say about every answer; never more than the predicate says."""
    condition = Q(**{f"{prefix}status__in": _statuses(query)})
    for keyword, column in _TEXT_COLUMNS.items():
        asked = query.asked(keyword)
        if asked is not None:
            condition &= _text_condition(asked, prefix + column)
    name = query.asked("PatientName")
    if name is not None:
        condition &= _name_condition(name, prefix)
    return condition


def _statuses(query: Query) -> list[str]:
    asked = query.asked("ScheduledProcedureStepStatus")
    return list(matching.SERVED) if asked is None else [status for status in STATUSES if matching.tester(asked)(status)]


def _days(query: Query, column: str) -> Q:
    """The local days that can match, from the date key or the interval of date and time."""
    asked = query.asked("ScheduledProcedureStepStartDate")
    if asked is None:
        return Q()
    if asked.kind is not Kind.RANGE:
        return Q(**{f"{column}__in": asked.values})
    if len(asked.values) > 1:
        return Q()
    first, last = range_of(asked.key, asked.values[0])
    condition = Q(**{f"{column}__gte": first}) if first else Q()
    return condition & Q(**{f"{column}__lte": last}) if last else condition


def _text_condition(asked: Asked, column: str) -> Q:
    if asked.kind is not Kind.WILDCARD:
        return Q(**{f"{column}__in": asked.values})
    return _prefix_condition([_prefix_of(one) for one in asked.values], [column])


def _name_condition(asked: Asked, prefix: str) -> Q:
    """Names by the beginning of a component group; a key of one group may be any of the three."""
    columns = [prefix + column for column in _NAME_COLUMNS]
    if any("=" in one.rstrip("=") for one in asked.values):
        return Q()
    groups = [values.name_groups(one)[0] for one in asked.values]
    if asked.kind is Kind.WILDCARD:
        return _prefix_condition([_prefix_of(group).rstrip("^") for group in groups], columns)
    condition = Q()
    for column in columns:
        condition |= Q(**{f"{column}__in": groups})
    return condition


def _prefix_of(text: str) -> str:
    return "".join(takewhile(lambda char: char not in "*?", text))


def _prefix_condition(prefixes: list[str], columns: list[str]) -> Q:
    """Any column begins with any prefix; no condition when a prefix is empty (a leading wildcard looks at everything)."""
    condition = Q()
    for text in prefixes:
        if not text:
            return Q()
        for column in columns:
            condition |= _starts_with(column, text)
    return condition


def _starts_with(column: str, text: str) -> Q:
    """In the way that the database has an index for: SQLite's LIKE knows no case, PostgreSQL compares by its locale."""
    if connection.vendor == "sqlite":
        return Q(**{f"{column}__gte": text, f"{column}__lt": text + chr(0x10FFFF)})
    return Q(**{f"{column}__startswith": text})
