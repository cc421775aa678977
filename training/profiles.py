"""Profiles: what kinds of machines are like, as data (`profiles.toml`), and what they make of messages.

A message is made right by `training.query` and `training.exams`; `Profile.asked`, `created` and `changed` then make it what such a
machine sends.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse import charsets
from dimse.manners import Ending, Manners
from dimse.services import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from training.quirks import habits
from training.quirks.asking import ASKING
from training.quirks.habits import HABITS
from training.quirks.telling import TELLING, Message

FILE = Path(__file__).with_name("profiles.toml")
SYNTAXES: Mapping[str, str] = {
    "Explicit VR Little Endian": EXPLICIT_VR_LITTLE_ENDIAN,
    "Implicit VR Little Endian": IMPLICIT_VR_LITTLE_ENDIAN,
    "Explicit VR Big Endian": EXPLICIT_VR_BIG_ENDIAN,
}
_CS_LENGTH = 16
_CANCELS, _SYNTAX, _KEEPS = 11, 12, 13  # numbers of what is a value here and not a name


class ProfileError(Exception):
    """The profiles cannot be used; the text names file, profile, key and reason, one line for each problem."""


@dataclass(frozen=True)
class Profile:
    """`title` is what stands on the machine, `kind` the DICOM modality it is ("" for any).

    Minutes are those of the modality's own clock: how long it keeps a list before it asks again (0: never), and how often it
    reports while an exam is in progress (0: not at all). `cancels_after` so many answers it cancels a query (0: never). `asks`, `tells`
    and `habits` are names of `training.quirks`.
    """

    name: str
    title: str
    kind: str = ""
    about: str = ""
    list_kept_minutes: int = 0
    report_minutes: int = 0
    clock_skew_seconds: int = 0
    cancels_after: int = 0
    character_set: str = ""
    transfer_syntaxes: tuple[str, ...] = ("Explicit VR Little Endian", "Implicit VR Little Endian")
    asks: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    habits: tuple[str, ...] = ()

    def has(self, habit: str) -> bool:
        """Whether it has a habit of `training.quirks.habits`."""
        return habit in self.habits

    @property
    def manners(self) -> Manners:
        """How it behaves on the line."""
        ending = Ending.ABORT if self.has(habits.ABORTS) else Ending.DROP if self.has(habits.HANGS_UP) else Ending.RELEASE
        return Manners(ending, group_lengths=self.has(habits.GROUP_LENGTHS))

    @property
    def offered(self) -> list[str]:
        """UIDs of the transfer syntaxes that it offers."""
        return [SYNTAXES[name] for name in self.transfer_syntaxes]

    @property
    def quirks(self) -> list[tuple[int, str]]:
        """Number and words ("The machine …") of all that it does otherwise, by number."""
        named = [*((ASKING[name].number, ASKING[name].what) for name in self.asks), *(HABITS[name] for name in self.habits)]
        named += [(TELLING[name].number, TELLING[name].what) for name in self.tells]
        if self.cancels_after:
            named.append((_CANCELS, f"cancels a query after {self.cancels_after} answers"))
        if len(self.transfer_syntaxes) == 1:
            named.append((_SYNTAX, f"offers {self.transfer_syntaxes[0]} only"))
        if self.list_kept_minutes:
            named.append((_KEEPS, f"keeps its list for {self.list_kept_minutes} minutes"))
        return sorted(named)

    def asked(self, identifier: Dataset) -> Dataset:
        """A query as this machine sends it."""
        query = deepcopy(identifier)
        for name in self.asks:
            ASKING[name].change(query)
        return query

    def created(self, attributes: Dataset) -> Dataset:
        """An N-CREATE as this machine sends it."""
        return self._told(Message(deepcopy(attributes)))

    def changed(self, modifications: Dataset, created: Dataset) -> Dataset:
        """An N-SET as this machine sends it, for what it had created as `created`."""
        return self._told(Message(deepcopy(modifications), self.created(created)))

    def _told(self, message: Message) -> Dataset:
        if self.character_set:
            _write_in(message.dataset, self.character_set)
        for name in self.tells:
            TELLING[name].change(message)
        return message.dataset


def _write_in(dataset: Dataset, character_set: str) -> None:
    """Let the text be of this character set; what it does not have becomes a question mark."""
    declared = charsets.read(character_set)

    def convert(_: Dataset, element: DataElement) -> None:
        if element.VR in charsets.TEXT_VRS and (lacking := declared.lacks(str(element.value or ""))):
            element.value = str(element.value).translate(str.maketrans(lacking, "?" * len(lacking)))

    dataset.walk(convert)
    dataset.SpecificCharacterSet = character_set.split("\\")


PLAIN = Profile("plain", "Plain modality", about="Does all as the standard has it.")
"""What is played without a profile."""


@cache
def all_profiles() -> Mapping[str, Profile]:
    """By name, the plain one first. Raises ProfileError."""
    return {PLAIN.name: PLAIN} | read(FILE.read_text(encoding="utf-8"), FILE.name)


def read(text: str, file: str) -> dict[str, Profile]:
    """Profiles by name out of TOML, one table each; `file` is what messages call it. Raises ProfileError with all that is wrong."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file}: {error}") from error
    problems = [f"{file}: {name}{problem}" for name, table in tables.items() for problem in _problems(name, table)]
    if problems:
        raise ProfileError("\n".join(problems))
    return {name: _profile(name, table) for name, table in tables.items()}


def _profile(name: str, table: Mapping[str, Any]) -> Profile:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Profile(name, **values)


_NAMES: Mapping[str, Sequence[str]] = {
    "transfer_syntaxes": list(SYNTAXES),
    "asks": list(ASKING),
    "tells": list(TELLING),
    "habits": list(HABITS),
}
_NUMBERS = ("list_kept_minutes", "report_minutes", "cancels_after", "clock_skew_seconds")


def _problems(name: str, table: object) -> Iterator[str]:
    """What is wrong with a profile, each as what stands behind its name."""
    if not isinstance(table, dict):
        yield f" is no profile: it is a table, [{name}] with its keys below"
        return
    if name == PLAIN.name:
        yield " is the name of the profile without quirks; take another one"
    if "title" not in table:
        yield " has no title, which is what stands on the machine"
    known = [one.name for one in fields(Profile) if one.name != "name"]
    for key, value in table.items():
        problem = _problem_with(key, value) if key in known else f"is no key of a profile{_guess(key, known)}"
        if problem:
            yield f".{key}: {problem}"


def _problem_with(key: str, value: object) -> str:
    """What is wrong with the value of a key; empty when it is good."""
    if key in _NAMES:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            return "is no list of names"
        return "; ".join(f"{one!r} is not known{_guess(one, _NAMES[key])}" for one in value if one not in _NAMES[key])
    if key in _NUMBERS:
        is_number = isinstance(value, int) and not isinstance(value, bool) and (value >= 0 or key == "clock_skew_seconds")
        return "" if is_number else "is no whole number from 0 on"
    if not isinstance(value, str):
        return "is no text"
    if key == "character_set" and (charsets.read(value).unknown or not value):
        return f"{value!r} is no defined term of Specific Character Set"
    if key == "kind" and not (value.isascii() and value.isupper() and len(value) <= _CS_LENGTH):
        return f"{value!r} is no modality, e.g. CT"
    return ""


def _guess(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f" (did you mean {close[0]}?)" if close else f"; there are {', '.join(known)}"
