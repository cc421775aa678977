"""The words of a line of a script."""

import re
from dataclasses import dataclass

_WORD = re.compile(r'(?:(?P<key>[A-Za-z-]+)=)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"#][^\s"]*)?)(?=\s|$)')


@dataclass(frozen=True)
class Word:
    """`text`, behind `key=` when it has one. Columns count from 1."""

    text: str
    column: int
    key: str = ""

    @property
    def value_column(self) -> int:
        """Where the text begins."""
        return self.column + len(self.key) + 1 if self.key else self.column

    def __str__(self) -> str:
        return f"{self.key}={self.text}" if self.key else self.text


class WrongWord(Exception):
    """At `column` a line is wrong, for this reason."""

    def __init__(self, column: int, reason: str) -> None:
        self.column = column
        super().__init__(reason)


def words_of(text: str) -> list[Word]:
    """The words of a line up to its comment. Raises WrongWord."""
    words, at = [], 0
    while (at := at + len(text[at:]) - len(text[at:].lstrip())) < len(text) and text[at] != "#":
        match = _WORD.match(text, at)
        if not match or match.end() == at:
            raise WrongWord(at + 1, 'a quotation mark has no partner, or stands inside of a word; write "CT head" or what="CT head"')
        words.append(Word(match["quoted"] if match["quoted"] is not None else match["plain"] or "", at + 1, match["key"] or ""))
        at = match.end()
    return words
