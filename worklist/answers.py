"""What a query gets of one item: the attributes it asked for and nothing else, each by its return type (PS3.4 K.6-1).

Type 1 with its value, type 2 and 3 present even when empty, type 1C and 2C only when there is a value to meet the
condition; attributes that are not supported are left out. A sequence asked without keys comes back whole. A station may be set to
get sequences of type 1C even when they are empty.
"""

from collections.abc import Iterable, Iterator, Sequence

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from dimse import charsets
from dimse.charsets import CharacterSet
from worklist import keys, matching, values
from worklist.keys import Key
from worklist.query import Asked, Query
from worklist.walking import keyword_of

_WHEN_KNOWN = ("1C", "2C")


def compose(query: Query, item: Dataset, preferred: Sequence[str]) -> Dataset:
    """The identifier of a pending response. Text that does not fit the preferred character set is sent as UTF-8, declared."""
    answer, empties = Dataset(), query.scope.empty_sequences
    _select(answer, query.root, item, empties)
    if query.sequence is not None:
        found = values.items(item, keys.STEP_SEQUENCE.tag)
        step = _item(query.sequence, found[0] if found else Dataset(), empties)
        answer[keys.STEP_SEQUENCE.tag] = DataElement(keys.STEP_SEQUENCE.tag, "SQ", [step])
    terms = charsets.choose(_text_of(answer), preferred)
    if terms:
        answer.SpecificCharacterSet = list(terms) if len(terms) > 1 else terms[0]
    return answer


def is_left_out(key: Key, empties: bool) -> bool:
    """Whether the attribute is absent from an answer when there is no value. `empties`: not so a sequence of type 1C."""
    return key.returned in _WHEN_KNOWN and not (empties and key.vr == "SQ" and key.returned == "1C")


def needed(key: Key, empties: bool) -> list[Key]:
    """What an item of the sequence must not lack when it comes back whole (types 1 and 2)."""
    return [child for child in key.children if child.returned in ("1", "2") or (empties and child.vr == "SQ" and child.returned == "1C")]


def _item(asked: Asked, item: Dataset, empties: bool) -> Dataset:
    """One item of a sequence with what was asked of it."""
    answer = Dataset()
    if asked.whole:
        _whole(answer, asked.key, item, empties)
    else:
        _select(answer, asked.children, item, empties)
    return answer


def _select(answer: Dataset, asked: Iterable[Asked], item: Dataset, empties: bool) -> None:
    for one in asked:
        if one.key.vr == "SQ":
            _select_sequence(answer, one, item, empties)
        else:
            _put(answer, one.key, item.get(one.key.tag))


def _put(answer: Dataset, key: Key, element: DataElement | None) -> None:
    if element is not None and not element.is_empty:
        answer[key.tag] = copied(element)
    elif not is_left_out(key, empties=False):
        answer[key.tag] = DataElement(key.tag, key.vr, None)


def _select_sequence(answer: Dataset, asked: Asked, item: Dataset, empties: bool) -> None:
    """The items that match, with what was asked of each."""
    found = [one for one in values.items(item, asked.key.tag) if not asked.filters or matching.item_matches(asked, one)]
    if found or not is_left_out(asked.key, empties):
        answer[asked.key.tag] = DataElement(asked.key.tag, "SQ", [_item(asked, one, empties) for one in found])


def _whole(answer: Dataset, key: Key, item: Dataset, empties: bool) -> None:
    """Everything the item has, and empty what it must not lack."""
    for element in item:
        if element.tag != keys.CHARACTER_SET:
            answer[element.tag] = copied(element)
    for child in needed(key, empties):
        if child.tag not in answer:
            answer[child.tag] = DataElement(child.tag, child.vr, [] if child.vr == "SQ" else None)


def copied(element: DataElement) -> DataElement:
    """The element without ties to the data set and character set it was read from."""
    vr = str(element.VR)
    if vr == "SQ":
        copies = []
        for one in element.value or ():
            copy = Dataset()
            for inner in one:
                copy[inner.tag] = copied(inner)
            copies.append(copy)
        return DataElement(element.tag, "SQ", copies)
    value = element.value
    if vr in ("PN", "DS", "IS"):  # objects that remember how they were written
        value = [str(one) for one in value] if isinstance(value, MultiValue) else "" if value is None else str(value)
    return DataElement(element.tag, vr, value)


def misfits(answer: Dataset, wanted: CharacterSet) -> dict[str, str]:
    """The attributes (paths of keywords) with text that the character set does not have, and the characters that it lacks."""
    found: dict[str, str] = {}
    for path, text in _texts(answer, ""):
        if lacking := wanted.lacks(text):
            found[path] = "".join(dict.fromkeys(found.get(path, "") + lacking))
    return found


def _text_of(dataset: Dataset) -> Iterator[str]:
    return (text for _, text in _texts(dataset, ""))


def _texts(dataset: Dataset, path: str) -> Iterator[tuple[str, str]]:
    """Every text with the keyword of its attribute behind those of the sequences that it is in."""
    for element in dataset:
        name = path + keyword_of(element.tag)
        if element.VR == "SQ":
            for one in element.value:
                yield from _texts(one, f"{name}.")
        else:
            yield from ((name, text) for text in values.texts(element))
