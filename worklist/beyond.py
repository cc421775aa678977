"""What a received worklist item holds beyond or unlike the columns, in DICOM JSON (PS3.18 F.2)."""

import struct
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from ris import names
from ris.models import ScheduledProcedureStep, StepStation
from worklist import item as worklist_item
from worklist import keys, values
from worklist.item import READERS, Source
from worklist.keys import Key
from worklist.received import step_of

_STEP_SEQUENCE = keys.STEP_SEQUENCE.tag
_MADE = frozenset({0x00401001, 0x00400009})  # RequestedProcedureID, ScheduledProcedureStepID: made here when an item lacks them
_PLAIN = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")  # PS3.18 F.2.2


def columns(step: ScheduledProcedureStep, stations: Sequence[StepStation], dataset: Dataset) -> dict[str, Any]:
    """DICOM JSON of what makes the item of the columns into the received one; an element without value takes one away.

    The status is the step's own, and IDs that the item lacks are those made here.
    """
    source = Source.of(step, stations)
    differences = _differences(_ours(keys.ROOT, source), dataset, leave=frozenset({_STEP_SEQUENCE, keys.CHARACTER_SET}))
    inside = _differences(_ours(keys.STEP, source), step_of(dataset), leave=frozenset({worklist_item.STATUS_TAG, keys.CHARACTER_SET}))
    if inside:
        differences[f"{_STEP_SEQUENCE:08X}"] = {"vr": "SQ", "Value": [inside]}
    return differences


def _ours(table: Mapping[int, Key], source: Source) -> dict[int, dict[str, Any]]:
    """What the columns say, in DICOM JSON as `as_json` gives it."""
    found: dict[int, dict[str, Any]] = {}
    for tag, key in table.items():
        value = READERS[key.source](source) if key.source else None
        if value not in (None, "", []):
            found[tag] = _column_json(key.vr, value)
    return found


def _column_json(vr: str, value: Any) -> dict[str, Any]:
    if vr == "SQ":
        return {"vr": vr, "Value": [{f"{tag:08X}": _column_json(inner, text) for tag, inner, text in item} for item in value]}
    if not isinstance(value, str | list):
        return {"vr": vr, "Value": [value]}
    parts = value if isinstance(value, list) else [value] if vr in values.ONE_VALUE else value.split("\\")
    return {"vr": vr, "Value": [_name_json(part) for part in parts] if vr == "PN" else parts}


def _name_json(name: str) -> dict[str, str]:
    return {group: text for group, text in zip(_GROUPS, name.split("="), strict=False) if text}


def _differences(ours: Mapping[int, dict[str, Any]], theirs: Dataset, leave: frozenset[int]) -> dict[str, Any]:
    differences: dict[str, Any] = {}
    for tag in sorted({*ours, *theirs.keys()} - leave):
        if tag & 0xFFFF == 0:
            continue
        mine, received = ours.get(tag), as_json(theirs.get(tag))
        if mine == received or (received is None and tag in _MADE) or _is_same_name(mine, received):
            continue
        differences[f"{tag:08X}"] = received or {"vr": ours[tag]["vr"]}
    return differences


def _is_same_name(mine: dict[str, Any] | None, received: dict[str, Any] | None) -> bool:
    """Whether both are one person's name, written with or without empty components: such a name follows the record's."""
    if mine is None or received is None or mine["vr"] != "PN" or received["vr"] != "PN":
        return False
    ours, theirs = (
        [names.canonical("=".join(name.get(group, "") for group in _GROUPS)) for name in one["Value"]] for one in (mine, received)
    )
    return ours == theirs


def as_json(element: DataElement | None) -> dict[str, Any] | None:
    """The element in DICOM JSON (PS3.18 F.2), numbers in strings as they were written; None when it has no value.

    One whose VR depends on pixel data ("US or SS") means nothing in an item and counts as without value.
    """
    if element is None or element.is_empty or (element.VR == "SQ" and not element.value):
        return None
    vr = str(element.VR)
    if " " in vr:
        return None
    if vr == "SQ":
        return {"vr": "SQ", "Value": [whole_json(item) for item in element.value]}
    if vr in ("DS", "IS"):
        texts = values.texts(element)
        return {"vr": vr if _are_numbers(vr, texts) else "LO", "Value": list(texts)}  # LO: as the network reads what is no number
    if vr in worklist_item.FLOATS and not all(map(isfinite, numbers := _floats(element))):
        packed = struct.pack(f"<{len(numbers)}{worklist_item.FLOATS[vr]}", *numbers)
        return {"vr": vr, "InlineBinary": b64encode(packed).decode()}  # JSON has no such numbers, and no database keeps them in it
    text = element.value
    if vr in _PLAIN and isinstance(text, str):
        return {"vr": vr, "Value": [text.replace("\0", "")]}
    plain: dict[str, Any] = _without_nul(element.to_json_dict(None, 0))
    return plain


def _floats(element: DataElement) -> list[float]:
    value = element.value
    return [float(one) for one in (value if isinstance(value, MultiValue | list | tuple) else [value])]


def _are_numbers(vr: str, texts: Iterable[str]) -> bool:
    try:
        for text in texts:
            DataElement(0x00400000, vr, text)
    except (TypeError, ValueError, ArithmeticError):
        return False
    return True


def whole_json(item: Dataset) -> dict[str, Any]:
    """Every element that has a value, but for the character set, which is no value of the item."""
    converted = ((element.tag, as_json(element)) for element in item if element.tag != keys.CHARACTER_SET)
    return {f"{int(tag):08X}": element for tag, element in converted if element is not None}


def _without_nul(value: Any) -> Any:
    """JSON columns hold no NUL characters, which pad texts of careless systems."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_nul(one) for key, one in value.items()}
    return value
