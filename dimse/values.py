"""Single elements of a received data set: bytes that pydicom can convert later without exceptions and without warnings."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from dimse import charsets
from dimse.charsets import TEXT_VRS, CharacterSet

CHARACTER_SET = 0x00080005

TEXT_CODEC = "utf_8"  # of the text in elements, whatever it came in
_PLAIN_NUMBERS = {"DS": re.compile(rb"[+-]?[0-9]{1,8}(\.[0-9]{1,6})? ?"), "IS": re.compile(rb"[+-]?[0-9]{1,9} ?")}
VALUE_SIZES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


@dataclass(frozen=True, slots=True)
class Coding:
    """How the bytes of an element are encoded, and in which character set its text is."""

    implicit: bool
    little: bool
    declared: CharacterSet


def name_of_tag(tag: int) -> str:
    """A tag as people read it: "PatientName (0010,0010)", "(0009,1010)"."""
    keyword = keyword_for_tag(tag)
    return f"{keyword}{' ' if keyword else ''}({tag >> 16:04X},{tag & 0xFFFF:04X})"


def note_of(what: str, tags: Iterable[int]) -> list[str]:
    """A note that these tags are what it says, none without any."""
    names = ", ".join(map(name_of_tag, tags))
    return [f"{what} {names}"] if names else []


@lru_cache(4096)
def dictionary_vr(tag: int) -> str | None:
    """The VR that the data dictionary (repeating groups included) gives to `tag`; None when it does not know it."""
    try:
        return dictionary_VR(BaseTag(tag))
    except KeyError:
        return None


def is_plain_number(vr: str, raw: bytes) -> bool:
    """Whether `raw` is one ordinary number of IS or DS, which nobody need convert to see that it is one."""
    return vr in _PLAIN_NUMBERS and _PLAIN_NUMBERS[vr].fullmatch(raw) is not None


def character_set(raw: bytes, notes: list[str]) -> tuple[CharacterSet, DataElement | None]:
    """The declaration, and an element that spells it as pydicom knows it.

    There is no element for a declaration that nobody knows: whoever encodes the data set again would trip over it.
    """
    declared = raw.decode("latin-1")
    known = charsets.read(declared.strip(" \0"))
    if known.unknown:
        taken = "\\".join(known.terms) or "the default repertoire"
        notes.append(f"SpecificCharacterSet {declared.strip()!r} is unknown; {taken} was taken for it")
        if not known.terms:
            return known, None
    return known, DataElement(CHARACTER_SET, "CS", list(known.terms) if len(known.terms) > 1 else "".join(known.terms))


def element(tag: int, vr: str, raw: bytes, offset: int, coding: Coding, notes: list[str]) -> DataElement | RawDataElement:
    """The element of `raw`, converted when it is first read, its text in UTF-8. What cannot be converted is text or bytes, with a note."""
    known = dictionary_vr(tag) if vr == "UN" else None
    if known not in (None, "SQ"):
        vr = str(known)
    if vr in TEXT_VRS and (not raw.isascii() or b"\x1b" in raw):
        raw = _readable(tag, vr, raw, coding.declared, notes)
    elif len(raw) % VALUE_SIZES.get(vr, 1):
        notes.append(f"{name_of_tag(tag)}: {len(raw)} bytes are no whole number of {vr} values")
        vr = "OB"
    if vr == "UN":
        return DataElement(tag, "OB" if known else "UN", raw)
    encoded = RawDataElement(BaseTag(tag), vr, len(raw), raw or None, offset, coding.implicit, coding.little)
    return _number(encoded, notes) if vr in _PLAIN_NUMBERS and raw and not is_plain_number(vr, raw) else encoded


def _readable(tag: int, vr: str, raw: bytes, declared: CharacterSet, notes: list[str]) -> bytes:
    """Text in UTF-8, with "?" for each byte that means nothing in the declared set. Where none is declared, Latin-1 is understood."""
    name = name_of_tag(tag)
    if declared == charsets.NONE and b"\x1b" not in raw:
        notes.append(f"{name}: characters beyond ASCII, but no character set is declared; Latin-1 was taken for it")
        return raw.decode("latin-1").encode(TEXT_CODEC)
    found = declared.decode(raw, vr)
    if found.undeclared:
        notes.append(f"{name}: escape sequences to {', '.join(sorted(found.undeclared))}, which is not declared; they were followed")
    if found.lost:
        notes.append(f"{name}: bytes outside the declared character set became '?'")
    return found.text.encode(TEXT_CODEC)


def _number(raw: RawDataElement, notes: list[str]) -> DataElement:
    """IS and DS that look odd are converted here: only the conversion shows whether they are numbers; what is none stays as text.

    With an escape sequence it is none, and pydicom would warn of the character set.
    """
    value = raw.value or b""
    try:
        converted = None if b"\x1b" in value else convert_raw_data_element(raw)
    except (TypeError, ValueError, ArithmeticError):
        converted = None
    if converted is None:
        converted = DataElement(raw.tag, "LO", value.decode("latin-1").strip(" \0"))
    if converted.VR == "LO" or any(isinstance(value, str) and value for value in _values(converted)):
        notes.append(f"{name_of_tag(raw.tag)}: {converted.value!r} is no number")
    return converted


def of(value: object) -> list[str]:
    """The values of an element as text, one or several; none for None."""
    return [str(one) for one in (value if isinstance(value, list | MultiValue) else [value] if value is not None else [])]


def _values(element: DataElement) -> list[object]:
    return list(element.value) if isinstance(element.value, list | MultiValue) else [element.value]
