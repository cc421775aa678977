"""The predicate of `worklist.matching`, made ready for many rows of columns: one decision, without an object for each entry."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from worklist import matching
from worklist.keys import Kind
from worklist.models import WorklistEntry
from worklist.query import Asked, Query

Row = tuple[Any, ...]
_ALWAYS = ("status", "local_date", "local_time")


def columns(query: Query) -> tuple[str, ...]:
    """The columns of WorklistEntry that `decider` reads."""
    return tuple(dict.fromkeys((*_ALWAYS, *(one.key.column for one in _filters(query) if one.key.column))))


def decider(query: Query, positions: Mapping[str, int]) -> Callable[[Row], bool]:
    """`matching.matches` for rows that have each of `columns(query)` and `item` at its position.

    A column against the values that are asked is tested at once; a key that has no column, or two that are one interval, are left
    to `matching.matches`.
    """
    tests = [(positions[one.key.column], _test(one)) for one in _filters(query) if one.key.column and not _in_interval(query, one)]
    if query.asked("ScheduledProcedureStepStatus") is None:
        tests.append((positions["status"], frozenset(matching.SERVED).__contains__))

    def columns_match(row: Row) -> bool:
        for position, test in tests:  # noqa: SIM110  (a loop takes half the time of all())
            if not test(row[position]):
                return False
        return True

    if query.interval is None and all(one.key.column for one in _filters(query)):
        return columns_match
    names = [*columns(query), "item"]

    def matches(row: Row) -> bool:
        return columns_match(row) and matching.matches(query, WorklistEntry(**{name: row[positions[name]] for name in names}))

    return matches


def _filters(query: Query) -> list[Asked]:
    return [one for one in (*query.step, *query.root) if one.filters]


def _in_interval(query: Query, asked: Asked) -> bool:
    return query.interval is not None and asked.kind is Kind.RANGE and asked.key.column in ("local_date", "local_time")


def _test(asked: Asked) -> Callable[[str], bool]:
    """Any value that the column holds; an empty column is unknown, which matches nothing that is asked."""
    test = matching.tester(asked)

    def matches(has: str) -> bool:
        found = has.split("\\") if asked.key.column == "station_ae_titles" else (has,)
        return bool(has) and any(map(test, found))

    return lru_cache(maxsize=256)(matches)  # of a day, a station or a modality there are few
