"""Checks of what people and scripts type, by the value representations of PS3.5 6.2.

Each check returns the value in its canonical form or raises ValueError with a sentence. `Checker` gathers the
sentences of a whole form, so that one answer names everything that is wrong.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from ris import names
from ris.errors import InvalidInput

MAX_LENGTH = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "PN": 64}
_MULTILINE = {"ST", "LT"}
_CODE_STRING = re.compile(r"[A-Z0-9 _]*")
_PATIENT_SEX = ("M", "F", "O", "")
_EARLIEST_BIRTH = date(1850, 1, 1)
_CALENDAR_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199

MOST: Final = 2**63 - 1
"""The largest key that a database holds."""

T = TypeVar("T")


def text(value: str, vr: str) -> str:
    """One value of AE, SH, LO, ST or LT: stripped, within its length, without control characters."""
    stripped = value.strip()
    allowed = "\t\n\r\f" if vr in _MULTILINE else ""
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in allowed for char in stripped):
        raise ValueError("holds a control character; type it again as plain text")
    if "\\" in stripped and vr not in _MULTILINE:
        raise ValueError("holds a backslash, which separates values in DICOM; leave it out")
    if len(stripped) > MAX_LENGTH[vr]:
        raise ValueError(f"is {len(stripped)} characters long; {vr} holds at most {MAX_LENGTH[vr]} (PS3.5 6.2)")
    if vr == "AE" and not (stripped.isascii() and stripped.isprintable()):
        raise ValueError("may hold only ASCII characters (PS3.5 6.2)")
    return stripped


def whole_number(value: str, most: int = MOST) -> int | None:
    """The whole number that digits write, as an address or a button has it; None for anything else, and above `most`."""
    if not (value.isascii() and value.isdigit()) or len(value) > len(str(MOST)):
        return None
    return found if (found := int(value)) <= most else None


def person_name(value: str) -> str:
    """`FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX`, up to three groups separated by `=`, 64 characters each."""
    name = names.canonical(value.strip())
    groups = name.split("=")
    if len(groups) > 3:
        raise ValueError("has more than three component groups (alphabetic=ideographic=phonetic)")
    for group in groups:
        if group.count("^") > 4:
            raise ValueError("has more than five components (FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX)")
        if len(group) > MAX_LENGTH["PN"]:
            raise ValueError(f"has a group of {len(group)} characters; a PN group holds at most 64 (PS3.5 6.2)")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name) or "\\" in name:
        raise ValueError("holds a control character or a backslash; type it again as plain text")
    return name


def code_string(value: str) -> str:
    upper = value.strip().upper()
    if len(upper) > MAX_LENGTH["CS"] or not _CODE_STRING.fullmatch(upper):
        raise ValueError("may hold up to 16 upper-case letters, digits, spaces and underscores")
    return upper


def sex(value: str) -> str:
    upper = value.strip().upper()
    if upper not in _PATIENT_SEX:
        raise ValueError("must be M, F or O, or empty when not known")
    return upper


def birth_date(value: str | date | None, today: date) -> date | None:
    """`YYYY-MM-DD`, `YYYYMMDD`, a date, or nothing when not known; not in the future."""
    if value is None or value == "":
        return None
    day = calendar_day(value.strip()) if isinstance(value, str) else value
    if day > today:
        raise ValueError("lies in the future")
    if day < _EARLIEST_BIRTH:
        raise ValueError("lies before 1850")
    return day


def calendar_day(value: str, example: str = "1984-05-31") -> date:
    """`YYYY-MM-DD` or `YYYYMMDD`; other forms of ISO 8601 are refused, since hardly anybody means a week by `1984-W22-4`."""
    try:
        if not _CALENDAR_DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:20]!r} is not a date; write it as {example}") from None


def within_reach(day: date) -> date:
    """A day that something can happen on here: its neighbours and its hours in any zone are still days of a calendar."""
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return day


LONGEST_REASON = 255
"""Characters that a history keeps of a reason."""


def printable(value: str) -> str:
    """The text without control characters and halves of surrogate pairs, which no database looks up, and spaces around it."""
    return "".join(char for char in value if unicodedata.category(char) not in ("Cc", "Cs")).strip()


@dataclass
class Checker:
    """Collects errors by field: `name = check("name", person_name, raw)`; `check.done()` raises InvalidInput if any."""

    errors: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str, check: Callable[..., T], *args: object) -> T | None:
        try:
            return check(*args)
        except ValueError as error:
            self.errors.setdefault(name, str(error))
            return None

    def refuse(self, name: str, message: str) -> None:
        self.errors.setdefault(name, message)

    def done(self) -> None:
        if self.errors:
            raise InvalidInput(self.errors)


def reason_text(reason: str, *, needed: bool = False) -> str:
    """Why somebody changes something, as a history keeps it; InvalidInput when it cannot be kept, or is needed and empty."""
    checked = Checker()
    clean = checked("reason", text, reason, "ST") or ""
    if needed and not clean:
        checked.refuse("reason", "is empty; say in a few words why")
    if len(clean) > LONGEST_REASON:
        checked.refuse("reason", f"is {len(clean)} characters long; say it in at most {LONGEST_REASON}")
    checked.done()
    return clean
