"""As much of a data set as a page can show: every attribute at the top, and of sequences their first items."""

from dataclasses import dataclass, field

from pydicom import Dataset
from pydicom.dataelem import DataElement

from dimse.dicom_json import Json

MAX_ITEMS = 100
"""Of one sequence that are shown."""


@dataclass
class Trimmed:
    """The data set with what is shown of it; `left_out` has how many items of a sequence are not, by its path."""

    dataset: Dataset = field(default_factory=Dataset)
    left_out: dict[str, int] = field(default_factory=dict)
    whole: int = 0
    """Attributes at the top."""

    @property
    def cut(self) -> str:
        """What is not shown, in words."""
        kept = len(self.dataset)
        if kept < self.whole:
            return f"the first {kept} of {self.whole} attributes are shown; the exported file has all"
        items = sum(self.left_out.values())
        return f"{items} item{'s' if items > 1 else ''} of sequences not shown; the exported file has all" if items else ""


def trimmed(dataset: Dataset, most: int) -> Trimmed:
    """At most so many elements of a data set, those of items too."""
    found = Trimmed(whole=len(dataset))
    found.dataset, _ = _trim(dataset, "", most, found.left_out)
    return found


@dataclass
class TrimmedJson:
    """As `Trimmed`, of DICOM JSON: to make a data set of it takes long, so that it is cut before."""

    data: Json
    left_out: dict[str, int]
    whole: int

    def read(self) -> Trimmed:
        """Raises what pydicom raises for values that do not fit their VR."""
        return Trimmed(Dataset.from_json(self.data), self.left_out, self.whole)


def trimmed_json(data: Json, most: int) -> TrimmedJson:
    """At most so many elements of DICOM JSON, by the same rule."""
    left_out: dict[str, int] = {}
    kept, _ = _trim_json(data, "", most, left_out)
    return TrimmedJson(kept, left_out, len(data))


def _trim_json(data: Json, before: str, room: int, left_out: dict[str, int]) -> tuple[Json, int]:
    kept, used = dict(sorted(data.items())[:room]), min(len(data), room)
    for tag, element in kept.items():
        if element.get("vr") != "SQ" or not element.get("Value"):
            continue
        items: list[Json] = []
        for item in element["Value"][:MAX_ITEMS]:
            if len(item) > room - used:
                break
            part, taken = _trim_json(item, f"{before}{tag}-{len(items) + 1}-", room - used, left_out)
            items.append(part)
            used += taken
        if len(items) < len(element["Value"]):
            left_out[f"{before}{tag}"] = len(element["Value"]) - len(items)
        kept[tag] = {**element, "Value": items}
    return kept, used


def path_of(element: DataElement, before: str) -> str:
    """The place of an element within its data set: `00400100-1-00400008`."""
    return f"{before}{element.tag.group:04X}{element.tag.element:04X}"


def _trim(dataset: Dataset, before: str, room: int, left_out: dict[str, int]) -> tuple[Dataset, int]:
    """The elements there is room for and how much of it they took: first each of them, what is left then for items."""
    kept, used = Dataset(), min(len(dataset), room)
    for element in list(dataset)[:used]:
        if element.VR == "SQ" and element.value:
            element, taken = _with_fewer_items(element, path_of(element, before), room - used, left_out)
            used += taken
        kept.add(element)
    return kept, used


def _with_fewer_items(element: DataElement, path: str, room: int, left_out: dict[str, int]) -> tuple[DataElement, int]:
    items: list[Dataset] = []
    used = 0
    for item in element.value[:MAX_ITEMS]:
        if used + len(item) > room:
            break
        kept, taken = _trim(item, f"{path}-{len(items) + 1}-", room - used, left_out)
        items.append(kept)
        used += taken
    if len(items) < len(element.value):
        left_out[path] = len(element.value) - len(items)
    return DataElement(element.tag, "SQ", items), used
