"""One quirk: its name says what the machine does, its number which habit of real devices it imitates."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

Change = TypeVar("Change", bound=Callable[..., None])


@dataclass(frozen=True)
class Quirk(Generic[Change]):
    """`number` counts the habits of docs/modality.md; `what` is the rest of a sentence that begins with "The machine".

    `change` alters a message that is otherwise right.
    """

    number: int
    what: str
    change: Change = field(repr=False)


def put_raw(dataset: Dataset, keyword: str, value: bytes) -> None:
    """The element with these bytes, whatever its VR or the character set say."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    dataset[tag] = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)
