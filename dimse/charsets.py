"""Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1): which encodings a declaration names, and which set an answer needs."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.charset import CODES_TO_ENCODINGS, handled_encodings, python_encoding

DEFAULT_ENCODING: Final = "iso8859"  # pydicom's stand-in for the default repertoire: any byte decodes
UTF_8: Final = ("ISO_IR 192",)
_STAND_ALONE: Final = frozenset({"ISO_IR 192", "GB18030", "GBK"})  # may not be combined by code extension (PS3.5 6.1.2.5.4)
_WITHOUT_ESCAPES = re.compile(r"ISO[ _-]?IR[ _-]?(\d+)\Z")
_WITH_ESCAPES = re.compile(r"ISO[ _-]?2022[ _-]?IR[ _-]?(\d+)\Z")
_ESC = b"\x1b"
_FRAGMENTS = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A declaration, read: the terms that are known (spelling corrected), their Python codecs (never empty), and those not known."""

    terms: tuple[str, ...]
    encodings: tuple[str, ...]
    unknown: tuple[str, ...]


DEFAULT: Final = CharacterSet((), (DEFAULT_ENCODING,), ())


def _corrected(term: str) -> str | None:
    """The defined term that `term` is or misspells ("ISO-IR 100", "iso_ir 192"); None when there is none."""
    upper = " ".join(term.upper().split())
    if match := _WITHOUT_ESCAPES.match(upper):
        upper = f"ISO_IR {match[1]}"
    elif match := _WITH_ESCAPES.match(upper):
        upper = f"ISO 2022 IR {match[1]}"
    elif upper in ("UTF8", "UTF-8"):
        upper = "ISO_IR 192"
    return upper if upper in python_encoding else None


def read(declared: str) -> CharacterSet:
    """The value of (0008,0005), its terms separated by backslashes, as a character set; unknown terms count as not given."""
    terms: list[str] = []
    unknown: list[str] = []
    for position, term in enumerate(declared.strip(" \0").split("\\")):
        known = "" if not term.strip(" \0") else _corrected(term.strip(" \0"))
        if known is None:
            unknown.append(term)
        if known or (position == 0 and "\\" in declared):
            terms.append(known or "ISO 2022 IR 6")
    if terms and terms[0] in _STAND_ALONE:
        terms = terms[:1]
    terms = [term for position, term in enumerate(terms) if position == 0 or term not in _STAND_ALONE]
    return CharacterSet(tuple(terms), tuple(python_encoding[term] for term in terms) or DEFAULT.encodings, tuple(unknown))


def can_decode(value: bytes, encodings: Sequence[str], delimiters: bytes = b"") -> bool:
    """Whether every byte of `value` means a character in `encodings`, escape sequences followed (PS3.5 6.1.2.5).

    `value` is one value of one component group; a delimiter in it switches back to the first encoding.
    """
    if _ESC not in value:
        return _decodes(value, encodings[0])
    return all(_fragment_decodes(fragment, encodings, delimiters) for fragment in _FRAGMENTS.findall(value))


def _fragment_decodes(fragment: bytes, encodings: Sequence[str], delimiters: bytes) -> bool:
    if not fragment.startswith(_ESC):
        return _decodes(fragment, encodings[0])
    length = 4 if fragment.startswith((b"\x1b$(", b"\x1b$)")) else 3
    encoding = CODES_TO_ENCODINGS.get(fragment[:length])
    if encoding is None or (encoding != DEFAULT_ENCODING and encoding not in encodings):
        return False
    if encoding in handled_encodings:  # Python knows their escape sequences
        return _decodes(fragment, encoding)
    text = fragment[length:]
    switch = next((index for index, byte in enumerate(text) if byte in delimiters), len(text))
    return _decodes(text[:switch], encoding) and _decodes(text[switch:], encodings[0])


def _decodes(value: bytes, encoding: str) -> bool:
    try:
        value.decode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _encodes(character: str, term: str) -> bool:
    if character.isascii():
        return True
    if python_encoding[term] == DEFAULT_ENCODING:
        return False  # the default repertoire is ISO-IR 6; its stand-in codec is wider
    try:
        encoded = character.encode(python_encoding[term])
    except UnicodeError:
        return False
    return len(encoded) == 1 or not term.endswith("IR 13")  # the codec for JIS X 0201 knows kanji, the set does not


def can_encode(value: str, terms: Sequence[str]) -> bool:
    """Whether `value` can be written in the character set of `terms` (Specific Character Set values; none means default repertoire)."""
    return all(any(_encodes(character, term) for term in terms or ("",)) for character in value)


def choose(values: Iterable[str], preferred: Sequence[str] = ()) -> tuple[str, ...]:
    """The Specific Character Set for an answer that holds `values`.

    `preferred` (a station's set, or that of its query) when everything fits in it, otherwise UTF-8. All ASCII needs no declaration: ().
    Terms unknown here are as good as none.
    """
    texts = [value for value in values if not value.isascii()]
    if not texts:
        return ()
    known = read("\\".join(preferred))
    if known.terms and not known.unknown and all(can_encode(text, known.terms) for text in texts):
        return known.terms
    return UTF_8
