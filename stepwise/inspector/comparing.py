"""Two data sets, attribute by attribute."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset

from ris.web import datasets
from ris.web.datasets import Element


class State(StrEnum):
    """Of an attribute, in the second data set."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"


@dataclass(frozen=True)
class Line:
    """One attribute by its place: `names` of the sequences above it with item numbers, its own tag and keyword, both values.

    None: the attribute is not there. A sequence without items is an attribute of its own.
    """

    names: str
    tag: str
    keyword: str
    first: str | None
    second: str | None

    @property
    def state(self) -> State:
        if self.first is None:
            return State.ADDED
        if self.second is None:
            return State.REMOVED
        return State.SAME if self.first == self.second else State.CHANGED


@dataclass(frozen=True)
class Comparison:
    lines: tuple[Line, ...]

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(line.state.value for line in self.lines)
        return {state.value: found[state.value] for state in State}


@dataclass(frozen=True)
class _Leaf:
    names: str
    element: Element

    @property
    def value(self) -> str:
        return "no items" if self.element.is_sequence else self.element.value


def compare(first: Dataset | None, second: Dataset | None) -> Comparison:
    """Every attribute of either, in the order of tags; that of an item by its place in its sequence."""
    before, after = (dict(_leaves(datasets.elements(one), "")) if one is not None else {} for one in (first, second))
    places = sorted({*before, *after}, key=_by_tags)
    return Comparison(tuple(_line(place, before, after) for place in places))


def _leaves(elements: tuple[Element, ...], names: str) -> Iterator[tuple[str, _Leaf]]:
    for element in elements:
        if not element.items:
            yield element.path, _Leaf(names, element)
        for number, item in enumerate(element.items, start=1):
            yield from _leaves(item, f"{names}{element.keyword}, item {number} › ")


def _by_tags(place: str) -> list[tuple[int, int]]:
    parts = place.split("-")
    return [(int(tag, 16), int(number)) for tag, number in zip(parts[::2], [*parts[1::2], "0"], strict=False)]


def _line(place: str, before: Mapping[str, _Leaf], after: Mapping[str, _Leaf]) -> Line:
    first, second = before.get(place), after.get(place)
    shown = first or second
    assert shown is not None  # the place is of one of them
    return Line(shown.names, shown.element.tag, shown.element.keyword, first.value if first else None, second.value if second else None)
