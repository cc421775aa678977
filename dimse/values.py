"""Single elements of a received data set: bytes that pydicom can convert later without exceptions and without warnings."""

from dataclasses import dataclass

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from dimse import charsets

CHARACTER_SET = 0x00080005

_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_VALUE_SIZES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


@dataclass(frozen=True, slots=True)
class Coding:
    """How the bytes of an element are encoded."""

    implicit: bool
    little: bool
    encodings: tuple[str, ...]


def name_of_tag(tag: int) -> str:
    """A tag as people read it: "PatientName (0010,0010)", "(0009,1010)"."""
    keyword = keyword_for_tag(tag)
    return f"{keyword}{' ' if keyword else ''}({tag >> 16:04X},{tag & 0xFFFF:04X})"


def dictionary_vr(tag: int) -> str | None:
    """The VR that the data dictionary (repeating groups included) gives to `tag`; None when it does not know it."""
    try:
        return dictionary_VR(BaseTag(tag))
    except KeyError:
        return None


def character_set(raw: bytes, notes: list[str]) -> tuple[charsets.CharacterSet, DataElement | None]:
    """The declaration, and an element that spells it as pydicom knows it.

    There is no element for a declaration that nobody knows: whoever encodes the data set again would trip over it.
    """
    declared = raw.decode("latin-1")
    known = charsets.read(declared)
    if known.unknown:
        notes.append(f"SpecificCharacterSet {declared.strip()!r} is unknown; the default repertoire was taken for it")
        if not known.terms:
            return known, None
    return known, DataElement(CHARACTER_SET, "CS", list(known.terms) if len(known.terms) > 1 else "".join(known.terms))


def element(tag: int, vr: str, raw: bytes, offset: int, coding: Coding, notes: list[str]) -> DataElement | RawDataElement:
    """The element of `raw`, converted when it is first read. What cannot be converted is text or bytes, with a note."""
    known = dictionary_vr(tag) if vr == "UN" else None
    if known not in (None, "SQ"):
        vr = str(known)
    if vr in _TEXT_VRS and (not raw.isascii() or b"\x1b" in raw):
        raw = _readable(tag, vr, raw, coding.encodings, notes)
    elif len(raw) % _VALUE_SIZES.get(vr, 1):
        notes.append(f"{name_of_tag(tag)}: {len(raw)} bytes are no whole number of {vr} values")
        vr = "OB"
    if vr == "UN":
        return DataElement(tag, "OB" if known else "UN", raw)
    encoded = RawDataElement(BaseTag(tag), vr, len(raw), raw or None, offset, coding.implicit, coding.little)
    return _number(encoded, notes) if vr in ("DS", "IS") and raw else encoded


def _readable(tag: int, vr: str, raw: bytes, encodings: tuple[str, ...], notes: list[str]) -> bytes:
    """`raw` when all of it means something in `encodings`, else with "?" for what does not belong to ASCII."""
    separators = (b"\\", b"=") if vr == "PN" else (b"\\",) if vr in ("LO", "SH", "UC") else ()
    parts = [raw]
    for separator in separators:
        parts = [piece for part in parts for piece in part.split(separator)]
    delimiters = b"^=" if vr == "PN" else b"\r\n\t\f"
    if all(charsets.can_decode(part, encodings, delimiters) for part in parts):
        return raw
    notes.append(f"{name_of_tag(tag)}: bytes outside the declared character set became '?'")
    return bytes(byte if 0x20 <= byte < 0x7F or byte in b"\t\n\f\r" else 0x3F for byte in raw)


def _number(raw: RawDataElement, notes: list[str]) -> DataElement:
    """IS and DS are converted here, because only the conversion shows whether they are numbers; what is none stays as text."""
    try:
        converted = convert_raw_data_element(raw)
    except (TypeError, ValueError, ArithmeticError):
        converted = DataElement(raw.tag, "LO", (raw.value or b"").decode("latin-1").strip(" \0"))
    if converted.VR == "LO" or any(isinstance(value, str) and value for value in _values(converted)):
        notes.append(f"{name_of_tag(raw.tag)}: {converted.value!r} is no number")
    return converted


def _values(element: DataElement) -> list[object]:
    return list(element.value) if isinstance(element.value, list | MultiValue) else [element.value]
