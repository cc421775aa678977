"""What values mean when they are compared: padding, dates and times, person names (PS3.5 6.2, PS3.4 C.2.2.2)."""

import re
import unicodedata
from functools import lru_cache

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

_DATE = re.compile(r"(\d{4})([.]?)(\d{2})\2(\d{2})")
_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?")
_LEADING_SPACES_COUNT = frozenset({"ST", "LT", "UT"})  # PS3.5 6.2
ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})  # a backslash in them separates nothing (PS3.5 6.2)
_ACCENTS = range(0x0300, 0x0370)  # combining marks of Latin, Greek and Cyrillic; a kana's voicing is no accent


def texts(element: DataElement | None) -> tuple[str, ...]:
    """The values of an element as text, without padding; empty ones are left out. A sequence or bytes have none."""
    if element is None or element.VR == "SQ" or element.value is None:
        return ()
    value = element.value
    if isinstance(value, bytes | bytearray):
        return ()
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    vr = str(element.VR)
    return tuple(text for text in (strip("" if one is None else str(one), vr) for one in values) if text)


def strip(text: str, vr: str) -> str:
    """A value without what pads it: spaces and NULs, leading ones only where they carry no meaning."""
    return text.rstrip(" \0") if vr in _LEADING_SPACES_COUNT else text.strip(" \0")


def items(dataset: Dataset, tag: int) -> list[Dataset]:
    """The items of a sequence; none when it is absent or no sequence."""
    element = dataset.get(tag)
    return list(element.value or ()) if element is not None and element.VR == "SQ" else []


def date_text(text: str) -> str | None:
    """A DA value as `YYYYMMDD`, the old form `YYYY.MM.DD` too; None when it is neither. Any day of any month will do."""
    match = _DATE.fullmatch(text.strip())
    return match[1] + match[3] + match[4] if match else None


def time_text(text: str) -> str | None:
    """A TM value as `HHMMSS.FFFFFF`, components left out being zero, the old form `HH:MM:SS` too; None when it is neither.

    `240000` is taken for the last moment of the day.
    """
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if (hour, minute, second) == (24, 0, 0):
        return "235959.999999"
    if hour > 23 or minute > 59 or second > 60:
        return None
    return f"{match[1]}{match[2] or '00'}{match[3] or '00'}.{(match[4] or '').ljust(6, '0')}"


@lru_cache(maxsize=8192)
def name_groups(name: str) -> tuple[str, str, str]:
    """A person name for comparing: its three groups without case, accents, padding and empty trailing components."""
    alphabetic, ideographic, phonetic = [*map(_name_group, name.split("=")[:3]), "", ""][:3]
    return alphabetic, ideographic, phonetic


def _name_group(group: str) -> str:
    decomposed = unicodedata.normalize("NFKD", group.casefold())
    bare = unicodedata.normalize("NFC", "".join(char for char in decomposed if ord(char) not in _ACCENTS))
    return "^".join(" ".join(component.split()) for component in bare.split("^")).rstrip("^")
