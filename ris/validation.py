"""Checks of what people and scripts type, by the value representations of PS3.5 6.2.

Each check returns the value in its canonical form or raises ValueError with a sentence. `Checker` gathers the
sentences of a whole form, so that one answer names everything that is wrong.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from ris import names
from ris.errors import InvalidInput

MAX_LENGTH = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "PN": 64, "UI": 64}
_MULTILINE = {"ST", "LT"}
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*")
_CODE_STRING = re.compile(r"[A-Z0-9 _]*")
_PATIENT_SEX = ("M", "F", "O", "")
_EARLIEST_BIRTH = date(1850, 1, 1)

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


def uid(value: str) -> str:
    """A UID by PS3.5 9.1; empty stays empty."""
    stripped = value.strip().rstrip("\0")
    if stripped and (len(stripped) > MAX_LENGTH["UI"] or not _UID.fullmatch(stripped)):
        raise ValueError("is not a UID: digits and dots, no leading zeros, at most 64 characters (PS3.5 9.1)")
    return stripped


def sex(value: str) -> str:
    upper = value.strip().upper()
    if upper not in _PATIENT_SEX:
        raise ValueError("must be M, F or O, or empty when not known")
    return upper


def birth_date(value: str | date | None, today: date) -> date | None:
    """`YYYY-MM-DD`, `YYYYMMDD`, a date, or nothing when not known; not in the future."""
    if value is None or value == "":
        return None
    day = _iso_date(value.strip()) if isinstance(value, str) else value
    if day > today:
        raise ValueError("lies in the future")
    if day < _EARLIEST_BIRTH:
        raise ValueError("lies before 1850")
    return day


def _iso_date(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:20]!r} is not a date; write it as 1984-05-31") from None


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
