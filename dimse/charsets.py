"""Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1): what a declaration names, text in it, and which set an answer needs."""

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dimse import extensions
from dimse.extensions import Reading, Unfit, Writer
from dimse.repertoires import CHOICES, DEFAULT, TERMS

__all__ = ["CHOICES", "NONE", "UTF_8", "CharacterSet", "Unfit", "choose", "read"]

UTF_8: Final = ("ISO_IR 192",)
TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""What the declaration is about (PS3.5 6.1.2.2)."""
_WITHOUT_ESCAPES = re.compile(r"ISO[ _-]?IR[ _-]?(\d+)\Z")
_WITH_ESCAPES = re.compile(r"ISO[ _-]?2022[ _-]?IR[ _-]?(\d+)\Z")
_ALIASES: Final = {"UTF8": "ISO_IR 192", "UTF-8": "ISO_IR 192", "ISO 2022 GBK": "GBK", "ISO 2022 58": "ISO 2022 IR 58"}
_HALVES: Final = "shift_jis"  # a codec that knows more than its term: kanji, which JIS X 0201 does not have
_CONTROLS = re.compile("[\x80-\x9f]")  # what codecs of one byte take for characters
_ESC: Final = b"\x1b"


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A declaration, read: the terms that are known (spelling corrected) and those that are not.

    No terms is the default repertoire, ASCII. The first of several may be empty, which is ASCII too.
    """

    terms: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def codec(self) -> str | None:
        """Python's codec that says alone what fits and how it is written, but for control characters; None when none does."""
        term = TERMS[self.terms[0]] if len(self.terms) == 1 else None
        return term.codec if term is not None and term.codec not in ("ascii", _HALVES) else None

    def encode(self, text: str, vr: str) -> bytes:
        """A text as it travels in an element of `vr`, several values with backslashes between them. Raises Unfit."""
        if text.isascii():
            return text.encode()
        codec = self.codec
        if codec is None:
            return _writer(self.terms or (DEFAULT,)).encode(text, extensions.resets(vr))
        try:
            encoded = text.encode(codec)
        except UnicodeEncodeError as error:
            raise Unfit(text[error.start]) from error
        if codec != "utf_8" and codec != "gb18030" and (control := _CONTROLS.search(text)):
            raise Unfit(control[0])
        return encoded

    def lacks(self, text: str) -> str:
        """The characters of `text` that the set does not have, each once."""
        if text.isascii():
            return ""
        return "".join(character for character in dict.fromkeys(text) if not character.isascii() and not self._has(character))

    def _has(self, character: str) -> bool:
        try:
            return bool(self.encode(character, "LO"))
        except Unfit:
            return False

    def decode(self, value: bytes, vr: str) -> Reading:
        """The text of an element of `vr`, or what can be read of it."""
        codec = "ascii" if not self.terms else TERMS[self.terms[0]].codec if len(self.terms) == 1 else ""
        if _ESC in value or not codec:
            return extensions.read(value, self.terms, extensions.resets(vr))
        text = value.decode(codec, errors=_LOSING)
        lost = text.count(_LOST)
        return Reading(text.replace(_LOST, "?"), lost)


_LOSING: Final = "stepwise.lost"
_LOST: Final = "\U0010fffe"  # a noncharacter: text has none


def _lose(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _LOST, error.end


codecs.register_error(_LOSING, _lose)
NONE: Final = CharacterSet()


@lru_cache(maxsize=64)
def _writer(terms: tuple[str, ...]) -> Writer:
    return Writer(terms)


def _corrected(term: str) -> str | None:
    """The defined term that `term` is or misspells ("ISO-IR 100", "iso_ir 192"); None when there is none."""
    upper = " ".join(term.upper().split())
    if match := _WITHOUT_ESCAPES.match(upper):
        upper = f"ISO_IR {match[1]}"
    elif match := _WITH_ESCAPES.match(upper):
        upper = f"ISO 2022 IR {match[1]}"
    upper = _ALIASES.get(upper, upper)
    return upper if upper in TERMS else None


@lru_cache(maxsize=256)
def read(declared: str) -> CharacterSet:
    """The value of (0008,0005), its terms separated by backslashes, as a character set; unknown terms count as not given.

    With several terms each is that of code extensions. One that is used by escape sequences only, standing first, gets ASCII before it.
    """
    terms: list[str] = []
    unknown: list[str] = []
    for position, term in enumerate(declared.strip(" \0").split("\\")):
        known = "" if not term.strip(" \0") else _corrected(term.strip(" \0"))
        if known is None:
            unknown.append(term)
        if known or (position == 0 and "\\" in declared):
            terms.append(known or "")
    if terms and terms[0] and TERMS[terms[0]].stands_alone:
        return CharacterSet((terms[0],), tuple(unknown))
    terms = [term for position, term in enumerate(terms) if position == 0 or not TERMS[term].stands_alone]
    if terms and terms[0] and TERMS[terms[0]].by_escape:
        terms.insert(0, "")
    if len(terms) > 1:
        terms = [term.replace("ISO_IR", "ISO 2022 IR") for term in terms]
    return CharacterSet(tuple(dict.fromkeys(terms)) if terms != [""] else (), tuple(unknown))


def choose(values: Iterable[str], preferred: Sequence[str] = ()) -> tuple[str, ...]:
    """The Specific Character Set for an answer that holds `values`.

    `preferred` (a station's set, or that of its query) when everything fits in it, otherwise UTF-8. All ASCII needs no declaration: ().
    Terms unknown here are as good as none.
    """
    texts = [value for value in values if not value.isascii()]
    if not texts:
        return ()
    known = read("\\".join(preferred))
    fits = known.terms and not known.unknown and not any(known.lacks(text) for text in texts)
    return known.terms if fits else UTF_8
