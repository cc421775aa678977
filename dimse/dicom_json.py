"""A data set as DICOM JSON (PS3.18 Annex F), whatever is in it: for whoever keeps it, and for whoever looks at it."""

import math
import re
from base64 import b64encode
from collections.abc import MutableSequence
from typing import Any

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from dimse.values import TEXT_CODEC, is_plain_number

Json = dict[str, Any]
"""A data set: `{"00100020": {"vr": "LO", "Value": ["4711"]}, …}`; an element without a value has no `Value`."""

NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_PADDING = " \0"
_MULTIPLE = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "PN", "SH", "TM", "UI"})
"""VRs of text whose values are separated by backslashes (PS3.5 6.4)."""
_TRANSLATED = ("LO", "PN", "SH")
"""Those of them that Specific Character Set is about."""
_CONTROL = re.compile(rb"[\x01-\x1f]")
"""Tabs are padding to some VRs."""


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
    return {group: text for group, part in zip(NAME_GROUPS, name.split("="), strict=False) if (text := _clean(part))}


def _clean(text: str) -> str:
    return text.strip(_PADDING).replace("\0", "")
