"""What an import received, laid over the columns without pydicom: texts and bytes as those of `item.build(step)`, in a tenth of the time.

Received elements are DICOM JSON (PS3.18 F.2), as `worklist.beyond` writes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worklist import encoding, keys, values
from worklist.encoding import Elements
from worklist.item import STATUS_TAG, Source
from worklist.keys import Key

_MANY = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UC", "UI"})
_ANY_LETTER = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_FORMS = {
    "DS": re.compile(r"[+-]?\d{1,9}(\.\d{1,5})?"),
    "IS": re.compile(r"[+-]?\d{1,9}"),
    "UI": re.compile(r"[0-9.]+"),
}  # of what pydicom writes as it is
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")  # PS3.18 F.2.2
_NAME_GROUP = re.compile(r"[^\\=\x00-\x1f]*")
_FIRST_TAG = 0x00080006  # before it are what belongs to messages and files, and the character set
_STEP_SEQUENCE = keys.STEP_SEQUENCE.tag


class Odd(Exception):
    """An element that is neither text nor a small number, or not quite as it should be: only pydicom knows what becomes of it."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Records, and the elements that stand over what they say."""

    source: Source
    root: Elements
    step: Elements

    def texts(self, key: Key) -> tuple[str, ...]:
        """As `values.texts` of the element."""
        over = self.step if key.tag in keys.STEP else self.root
        if key.tag not in over:
            return encoding.texts(key, self.source) if key.source else ()
        vr, value = over[key.tag] or ("SQ", ())
        if vr == "SQ":
            return ()
        parts = value if isinstance(value, list) else [value]
        return tuple(text for text in (values.strip(str(part), vr) for part in parts) if text)

    def encode(self) -> bytes:
        return encoding.encode_over(self.source, self.root, self.step)


def lay(source: Source) -> Laid:
    """The step's `received_item` over the columns; the status is always the step's own. Raises Odd."""
    received = source.step.received_item
    key = f"{_STEP_SEQUENCE:08X}"
    items = _items(received[key]) if key in received else []
    root = _elements({tag: element for tag, element in received.items() if tag != key})
    step = _elements(items[0]) if items else {}
    return Laid(source, root, {tag: one for tag, one in step.items() if tag != STATUS_TAG})


def _elements(received: Mapping[str, Any]) -> dict[int, tuple[str, Any] | None]:
    """An element without value is taken away."""
    if any(element.keys() - {"vr", "Value"} for element in received.values()):
        raise Odd
    return {_tag(tag): _value(element) if element.get("Value") else None for tag, element in received.items()}


def _tag(written: str) -> int:
    tag = int(written, 16)
    if tag < _FIRST_TAG or tag & 0xFFFF == 0:
        raise Odd
    return tag


def _value(element: Mapping[str, Any]) -> tuple[str, Any]:
    vr, value = element["vr"], element["Value"]
    if vr == "SQ":
        return vr, [_item(item) for item in _items(element)]
    if vr == "PN":
        return vr, [_name(name) for name in value]
    if vr == "US" and len(value) == 1 and type(value[0]) is int and 0 <= value[0] <= 0xFFFF:
        return vr, value[0]
    if vr in _MANY or (vr in values.ONE_VALUE and len(value) == 1):
        return vr, [_text(vr, text) for text in value]
    raise Odd


def _items(element: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if element["vr"] != "SQ":
        raise Odd
    return list(element.get("Value") or ())


def _item(item: Mapping[str, Any]) -> tuple[tuple[int, str, Any], ...]:
    """Within an item nothing is beneath an element, so that one without value would stay."""
    if not all(element.get("Value") for element in item.values()):
        raise Odd
    return tuple(sorted((_tag(tag), *_value(element)) for tag, element in item.items()))


def _text(vr: str, text: Any) -> str:
    if not isinstance(text, str) or not text or (vr not in values.ONE_VALUE and "\\" in text) or not (vr in _ANY_LETTER or text.isascii()):
        raise Odd
    if vr in _FORMS and not _FORMS[vr].fullmatch(text):
        raise Odd
    return text


def _name(name: Any) -> str:
    groups = [name.get(group, "") for group in _GROUPS] if isinstance(name, dict) else []
    if not any(groups) or not all(isinstance(group, str) and _NAME_GROUP.fullmatch(group) for group in groups):
        raise Odd
    return "=".join(groups).rstrip("=")
