"""Two data sets, attribute by attribute."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from ris.web import datasets
from ris.web.trimming import path_of

_NUMBERS: Final = frozenset({"AT", "FD", "FL", "SL", "SQ", "SS", "SV", "UL", "US", "UV"})
_MOST_PADDING: Final = 4


class State(StrEnum):
    """Of an attribute, in the second data set."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"


@dataclass(frozen=True)
class Line:
    """One attribute by its place: `names` of the sequences above it with item numbers, its own tag and keyword, both values as shown.

    None: the attribute is not there. A sequence without items is an attribute of its own. `how` says what is not to be seen of two values
    that differ: their VR, their padding, or what lies beyond the part that is shown.
    """

    names: str
    tag: str
    keyword: str
    first: str | None
    second: str | None
    how: str = ""

    @property
    def state(self) -> State:
        if self.first is None:
            return State.ADDED
        if self.second is None:
            return State.REMOVED
        return State.SAME if self.first == self.second and not self.how else State.CHANGED


@dataclass(frozen=True)
class Comparison:
    lines: tuple[Line, ...]

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(line.state.value for line in self.lines)
        return {state.value: found[state.value] for state in State}


@dataclass(frozen=True)
class _Leaf:
    """An attribute with its value as it is shown, in full, and, of text that nobody has read yet, its bytes with their padding."""

    names: str
    tag: str
    keyword: str
    vr: str
    shown: str
    whole: str
    raw: bytes | None


def compare(first: Dataset | None, second: Dataset | None) -> Comparison:
    """Every attribute of either, in the order of tags; that of an item by its place in its sequence. To the byte: VR and padding count."""
    before, after = (dict(_leaves(one, "", "")) if one is not None else {} for one in (first, second))
    places = sorted({*before, *after}, key=_by_tags)
    return Comparison(tuple(_line(before.get(place), after.get(place)) for place in places))


def _leaves(dataset: Dataset, path: str, names: str) -> Iterator[tuple[str, _Leaf]]:
    for number in sorted(dataset.keys()):
        raw = _raw(dataset.get_item(number))  # before it is read, which forgets the padding
        element = dataset[number]
        place, keyword = path_of(element, path), datasets.name_of(element)
        if element.VR == "SQ" and element.value:
            for count, item in enumerate(element.value, start=1):
                yield from _leaves(item, f"{place}-{count}-", f"{names}{keyword}, item {count} › ")
            continue
        tag = f"({element.tag.group:04X},{element.tag.element:04X})"
        is_sequence = element.VR == "SQ"
        shown, whole = ("no items", "") if is_sequence else (datasets.text_of(element), datasets.whole_text(element))
        yield place, _Leaf(names, tag, keyword, str(element.VR), shown, whole, raw)


def _raw(element: object) -> bytes | None:
    """The bytes of a text, which are in UTF-8 whatever they came in; those of numbers depend on the transfer syntax."""
    if not isinstance(element, RawDataElement) or str(element.VR) in _NUMBERS:
        return None
    return bytes(element.value or b"")


def _by_tags(place: str) -> list[tuple[int, int]]:
    parts = place.split("-")
    return [(int(tag, 16), int(number)) for tag, number in zip(parts[::2], [*parts[1::2], "0"], strict=False)]


def _line(first: _Leaf | None, second: _Leaf | None) -> Line:
    one = first or second
    assert one is not None  # the place is of one of them
    how = _unseen(first, second) if first and second else ""
    return Line(one.names, one.tag, one.keyword, first.shown if first else None, second.shown if second else None, how)


def _unseen(first: _Leaf, second: _Leaf) -> str:
    """How two values differ that look alike, or whose VRs differ; empty when they are the same, or one sees it."""
    if first.vr != second.vr:
        return f"VR {first.vr}, then {second.vr}"
    if first.shown != second.shown:
        return ""
    if first.whole != second.whole:
        pairs = zip(first.whole, second.whole, strict=False)
        place = next((at for at, (a, b) in enumerate(pairs, start=1) if a != b), min(len(first.whole), len(second.whole)) + 1)
        return f"from {'byte' if first.vr in datasets.BINARY else 'character'} {place} on"
    if first.raw is not None and second.raw is not None and first.raw != second.raw:
        return f"in padding: {_padding(first)}, then {_padding(second)}"
    return ""


def _padding(leaf: _Leaf) -> str:
    """What fills the value up behind its text: `20H 20H`, `00H`, none."""
    raw = leaf.raw or b""
    end = raw[len(raw.rstrip(b" \0")) :]
    return " ".join(f"{byte:02X}H" for byte in end[:_MOST_PADDING]) + (" …" if len(end) > _MOST_PADDING else "") or "none"
