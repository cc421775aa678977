"""Dates and times of a data set without identities: legal values of DA, DT and TM, ranges of them, and days in a text (PS3.5 6.2)."""

import re
from datetime import date, timedelta
from typing import Final

_TIME: Final = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_DAY: Final = r"\d{8}"
_DATE_TIME: Final = rf"{_DAY}(?:{_TIME})?(?:[+-](?:0\d|1[0-4])[0-5]\d)?"
_OLD_TIME: Final = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"


def _or_range(one: str) -> re.Pattern[str]:
    """One value, or with the hyphen of a query: from, to, or both (PS3.4 C.2.2.2.5)."""
    return re.compile(rf"(?P<first>{one})(?P<to>-)?(?P<last>(?<=-){one})?|(?P<until>-)(?P<end>{one})", re.ASCII)


LEGAL: Final = {"DA": _or_range(_DAY), "DT": _or_range(_DATE_TIME), "TM": _or_range(rf"(?:{_TIME}|{_OLD_TIME})")}
"""A DT of less than a day cannot be moved by days, and is none here."""
_IN_TEXT: Final = re.compile(
    r"(?<!\d)(?:(?:18|19|20)\d\d(?P<s>[-./]?)(?:0?[1-9]|1[0-2])(?P=s)(?:0[1-9]|[12]\d|3[01]|[1-9])"
    r"|(?:0?[1-9]|[12]\d|3[01])(?P<t>[-./])(?:0?[1-9]|[12]\d|3[01]|[A-Za-z]{3})(?P=t)(?:18|19|20)?\d\d)(?!\d)",
    re.ASCII,
)


def moved(vr: str, text: str, shift: timedelta) -> str:
    """A value of DA or DT, or a range of them, with its days moved; one of TM as it is. Empty when it is none that is legal."""
    text = text.strip(" \0")
    found = LEGAL[vr].fullmatch(text)
    if not found or vr == "TM":
        return text if found else ""
    parts: dict[str, str] = found.groupdict(default="")
    try:
        return "".join(_moved_one(part, shift) if part[:1].isdigit() else part for part in parts.values())
    except (ValueError, OverflowError):
        return ""


def _moved_one(text: str, shift: timedelta) -> str:
    return f"{date.fromisoformat(text[:8]) + shift:%Y%m%d}{text[8:]}"


def without_days(text: str, mask: str) -> str:
    """A text with a mask for every day in it: one beside its moved self tells the span of all."""
    return _IN_TEXT.sub(lambda _: mask, text)
