"""An attribute that staff set: where a record holds it, and what its value may be.

It has a DICOM keyword and is held by one record, in a column of its own when rules or lists use it, else by its keyword in the
record's `details` (JSON). Values are kept as they travel: DA as `YYYYMMDD`, TM as `HHMM` or `HHMMSS`, PN in its canonical form, a list
of texts where several values are allowed, a list of objects for a sequence.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from ris import validation
from ris.languages import LANGUAGES

_TIME = re.compile(r"(\d{1,2}):?(\d{2})(?::?(\d{2}))?")
_LANGUAGE_SCHEME: Final = "RFC5646"  # PS3.16 CID 5000
Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Attribute:
    """One attribute. `held_as` is the VR of what is held otherwise than it travels, or is no attribute of DICOM at all.

    `choices` are the only values; `suggested` are usual ones. Forms show what is `rare` on request only. What is `needed`
    cannot be empty.
    """

    keyword: str
    label: str
    column: str = ""
    hint: str = ""
    choices: Choices = ()
    suggested: tuple[str, ...] = ()
    rare: bool = False
    held_as: str = ""
    needed: bool = False

    @cached_property
    def tags(self) -> frozenset[str]:
        """Elements of a received item that the value stands for, as DICOM JSON names them; none outside of DICOM."""
        found = (tag_for_keyword(keyword) for keyword in (self.keyword, *_ALSO.get(self.keyword, ())))
        return frozenset(f"{tag:08X}" for tag in found if tag is not None)

    @cached_property
    def vr(self) -> str:
        return self.held_as or dictionary_VR(self.keyword)

    @cached_property
    def is_many(self) -> bool:
        """Whether there may be several values."""
        return not self.held_as and self.vr != "SQ" and dictionary_VM(self.keyword) != "1"

    def check(self, typed: Any) -> Any:
        """The value as it is kept, of one that was typed, received or kept; empty when there is none. ValueError in a sentence."""
        value = self._check(typed)
        if self.needed and not value:
            raise ValueError("is empty; give it a value")
        return value

    def _check(self, typed: Any) -> Any:
        if self.vr == "SQ":
            return _ITEMS[self.keyword](typed)
        if self.is_many:
            return [text for text in map(self._one, _parts(typed)) if text]
        if not isinstance(typed, str | None):
            raise ValueError("must be a text")
        return self._one(typed or "")

    def _one(self, typed: str) -> str:
        if self.choices:
            return _chosen(typed, self.choices)
        return _CHECKS.get(self.vr, validation.text)(typed, self.vr)

    def of(self, record: Any) -> Any:
        """The value that the record holds; empty when there is none."""
        return getattr(record, self.column) if self.column else record.details.get(self.keyword, self.empty)

    @property
    def empty(self) -> Any:
        return [] if self.is_many or self.vr == "SQ" else ""


def _parts(typed: Any) -> list[str]:
    parts = re.split(r"[;\n]", typed) if isinstance(typed, str) else typed or []
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of texts")
    return [part.strip() for part in parts]


def _chosen(typed: str, choices: Choices) -> str:
    wanted = typed.strip().upper()
    for value, _ in choices:
        if value.upper() == wanted:
            return value
    if not wanted:
        return ""
    raise ValueError(f"must be one of {', '.join(value for value, _ in choices if value)}")


def _day(typed: str, vr: str) -> str:
    return f"{validation.calendar_day(typed.strip()):%Y%m%d}" if typed.strip() else ""


def _time(typed: str, vr: str) -> str:
    stripped = typed.strip()
    if not stripped:
        return ""
    match = _TIME.fullmatch(stripped)
    if not match or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        raise ValueError(f"{stripped[:20]!r} is not a time; write it as 09:05 or 14:30")
    return f"{int(match[1]):02}{match[2]}{match[3] or ''}"


_CHECKS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "PN": lambda typed, vr: validation.person_name(typed),
    "CS": lambda typed, vr: validation.code_string(typed),
    "DA": _day,
    "TM": _time,
}


def _languages(typed: Any) -> list[dict[str, str]]:
    """A code of RFC 5646 such as `de`, or a list of {code, scheme, meaning}, the preferred one first."""
    if isinstance(typed, str | None):
        wanted = (typed or "").strip()
        if not wanted:
            return []
        if wanted not in LANGUAGES:
            raise ValueError(f"{wanted[:20]!r} is no language that is known here; write a code of RFC 5646 such as en or de")
        return [{"code": wanted, "scheme": _LANGUAGE_SCHEME, "meaning": LANGUAGES[wanted]}]
    return _objects(typed, {"code": "SH", "scheme": "SH", "meaning": "LO"}, ("code", "scheme", "meaning"))


def _other_ids(typed: Any) -> list[dict[str, str]]:
    """`4711 / HOSP2; 99`, or a list of {id, issuer}."""
    if isinstance(typed, str | None):
        parted = [[part.strip() for part in one.split("/", 1)] for one in _parts(typed) if one]
        typed = [{"id": parts[0], "issuer": parts[1] if len(parts) > 1 else ""} for parts in parted]
    return _objects(typed, {"id": "LO", "issuer": "LO"}, ("id",))


def _objects(typed: Any, names: Mapping[str, str], needed: tuple[str, ...]) -> list[dict[str, str]]:
    """Objects of these names, each with the VR of its text."""
    found = []
    for one in typed if isinstance(typed, list) else [None]:
        if not isinstance(one, dict) or not set(one) <= set(names) or not all(isinstance(text, str) for text in one.values()):
            raise ValueError(f"must be a list of objects with {', '.join(names)}")
        texts = {name: validation.text(one.get(name, ""), vr) for name, vr in names.items()}
        if not all(texts[name] for name in needed):
            raise ValueError(f"needs {' and '.join(needed)} in each of its objects")
        found.append(texts)
    return found


_ITEMS: Final[Mapping[str, Callable[[Any], list[dict[str, str]]]]] = {
    "PatientPrimaryLanguageCodeSequence": _languages,
    "OtherPatientIDsSequence": _other_ids,
}
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"OtherPatientIDsSequence": ("OtherPatientIDs",)}
"""Elements that follow from another one."""
