"""Data sets written as text, by DCMTK's dcmdump or by hand for its dump2dcm: one element a line, `(gggg,eeee) VR value # comment`.

Values stand in square brackets or bare; `(no value available)` is no value; sequences nest by (FFFE,E000), (FFFE,E00D) and
(FFFE,E0DD), whether their lengths are said to be explicit or undefined, as deep as they may on the network. Text is in the
character set that the data set declares. Group 0002 and group lengths are passed over. Where an element stands twice the first
counts, with a note; where another VR is written than the data dictionary has, the dictionary's is taken, with a note.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from pydicom import Dataset, uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement

from dimse import charsets, decode
from dimse import values as network_values
from dimse.charsets import CharacterSet

_LINE = re.compile(r"\s*\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})\)\s+(\S\S?)(?:\s+(.*))?$", re.DOTALL)
_BRACKETED = re.compile(r"\[(.*)\]\s*(?:#[^\]]*)?$", re.DOTALL)
_NO_VALUE = re.compile(r"\(no value( available)?\)")
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_SEVERAL_LINES = frozenset({"LT", "ST", "UT"})
_NAME = re.compile(r"#\s*[0-9u/l]+,\s*\d+(?:-[0-9n]+)?\s+(\w+)\s*$")  # length, multiplicity and keyword, as dcmdump writes them
_COMMENT = re.compile(r"#\s*[0-9u/l]+,\s*\d")  # the beginning of such a comment, whatever its name
_INTEGERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q"}  # as `struct` packs them
_FLOATS = {"FL": "f", "FD": "d"}
_NUMBER_VRS = frozenset({*_INTEGERS, *_FLOATS, "AT"})
_BYTE_VRS = {"OB": 2, "UN": 2, "OW": 4}  # hexadecimal digits of one number
_VRS = _TEXT_VRS | _NUMBER_VRS | _BYTE_VRS.keys() | {"SQ"}

N = TypeVar("N", int, float)


class DumpError(Exception):
    """A line that cannot be understood; the text names it by number and says why."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"line {number}: {problem}")


@dataclass
class _Element:
    """One element as written: `raw` is its value in the bytes of the file, `items` those of a sequence."""

    number: int
    tag: int
    vr: str
    raw: bytes = b""
    items: "list[dict[int, _Element]]" = field(default_factory=list)


def parse(text: bytes) -> tuple[Dataset, tuple[str, ...]]:
    """The data set, and what was tolerated in reading it, in words. Raises DumpError."""
    lines = _Lines(text)
    elements = _read(lines, inside="", depth=0)
    if not elements:
        raise DumpError(lines.number, "there is no element at all; this is no dump of a data set")
    notes = lines.notes
    _check_end(text, lines)
    return _dataset(elements, charsets.NONE, notes), tuple(notes)


def _check_end(text: bytes, lines: "_Lines") -> None:
    """Note a last line without an end, or refuse it when only it lacks the comment that dcmdump writes behind each element."""
    *others, last = text.decode("latin-1").split("\n")
    if not last.strip() or last.lstrip().startswith("#"):
        return
    elements = [line for line in others if _LINE.match(line)]
    if elements and not _COMMENT.search(last) and all(_COMMENT.search(line) for line in elements):
        raise DumpError(lines.number, f"{_shown(last)} has neither an end nor the comment that all other lines have; the file is cut")
    lines.notes.append(f"line {lines.number}: the last line has no end; the file may be cut")


class _Lines:
    """The lines that say something, bytes kept one to one in Latin-1 until the character set is known."""

    def __init__(self, text: bytes) -> None:
        self._lines = text.decode("latin-1").removeprefix("\xef\xbb\xbf").split("\n")
        self.number = 0
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[str]:
        while self.number < len(self._lines):
            self.number += 1
            line = self._lines[self.number - 1].rstrip("\r")
            if line.strip() and not line.lstrip().startswith("#"):
                yield line

    def further(self) -> str | None:
        """The next line of a value that goes on; None when there is none, or when it is an element."""
        if self.number >= len(self._lines) or _LINE.match(self._lines[self.number]):
            return None
        self.number += 1
        return self._lines[self.number - 1].rstrip("\r")


def _read(lines: _Lines, inside: str, depth: int) -> dict[int, _Element]:
    """Elements up to the end of the file, or of the item when `inside` names its sequence, the innermost of `depth`."""
    elements: dict[int, _Element] = {}
    for line in lines:
        tag, vr, rest = _split(lines.number, line)
        if inside and tag == _ITEM_END:
            return elements
        if tag >> 16 == 0xFFFE:
            raise DumpError(lines.number, "an item or delimiter stands where an element is expected")
        if tag >> 16 == 0x0002:
            continue
        _check_name(lines.number, tag, rest)
        element = _Element(lines.number, tag, _vr(lines, tag, vr))
        if element.vr == "SQ":
            element.items = _read_items(lines, element, depth + 1)
        else:
            element.raw = _raw(lines, element, rest)
        if tag in elements:
            lines.notes.append(f"line {element.number}: {network_values.name_of_tag(tag)} is given again; the first counts")
        elif tag & 0xFFFF != 0:
            elements[tag] = element
    if inside:
        raise DumpError(lines.number, f"the file ends inside {inside}; its delimiters are missing")
    return elements


def _read_items(lines: _Lines, sequence: _Element, depth: int) -> list[dict[int, _Element]]:
    name = network_values.name_of_tag(sequence.tag)
    if depth > decode.MAXIMUM_DEPTH:
        raise DumpError(sequence.number, f"{name}: sequences are nested deeper than {decode.MAXIMUM_DEPTH}")
    items: list[dict[int, _Element]] = []
    for line in lines:
        tag, _, _ = _split(lines.number, line)
        if tag == _SEQUENCE_END:
            return items
        if tag != _ITEM:
            raise DumpError(lines.number, f"an item of {name} or its end is expected here")
        items.append(_read(lines, name, depth))
    raise DumpError(lines.number, f"the file ends inside {name}; its delimiters are missing")


def _split(number: int, line: str) -> tuple[int, str, str]:
    match = _LINE.match(line)
    if match is None:
        raise DumpError(number, f"{_shown(line)} is no element; expected (gggg,eeee) VR [value]")
    return int(match[1] + match[2], 16), match[3], (match[4] or "").strip()


def _shown(text: str) -> str:
    plain = "".join(char if " " <= char <= "~" else "?" for char in text.strip())
    return repr(plain if len(plain) <= 40 else f"{plain[:40]}…")


def _check_name(number: int, tag: int, rest: str) -> None:
    """A comment of dcmdump ends with the keyword of the tag; one that is the keyword of another tag says that either is wrong."""
    match = _NAME.search(rest)
    named = tag_for_keyword(match[1]) if match else None
    if match and named not in (None, tag) and not _is_repeating(tag):
        right = f"({named >> 16:04X},{named & 0xFFFF:04X})" if named else ""
        raise DumpError(
            number, f"{network_values.name_of_tag(tag)} is called {match[1]} {right} in its comment: the tag or the name is wrong"
        )


def _is_repeating(tag: int) -> bool:
    """Groups 50xx and 60xx, whose tags share keywords (PS3.5 7.6)."""
    return tag >> 24 in (0x50, 0x60)


def _vr(lines: _Lines, tag: int, written: str) -> str:
    """The dictionary's VR when it knows the tag, with a note when another one is written; else the one that is written."""
    known = network_values.dictionary_vr(tag)
    upper = written.upper()
    name = network_values.name_of_tag(tag)
    if upper not in _VRS:
        if known is None:
            raise DumpError(lines.number, f"{name} is not in the data dictionary and {_shown(written)} is no VR")
        return known.split(" ")[0]
    if known is None or upper in known.split(" or "):
        return upper
    if "SQ" in (known, upper):
        raise DumpError(lines.number, f"{name} has VR {known}, not {upper}")
    if upper == "UN":
        return upper
    lines.notes.append(f"line {lines.number}: {name} has VR {known}, not {upper}")
    return known.split(" ")[0]


def _raw(lines: _Lines, element: _Element, rest: str) -> bytes:
    """The value as bytes, brackets and comment taken off."""
    number = lines.number
    while rest.startswith("[") and not _BRACKETED.fullmatch(rest):
        further = lines.further() if element.vr in _SEVERAL_LINES else None
        if further is None:
            raise DumpError(number, f"the value of {network_values.name_of_tag(element.tag)} has no closing bracket")
        rest = f"{rest}\r\n{further}"
    bracketed = _BRACKETED.fullmatch(rest)
    if bracketed:
        return bracketed[1].encode("latin-1")
    if _NO_VALUE.match(rest):
        return b""
    bare = rest.split("#", 1)[0].strip()
    if bare.endswith("]"):
        raise DumpError(number, f"the value of {network_values.name_of_tag(element.tag)} has no opening bracket")
    if element.vr == "UI" and bare.startswith("="):
        named = getattr(uid, bare[1:], None)
        if not isinstance(named, uid.UID):
            raise DumpError(number, f"{_shown(bare[1:])} is no name of a UID")
        return named.encode()
    return bare.encode("latin-1")


def _dataset(elements: dict[int, _Element], charset: CharacterSet, notes: list[str]) -> Dataset:
    dataset = Dataset()
    declared = elements.pop(network_values.CHARACTER_SET, None)
    if declared is not None and declared.raw.strip():
        charset, spelled = network_values.character_set(declared.raw, notes)
        if spelled is not None:
            dataset[spelled.tag] = spelled
    for element in elements.values():
        dataset[element.tag] = _converted(element, charset, notes)
    return dataset


def _converted(element: _Element, charset: CharacterSet, notes: list[str]) -> DataElement:
    tag, vr, raw = element.tag, element.vr, element.raw
    if vr == "SQ":
        return DataElement(tag, "SQ", [_dataset(item, charset, notes) for item in element.items])
    if vr in _TEXT_VRS:
        coding = network_values.Coding(implicit=False, little=True, declared=charset)
        holder = Dataset({tag: network_values.element(tag, vr, raw, 0, coding, notes)})  # type: ignore[dict-item]
        holder.set_original_encoding(False, True, [network_values.TEXT_CODEC])
        return holder[tag]
    return DataElement(tag, vr, _numbers(element) if raw else None)


def _fitting(code: str, number: N) -> N:
    """The number, when `struct` can pack it: pydicom would only find out when the item is encoded."""
    struct.pack(f"<{code}", number)
    return number


def _numbers(element: _Element) -> object:
    """The value of a VR that is binary on the wire, written as numbers."""
    parts = element.raw.decode("latin-1").split("\\")
    try:
        if element.vr in _INTEGERS:
            return [_fitting(_INTEGERS[element.vr], int(part)) for part in parts]
        if element.vr in _FLOATS:
            return [_fitting(_FLOATS[element.vr], float(part)) for part in parts]
        if element.vr == "AT":
            return [_fitting("L", int(re.sub(r"[(),\s]", "", part), 16)) for part in parts]
        size = _BYTE_VRS.get(element.vr, 2) // 2
        return b"".join(int(part, 16).to_bytes(size, "little") for part in parts)
    except (ValueError, OverflowError, struct.error) as error:
        name = network_values.name_of_tag(element.tag)
        raise DumpError(element.number, f"{_shown(element.raw.decode('latin-1'))} is no value of {name}, VR {element.vr}") from error
