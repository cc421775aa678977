from collections.abc import Iterator

import pytest

from worklist import keys
from worklist.keys import Key, Kind
from worklist.models import WorklistEntry


def every_key(table: dict[int, Key]) -> Iterator[Key]:
    for key in table.values():
        yield key
        yield from every_key(key.by_tag)


def test_the_required_matching_keys_of_the_table_are_all_there() -> None:
    required = {key.keyword for key in every_key(keys.ROOT) if key.matching == "R"}
    assert required == {
        "ScheduledProcedureStepSequence",
        "ScheduledStationAETitle",
        "ScheduledProcedureStepStartDate",
        "ScheduledProcedureStepStartTime",
        "Modality",
        "ScheduledPerformingPhysicianName",
        "PatientName",
        "PatientID",
    }


def test_every_keyword_is_one_of_the_data_dictionary_and_stands_once_in_its_level() -> None:
    for key in every_key(keys.ROOT):
        assert key.vr
        assert len(key.by_tag) == len(key.children)
    paths = [row.path for row in keys.rows() if row.is_key]
    assert len(paths) == len(set(paths)) == len(list(every_key(keys.ROOT)))


def test_all_that_the_ris_fills_is_in_the_tables() -> None:
    assert set(keys._filled()) <= {row.path for row in keys.rows() if row.is_key}


def test_every_column_is_one_of_the_read_model() -> None:
    columns = {field.name for field in WorklistEntry._meta.get_fields()}
    assert {key.column for key in every_key(keys.ROOT) if key.column} <= columns


@pytest.mark.parametrize(
    ("keyword", "kinds"),
    [
        ("PatientName", {Kind.UNIVERSAL, Kind.SINGLE, Kind.WILDCARD}),
        ("PatientBirthDate", {Kind.UNIVERSAL, Kind.SINGLE, Kind.RANGE}),
        ("StudyInstanceUID", {Kind.UNIVERSAL, Kind.SINGLE, Kind.UID_LIST}),
        ("PatientWeight", {Kind.UNIVERSAL, Kind.SINGLE}),
        ("RequestedProcedureCodeSequence", {Kind.UNIVERSAL, Kind.SEQUENCE}),
        ("PertinentDocumentsSequence", {Kind.UNIVERSAL}),
    ],
)
def test_kinds_of_matching_follow_the_value_representation(keyword: str, kinds: set[Kind]) -> None:
    assert set(keys.ROOT[Key(keyword).tag].kinds) == kinds
