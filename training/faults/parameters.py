"""What a fault can be told beside where it holds: the values that are taken, and those that are not, in words."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dimse.errors import ERROR_COMMENT_LENGTH


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `least` to `most`. `unit` follows it in words."""

    name: str
    label: str
    default: int
    least: int
    most: int
    unit: str = ""

    def read(self, given: Any) -> int:
        """Raises ValueError."""
        try:
            number = float(str(given).strip())
        except ValueError:
            number = math.nan
        if isinstance(given, bool) or not math.isfinite(number) or number != int(number):
            raise ValueError(f"is {str(given)[:32]!r}; it must be a whole number from {self.least} to {self.most}")
        if not self.least <= number <= self.most:
            raise ValueError(f"is {int(number)}; it must be {self.least} to {self.most}{f' {self.unit}' if self.unit else ''}")
        return int(number)

    def shown(self, value: Any) -> str:
        return f"{value} {self.unit}" if self.unit else str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, each with what it means. A word is taken by its meaning too, and by what stands before it (`0110`)."""

    name: str
    label: str
    default: str
    choices: Mapping[str, str]

    def read(self, given: Any) -> str:
        """Raises ValueError."""
        text = "" if given is None else str(given).strip().lower()
        found = [word for word in self.choices if text == word.lower()]
        found = found or [word for word, meaning in self.choices.items() if text in _names_of(meaning)]
        if not found:
            raise ValueError(f"is {str(given)[:48]!r}; it must be one of {', '.join(self.choices)}")
        return found[0]

    def shown(self, value: Any) -> str:
        return self.choices.get(value, str(value))


@dataclass(frozen=True, slots=True)
class Text:
    """A line of ASCII that may be empty, as long as an Error Comment."""

    name: str
    label: str
    default: str = ""

    def read(self, given: Any) -> str:
        """Raises ValueError."""
        text = str(given).strip()
        if len(text) > ERROR_COMMENT_LENGTH:
            raise ValueError(f"has {len(text)} characters; an Error Comment holds {ERROR_COMMENT_LENGTH}")
        if not (text.isascii() and text.isprintable()) or "\\" in text:
            raise ValueError("holds a character that an Error Comment has not; write plain ASCII without a backslash")
        return text

    def shown(self, value: Any) -> str:
        return str(value)


def _names_of(meaning: str) -> tuple[str, ...]:
    """A meaning, and the code that it begins with."""
    code = _CODE.match(meaning)
    return (meaning.lower(), code[1].lower()) if code else (meaning.lower(),)


_CODE = re.compile(r"([0-9A-F]{4}) ")
Parameter = Number | Choice | Text
