"""The table of PS3.4 Table F.7.2-1 as data."""

import pytest
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from mpps import attributes
from mpps.attributes import Usage

TYPES = {Usage.N_CREATE: {"1", "1C", "2", "3"}, Usage.N_SET: {"1", "1C", "2", "3", "-"}, Usage.FINAL: {"", "1", "2"}}


def test_every_row_agrees_with_the_data_dictionary() -> None:
    for row in attributes.rows():
        if row.keyword == "*":
            continue
        assert tag_for_keyword(row.keyword) == int(row.tag, 16), row
        assert dictionary_VR(int(row.tag, 16)) == row.vr, row
        assert row.vm.split("-")[0] == dictionary_VM(int(row.tag, 16)).split("-")[0], row


def test_every_row_has_a_known_type_in_each_usage() -> None:
    for row in attributes.rows():
        for usage, types in TYPES.items():
            assert row.type_in(usage) in types, row


def test_every_parent_is_a_sequence_of_the_table() -> None:
    sequences = {row.path for row in attributes.rows() if row.is_sequence}
    assert {row.parent for row in attributes.rows() if row.parent} <= sequences


def test_paths_are_unique() -> None:
    paths = [row.path for row in attributes.rows()]
    assert len(paths) == len(set(paths)) == 209


@pytest.mark.parametrize(
    ("usage", "type_", "expected"),
    [
        (
            Usage.N_CREATE,
            "1",
            {
                "ScheduledStepAttributesSequence",
                "PerformedProcedureStepID",
                "PerformedStationAETitle",
                "PerformedProcedureStepStartDate",
                "PerformedProcedureStepStartTime",
                "PerformedProcedureStepStatus",
                "Modality",
            },
        ),
        (Usage.FINAL, "1", {"PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime", "PerformedSeriesSequence"}),
    ],
)
def test_what_must_have_a_value_at_the_root(usage: Usage, type_: str, expected: set[str]) -> None:
    assert {row.keyword for row in attributes.rows_in() if row.type_in(usage) == type_} == expected


def test_patient_and_relation_may_not_be_set() -> None:
    keywords = {row.keyword for row in attributes.not_allowed_in_n_set().values()}
    assert {"PatientName", "PatientID", "ScheduledStepAttributesSequence", "Modality", "PerformedStationAETitle"} <= keywords
    assert not {"PerformedSeriesSequence", "PerformedProcedureStepStatus", "PerformedProcedureStepEndDate"} & keywords
