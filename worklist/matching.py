"""Whether an entry is an answer to a query: the one predicate, which is also the explanation (PS3.4 C.2.2.2, K.4.1.2.1).

`matches` is "every key matches"; `explain` shows each of them. SQL only narrows what is looked at (`worklist.find`).
"""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache

from pydicom import Dataset

from ris.titles import of_one_list
from ris.transitions import STATUSES, WAITING
from worklist import item, keys, names, values, zones
from worklist.keys import Key, Kind
from worklist.models import WorklistEntry
from worklist.query import STATION, STATUS, Asked, Query
from worklist.scope import ANY_TIME, Scope
from worklist.wildcards import wildcard

SERVED = WAITING
"""Statuses that are shown unless ScheduledProcedureStepStatus asks for others (PS3.4 F.7.2.4.2.1 leaves it to the SCP), or the asking
station is set otherwise."""

ONE_INTERVAL, BY_DEFAULT = "one interval", "shown unless asked otherwise"
STATUSES_SHOWN, ARRIVED_ONLY, OWN_LIST, AGE = "statuses shown", "requires arrival", "own list only", "age limit"
TEST_EXAM = "test exam"
"""How a verdict is reached that is no kind of matching of one key (`KeyVerdict.kind`)."""

_START = ("ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime")


@dataclass(frozen=True)
class KeyVerdict:
    """What one key asked, what the entry has (values separated by backslashes), how they were compared, and the outcome.

    `because`: the setting of the station that is behind it, in words; empty for what the query alone asks.
    """

    keyword: str
    asked: str
    has: str
    kind: str
    matches: bool
    because: str = ""


class Candidate:
    """An entry as matching sees it: values from its columns, and from its item when a key has no column."""

    def __init__(self, entry: WorklistEntry) -> None:
        self.entry = entry

    @cached_property
    def item(self) -> Dataset:
        return item.decode(self.entry.item)

    @cached_property
    def step_item(self) -> Dataset:
        found = values.items(self.item, keys.STEP_SEQUENCE.tag)
        return found[0] if found else Dataset()

    def values(self, key: Key, in_step: bool) -> tuple[str, ...]:
        if key.column == "station_ae_titles":
            return tuple(self.entry.station_ae_titles.split("\\")) if self.entry.station_ae_titles else ()
        if key.column:
            value = getattr(self.entry, key.column)
            return (value,) if value else ()
        return values.texts((self.step_item if in_step else self.item).get(key.tag))

    def items(self, key: Key, in_step: bool) -> list[Dataset]:
        return values.items(self.step_item if in_step else self.item, key.tag)


def matches(query: Query, entry: WorklistEntry) -> bool:
    return matches_as_seen(query, _seen(query, entry))


def matches_as_seen(query: Query, entry: WorklistEntry) -> bool:
    """`matches` of columns that are in the query's time zone already."""
    return all(verdict.matches for verdict in _verdicts(query, Candidate(entry), only_filters=True))


def _seen(query: Query, entry: WorklistEntry) -> WorklistEntry:
    """The entry in the query's time zone."""
    if query.view is None:
        return entry
    there = zones.seen(query.view, entry.start, entry.local_date, entry.local_time, bytes(entry.item))
    seen = copy(entry)
    seen.local_date, seen.local_time, seen.item = there.local_date, there.local_time, there.item
    return seen


def explain(query: Query, entry: WorklistEntry, only_filters: bool = False) -> list[KeyVerdict]:
    """Key by key, those that exclude nothing too unless `only_filters` are asked for."""
    return list(_verdicts(query, Candidate(_seen(query, entry)), only_filters))


def _verdicts(query: Query, candidate: Candidate, only_filters: bool) -> Iterator[KeyVerdict]:
    yield from _scope_verdicts(query, candidate.entry)
    if query.interval is not None:
        yield _interval_verdict(query, candidate)
    for level, in_step in ((query.step, True), (query.root, False)):
        for asked in level:
            if (asked.filters or not only_filters) and not (query.interval and asked.key.keyword in _START):
                yield _verdict(asked, candidate, in_step, query.scope)


def _scope_verdicts(query: Query, entry: WorklistEntry) -> Iterator[KeyVerdict]:
    """What the asking station is shown at all, whatever its keys ask."""
    scope, status = query.scope, entry.status
    if entry.pk in scope.not_for_it:
        because = f"It is a test exam to connect {entry.station_ae_titles}, and no other station is shown it"
        yield KeyVerdict(STATION, scope.station, entry.station_ae_titles, TEST_EXAM, False, because)
    if query.asked(STATUS) is None:
        kind, because = BY_DEFAULT, ""
        if scope.shown != SERVED:
            because = f"{scope.station} is shown only {_listed(scope.shown)} exams, unless it asks for others"
            kind = STATUSES_SHOWN if status in SERVED else BY_DEFAULT  # what would be shown, if the station were not set so
        yield KeyVerdict(STATUS, "\\".join(scope.shown), status, kind, status in scope.shown, because)
    if scope.requires_arrival:
        because = f"{scope.station} is shown an exam only when the patient has arrived"
        yield KeyVerdict(STATUS, "\\".join(scope.statuses), status, ARRIVED_ONLY, status in scope.statuses, because)
    if scope.own_list_only:
        because = f"{scope.station} is shown its own list only ({', '.join(scope.lists)})"
        titles = entry.station_ae_titles
        yield KeyVerdict(STATION, "\\".join(scope.lists), titles, OWN_LIST, is_own(scope, titles), because)
    if scope.oldest != ANY_TIME:
        day, time = scope.oldest
        because = f"{scope.station} is shown nothing that started before {day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}"
        has = (entry.local_date, entry.local_time)
        yield KeyVerdict(" + ".join(_START), f"{day} {time}-", " ".join(has).strip(), AGE, has >= scope.oldest, because)


def _listed(statuses: tuple[str, ...]) -> str:
    """ARRIVED and READY; SCHEDULED, ARRIVED and READY."""
    return " and ".join(filter(None, (", ".join(statuses[:-1]), statuses[-1])))


def is_own(scope: Scope, station_ae_titles: str) -> bool:
    """Whether one of the titles, which are separated by backslashes, is a list of the station's own."""
    return any(title in scope.lists for title in station_ae_titles.split("\\"))


def statuses(query: Query) -> tuple[str, ...]:
    """Those that an answer can have: what is asked for, else what is shown, less what the station is never shown."""
    asked = query.asked(STATUS)
    wanted = query.scope.shown if asked is None else [status for status in STATUSES if tester(asked)(status)]
    return tuple(status for status in query.scope.statuses if status in wanted)


def _verdict(asked: Asked, candidate: Candidate, in_step: bool, scope: Scope) -> KeyVerdict:
    if asked.key.vr == "SQ":
        items = candidate.items(asked.key, in_step)
        wanted = ", ".join(f"{child.key.keyword} {'/'.join(child.values)}" for child in asked.children if child.filters)
        outcome = not asked.filters or any(item_matches(asked, one) for one in items)
        return KeyVerdict(asked.key.keyword, wanted, _summary(asked, items), asked.kind, outcome)
    has = candidate.values(asked.key, in_step)
    because = _why_also(asked, scope) if asked.also else ""
    return KeyVerdict(asked.key.keyword, "\\".join(asked.values), "\\".join(has), asked.kind, _matches(asked, has), because)


def _why_also(asked: Asked, scope: Scope) -> str:
    """Why more AE titles match than were asked for."""
    same = of_one_list(scope.renamed, asked.values)
    said = [f"{former} is called {now} now, and stands for it as long as it is accepted" for former, now in scope.renamed if former in same]
    others = [title for title in asked.also if title not in same]
    if others:
        said.append(f"Its station sees the list{'s' if len(others) > 1 else ''} of {', '.join(others)} too")
    return "; ".join(said)


def _summary(asked: Asked, items: list[Dataset]) -> str:
    wanted = [child.key.tag for child in asked.children] or [key.tag for key in asked.key.children]
    return "; ".join(" ".join(text for tag in wanted for text in values.texts(one.get(tag))) for one in items)


def item_matches(asked: Asked, dataset: Dataset) -> bool:
    """Whether one item of a sequence satisfies every key of the item that was asked."""
    for child in asked.children:
        if not child.filters:
            continue
        if child.key.vr == "SQ":
            if not any(item_matches(child, one) for one in values.items(dataset, child.key.tag)):
                return False
        elif not _matches(child, values.texts(dataset.get(child.key.tag))):
            return False
    return True


def _interval_verdict(query: Query, candidate: Candidate) -> KeyVerdict:
    """Date and time ranges together are one span from first date and time to last (PS3.4 K.6-1, remark on the start time)."""
    interval = query.interval
    assert interval is not None
    day, time = candidate.entry.local_date, candidate.entry.local_time
    asked = " ".join(one.values[0] for one in (query.asked(keyword) for keyword in _START) if one)
    known = values.date_text(day) is not None and values.time_text(time) is not None
    inside = known and interval[0] <= (day, time) <= interval[1]
    return KeyVerdict(" + ".join(_START), asked, f"{day} {time}".strip(), ONE_INTERVAL, inside)


def _matches(asked: Asked, has: tuple[str, ...]) -> bool:
    """Any value that the entry has against any that is asked; what is unknown matches only a universal key."""
    if not asked.filters:
        return True
    test = tester(asked)
    return any(test(value) for value in has)


@lru_cache(maxsize=1024)
def _tester(vr: str, asked: tuple[str, ...], kind: Kind) -> Callable[[str], bool]:
    if vr == "PN":
        tests = [names.fuzzy_test(one) if kind is Kind.FUZZY else names.test_of(one) for one in asked]
    elif kind is Kind.RANGE:
        tests = [_range_test(vr, one) for one in asked]
    elif kind is Kind.WILDCARD:
        tests = [_pattern_test(vr, one) for one in asked]
    else:
        wanted = {comparable(vr, one) for one in asked}
        return lambda value: comparable(vr, value) in wanted
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def tester(asked: Asked) -> Callable[[str], bool]:
    """The test of one value of the attribute."""
    return _tester(asked.key.vr, (*asked.values, *asked.also), asked.kind)


def comparable(vr: str, text: str) -> str | Decimal:
    """A value in the form in which it is compared: dates, times and numbers by meaning, code strings in upper case."""
    if vr == "DA":
        return values.date_text(text) or text
    if vr == "TM":
        return values.time_text(text) or text
    if vr == "CS":
        return text.upper()
    if vr in ("DS", "IS", "US"):
        try:
            number = Decimal(text)
        except InvalidOperation:
            return text
        return number if number.is_finite() else text  # "NaN" equals nothing, and "sNaN" cannot even be compared
    return text


def _range_test(vr: str, asked: str) -> Callable[[str], bool]:
    if "-" not in asked:
        wanted = comparable(vr, asked)
        return lambda value: comparable(vr, value) == wanted
    first, _, last = asked.partition("-")
    read: Callable[[str], str | None] = {"DA": values.date_text, "TM": values.time_text}.get(vr, str)

    def inside(value: str) -> bool:
        """What is no date or time at all lies in no range; a day that no calendar has lies where its digits put it."""
        text = read(value)
        return text is not None and (not first or text >= first) and (not last or text <= last)

    return inside


def _pattern_test(vr: str, asked: str) -> Callable[[str], bool]:
    test = wildcard(str(comparable(vr, asked)))
    return lambda value: test(str(comparable(vr, value)))
