"""Data sets as DICOM JSON (PS3.18 Annex F), the one form in which they are checked, merged and kept."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse.charsets import TEXT_VRS
from dimse.dicom_json import NAME_GROUPS
from dimse.dicom_json import Json as Json
from dimse.dicom_json import from_dataset as from_dataset
from dimse.values import CHARACTER_SET

_TEXT_VRS = ("AE", "CS", "DA", "LO", "SH", "TM", "UI")


@cache
def tag(keyword: str) -> str:
    """`PatientID` → `00100020`; KeyError for what is no keyword."""
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    return f"{number:08X}"


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
        return "=".join(str(value.get(group, "")) for group in NAME_GROUPS).rstrip("=")
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
