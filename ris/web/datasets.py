"""How a DICOM data set is shown: as a tree of elements, as text like dcmdump's, as DICOM JSON."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydicom import Dataset
from pydicom.datadict import private_dictionary_description
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID

from dimse import dicom_json, values
from dimse.dicom_json import Json
from dimse.lengths import Lengths
from ris.web import times
from ris.web.trimming import Trimmed, path_of, trimmed, trimmed_json

NO_VALUE = "(no value)"
MAX_TEXT = 1024
MAX_BYTES = 4096
"""Of a data set that is none, shown in hexadecimal."""
MAX_ELEMENTS = 1500
"""Of one data set that are shown, those of items too."""
_FIRST_BYTES = 16
_AS_NUMBERS = 8
"""Bytes that a number may have, which may look like text."""
BINARY = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")


@dataclass(frozen=True)
class Element:
    """One element. `note` says what the raw value means (a UID's name, a date in words); `items` are those of a sequence.

    `path` names the element within its data set: `00400100-1-00400008`.
    """

    path: str
    tag: str
    vr: str
    keyword: str
    value: str
    note: str = ""
    items: tuple["tuple[Element, ...]", ...] = field(default=())
    more: int = 0
    """Items that are not shown."""
    multiplicity: int = 1
    size: int = 0
    """Bytes that the value takes when it travels, in UTF-8; where it did travel, `Lengths` has what they were."""

    @property
    def is_sequence(self) -> bool:
        return self.vr == "SQ"

    @property
    def is_short(self) -> bool:
        """Whether its items are shown without being asked for; a list of a hundred images is not."""
        return len(self.items) <= 3

    @property
    def count(self) -> str:
        return _items(len(self.items) + self.more)

    @property
    def rest(self) -> str:
        """What is said below its items of those that are not shown."""
        return _items(self.more).replace(" ", " more ", 1) if self.more else ""


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def elements(dataset: Dataset, path: str = "", left_out: Mapping[str, int] = MappingProxyType({})) -> tuple[Element, ...]:
    """All elements in tag order, sequences with their items, without limit of depth; `left_out` as `Trimmed` has it."""
    return tuple(_element(element, dataset, path, left_out) for element in dataset)


def _element(element: DataElement, within: Dataset, before: str, left_out: Mapping[str, int]) -> Element:
    path = path_of(element, before)
    tag = f"({element.tag.group:04X},{element.tag.element:04X})"
    keyword = name_of(element, within)
    if element.VR == "SQ":
        items = tuple(elements(item, f"{path}-{number}-", left_out) for number, item in enumerate(element.value or (), start=1))
        return Element(path, tag, "SQ", keyword, "", items=items, more=left_out.get(path, 0))
    value = text_of(element)
    multiplicity = element.VM if value or isinstance(element.value, MultiValue) else 0
    return Element(
        path, tag, str(element.VR), keyword, value, _note(str(element.VR), value), multiplicity=multiplicity, size=_size(element)
    )


def _size(element: DataElement) -> int:
    """Padded to an even number of bytes (PS3.5 7.1.1)."""
    one = values.VALUE_SIZES.get(str(element.VR))
    if one and not isinstance(element.value, bytes | bytearray | str):
        return one * element.VM
    size = len(whole_text(element).encode("latin-1" if str(element.VR) in BINARY else values.TEXT_CODEC))
    return size + size % 2


def name_of(element: DataElement, within: Dataset) -> str:
    """Its keyword; without one a private element with its creator, a group length, one that no dictionary knows.

    `within` is the data set or item that it is in: each has creators of its own (PS3.5 7.8.1).
    """
    if element.keyword:
        return element.keyword
    if element.tag.element == 0:
        return "GroupLength"
    if element.tag.is_private and not element.tag.is_private_creator:
        creator = _creator(element.tag, within)
        return f"{_private_name(element.tag, creator)} ({creator or 'creator not said'})"
    return element.name.strip("[]") or "Unknown"


def _creator(tag: BaseTag, within: Dataset) -> str:
    """Who reserved the block of a private element; empty when nobody did."""
    said = within.get(BaseTag(tag.group << 16 | tag.element >> 8))
    return whole_text(said).strip(" \0") if said is not None else ""


def _private_name(tag: BaseTag, creator: str) -> str:
    try:
        return private_dictionary_description(tag, creator) or "Private"
    except KeyError:
        return "Private"


def text_of(element: DataElement) -> str:
    """The text of an element as it is shown: that of long ones from the beginning, of binary ones their size and first bytes."""
    value = element.value
    if isinstance(value, bytes | bytearray) and str(element.VR) in BINARY:
        return _some_of(bytes(value), is_unknown=element.VR == "UN") if value else ""
    text = whole_text(element)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def whole_text(element: DataElement) -> str:
    """Values separated by a backslash, as they travel; empty when there is none; bytes of a text as the characters that they are."""
    value = element.value
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("latin-1" if str(element.VR) in BINARY else "ascii", "replace")
    several = value if isinstance(value, MultiValue | list) else [value]
    return "\\".join("" if one is None else str(one) for one in several)


def _some_of(value: bytes, *, is_unknown: bool) -> str:
    """`4 bytes: 00 01 02 03`; `26 bytes: “ACME chest protocol, 2 mm”` of a VR that is not known, as private text in Implicit VR has.

    A few bytes may be either, and are shown as both.
    """
    few = f"{value[:_FIRST_BYTES].hex(' ')}{' …' if len(value) > _FIRST_BYTES else ''}"
    text = _printable(value) if is_unknown else ""
    if not text:
        return f"{len(value)} bytes: {few}"
    quoted = f"“{text if len(text) <= MAX_TEXT else f'{text[:MAX_TEXT]}…'}”"
    return f"{len(value)} bytes: {quoted if len(value) > _AS_NUMBERS else f'{few} {quoted}'}"


def _printable(value: bytes) -> str:
    """The text that bytes are, without its padding; empty when they are none."""
    try:
        text = value.rstrip(b" \0").decode()
    except UnicodeDecodeError:
        return ""
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else ""


def hexadecimal(data: bytes) -> str:
    """Bytes as `hexdump -C` shows them: offset, sixteen bytes, what of them is ASCII; the first `MAX_BYTES`, and a line about the rest."""
    shown = data[:MAX_BYTES]
    lines = []
    for at in range(0, len(shown), 16):
        row = shown[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{text}|")
    rest = len(data) - len(shown)
    return "\n".join([*lines, f"{rest} more bytes are not shown; the exported file has them"] if rest else lines)


def _note(vr: str, value: str) -> str:
    if vr == "UI" and value:
        name = UID(value).name
        return name if name != value else ""
    if vr == "DA":
        return times.dicom_date(value)
    if vr == "TM":
        return times.dicom_time(value)
    return ""


def dump(dataset: Dataset, left_out: Mapping[str, int] = MappingProxyType({}), lengths: Lengths | None = None) -> str:
    """Text like dcmdump's: `(0008,0050) SH [A261123-01]  # 12, 1 AccessionNumber` (length in bytes as it travelled, multiplicity).

    Without `lengths` those of a data set in UTF-8 whose sequences are of undefined length.
    """
    return "\n".join(_dump_lines(elements(dataset, left_out=left_out), 0, lengths or {}))


def _dump_lines(tree: tuple[Element, ...], depth: int, lengths: Lengths) -> Iterator[str]:
    indent = "  " * depth
    for element in tree:
        if element.is_sequence:
            yield from _sequence_lines(element, depth, lengths)
            continue
        shown = f"[{element.value}]" if element.value else NO_VALUE
        line = f"{indent}{element.tag} {element.vr} {shown}"
        length = lengths.get(element.path, element.size)
        yield _commented(line, length, element.multiplicity, element.keyword)


def _sequence_lines(element: Element, depth: int, lengths: Lengths) -> Iterator[str]:
    indent = "  " * depth
    line = f"{indent}{element.tag} SQ (Sequence with {element.count})"
    yield _commented(line, lengths.get(element.path), 1, element.keyword)
    for number, item in enumerate(element.items, start=1):
        yield _commented(f"{indent}  (FFFE,E000) na (Item {number})", lengths.get(f"{element.path}-{number}"), 1, "Item")
        yield from _dump_lines(item, depth + 2, lengths)
        yield _commented(f"{indent}  (FFFE,E00D) na (End of item {number})", 0, 0, "ItemDelimitationItem")
    if element.rest:
        yield f"{indent}  # {element.rest}"
    yield _commented(f"{indent}(FFFE,E0DD) na (End of sequence {element.tag})", 0, 0, "SequenceDelimitationItem")


def _commented(line: str, length: int | None, multiplicity: int, name: str) -> str:
    """`u/l` stands for an undefined length, as in dcmdump's text."""
    return f"{line:<60} # {'u/l' if length is None else length}, {multiplicity} {name}"


def as_json(dataset: Dataset) -> str:
    """DICOM JSON (PS3.18 F.2), indented; numbers that are none as they were written, large binary values left out."""
    return json.dumps(_without_bulk(dicom_json.from_dataset(dataset)), indent=2, ensure_ascii=False)


def _without_bulk(elements: Json) -> Json:
    found = {}
    for key, element in elements.items():
        if element["vr"] == "SQ":
            element = element | {"Value": [_without_bulk(item) for item in element.get("Value", [])]}
        elif len(element.get("InlineBinary", "")) > MAX_TEXT:
            element = {"vr": element["vr"], "BulkDataURI": ""}
        found[key] = element
    return found


FORMS = (("table", "Table"), ("dump", "Dump"), ("json", "JSON"))


@dataclass(frozen=True)
class Shown:
    """A data set in the form that was asked for: `elements` in the table, `text` in the others; `cut` says what is not shown."""

    key: str
    form: str
    elements: tuple[Element, ...] = ()
    text: str = ""
    cut: str = ""

    @property
    def tabs(self) -> list[tuple[str, str, str]]:
        """(form, label, query string) of each tab."""
        return [(form, label, "" if form == "table" else f"{self.key}={form}") for form, label in FORMS]


def shown(dataset: Dataset, key: str, form: str, lengths: Callable[[], Lengths | None] = lambda: None) -> Shown:
    """The data set in a form; `key` is the name of the tabs' parameter in the address and of the panel in the page.

    `lengths` gives those that `dump` needs, when it is asked for.
    """
    return _shown(trimmed(dataset, MAX_ELEMENTS), key, form, lengths)


def _shown(kept: Trimmed, key: str, form: str, lengths: Callable[[], Lengths | None] = lambda: None) -> Shown:
    if form == "dump":
        return Shown(key, form, text=dump(kept.dataset, kept.left_out, lengths()), cut=kept.cut)
    if form == "json":
        return Shown(key, form, text=as_json(kept.dataset), cut=kept.cut)
    return Shown(key, "table", elements(kept.dataset, left_out=kept.left_out), cut=kept.cut)


def shown_bytes(data: bytes, key: str, problem: str) -> Shown:
    """What is no data set, in hexadecimal, and why it is none."""
    return Shown(key, "hex", text=hexadecimal(data), cut=f"no data set: {problem}")


def shown_json(data: dict[str, Any], key: str, form: str) -> Shown:
    """As `shown`, of DICOM JSON; a data set whose values pydicom refuses is shown as its JSON, whatever form was asked for."""
    cut = trimmed_json(data, MAX_ELEMENTS)
    try:
        return _shown(cut.read(), key, form)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Shown(key, "json", text=json.dumps(cut.data, indent=2, ensure_ascii=False))
