"""Values of a received data set by their value representation (PS3.5 6.2)."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from dimse import uids
from ris import clock
from ris.models import Site

_TIME = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?")
_OLD_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?")
_OLD_DATE = re.compile(r"(\d{4})[.-](\d\d)[.-](\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")
_CODE_STRING = re.compile(r"[A-Z0-9 _]*")
_DATE_TIME = re.compile(r"\d{4}(\d\d(\d\d(\d\d(\d\d(\d\d(\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,11}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([Ee][+-]?\d+)?", re.ASCII)
_SPACE = re.compile(r"\s")
_LENGTHS = {"AE": 16, "SH": 16, "LO": 64, "ST": 1024}


def read_date(text: str) -> date | None:
    """`YYYYMMDD`; also `YYYY.MM.DD` of ACR-NEMA and `YYYY-MM-DD`, which are not DA values but can be understood. None otherwise."""
    if match := _OLD_DATE.fullmatch(text):
        text = "".join(match.groups())
    if not (len(text) == 8 and text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    """`HH[MM[SS[.F…]]]`; also `HH:MM[:SS[.F…]]` of ACR-NEMA. A leap second counts as the second before it. None otherwise."""
    match = _TIME.fullmatch(text) or _OLD_TIME.fullmatch(text)
    if match is None or not text.isascii():
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return time(hour, minute, min(second, 59), int((match[4] or "0").ljust(6, "0")))


def read_offset(text: str) -> timezone | None:
    """TimezoneOffsetFromUTC (0008,0201), `+0130`. None when it is absent or no offset."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    away = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-away if match[1] == "-" else away) if away <= timedelta(hours=14) else None


def read_moment(date_text: str, time_text: str, offset: timezone | None, site: Site) -> datetime | None:
    """The moment (aware) that DA and TM name in `offset`, else in the hospital's zone. None when one of them cannot be read."""
    day, wall_time = read_date(date_text), read_time(time_text)
    if day is None or wall_time is None or not 1900 <= day.year <= 9998:
        return None
    if offset is not None:
        return datetime.combine(day, wall_time, tzinfo=offset)
    return clock.at(day, wall_time, site)


def problem_with(vr: str, text: str) -> str | None:
    """Why one value breaks the rules of its VR, in words; None when it is good or empty, or the VR has no rule here."""
    if not text:
        return None
    rule = _RULES.get(vr)
    if rule is not None:
        return rule(text)
    limit = _LENGTHS.get(vr)
    if limit is not None and len(text) > limit:
        return f"has {len(text)} characters; {vr} holds at most {limit}"
    return None


def _uid(text: str) -> str | None:
    wrong = uids.problem_with(text)
    return f"is no UID: {wrong}" if wrong else None


def _code_string(text: str) -> str | None:
    if not _CODE_STRING.fullmatch(text):
        return "may hold only upper-case letters, digits, spaces and underscores"
    return f"has {len(text)} characters; CS holds at most 16" if len(text) > 16 else None


def _name(text: str) -> str | None:
    """PS3.5 6.2: at most 64 characters in each of three component groups, of five components each."""
    groups = text.split("=")
    if len(groups) > 3:
        return f"has {len(groups)} component groups; PN holds at most 3"
    if any(len(group.split("^")) > 5 for group in groups):
        return "has more than 5 components in a group"
    longest = max(len(group) for group in groups)
    return f"has {longest} characters in a component group; PN holds at most 64" if longest > 64 else None


def _unless(good: Callable[[str], object], otherwise: str) -> Callable[[str], str | None]:
    return lambda text: None if good(text) else otherwise


_RULES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "UI": _uid,
    "CS": _code_string,
    "PN": _name,
    "DA": _unless(lambda text: len(text) == 8 and read_date(text), "is no date; DA is written YYYYMMDD"),
    "TM": _unless(lambda text: ":" not in text and read_time(text) is not None, "is no time of day; TM is written HHMMSS"),
    "DT": _unless(_DATE_TIME.fullmatch, "is no date and time; DT is written YYYYMMDDHHMMSS"),
    "IS": _unless(lambda text: _INTEGER.fullmatch(text) and -(2**31) <= int(text) < 2**31, "is no integer"),
    "DS": _unless(lambda text: len(text) <= 16 and _DECIMAL.fullmatch(text), "is no decimal number of at most 16 characters"),
    "US": _unless(lambda text: text.isdecimal() and int(text) < 2**16, "is no integer of 0 to 65535"),
    "UR": _unless(lambda text: not _SPACE.search(text), "is no URI: it holds a space"),
}
"""Text of the VRs whose values follow a form (PS3.5 6.2), and why it does not."""
