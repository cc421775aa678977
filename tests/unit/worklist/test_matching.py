"""Kinds of matching, key by key, against one entry."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom.dataset import Dataset

from tests.support.worklist import asking
from worklist import item, matching, query
from worklist.keys import Kind
from worklist.models import WorklistEntry
from worklist.query import BadKey

DATE, TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"


def code(value: str, scheme: str) -> Dataset:
    dataset = Dataset()
    dataset.CodeValue, dataset.CodingSchemeDesignator = value, scheme
    return dataset


def entry(**columns: str) -> WorklistEntry:
    dataset, step = Dataset(), Dataset()
    dataset.PatientBirthDate = "19610203"
    dataset.PatientWeight = "70.50"
    dataset.PregnancyStatus = 4
    dataset.Allergies = ["Latex", "Iodine"]
    dataset.RequestedProcedureCodeSequence = [code("CTCHEST", "99A"), code("71260", "CPT")]
    step.ScheduledStationName = ["CT 1", "CT 2"]
    step.CommentsOnTheScheduledProcedureStep = "  two leading spaces"
    dataset.ScheduledProcedureStepSequence = [step]
    values = {
        "status": "SCHEDULED",
        "local_date": "20260706",
        "local_time": "223000.000000",
        "station_ae_titles": "CT01\\CT02",
        "modality": "CT",
        "patient_id": "P-1",
        "patient_name": "MÜLLER^Jürgen=山田^太郎=やまだ^たろう",
        "accession_number": "A1",
        "requested_procedure_id": "RP-1",
        "scheduled_procedure_step_id": "SPS-1",
        "study_instance_uid": "1.2.3",
        "performing_physician_name": "CURIE^Marie",
    }
    return WorklistEntry(start=datetime(2026, 7, 7, 2, 30, tzinfo=UTC), item=item.encode(dataset), **(values | columns))


def found(step: dict[str, Any] | None = None, entry_: WorklistEntry | None = None, **root: Any) -> bool:
    return matching.matches(asking(step, **root), entry_ or entry())


@pytest.mark.parametrize("name", ["", "*", "* ", "**", "^", "*^*", "*=*", "MÜLLER^Jürgen", "muller^jurgen", "MULLER^JURGEN^^"])
def test_names_that_find_the_patient(name: str) -> None:
    assert found(PatientName=name)


@pytest.mark.parametrize(
    "name", ["mul*", "M?LLER^*", "*^JÜR*", "山田*", "山田^太郎", "やまだ*", "=山田^*", "Mül*=山田*", "Müller^Jürgen^*"]
)
def test_wildcards_and_single_component_groups_find_the_patient(name: str) -> None:
    assert found(PatientName=name)


@pytest.mark.parametrize("name", ["MÜLLER", "Jürgen^Müller", "*Jürg", "M*X", "=MUL*", "山田", "MUL*=ABC*", "?"])
def test_names_that_do_not_find_the_patient(name: str) -> None:
    assert not found(PatientName=name)


def test_the_voicing_of_a_kana_is_no_accent() -> None:
    assert not found(PatientName="やまた*")


@pytest.mark.parametrize(
    "step",
    [
        {"Modality": "CT"},
        {"Modality": "ct"},
        {"Modality": "CT "},
        {"Modality": ["MR", "CT"]},
        {"Modality": "*"},
        {"ScheduledStationAETitle": "CT02"},
        {"ScheduledStationAETitle": " CT01 "},
        {"ScheduledStationAETitle": "*"},
        {"ScheduledStationName": "CT 2"},
        {"ScheduledPerformingPhysicianName": "curie*"},
        {"ScheduledProcedureStepID": "SPS-1"},
        {"CommentsOnTheScheduledProcedureStep": "  two leading spaces"},
        {DATE: "20260706"},
        {DATE: "2026.07.06"},
        {DATE: "20260701-"},
        {DATE: "-20260706"},
        {DATE: "20260706-20260706"},
        {DATE: " 20260701 - 20260731 "},
        {DATE: "20260706120000"},
        {DATE: "*"},
        {TIME: "2230"},
        {TIME: "22:30:00"},
        {TIME: "223000.0"},
        {TIME: "22-"},
        {TIME: "-2400"},
        {DATE: "20260706", TIME: "2200-2300"},
    ],
)
def test_step_keys_that_find_the_entry(step: dict[str, Any]) -> None:
    assert found(step)


@pytest.mark.parametrize(
    "step",
    [
        {"Modality": "MR"},
        {"Modality": "C"},
        {"Modality": "C*"},
        {"ScheduledStationAETitle": "CT0?"},
        {"ScheduledStationAETitle": "ct01"},
        {"ScheduledStationAETitle": "CT0"},
        {"ScheduledStationAETitle": "CT01\\CT03", "Modality": "US"},
        {"ScheduledStationName": "CT 3"},
        {"ScheduledPerformingPhysicianName": "CURIE"},
        {"ScheduledProcedureStepID": "sps-1"},
        {"CommentsOnTheScheduledProcedureStep": "two leading spaces"},
        {DATE: "20260707"},
        {DATE: "20260707-"},
        {TIME: "22"},
        {TIME: "2231-"},
        {TIME: "-2229"},
        {DATE: "20260731-20260701"},
    ],
)
def test_step_keys_that_do_not_find_the_entry(step: dict[str, Any]) -> None:
    assert not found(step)


@pytest.mark.parametrize(
    ("column", "value"), [("local_time", "noon"), ("local_time", "2530"), ("local_date", "1995AB99"), ("local_date", "soon")]
)
def test_what_is_no_date_or_time_lies_in_no_range(column: str, value: str) -> None:
    odd = entry(**{column: value})
    keyword = TIME if column == "local_time" else DATE
    asked = {TIME: ("000000-", "-235959"), DATE: ("00010101-", "-99991231")}[keyword]
    assert [found({keyword: one}, odd) for one in asked] == [False, False]
    assert not found({DATE: "00010101-99991231", TIME: "000000-235959"}, odd)
    assert found({keyword: ""}, odd)


def test_a_day_that_no_calendar_has_lies_where_its_digits_put_it() -> None:
    assert found({DATE: "19950101-19960101"}, entry(local_date="19951399"))
    assert not found({DATE: "19960101-"}, entry(local_date="19951399"))


@pytest.mark.parametrize(
    ("day", "time", "inside"),
    [
        ("20260705-20260707", "1000-1800", True),  # 22:30 is outside of a daily window, inside the interval
        ("20260705-20260706", "1000-1800", False),
        ("20260706-20260707", "2231-0100", False),
        ("20260706-", "2230-", True),
        ("20260706-", "2231-", False),
        ("-20260706", "-2230", True),
        ("-20260706", "-2229", False),
        ("20260701-", "1000-1200", False),  # of different forms: two keys of their own
    ],
)
def test_ranges_of_date_and_time_are_one_interval(day: str, time: str, inside: bool) -> None:
    assert found({DATE: day, TIME: time}) is inside


@pytest.mark.parametrize(
    "root",
    [
        {"PatientID": "P-1"},
        {"AccessionNumber": "A*"},
        {"RequestedProcedureID": "RP-1"},
        {"StudyInstanceUID": "1.2.3"},
        {"StudyInstanceUID": ["1.9", "1.2.3"]},
        {"PatientBirthDate": "19610101-19611231"},
        {"PatientWeight": "70.5"},
        {"PregnancyStatus": 4},
        {"Allergies": "Iod*"},
        {"RequestedProcedureCodeSequence": [code("71260", "CPT")]},
        {"RequestedProcedureCodeSequence": [code("CT*", "")]},
    ],
)
def test_root_keys_that_find_the_entry(root: dict[str, Any]) -> None:
    assert found(**root)


@pytest.mark.parametrize(
    "root",
    [
        {"PatientID": "p-1"},
        {"AccessionNumber": "A"},
        {"StudyInstanceUID": ["1.9", "1.2"]},
        {"PatientBirthDate": "-19601231"},
        {"PatientWeight": "70.4"},
        {"PatientSize": "1.8"},  # unknown, so only a universal key finds it
        {"Allergies": "iodine"},
        {"RequestedProcedureCodeSequence": [code("CTCHEST", "CPT")]},  # both keys, but of two items
    ],
)
def test_root_keys_that_do_not_find_the_entry(root: dict[str, Any]) -> None:
    assert not found(**root)


def test_what_is_unknown_matches_only_a_universal_key() -> None:
    nameless = entry(patient_name="", local_time="")
    assert found(PatientName="", entry_=nameless)
    assert not found(PatientName="A*", entry_=nameless)
    assert not found({TIME: "0000-2400"}, nameless)
    assert not found({DATE: "20260706-20260706", TIME: "0000-2400"}, nameless)


def test_statuses_are_the_served_ones_unless_the_key_names_others() -> None:
    started, arrived = entry(status="STARTED"), entry(status="ARRIVED")
    assert found({}, arrived)
    assert not found({}, started)
    assert found({"ScheduledProcedureStepStatus": "started"}, started)
    assert not found({"ScheduledProcedureStepStatus": "STARTED"}, arrived)


def test_keys_that_are_not_supported_never_filter() -> None:
    asked = asking({"PatientID": "other"}, Modality="MR", DigitalSignaturesSequence=[Dataset()])
    assert matching.matches(asked, entry())
    assert asked.unsupported == (
        "Modality(0008,0060)",
        "ScheduledProcedureStepSequence.PatientID(0010,0020)",
        "DigitalSignaturesSequence(FFFA,FFFA)",
    )


def test_query_retrieve_level_group_lengths_and_time_zone_are_no_keys() -> None:
    dataset = Dataset()
    dataset.QueryRetrieveLevel, dataset.TimezoneOffsetFromUTC = "STUDY", "+0100"
    dataset.add_new(0x00100000, "UL", 20)
    assert asking(**{element.keyword: element.value for element in dataset if element.keyword}).unsupported == ()


def test_where_the_table_allows_single_values_only_wildcards_stand_for_themselves_and_a_note_says_so() -> None:
    query = asking({"Modality": "C*", "ScheduledStationAETitle": "*"}, PatientID="P?")
    assert [(one.key.keyword, one.kind) for one in (*query.step, *query.root) if one.filters] == [
        ("Modality", Kind.SINGLE),
        ("PatientID", Kind.SINGLE),
    ]
    assert [note.split(" is matched")[0] for note in query.notes] == ["PatientID", "ScheduledProcedureStepSequence.Modality"]


def test_a_number_that_nobody_has_is_taken_for_the_empty_key_that_was_meant_and_noted() -> None:
    """dcmjs-dimse has no empty US: it asks for PregnancyStatus 0, and would get nothing ever."""
    query = asking(PregnancyStatus=0)
    assert matching.matches(query, entry())
    assert query.notes == ("PregnancyStatus '0' is no value that it can have; it is taken for an empty key",)
    assert not found(PregnancyStatus=1)


def test_the_first_of_several_step_items_is_used_and_noted() -> None:
    first, second, identifier = Dataset(), Dataset(), Dataset()
    first.Modality, second.Modality = "CT", "MR"
    identifier.ScheduledProcedureStepSequence = [first, second]
    asked = query.parse(identifier)
    assert matching.matches(asked, entry())
    assert "2 items" in asked.notes[0]


@pytest.mark.parametrize(
    "step",
    [
        {DATE: "2026-07-06"},
        {DATE: "today"},
        {DATE: "20261301"},
        {DATE: "202607*"},
        {TIME: "2560"},
        {TIME: "25-"},
        {TIME: "1-2-3"},
    ],
)
def test_a_key_that_is_no_date_or_time_is_refused_by_name(step: dict[str, str]) -> None:
    with pytest.raises(BadKey, match=next(iter(step))):
        asking(step)


def test_the_explanation_says_key_by_key_what_was_asked_and_what_is_there() -> None:
    verdicts = matching.explain(asking({"ScheduledStationAETitle": "CT03", "Modality": "ct"}, PatientID=""), entry())
    assert [(v.keyword, v.asked, v.has, v.matches) for v in verdicts] == [
        ("ScheduledProcedureStepStatus", "SCHEDULED\\ARRIVED\\READY", "SCHEDULED", True),
        ("Modality", "CT", "CT", True),
        ("ScheduledStationAETitle", "CT03", "CT01\\CT02", False),
        ("PatientID", "", "P-1", True),
    ]
