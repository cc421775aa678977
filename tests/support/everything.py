"""Data sets in which every text attribute has a value of the test's choice: worklist items and performed steps."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse.uids import new_uid
from mpps import attributes
from mpps.attributes import Row
from worklist import keys
from worklist.keys import Key

TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_HOW_TO_READ = {"SpecificCharacterSet": "ISO_IR 192"}
_PLAIN: dict[str, Any] = {"DA": "20260706", "TM": "1015", "DT": "20260706101500", "DS": "1.5", "IS": "3", "US": 3, "FL": 1.5, "FD": 1.5}
Text = Callable[[str, str], str]
"""The value of a text attribute, by its path of keywords and its VR."""


def marks() -> Text:
    """A mark for each attribute, unlike anything else, that fits every text VR."""
    numbers = count(100)
    return lambda path, vr: f"ZYX{next(numbers)}Q"


def an_item_of(text: Text, **fixed: Any) -> Dataset:
    """A worklist item with every key of the tables; `fixed` are values by keyword, None for what is left out."""
    return _dataset(((key.keyword, key.tag, key.vr, key.children) for key in keys.ROOT.values()), "", text, _HOW_TO_READ | fixed)


def _dataset(rows: Iterable[tuple[str, int, str, tuple[Key, ...]]], parent: str, text: Text, fixed: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, tag, vr, children in rows:
        path = f"{parent}.{keyword}".lstrip(".")
        if keyword in fixed:
            value = fixed[keyword]
        elif vr == "SQ":
            value = [_dataset(((one.keyword, one.tag, one.vr, one.children) for one in children), path, text, fixed)]
        else:
            value = text(path, vr) if vr in TEXTS else new_uid() if vr == "UI" else _PLAIN.get(vr)
        if value is not None:
            dataset.add(DataElement(tag, vr, value, validation_mode=IGNORE))
    return dataset


def performed_of(text: Text, **fixed: Any) -> Dataset:
    """A data set with every attribute of MPPS; `fixed` as above."""
    return _performed("", text, _HOW_TO_READ | fixed)


def _performed(parent: str, text: Text, fixed: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for row in attributes.rows_in(parent):
        value = _value(row, text, fixed)
        if value is not None:
            dataset.add(DataElement(int(row.tag, 16), row.vr, value, validation_mode=IGNORE))
    return dataset


def _value(row: Row, text: Text, fixed: dict[str, Any]) -> Any:
    if row.keyword in fixed:
        return fixed[row.keyword]
    if row.is_sequence:
        return [_performed(row.path, text, fixed)]
    if row.vr in TEXTS:
        return text(row.path, row.vr)
    return new_uid() if row.vr == "UI" else _PLAIN.get(row.vr)
