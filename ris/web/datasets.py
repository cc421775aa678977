"""How a DICOM data set is shown: as a tree of elements, as text like dcmdump's, as DICOM JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.uid import UID

from dimse import dicom_json
from dimse.dicom_json import Json
from ris.web import times
from ris.web.trimming import path_of, trimmed

NO_VALUE = "(no value)"
MAX_TEXT = 1024
MAX_BYTES = 4096
"""Of a data set that is none, shown in hexadecimal."""
MAX_ELEMENTS = 1500
"""Of one data set that are shown, those of items too."""
_FIRST_BYTES = 16
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
    return tuple(_element(element, path, left_out) for element in dataset)


def _element(element: DataElement, before: str, left_out: Mapping[str, int]) -> Element:
    path = path_of(element, before)
    tag = f"({element.tag.group:04X},{element.tag.element:04X})"
    keyword = name_of(element)
    if element.VR == "SQ":
        items = tuple(elements(item, f"{path}-{number}-", left_out) for number, item in enumerate(element.value or (), start=1))
        return Element(path, tag, "SQ", keyword, "", items=items, more=left_out.get(path, 0))
    value = text_of(element)
    return Element(path, tag, str(element.VR), keyword, value, _note(str(element.VR), value))


def name_of(element: DataElement) -> str:
    """Its keyword; without one a private element with its creator, a group length, one that no dictionary knows."""
    if element.keyword:
        return element.keyword
    if element.tag.element == 0:
        return "GroupLength"
    if element.tag.is_private and not element.tag.is_private_creator:
        creator = element.private_creator or "creator not said"
        known = element.name.strip("[]")
        return f"{'Private' if known == 'Private tag data' else known} ({creator})"
    return element.name.strip("[]") or "Unknown"


def text_of(element: DataElement) -> str:
    """The text of an element as it is shown: that of long ones from the beginning, of binary ones their size and first bytes."""
    value = element.value
    if isinstance(value, bytes | bytearray) and str(element.VR) in BINARY:
        return _some_of(bytes(value)) if value else ""
    text = whole_text(element)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def whole_text(element: DataElement) -> str:
    """Values separated by a backslash, as they travel; empty when there is none; bytes of a text as the characters that they are."""
    value = element.value
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("latin-1" if str(element.VR) in BINARY else "ascii", "replace")
    values = value if isinstance(value, MultiValue | list) else [value]
    return "\\".join("" if one is None else str(one) for one in values)


def _some_of(value: bytes) -> str:
    """`4 bytes: 00 01 02 03`."""
    return f"{len(value)} bytes: {value[:_FIRST_BYTES].hex(' ')}{' …' if len(value) > _FIRST_BYTES else ''}"


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


def dump(dataset: Dataset, left_out: Mapping[str, int] = MappingProxyType({})) -> str:
    """Text like dcmdump's: `(0008,0050) SH [A261123-012]  # 12, 1 AccessionNumber` (length in characters, multiplicity)."""
    return "\n".join(_dump_lines(elements(dataset, left_out=left_out), 0))


def _dump_lines(tree: tuple[Element, ...], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for element in tree:
        if element.is_sequence:
            yield f"{indent}{element.tag} SQ (Sequence with {element.count})  # {element.keyword}"
            for number, item in enumerate(element.items, start=1):
                yield f"{indent}  (FFFE,E000) na (Item {number})"
                yield from _dump_lines(item, depth + 2)
                yield f"{indent}  (FFFE,E00D) na (End of item {number})"
            if element.rest:
                yield f"{indent}  # {element.rest}"
            yield f"{indent}(FFFE,E0DD) na (End of sequence {element.tag})"
            continue
        shown = f"[{element.value}]" if element.value else NO_VALUE
        values = element.value.count("\\") + 1 if element.value else 0
        line = f"{indent}{element.tag} {element.vr} {shown}"
        yield f"{line:<60} # {len(element.value)}, {values} {element.keyword}"


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


def shown(dataset: Dataset, key: str, form: str) -> Shown:
    """The data set in a form; `key` is the name of the tabs' parameter in the address and of the panel in the page."""
    kept = trimmed(dataset, MAX_ELEMENTS)
    if form == "dump":
        return Shown(key, form, text=dump(kept.dataset, kept.left_out), cut=kept.cut)
    if form == "json":
        return Shown(key, form, text=as_json(kept.dataset), cut=kept.cut)
    return Shown(key, "table", elements(kept.dataset, left_out=kept.left_out), cut=kept.cut)


def shown_bytes(data: bytes, key: str, problem: str) -> Shown:
    """What is no data set, in hexadecimal, and why it is none."""
    return Shown(key, "hex", text=hexadecimal(data), cut=f"no data set: {problem}")


def shown_json(data: dict[str, Any], key: str, form: str) -> Shown:
    """As `shown`, of DICOM JSON; a data set whose values pydicom refuses is shown as its JSON, whatever form was asked for."""
    try:
        return shown(Dataset.from_json(data), key, form)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Shown(key, "json", text=json.dumps(data, indent=2, ensure_ascii=False))
