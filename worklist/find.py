"""Entries that answer a query, in order of their local date and start: SQL narrows, `worklist.matching` decides.

Pages are read one at a time with no cursor left open between them, for a slow peer may take minutes to read its answers. SQL
is asked in a way that each kind of query has an index for, on both databases: what it costs depends on what it finds.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, islice, takewhile
from operator import itemgetter, or_
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, F, Field, Func, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from ris.models import Site
from worklist import matching, rows, values, zones
from worklist.keys import Kind
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.query import STATION, Query, range_of

FIRST_PAGE, PAGE = 200, 1000  # entries read at once: most queries end within the first
_MOST_LISTS = 20  # AE titles that are asked for one by one: a station's own and its aliases, or the values of a key
IDENTIFIERS = {
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
    "RequestedProcedureID": "requested_procedure_id",
    "ScheduledProcedureStepID": "scheduled_procedure_step_id",
    "StudyInstanceUID": "study_instance_uid",
}
"""Keys of which one value names an exam, or those of one patient, with their columns."""
_NAME_COLUMNS = ("name_alphabetic", "name_ideographic", "name_phonetic")

_AS_IT_IS = Coalesce("start", Value(None), output_field=Field())  # only compared with itself: what the driver gives will do


class Found(NamedTuple):
    """An entry that answers: its step and its item."""

    step_id: int
    item: bytes


def find(site: Site, query: Query) -> Iterator[list[Found]]:
    """Every entry that matches, once, a page at a time."""
    return Search(site, query).pages()


class Search:
    """A query made ready for a site. It may be run again and again, by any thread."""

    def __init__(self, site: Site, query: Query) -> None:
        self._streams = [_Stream(query, source) for source in _sources(site, query)]

    def pages(self) -> Iterator[list[Found]]:
        """Every entry that matches, once, a page at a time."""
        sent: set[int] = set()
        for page in self._streams[0].pages() if len(self._streams) == 1 else self._merged():
            found = {row[2]: Found(row[2], bytes(row[3])) for row in page if row[2] not in sent}
            sent.update(found)
            if found:
                yield list(found.values())

    def _merged(self) -> Iterator[list[rows.Row]]:
        """Lists that are in order each, as one that is; an exam that is on several of them comes several times."""
        merged = heapq.merge(*(chain.from_iterable(stream.pages()) for stream in self._streams), key=itemgetter(0, 1, 2))
        size = self._streams[0].page
        while page := list(islice(merged, size)):
            yield page
            size = PAGE


class _Stream:
    """What one source finds, in order."""

    def __init__(self, query: Query, source: "_Source") -> None:
        self._source = source
        names = ("local_date", "began", source.tie, *(source.prefix + name for name in ("item", *rows.columns(query))))
        positions = {name.removeprefix(source.prefix): at for at, name in enumerate(names) if at > 2}
        self._decide, self._view = rows.decider(query, positions), rows.viewer(query, positions, start=1)
        self._found = source.found.annotate(began=_AS_IT_IS).order_by(*source.order).values_list(*names)
        self.page = FIRST_PAGE
        self._first = _compiled(self._found.filter(source.bound)[: self.page])

    def pages(self) -> Iterator[list[rows.Row]]:
        """Rows of entries that match, a page at a time."""
        found = self._rows()
        pages = found if self._view is None else (list(map(self._view, page)) for page in found)
        return (list(filter(self._decide, page)) for page in pages)

    def _rows(self) -> Iterator[list[rows.Row]]:
        """Pages in order, each found by where the one before ended."""
        source, size = self._source, self.page
        page = _fetched(self._first)
        while page:
            yield page
            if len(page) < size:
                return
            behind = _behind(source.order, page[-1][3 - len(source.order) : 3])
            # Where the page before ended is a nearer bound than the first day, and an index seeks only one.
            bound = source.bound if source.sorted_first else Q()
            page, size = list(self._found.filter(bound, behind)[:PAGE]), PAGE


def _compiled(found: QuerySet[Any]) -> tuple[str, tuple[Any, ...]] | None:
    """The statement and its parameters, which take longer to make than to run; None when nothing can be found."""
    try:
        return found.query.sql_with_params()
    except EmptyResultSet:
        return None


def _fetched(statement: tuple[str, tuple[Any, ...]] | None) -> list[rows.Row]:
    if statement is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return list(cursor.fetchall())


@dataclass(frozen=True)
class _Source:
    """The rows that can match: entries, or the rows of one station with their entries behind `prefix`.

    `tie` is the step's number. `since` is the first local date that counts. `one_day`: all rows have the same local date. `sorted_first`:
    what can match is found by another index than that of the order and is little, so it is sorted.
    """

    found: QuerySet[Any]
    tie: str
    prefix: str = ""
    since: str = ""
    one_day: bool = False
    sorted_first: bool = False

    @property
    def bound(self) -> Q:
        return Q(local_date__gte=self.since) if self.since else Q()

    @property
    def order(self) -> list[Any]:
        """The first columns that are selected, or what stands for them."""
        order: list[Any] = [F("local_date"), F("start"), F(self.tie)][1 if self.one_day else 0 :]
        if self.sorted_first:
            order[0] = Coalesce(order[0], Value(""))  # no index has the order of an expression: that which finds little is taken
        return order


def _sources(site: Site, query: Query) -> list[_Source]:
    """One, or one for each list of a station that sees several: each is in the order of an index, which one for all of them is not."""
    (since, until), days = _range(query), _days(query)
    since = max(since, query.scope.oldest[0])
    if query.view is not None:  # in another time zone a day begins and ends elsewhere
        since, until, days = zones.day_beside(min(days, default=since), -1), zones.day_beside(max(days, default=until), 1), ()
    narrowed = Q(local_date__lte=until) if until else _any_of("local_date", days) if days else Q()
    by_identifier = any(asked is not None and asked.kind is not Kind.WILDCARD for asked in map(query.asked, IDENTIFIERS))
    lists = _lists(query)
    if lists and not by_identifier:
        of_stations = WorklistEntryStation.objects.filter(narrowed, _narrowed(query, "entry__"), site=site)
        return [_Source(of_stations.filter(ae_title=title), "entry_id", "entry__", since, len(days) == 1) for title in lists]
    entries = WorklistEntry.objects.filter(narrowed, _narrowed(query, ""))
    if by_identifier:
        return [_Source(entries.filter(site=site), "step_id", since=since, sorted_first=True)]
    named = _named(query, "", Q(site=site))
    if named and len(days) != 1:
        return [_Source(entries.filter(named), "step_id", since=since, sorted_first=True)]
    by_beginning = len(days) != 1 and bool(_beginnings(query, ""))
    return [_Source(entries.filter(named, site=site), "step_id", "", since, len(days) == 1 and not by_beginning, by_beginning)]


def _lists(query: Query) -> tuple[str, ...]:
    """AE titles one of which every answer has; none when that is not known, or there are too many to ask for one by one."""
    asked, scope = query.asked(STATION), query.scope
    titles = dict.fromkeys((*asked.values, *asked.also)) if asked is not None else {}
    if scope.own_list_only and not (titles and titles.keys() <= set(scope.lists)):
        return scope.lists
    return tuple(titles) if len(titles) <= _MOST_LISTS else ()


def _row(expressions: Iterable[Any]) -> Func:
    return Func(*expressions, template="(%(expressions)s)")


def _behind(order: Sequence[Any], of: Sequence[Any]) -> Func:
    """`(a, b) > (x, y)`: rows behind another one in the order of some columns, which an index of them is asked for as a whole."""
    return Func(_row(order), _row(map(Value, of)), template="%(expressions)s", arg_joiner=" > ", output_field=BooleanField())


def _narrowed(query: Query, prefix: str) -> Q:
    """What SQL can say about every answer; never more than the predicate says."""
    condition = _any_of(f"{prefix}status", matching.statuses(query)) & _beginnings(query, prefix)
    if prefix:
        condition &= _named(query, prefix, Q())
    if query.scope.not_for_it:
        condition &= ~Q(**{"entry__in" if prefix else "step__in": query.scope.not_for_it})
    modality = query.asked("Modality")
    if modality is not None and modality.kind is not Kind.WILDCARD:
        condition &= _any_of(f"{prefix}modality", modality.values)
    for keyword, column in IDENTIFIERS.items():
        asked = query.asked(keyword)
        if asked is not None and asked.kind is not Kind.WILDCARD:
            condition &= _any_of(prefix + column, asked.values)
    return condition


def _any_of(column: str, asked: Sequence[str]) -> Q:
    return Q(**{column: asked[0]}) if len(asked) == 1 else Q(**{f"{column}__in": asked})


def _days(query: Query) -> tuple[str, ...]:
    """The local days that are asked one by one."""
    asked = query.asked("ScheduledProcedureStepStartDate")
    return asked.values if asked is not None and asked.kind is not Kind.RANGE else ()


def _range(query: Query) -> tuple[str, str]:
    """First and last local day of a range, "" where it is open."""
    asked = query.asked("ScheduledProcedureStepStartDate")
    is_range = asked is not None and asked.kind is Kind.RANGE and len(asked.values) == 1
    return range_of(asked.key, asked.values[0]) if asked is not None and is_range else ("", "")


def _beginnings(query: Query, prefix: str) -> Q:
    """What identifiers with a wildcard begin with; nothing when they say nothing of how an answer begins."""
    condition = Q()
    for keyword, column in IDENTIFIERS.items():
        asked = query.asked(keyword)
        if asked is not None and asked.kind is Kind.WILDCARD:
            condition &= _begin_with([_prefix_of(one) for one in asked.values], [prefix + column], Q())
    return condition


def _named(query: Query, prefix: str, each: Q) -> Q:
    """Names by the beginning of a component group; a key of one group may be any of the three.

    `each` is said of every group by itself, for SQLite takes an index for each alternative only when that says it all.
    """
    name = query.asked("PatientName")
    if name is None or name.kind is Kind.FUZZY or any("=" in one.rstrip("=") for one in name.values):
        return Q()
    columns = [prefix + column for column in _NAME_COLUMNS]
    groups = [values.name_groups(one)[0] for one in name.values]
    if any(sign in group for group in groups for sign in "*?"):  # of full width too, which folding makes plain
        return _begin_with([_prefix_of(group).rstrip("^") for group in groups], columns, each)
    return _either(each & _any_of(column, groups) for column in columns)


def _either(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q())


def _prefix_of(text: str) -> str:
    return "".join(takewhile(lambda char: char not in "*?", text))


def _begin_with(prefixes: Sequence[str], columns: Sequence[str], each: Q) -> Q:
    """Any column begins with any prefix; no condition when a prefix is empty (a leading wildcard looks at everything)."""
    if not all(prefixes):
        return Q()
    return _either(each & _starts_with(column, text) for text in prefixes for column in columns)


def _starts_with(column: str, text: str) -> Q:
    """In the way that the database has an index for: SQLite's LIKE knows no case, PostgreSQL compares by its locale."""
    if connection.vendor == "sqlite":
        return Q(**{f"{column}__gte": text, f"{column}__lt": text + chr(0x10FFFF)})
    return Q(**{f"{column}__startswith": text})
