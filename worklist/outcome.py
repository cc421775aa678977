"""What a station's query got and what each key kept from it: n of m, where m are the exams that somebody at the scanner would expect.

These are, of the exams of today's database: those with an identifier that the query names; else those of the station on the days that
were asked for; else those of the station on the day on which it asked; else those of its modalities on these days, or all of a caller whose
modalities nobody knows. Exams whose status is not shown are counted apart.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import or_

from django.db.models import Q

from ris import clock, titles
from ris.models import Site
from worklist import matching, verdicts
from worklist.captured import Ending
from worklist.explanation import Asking, said_at
from worklist.find import IDENTIFIERS
from worklist.item import dicom_date
from worklist.keys import Kind
from worklist.matching import BY_DEFAULT, KeyVerdict
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.query import Query, range_of
from worklist.verdicts import Verdict

MOST = 2000
"""Exams that one query is compared with."""
_Rule = tuple[str, str]
"""A key and how it is compared: a setting of the station may be about an attribute that is a key too."""
NAMED = 20
"""Exams that are named of those that do not match."""
NOTHING = "no exam is on its list on these days, nor on that of another station of its modality"


@dataclass(frozen=True)
class Exclusion:
    """A key that keeps exams from the answer: how many, and how many of them would be answers without it alone."""

    verdict: Verdict
    excludes: int
    alone: int


@dataclass(frozen=True)
class Compared:
    """An exam that was compared, and the keys that are against it."""

    step_id: int
    against: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """`got` is what was answered then, None while it is not, or was a failure before any answer; the rest is as the exams are now.

    `of` are the exams compared (`what` says which, `is_cut` that there are more), `now` those of them that match, `hidden` those beside
    them whose status is not shown. `exclusions` come with the most exams first; `exams` are the first of those that do not match.
    """

    asking: Asking
    got: int | None
    what: str
    of: int = 0
    now: int = 0
    hidden: int = 0
    exclusions: tuple[Exclusion, ...] = ()
    exams: tuple[Compared, ...] = ()
    is_cut: bool = False

    @property
    def main(self) -> Exclusion | None:
        """The key that keeps most from the answer."""
        return self.exclusions[0] if self.exclusions else None

    @property
    def because(self) -> str:
        """The keys that keep most from the answer, equally many each; without one of them alone the others still would."""
        most = [one for one in self.exclusions if self.main is not None and one.excludes == self.main.excludes]
        return ", ".join(one.verdict.in_short for one in most[:3])

    @property
    def summary(self) -> str:
        """`CT1 asked at 10:41:12 and got 0 of 7: Scheduled Station AE Title = CT2`."""
        message = self.asking.captured
        when = f" at {said_at(message.message.time, self.asking.site)}" if message else ""
        if message and message.failure and self.got is None:
            return f"{self.asking.who} asked{when} and was answered {message.failure}"
        if self.asking.problem:
            return f"{self.asking.who} asked{when}: {self.asking.problem}"
        got = self._got
        if not self.of:
            what = f"of the {self.what} none waits now" if self.hidden else self.what or NOTHING
            return f"{self.asking.who} asked{when} and {got}; {what}"
        why = f": {self.because}" if self.because else ""
        if self.got is not None and (self.is_wider or (self.main is None and self.got < self.of)):
            what = self.what.replace("exams", "exam", 1) if self.of == 1 else self.what
            why = f"; of the {self.of} {what} {self.now} match{'es' if self.now == 1 else ''} now{why}"
        return f"{self.asking.who} asked{when} and {got}{why}"

    @property
    def _got(self) -> str:
        """`got 300 of 625, canceled by the modality after 300 answers`."""
        message = self.asking.captured
        stopped = message.stopped if message else ""
        if self.got is None:
            return f"has no whole answer: {stopped}" if stopped else "has no answer yet"
        failure = f", and was answered {message.failure}" if message and message.failure else ""
        return f"got {self.told}{f', {stopped}' if stopped else ''}{failure}"

    @property
    def is_wider(self) -> bool:
        """Whether what was answered cannot all be among what is compared: another's list, the whole hospital's, or exams that are gone."""
        return self.got is not None and self.got > self.now

    @property
    def told(self) -> str:
        """`0 of 7`; what was answered alone when that is not a part of what is compared."""
        return f"{self.got} of {self.of}" if self.of and not self.is_wider else f"{self.got}"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was answered and a key is to blame: what somebody has to look at."""
        message = self.asking.captured
        return self.got == 0 and self.main is not None and not (message and message.stopped)


def of_each(askings: Iterable[Asking]) -> list[Outcome]:
    """The outcomes of several queries; those that ask the same on the same day are compared once."""
    known: dict[object, Outcome] = {}
    found = []
    for asking in askings:
        key = (asking.site.pk, asking.calling, asking.query, _day_of(asking)[0])
        known[key] = replace(known[key], asking=asking, got=_got(asking)) if key in known and _is_searched(asking) else of(asking)
        found.append(known[key])
    return found


def _is_searched(asking: Asking) -> bool:
    """Whether exams were looked for: not for a query that could not be read, or was answered with a failure other than that there are
    too many."""
    message = asking.captured
    return asking.query is not None and not (message and message.ending is Ending.FAILURE)


def _got(asking: Asking) -> int | None:
    response = asking.captured.response if asking.captured else None
    return response.answer_count if response is not None and _is_searched(asking) else None


def of(asking: Asking) -> Outcome:
    """The outcome of a query; one for which no exams were looked for is compared with nothing."""
    got = _got(asking)
    if asking.query is None or not _is_searched(asking):
        return Outcome(asking, got, "")
    for what, look in _expected(asking, asking.query):
        entries = look()
        if entries:
            return _compared(asking, asking.query, got, what, entries)
    return Outcome(asking, got, NOTHING)


def _compared(asking: Asking, asked: Query, got: int | None, what: str, entries: Sequence[WorklistEntry]) -> Outcome:
    excludes: Counter[_Rule] = Counter()
    alone: Counter[_Rule] = Counter()
    examples: dict[_Rule, KeyVerdict] = {}
    missing: list[Compared] = []
    hidden = now = 0
    for entry in entries[:MOST]:
        against = [verdict for verdict in matching.explain(asked, entry, only_filters=True) if not verdict.matches]
        if any(verdict.kind == BY_DEFAULT for verdict in against):
            hidden += 1
            continue
        now += not against
        if against and len(missing) < NAMED:
            missing.append(Compared(entry.pk, tuple(map(verdicts.title_of, against))))
        excludes.update(map(_rule, against))
        examples = {_rule(verdict): verdict for verdict in against} | examples
        if len(against) == 1:
            alone[_rule(against[0])] += 1
    ordered = sorted(excludes, key=lambda key: (-excludes[key], -alone[key]))
    known = verdicts.titles_for(asking.site, examples.values()) if ordered else verdicts.Titles()
    exclusions = tuple(Exclusion(verdicts.of_key(examples[key], known), excludes[key], alone[key]) for key in ordered)
    return Outcome(asking, got, what, min(len(entries), MOST) - hidden, now, hidden, exclusions, tuple(missing), len(entries) > MOST)


def _rule(verdict: KeyVerdict) -> _Rule:
    return verdict.keyword, verdict.kind


Look = Callable[[], list[WorklistEntry]]


def _expected(asking: Asking, asked: Query) -> Iterator[tuple[str, Look]]:
    """Where to look for what the station would expect, the nearest first: which exams in words, and what fetches them."""
    site = asking.site
    for keyword in IDENTIFIERS:
        key = asked.asked(keyword)
        if key is not None and key.kind is not Kind.WILDCARD:
            named = Q(**{f"{IDENTIFIERS[keyword]}__in": key.values})
            yield f"exams with {verdicts.name_of(keyword)} {', '.join(key.values)}", partial(_entries, site, asked, named)
    station = titles.calling(site, asking.calling)
    lists = list(asked.scope.lists) if station is not None else _values(asked, "ScheduledStationAETitle") or [asking.calling]
    if station is None and (station := titles.named(site, asking.calling)) is not None:
        lists = [station.ae_title]  # it calls under a title that is accepted no more
    modalities = [one.modality for one in station.modalities.all()] if station is not None else _values(asked, "Modality")
    days = (_asked_days(asked), _day_of(asking))
    for said, on in days:
        yield f"exams of {', '.join(lists)} {said}", partial(_on_list, site, asked, lists, on)
    for alike in (modalities, []) if station is None and modalities else (modalities,):
        condition = Q(modality__in=alike) if alike else Q()
        what = f"{', '.join(alike)} exams" if alike else "exams"
        for said, on in days:
            yield f"{what} of all stations {said}", partial(_entries, site, asked, on & condition)


def _entries(site: Site, asked: Query, condition: Q) -> list[WorklistEntry]:
    found = WorklistEntry.objects.filter(condition, site=site).order_by("-local_date", "-start", "-step")
    return list((found if _needs_items(asked) else found.defer("item"))[: MOST + 1])


def _on_list(site: Site, asked: Query, ae_titles: Sequence[str], on: Q) -> list[WorklistEntry]:
    """Entries of these AE titles, by the index that a station's own queries take."""
    rows = WorklistEntryStation.objects.filter(on, site=site, ae_title__in=ae_titles).order_by("-local_date", "-start", "-entry")
    found = rows.select_related("entry") if _needs_items(asked) else rows.select_related("entry").defer("entry__item")
    return list({row.entry_id: row.entry for row in found[: MOST + 1]}.values())


def _needs_items(asked: Query) -> bool:
    """Whether a key asks for what has no column."""
    return any(one.filters and not one.key.column for one in (*asked.step, *asked.root))


def _values(asked: Query, keyword: str) -> list[str]:
    key = asked.asked(keyword)
    return list(key.values) if key is not None else []


def _asked_days(asked: Query) -> tuple[str, Q]:
    """The local days that were asked for, in words and as a condition; all when none were."""
    key = asked.asked("ScheduledProcedureStepStartDate")
    if key is None:
        return "on any day", Q()
    bounds = [range_of(key.key, value) if "-" in value else (value, value) for value in key.values]
    on = reduce(
        or_, (Q(**({"local_date__gte": first} if first else {}), **({"local_date__lte": last} if last else {})) for first, last in bounds)
    )
    return f"on {', '.join(_said(first, last) for first, last in bounds)}", on


def _said(first: str, last: str) -> str:
    if first == last:
        return verdicts.day_in_words(first)
    return f"{verdicts.day_in_words(first) if first else 'any day'} to {verdicts.day_in_words(last) if last else 'any day'}"


def _day_of(asking: Asking) -> tuple[str, Q]:
    """The day on which it was asked."""
    moment = clock.shown_at(asking.captured.message.time, asking.site) if asking.captured else clock.now(asking.site)
    day = dicom_date(clock.local(moment, asking.site).date())
    return f"on {verdicts.day_in_words(day)}", Q(local_date=day)
