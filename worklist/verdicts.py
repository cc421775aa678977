"""The verdicts of `worklist.matching` as people read them: a key by its name, and in words why it matches or not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from pydicom.datadict import dictionary_description, tag_for_keyword

from ris.models import Site, Station
from ris.web import given_up, times
from ris.web.given_up import GivenUp
from worklist import values
from worklist.keys import Kind
from worklist.matching import AGE, ARRIVED_ONLY, BY_DEFAULT, ONE_INTERVAL, OWN_LIST, STATUSES_SHOWN, TEST_EXAM, KeyVerdict

SPAN = "Scheduled Procedure Step Start Date and Time"
_STATION, _DATE = "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"
_RULES = {
    BY_DEFAULT: ("statuses_shown", "Statuses shown"),
    STATUSES_SHOWN: ("statuses_of_station", "Statuses shown"),
    ARRIVED_ONLY: ("requires_arrival", "Requires arrival"),
    OWN_LIST: ("own_list_only", "Own list only"),
    AGE: ("age_limit", "Age limit"),
    TEST_EXAM: ("test_exam", "Test exam"),
}
"""Kinds of verdicts that come from no key of the query: the name of the rule, for programs and for people."""
_WORDS: dict[str, tuple[str, str]] = {
    Kind.UNIVERSAL: ("No value asks for everything", "No value asks for everything"),
    Kind.SINGLE: ("Equal", "Not equal"),
    Kind.WILDCARD: ("Fits the pattern", "Does not fit the pattern"),
    Kind.RANGE: ("Within the range", "Outside the range"),
    Kind.UID_LIST: ("One of those asked for", "None of those asked for"),
    Kind.FUZZY: ("Sounds like it", "Does not sound like it"),
    Kind.SEQUENCE: ("One item has all that is asked", "No item has all that is asked"),
    ONE_INTERVAL: ("Within the span from first date and time to last", "Outside the span from first date and time to last"),
    BY_DEFAULT: ("Shown unless the query asks for other statuses", "Not shown unless the query asks for this status"),
}
"""What is said of a kind of matching: when it matches, when not."""


_ADVICE = {
    "association": "Register the station, or correct its AE title at the console; the association log has the reason.",
    "query": "Let the console ask again; the association log shows what it sent.",
    "hospital": "The called AE title at the console chooses the hospital.",
    "schedule": "Give the exam a station and a time.",
    "ScheduledStationAETitle": "Correct the worklist AE title at the console, or move the exam to the station that is asked for.",
    "ScheduledProcedureStepStartDate": "Look at the date of the console and the days that it asks for.",
    "ScheduledProcedureStepStartTime": "Look at the clock of the console and the hours that it asks for.",
    "Modality": "Correct the modality of the query at the console, or that of the exam.",
    "statuses_of_station": "Change what the station is shown, in its settings, or let the console ask for the status.",
    "requires_arrival": "Check the patient in, or change the settings of the station.",
    "own_list_only": "Move the exam to this station, or let it see the other list too, in its settings.",
    "age_limit": "Move the exam to today if it is still to be done, or raise the age limit in the settings of the station.",
    "test_exam": "Nothing: begin to connect this station and make a test exam for it.",
    "answer_limit": "Let the console ask for fewer exams, such as one day's, or raise the answer limit in the settings of the station.",
    "canceled": "Let the console ask again and read to the end, or ask for less, such as one day.",
    "statuses_shown": "An exam that has begun or is over has left the worklist; undo that if it was a mistake.",
}
_CLEAR = "Clear what was typed for it at the console, or correct it."


@dataclass(frozen=True)
class Verdict:
    """One reason why an exam is an answer or not: a key of the query, or a rule that comes before the keys (which has no tag).

    `key` is the keyword, or the name of the rule; `asked` and `has` are values as they travel, several separated by backslashes.
    `given_up` is the former title of a station that is to blame, since it is accepted no more.
    """

    key: str
    name: str
    asked: str
    has: str
    matches: bool
    why: str
    tag: str = ""
    given_up: GivenUp | None = None

    @property
    def advice(self) -> str:
        """What to do when it is against the exam."""
        if self.given_up is not None:
            return self.given_up.advice
        return _ADVICE.get(self.key.split(" ")[0], _CLEAR)

    @property
    def filters(self) -> bool:
        """Whether it could exclude anything; a key without value only asks for an attribute."""
        return not self.tag or bool(self.asked)

    @property
    def in_short(self) -> str:
        """`Scheduled Station AE Title = CT2`, and of a rule its words."""
        return f"{self.name} = {self.asked}" if self.asked and self.tag else f"{self.name}: {self.why}"


@dataclass(frozen=True)
class Titles:
    """The AE titles of a site's stations, and what is known of those asked for that were given up: a title that no station has is worth
    a word."""

    stations: Collection[str] = ()
    given_up: Mapping[str, GivenUp] = field(default_factory=dict)


def titles_for(site: Site, found: Collection[KeyVerdict]) -> Titles:
    """What these verdicts are told with."""
    asked = [one.asked for one in found if _names_a_station(one)]
    return Titles(frozenset(Station.objects.filter(site=site).values_list("ae_title", flat=True)), given_up.of(site, asked))


def of_key(verdict: KeyVerdict, titles: Titles) -> Verdict:
    key, name = _named(verdict)
    tag = tag_for_keyword(verdict.keyword.split(" ")[0]) if verdict.kind not in _RULES else None
    return Verdict(
        key=key,
        name=name,
        asked=_plain(verdict.asked),
        has=_plain(verdict.has),
        matches=verdict.matches,
        why=_why(verdict, titles),
        tag=f"({tag >> 16:04X},{tag & 0xFFFF:04X})" if tag is not None else "",
        given_up=titles.given_up.get(verdict.asked) if _names_a_station(verdict) else None,
    )


def _names_a_station(verdict: KeyVerdict) -> bool:
    return verdict.keyword == _STATION and verdict.kind not in _RULES and not verdict.matches


def title_of(verdict: KeyVerdict) -> str:
    """What decided: the name of a key or of a rule."""
    return _named(verdict)[1]


def _named(verdict: KeyVerdict) -> tuple[str, str]:
    return _RULES.get(verdict.kind) or (verdict.keyword, name_of(verdict.keyword))


def name_of(keyword: str) -> str:
    """`Scheduled Station AE Title`; of date and time together what they are in one."""
    if " " in keyword:
        return SPAN
    tag = tag_for_keyword(keyword)
    return dictionary_description(tag) if tag is not None else keyword


def day_in_words(text: str) -> str:
    """`23-Nov-2026`; a date that no calendar has stays as it is."""
    day = _day(text)
    return times.day(day) if day is not None else text


def _plain(text: str) -> str:
    """Times without a fraction that is zero: `223000.000000` is how they are compared, not how anybody writes them."""
    return text.replace(".000000", "")


def _why(verdict: KeyVerdict, titles: Titles) -> str:
    said = _WORDS.get(verdict.kind)
    words = said[0 if verdict.matches else 1] if said else verdict.because or verdict.kind
    if said and verdict.because:
        return f"{words}. {verdict.because}"
    if verdict.matches or verdict.kind == Kind.UNIVERSAL:
        return words
    if not verdict.has:
        return "The exam has no value; only a key without value matches that"
    hint = _hint(verdict, titles)
    return f"{words}{f'. {hint}' if hint else ''}"


def _hint(verdict: KeyVerdict, titles: Titles) -> str:
    """What people would look at first."""
    if verdict.keyword == _STATION:
        return _about_station(verdict, titles)
    if verdict.keyword == _DATE and verdict.kind == Kind.SINGLE:
        return _about_days(verdict)
    if verdict.kind == BY_DEFAULT:
        return ", ".join(status.capitalize() for status in verdict.asked.split("\\")) + " are shown"
    if verdict.kind == Kind.SINGLE and verdict.asked.casefold() == verdict.has.casefold():
        return "Only upper and lower case differ, and they count"
    return ""


def _about_station(verdict: KeyVerdict, titles: Titles) -> str:
    if verdict.asked in titles.given_up:
        return titles.given_up[verdict.asked].text
    if verdict.asked.upper() in (title.upper() for title in verdict.has.split("\\")):
        return "Only upper and lower case differ, and in AE titles they count"
    if verdict.asked in titles.stations:
        return f"{verdict.asked} is another station"
    return f"No station here is called {verdict.asked}" if titles.stations and "\\" not in verdict.asked else ""


def _about_days(verdict: KeyVerdict) -> str:
    asked, has = _day(verdict.asked), _day(verdict.has)
    if asked is None or has is None:
        return ""
    days = (has - asked).days
    return f"The exam is {abs(days)} day{'' if abs(days) == 1 else 's'} {'later' if days > 0 else 'earlier'}"


def _day(text: str) -> date | None:
    digits = values.date_text(text)
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if digits else None
    except ValueError:
        return None
