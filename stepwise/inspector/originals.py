"""The identifiers of an export, and where they stand in a text."""

import re
from datetime import date
from typing import Final

SHORT: Final = 3
"""An identifier of fewer characters is looked for as a whole word, one of a single letter as a whole value: else it would be everywhere."""
_BETWEEN_NAMES: Final = re.compile(r"[\W_]+")
_WRITTEN_WITHOUT_SPACES: Final = "\u2e80"
"""From here on the characters are those of scripts in which a single one may be a name, with no space around it."""
_IN_WORDS: Final = ("%Y%m%d", "%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d-%b-%Y")


class Originals:
    """Texts to be recognised, whatever their case."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._lengths: list[int] = []

    def add(self, text: str) -> None:
        folded = text.casefold()
        if folded:
            self._texts.add(folded)
            if len(folded) not in self._lengths:
                self._lengths = sorted([*self._lengths, len(folded)], reverse=True)

    def add_name(self, name: str) -> None:
        """A person name with its parts: `Müller-Lüdenscheid^Hans` is known by each of its words."""
        self.add(name)
        for part in _BETWEEN_NAMES.split(name):
            if len(part) > 1 or part >= _WRITTEN_WITHOUT_SPACES:
                self.add(part)

    def add_day(self, text: str) -> None:
        """A DA value in the ways in which people write it; what is no day as it is."""
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self.add(text)
            return
        for form in _IN_WORDS:
            self.add(day.strftime(form))

    def __contains__(self, text: str) -> bool:
        return text.casefold() in self._texts

    def stand_in(self, text: str) -> bool:
        folded = text.casefold()
        return folded.strip() in self._texts or any(self._length_at(folded, at) for at in range(len(folded)))

    def masked(self, text: str, mask: str) -> str:
        """The text with a mask where one stands; empty where case folding hides one from this."""
        if text.strip() in self:
            return mask
        kept, at = [], 0
        while at < len(text):
            length = self._length_at(text, at)
            kept.append(mask if length else text[at])
            at += length or 1
        found = "".join(kept)
        return "" if self.stand_in(found) else found

    def _length_at(self, text: str, at: int) -> int:
        """Of the longest one that begins there; 0 for none. The time it takes does not grow with their number."""
        for length in self._lengths:
            part = text[at : at + length]
            if len(part) == length and part.casefold() in self._texts and (length >= SHORT or _is_apart(text, at, length)):
                return length
        return 0


def _is_apart(text: str, at: int, length: int) -> bool:
    """Whether so short a text is a word of its own, or of a script without spaces."""
    if text[at] >= _WRITTEN_WITHOUT_SPACES:
        return True
    around = text[max(at - 1, 0) : at] + text[at + length : at + length + 1]
    return length > 1 and not any(one.isalnum() for one in around)
