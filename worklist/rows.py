"""The predicate of `worklist.matching`, made ready for many rows of columns: one decision, without an object for each entry."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from worklist import matching, zones
from worklist.keys import Kind
from worklist.models import WorklistEntry
from worklist.query import Asked, Query
from worklist.scope import ANY_TIME

Row = tuple[Any, ...]
_ALWAYS = ("status", "local_date", "local_time")


def columns(query: Query) -> tuple[str, ...]:
    """The columns of WorklistEntry that `decider` reads."""
    own = ("station_ae_titles",) if query.scope.own_list_only else ()
    return tuple(dict.fromkeys((*_ALWAYS, *own, *(one.key.column for one in _filters(query) if one.key.column))))


def decider(query: Query, positions: Mapping[str, int]) -> Callable[[Row], bool]:
    """`matching.matches` for rows that have each of `columns(query)` and `item` at its position.

    A column against the values that are asked is tested at once; a key that has no column, or two that are one interval, are left
    to `matching.matches_as_seen`.
    """
    tests = [(positions[one.key.column], _test(one)) for one in _filters(query) if one.key.column and not _in_interval(query, one)]
    tests.append((positions["status"], frozenset(matching.statuses(query)).__contains__))
    if query.scope.own_list_only:
        tests.append((positions["station_ae_titles"], lru_cache(maxsize=256)(partial(matching.is_own, query.scope))))

    def columns_match(row: Row) -> bool:
        for position, test in tests:  # noqa: SIM110  (a loop takes half the time of all())
            if not test(row[position]):
                return False
        return True

    shown = _young_enough(query, positions, columns_match)
    if query.interval is None and all(one.key.column for one in _filters(query)):
        return shown
    names = [*columns(query), "item"]

    def matches(row: Row) -> bool:
        return shown(row) and matching.matches_as_seen(query, WorklistEntry(**{name: row[positions[name]] for name in names}))

    return matches


def viewer(query: Query, positions: Mapping[str, int], start: int) -> Callable[[Row], Row] | None:
    """What puts a row into the query's time zone; None when it is in it. At `start` is the moment as the driver gives it."""
    view = query.view
    if view is None:
        return None
    day, time, item = (positions[name] for name in ("local_date", "local_time", "item"))

    def seen(row: Row) -> Row:
        there = zones.seen(view, _moment(row[start]), row[day], row[time], bytes(row[item]))
        moved = list(row)
        moved[day], moved[time], moved[item] = there.local_date, there.local_time, there.item
        return tuple(moved)

    return seen


def _moment(given: datetime | str) -> datetime:
    """SQLite gives a text, without a zone for UTC."""
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _young_enough(query: Query, positions: Mapping[str, int], others: Callable[[Row], bool]) -> Callable[[Row], bool]:
    """`others`, and what the station's age limit says."""
    oldest, day, time = query.scope.oldest, positions["local_date"], positions["local_time"]
    return others if oldest == ANY_TIME else lambda row: (row[day], row[time]) >= oldest and others(row)


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
