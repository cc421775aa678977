"""Data sets as DICOM JSON (PS3.18 Annex F), the one form in which they are checked, merged and kept."""

import math
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, MutableSequence
from functools import cache
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from dimse.charsets import TEXT_VRS
from dimse.values import CHARACTER_SET, TEXT_CODEC, is_plain_number

Json = dict[str, Any]
"""A data set: `{"00100020": {"vr": "LO", "Value": ["4711"]}, …}`; an element without a value has no `Value`."""

_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_PADDING = " \0"
_MULTIPLE = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "PN", "SH", "TM", "UI"})
"""VRs of text whose values are separated by backslashes (PS3.5 6.4)."""
_TRANSLATED = ("LO", "PN", "SH")
"""Those of them that Specific Character Set is about."""
_CONTROL = re.compile(rb"[\x01-\x1f]")
"""Tabs are padding to some VRs."""
_TEXT_VRS = ("AE", "CS", "DA", "LO", "SH", "TM", "UI")


@cache
def tag(keyword: str) -> str:
    """`PatientID` → `00100020`; KeyError for what is no keyword."""
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    return f"{number:08X}"


def from_dataset(dataset: Dataset) -> Json:
    """The data set with its values as they are, less padding and less what a JSON column cannot hold (NUL, infinite numbers).

    IS and DS stay text as written (PS3.18 F.2.3). Not pydicom's own conversion: that drops values it does not like, and logs them.
    """
    is_ours = dataset.original_character_set == [TEXT_CODEC]
    found: Json = {}
    for number, stored in sorted(dataset.items(), key=_by_tag):
        plain = _plain(stored) if is_ours and isinstance(stored, RawDataElement) else None
        found[f"{number:08X}"] = plain or _element(dataset[number])
    return found


def _by_tag(item: tuple[int, object]) -> int:
    return int(item[0])


def _plain(raw: RawDataElement) -> Json | None:
    """What `_element` makes of an ordinary text or number, straight from its bytes; None for what is left to pydicom."""
    vr, value = str(raw.VR), raw.value
    if not value:
        return {"vr": vr} if len(vr) == 2 else None  # "US or SS" is still to be decided
    if _CONTROL.search(value):
        return None
    if is_plain_number(vr, value):
        return {"vr": vr, "Value": [value.decode("ascii").strip()]}
    if vr not in _MULTIPLE or not (value.isascii() or vr in _TRANSLATED):
        return None
    read = _groups if vr == "PN" else _clean
    values = [read(text) for text in value.decode(TEXT_CODEC).split("\\")]
    return {"vr": vr, "Value": values} if all(values) else None


def _element(element: DataElement) -> Json:
    vr, value = str(element.VR), element.value
    if vr == "SQ":
        return {"vr": vr, "Value": [from_dataset(item) for item in value or ()]}
    if isinstance(value, bytes):
        return {"vr": vr, "InlineBinary": b64encode(value).decode("ascii")} if value else {"vr": vr}
    values = list(value) if isinstance(value, MutableSequence) else [value]
    if all(one is None or one == "" for one in values):
        return {"vr": vr}
    return {"vr": vr, "Value": [_value(vr, one) for one in values]}


def _value(vr: str, value: Any) -> Any:
    if vr == "PN":
        return _groups(str(value))
    if vr == "AT":
        return f"{int(value):08X}"
    if isinstance(value, str) or vr in ("DS", "IS"):
        return _clean(str(value))
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _groups(name: str) -> dict[str, str]:
    return {group: text for group, part in zip(_NAME_GROUPS, name.split("="), strict=False) if (text := _clean(part))}


def _clean(text: str) -> str:
    return text.strip(_PADDING).replace("\0", "")


def to_dataset(attribute_list: Json) -> Dataset:
    """A flat list of elements as a data set for the answer that refuses them: values as they came, however wrong, in ASCII.

    A sequence goes without items, and what came under a VR that is not one of text goes as LO.
    """
    dataset = Dataset()
    for key, element in attribute_list.items():
        vr = element["vr"] if element["vr"] in ("SQ", *_TEXT_VRS) else "LO"
        text = joined(element).encode("ascii", "replace").decode("ascii")
        dataset[int(key, 16)] = DataElement(int(key, 16), vr, [] if vr == "SQ" else text.split("\\"), validation_mode=IGNORE)
    return dataset


def whole(elements: Json) -> Dataset:
    """The data set that was read by `from_dataset`, less the character sets in it: text is for whoever writes it to encode."""
    dataset = Dataset()
    for key, element in elements.items():
        number, vr = int(key, 16), element["vr"]
        if number != CHARACTER_SET:
            dataset[number] = DataElement(number, vr, _written(vr, element), validation_mode=IGNORE)
    return dataset


def _written(vr: str, element: Mapping[str, Any]) -> Any:
    """The value of an element as pydicom takes it."""
    values = element.get("Value", [])
    match vr:
        case "SQ":
            return [whole(item) for item in values]
        case _ if "InlineBinary" in element:
            return b64decode(element["InlineBinary"])
        case "PN":
            return [as_text(one) for one in values]
        case "AT":
            return [int(one, 16) for one in values]
        case "FD" | "FL":
            return [float(one) for one in values]
        case "LT" | "ST" | "UR" | "UT":
            return "".join(values)
    return values or ""


def texts(elements: Json) -> Iterator[str]:
    """Every text in it, at every depth, of a VR that Specific Character Set is about."""
    for element in elements.values():
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from texts(item)
        elif element["vr"] in TEXT_VRS:
            yield joined(element)


def is_empty(element: Mapping[str, Any] | None) -> bool:
    """Whether there is no value: absent, zero length, no item, or nothing but padding."""
    if element is None:
        return True
    if "InlineBinary" in element or "BulkDataURI" in element:
        return False
    values = element.get("Value")
    return not values or (element["vr"] != "SQ" and all(value in (None, "", {}) for value in values))


def items(dataset: Mapping[str, Any], keyword: str) -> list[Json]:
    """Items of a sequence; none when it is absent."""
    element = dataset.get(tag(keyword), {})
    return list(element.get("Value", [])) if element.get("vr") == "SQ" else []


def first_item(dataset: Mapping[str, Any], keyword: str) -> Json:
    return next(iter(items(dataset, keyword)), {})


def text(dataset: Mapping[str, Any], keyword: str, limit: int = 250) -> str:
    """All values as text, separated by a backslash, at most `limit` characters; empty when there is none."""
    return joined(dataset.get(tag(keyword)))[:limit]


def joined(element: Mapping[str, Any] | None) -> str:
    """The values of an element, separated by a backslash; a person name as `alphabetic=ideographic=phonetic`."""
    if element is None or element["vr"] == "SQ" or is_empty(element):
        return ""
    return "\\".join([value if type(value) is str else as_text(value) for value in element.get("Value", [])])


def as_text(value: Any) -> str:
    """One value of an element; a person name as `alphabetic=ideographic=phonetic`."""
    if isinstance(value, Mapping):
        return "=".join(str(value.get(group, "")) for group in _NAME_GROUPS).rstrip("=")
    return "" if value is None else str(value)


def merged(stored: Json, modification: Json) -> Json:
    """The stored data set after an N-SET: a sequence is replaced with all its items, what is not mentioned stays (PS3.4 F.7.2.2.2).

    SpecificCharacterSet stays as created: texts are kept decoded, and the character set of an N-SET is that of its own bytes.
    """
    changes = {key: element for key, element in modification.items() if key != tag("SpecificCharacterSet")}
    return dict(sorted((stored | changes).items()))


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two elements say the same: an absent one equals an empty one, items equal items, padding does not count."""
    if is_empty(one) or is_empty(other) or one is None or other is None:
        return is_empty(one) and is_empty(other)
    if one["vr"] != "SQ" or other["vr"] != "SQ":
        return _comparable(one) == _comparable(other)
    mine, theirs = one["Value"], other["Value"]
    return len(mine) == len(theirs) and all(_same_item(a, b) for a, b in zip(mine, theirs, strict=True))


def _same_item(one: Json, other: Json) -> bool:
    return all(same(one.get(key), other.get(key)) for key in one.keys() | other.keys())


def _comparable(element: Mapping[str, Any]) -> object:
    if element["vr"] == "PN":
        return [part.rstrip("^ ") for part in joined(element).split("=")]
    return joined(element) or element.get("InlineBinary")
