"""Two data sets, attribute by attribute."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag

from ris.web import datasets

_NUMBERS: Final = frozenset({"AT", "FD", "FL", "SL", "SQ", "SS", "SV", "UL", "US", "UV"})
_MOST_PADDING: Final = 4


class State(StrEnum):
    """Of an attribute, in the second data set."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"


@dataclass(frozen=True)
class Leaf:
    """An attribute that is no sequence with items: `names` of the sequences above it with item numbers, its data set and tag.

    `raw` has, of text that nobody has read yet, its bytes with their padding. It is read only when it is shown, for of thousands few are.
    """

    names: str
    dataset: Dataset
    number: BaseTag
    vr: str
    raw: bytes | None

    @cached_property
    def element(self) -> DataElement:
        return self.dataset[self.number]

    @property
    def shown(self) -> str:
        return "no items" if self.vr == "SQ" else datasets.text_of(self.element)

    @property
    def whole(self) -> str:
        return "" if self.vr == "SQ" else datasets.whole_text(self.element)


@dataclass(frozen=True)
class Line:
    """One attribute by its place, in both data sets, or None in one."""

    before: Leaf | None
    after: Leaf | None

    @cached_property
    def _one(self) -> Leaf:
        found = self.before or self.after
        assert found is not None  # the place is of one of them
        return found

    @property
    def names(self) -> str:
        return self._one.names

    @property
    def tag(self) -> str:
        number = self._one.number
        return f"({number.group:04X},{number.element:04X})"

    @property
    def keyword(self) -> str:
        return datasets.name_of(self._one.element, self._one.dataset)

    @property
    def first(self) -> str | None:
        """The value as it is shown; None: the attribute is not there. A sequence without items is an attribute of its own."""
        return self.before.shown if self.before else None

    @property
    def second(self) -> str | None:
        return self.after.shown if self.after else None

    @cached_property
    def how(self) -> str:
        """What is not to be seen of two values that differ: their VR, their padding, or what lies beyond the part that is shown."""
        return _unseen(self.before, self.after) if self.before and self.after else ""

    @cached_property
    def state(self) -> State:
        if self.before is None:
            return State.ADDED
        if self.after is None:
            return State.REMOVED
        return State.SAME if _is_same(self.before, self.after) else State.CHANGED


@dataclass(frozen=True)
class Comparison:
    lines: tuple[Line, ...]

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(line.state.value for line in self.lines)
        return {state.value: found[state.value] for state in State}


def compare(first: Dataset | None, second: Dataset | None) -> Comparison:
    """Every attribute of either, in the order of tags; that of an item by its place in its sequence. To the byte: VR and padding count."""
    before, after = (dict(_leaves(one, (), "")) if one is not None else {} for one in (first, second))
    return Comparison(tuple(Line(before.get(place), after.get(place)) for place in sorted({*before, *after})))


def _leaves(dataset: Dataset, place: tuple[int, ...], names: str) -> Iterator[tuple[tuple[int, ...], Leaf]]:
    """Each with its place: its tag, or the tags and item numbers that lead to it."""
    for number in list(dataset.keys()):
        stored = dataset.get_item(number)  # reading it would forget the padding
        if str(stored.VR) == "SQ" and (items := dataset[number].value):
            above = datasets.name_of(dataset[number], dataset)
            for count, item in enumerate(items, start=1):
                yield from _leaves(item, (*place, number, count), f"{names}{above}, item {count} › ")
        else:
            yield (*place, number), Leaf(names, dataset, number, str(stored.VR), _raw(stored))


def _raw(element: object) -> bytes | None:
    """The bytes of a text, which are in UTF-8 whatever they came in; those of numbers depend on the transfer syntax."""
    if not isinstance(element, RawDataElement) or str(element.VR) in _NUMBERS:
        return None
    return bytes(element.value or b"")


def _is_same(first: Leaf, second: Leaf) -> bool:
    if first.raw is not None and second.raw is not None:
        return first.vr == second.vr and first.raw == second.raw
    return first.vr == second.vr and first.whole == second.whole


def _unseen(first: Leaf, second: Leaf) -> str:
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


def _padding(leaf: Leaf) -> str:
    """What fills the value up behind its text: `20H 20H`, `00H`, none."""
    raw = leaf.raw or b""
    end = raw[len(raw.rstrip(b" \0")) :]
    return " ".join(f"{byte:02X}H" for byte in end[:_MOST_PADDING]) + (" …" if len(end) > _MOST_PADDING else "") or "none"
