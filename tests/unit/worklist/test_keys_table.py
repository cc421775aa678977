"""The tables of the standard, row by row: each is a key at its level, comes in by an import, and goes out by its return type."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse import statuses
from tests.support.hospital import a_site
from tests.support.items import write_item
from tests.support.worklist import asked_over
from worklist import importer, keys
from worklist.keys import Key, Row

SERVED = [row for row in keys.rows() if row.is_key]
CODING_SCHEME_VERSION = "a version is compared whenever one is asked for, not only where the designator alone is ambiguous"
DEVIATIONS = {
    "PertinentDocumentsSequence": ("O", "-", "PS3.4 Table K.6-1 has universal matching only for it, which is all that `-` says"),
    "ScheduledProcedureStepSequence.ScheduledProtocolCodeSequence.CodingSchemeVersion": ("OC", "O", CODING_SCHEME_VERSION),
    "RequestedProcedureCodeSequence.CodingSchemeVersion": ("OC", "O", CODING_SCHEME_VERSION),
    "PatientPrimaryLanguageCodeSequence.CodingSchemeVersion": ("RC", "O", CODING_SCHEME_VERSION),
    "PatientPrimaryLanguageCodeSequence.PatientPrimaryLanguageModifierCodeSequence.CodingSchemeVersion": ("RC", "O", CODING_SCHEME_VERSION),
}
"""Where a key is matched otherwise than its row says: what the row says, what the key does, and why."""
NO_KEYS = {
    "SpecificCharacterSet": "says how the identifier is written (PS3.4 Table K.6-1a)",
    "TimezoneOffsetFromUTC": "says how its times are read (PS3.4 Table K.6-1a)",
}
ANOTHER = {
    "": "PatientBirthDateInAlternativeCalendar",
    "ScheduledProcedureStepSequence": "ScheduledProcedureStepModificationDateTime",
    "ScheduledProcedureStepSequence.ScheduledProtocolCodeSequence.ProtocolContextSequence": "ContentItemModifierSequence",
    "ScheduledSpecimenSequence": "ContainerDescription",
    "ScheduledSpecimenSequence.SpecimenDescriptionSequence": "SpecimenShortDescription",
}
"""For each row "All other Attributes of …" one of those others, which is not supported: it makes the answers FF01."""


def key_at(path: str) -> Key:
    table, key = keys.ROOT, None
    for keyword in path.split("."):
        key = table[Key(keyword).tag]
        table = key.by_tag
    assert key is not None
    return key


@pytest.mark.parametrize("section", dict.fromkeys(row.section for row in SERVED))
def test_a_row_is_a_key_at_its_level_with_the_kinds_of_matching_and_the_return_type_it_says(section: str) -> None:
    for row in SERVED:
        if row.section == section:
            key = key_at(row.path)
            assert (row.path, key.returned, set(key.kinds)) == (row.path, row.returned, set(row.matched))
            said, does, _ = DEVIATIONS.get(row.path, (row.matching, row.matching, ""))
            assert (row.path, row.matching, key.matching) == (row.path, said, does)


def test_tags_representations_and_multiplicities_are_those_of_the_data_dictionary() -> None:
    for row in keys.rows():
        if row.keyword != keys.ANY:
            tag = tag_for_keyword(row.keyword)
            assert tag is not None
            assert (row.path, row.tag, row.vr, row.vm) == (row.path, f"{tag:08X}", dictionary_VR(tag), dictionary_VM(tag))


def test_rows_that_are_no_keys_are_known_and_passed_over() -> None:
    others = [row for row in keys.rows() if not row.is_key and row.keyword != keys.ANY]
    assert {row.keyword for row in others} == set(NO_KEYS)
    assert all(keys.is_no_key(int(row.tag, 16)) for row in others)


def value_of(row: Row, number: int, below: dict[str, list[Row]]) -> Any:
    """Something of the VR that no other row has, twice where there may be several."""
    if row.vr == "SQ":
        return [item_of(row.path, below, number)]
    plain: dict[str, Any] = {"US": number % 4 + 1, "DS": f"{number}.5", "UI": f"1.2.{number}", "AS": f"{number % 100:03}Y"}
    dates = {"DA": f"2026{number % 12 + 1:02}15", "TM": f"{number % 24:02}30", "DT": f"2026{number % 12 + 1:02}15{number % 24:02}30"}
    text = {**plain, **dates, "PN": f"FAMILY{number}^Given", "UR": f"urn:oid:1.2.{number}"}.get(row.vr, f"V{number}")
    return [text, text + "0"] if row.vm == "1-n" and row.vr != "US" else text


def item_of(parent: str, below: dict[str, list[Row]], begin: int = 0) -> Dataset:
    dataset = Dataset()
    for number, row in zip(count(begin * 7 + 1), below.get(parent, ()), strict=False):
        dataset[row.keyword] = DataElement(row.keyword, row.vr, value_of(row, number, below))
    return dataset


def rows_below() -> dict[str, list[Row]]:
    below: dict[str, list[Row]] = {}
    for row in SERVED:
        below.setdefault(row.parent, []).append(row)
    return below


def asking_for(item: Dataset) -> Dataset:
    """Every element of the item, empty, in every item of it."""
    asked = Dataset()
    for element in item:
        asked[element.tag] = DataElement(element.tag, element.VR, [asking_for(element.value[0])] if element.VR == "SQ" else None)
    return asked


def leaves(dataset: Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and value of every element that is no sequence."""
    for element in dataset:
        if element.VR == "SQ":
            for one in element.value:
                yield from leaves(one, f"{path}{element.keyword}.")
        else:
            yield f"{path}{element.keyword}", "" if element.is_empty else str(element.value)


def take_in(item: Dataset, folder: Path) -> None:
    path = write_item(folder / "item.wl", item)
    report = importer.import_paths([path], False, a_site())
    assert [path] == report.made


@pytest.mark.django_db
def test_a_value_of_every_row_comes_in_by_an_import_and_comes_back_when_it_is_asked_for(tmp_path: Path) -> None:
    item = item_of("", rows_below())
    item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus = "ARRIVED"
    assert {path for path, _ in leaves(item)} == {row.path for row in SERVED if row.vr != "SQ"}
    take_in(item, tmp_path)
    status, [answer] = asked_over(asking_for(item))
    assert status == statuses.PENDING
    assert dict(leaves(answer)) == dict(leaves(item))


@pytest.mark.django_db
def test_what_an_item_does_not_have_comes_back_by_its_return_type(tmp_path: Path) -> None:
    """Type 1 where the item itself lacks it, 2 and 3 are there and empty, 1C and 2C are not, at every level."""
    below, asked = rows_below(), item_of("", rows_below())
    first_alone = {parent: [next((row for row in rows if row.vr != "SQ"), rows[0])] for parent, rows in below.items()}
    item = item_of("", {**first_alone, "": [row for row in below[""] if row.vr == "SQ"]})
    step = item.ScheduledProcedureStepSequence[0]
    step.ScheduledProcedureStepStartDate = "20260706"
    take_in(item, tmp_path)
    _, [answer] = asked_over(asking_for(asked))
    problems = list(_wrongly_empty(answer, item, below, ""))
    assert problems == []


def _wrongly_empty(answer: Dataset, item: Dataset, below: dict[str, list[Row]], parent: str) -> Iterator[str]:
    for row in below.get(parent, ()):
        element, received = answer.get(int(row.tag, 16)), item.get(int(row.tag, 16))
        if received is not None and row.vr == "SQ":
            assert element is not None
            yield from _wrongly_empty(element.value[0], received.value[0], below, row.path)
        elif received is None and (element is not None) != (row.returned not in ("1C", "2C")):
            yield f"{row.path} (type {row.returned}) is {'absent' if element is None else 'there'}"


@pytest.mark.parametrize("parent", ANOTHER)
@pytest.mark.django_db
def test_an_attribute_that_has_no_row_of_its_own_filters_nothing_is_left_out_and_makes_the_answers_ff01(
    parent: str, tmp_path: Path
) -> None:
    item = item_of("", rows_below())
    asked = asking_for(item)
    inside = asked
    for keyword in filter(None, parent.split(".")):
        inside = inside[keyword].value[0]
    inside[ANOTHER[parent]] = DataElement(ANOTHER[parent], dictionary_VR(ANOTHER[parent]), [] if "Sequence" in ANOTHER[parent] else None)
    item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus = "ARRIVED"
    take_in(item, tmp_path)
    status, [answer] = asked_over(asked)
    assert status == statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED
    assert dict(leaves(answer)) == dict(leaves(item))


def test_every_row_for_all_others_is_tried() -> None:
    assert {row.parent for row in keys.rows() if row.keyword == keys.ANY} == set(ANOTHER)
