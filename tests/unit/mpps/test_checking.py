"""What is refused, with which status, and what becomes a finding."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from dimse import statuses
from dimse.services import Verb
from mpps import checking, datasets
from mpps.checking import Notice
from mpps.errors import Refused
from tests.support.mpps import a_create, a_series, an_end, an_item

pytestmark = pytest.mark.django_db


def created(strict: bool = True, **changes: object) -> list[Notice]:
    problems = checking.problems_of_create(datasets.from_dataset(a_create(**changes)))
    return checking.settle(Verb.N_CREATE, problems, strict)


def ended(strict: bool = True, base: Dataset | None = None, **changes: object) -> list[Notice]:
    stored = datasets.from_dataset(base or a_create())
    modification = datasets.from_dataset(an_end(**changes))
    notices = checking.settle(Verb.N_SET, checking.problems_of_set(modification, stored), strict)
    merged = datasets.merged(stored, checking.settable(modification))
    return notices + checking.settle(Verb.N_SET, checking.problems_of_final(merged), strict)


def test_a_complete_n_create_and_n_set_leave_nothing_to_say() -> None:
    assert created() == []
    assert ended() == []


TYPE_1 = (
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "Modality",
)


@pytest.mark.parametrize("keyword", [*TYPE_1, "PerformedProcedureStepStatus", "ScheduledStepAttributesSequence"])
def test_a_missing_type_1_attribute_is_refused_with_0120(keyword: str) -> None:
    with pytest.raises(Refused) as refused:
        created(**{keyword: None})
    assert refused.value.status == statuses.MISSING_ATTRIBUTE
    assert refused.value.offending == (int(datasets.tag(keyword), 16),)
    assert keyword in refused.value.comment


@pytest.mark.parametrize("keyword", [*TYPE_1, "PerformedProcedureStepStatus"])
def test_an_empty_type_1_attribute_is_refused_with_0121(keyword: str) -> None:
    with pytest.raises(Refused) as refused:
        created(**{keyword: ""})
    assert refused.value.status == statuses.MISSING_ATTRIBUTE_VALUE
    assert list(refused.value.attribute_list) == [datasets.tag(keyword)]


def test_a_relation_without_items_is_refused_with_0121() -> None:
    with pytest.raises(Refused) as refused:
        created(ScheduledStepAttributesSequence=[])
    assert refused.value.status == statuses.MISSING_ATTRIBUTE_VALUE


def test_an_item_without_study_uid_is_refused_and_named_by_its_number() -> None:
    items = [an_item(), an_item(StudyInstanceUID=None)]
    with pytest.raises(Refused) as refused:
        created(ScheduledStepAttributesSequence=items)
    assert refused.value.status == statuses.MISSING_ATTRIBUTE
    assert [n.attribute for n in created(strict=False, ScheduledStepAttributesSequence=items)] == [
        "ScheduledStepAttributesSequence[2].StudyInstanceUID"
    ]


def test_a_missing_type_2_attribute_is_refused_with_0120_from_a_strict_station_only() -> None:
    with pytest.raises(Refused) as refused:
        created(PatientSex=None)
    assert refused.value.status == statuses.MISSING_ATTRIBUTE
    assert [(n.code, n.attribute) for n in created(strict=False, PatientSex=None)] == [("ATTRIBUTE_MISSING", "PatientSex")]


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED", "SCHEDULED"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_step_that_is_not_in_progress_is_never_created(status: str, strict: bool) -> None:
    with pytest.raises(Refused) as refused:
        created(strict=strict, PerformedProcedureStepStatus=status)
    assert refused.value.status == statuses.INVALID_ATTRIBUTE_VALUE
    assert refused.value.attribute_list == {"00400252": {"vr": "CS", "Value": [status]}}


@pytest.mark.parametrize("status", ["in progress", "IN_PROGRESS", "In  Progress"])
def test_a_misspelled_status_is_understood_from_a_lenient_station(status: str) -> None:
    with pytest.raises(Refused):
        created(PerformedProcedureStepStatus=status)
    assert [n.code for n in created(strict=False, PerformedProcedureStepStatus=status)] == ["VALUE_INVALID"]
    assert checking.understood_status(datasets.from_dataset(a_create(PerformedProcedureStepStatus=status))) == "IN PROGRESS"


def test_missing_comes_before_missing_value_before_invalid_value() -> None:
    wrong = {"PerformedProcedureStepStartDate": "yesterday"}
    empty = wrong | {"PerformedProcedureStepID": ""}
    missing = empty | {"Modality": None}
    for changes, status in ((wrong, 0x0106), (empty, 0x0121), (missing, 0x0120)):
        with pytest.raises(Refused) as refused:
            created(**changes)
        assert refused.value.status == status


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PerformedProcedureStepStartDate": "20261301"}, "VALUE_INVALID"),
        ({"PerformedProcedureStepStartTime": "2500"}, "VALUE_INVALID"),
        ({"ScheduledStepAttributesSequence": [an_item(StudyInstanceUID="1.02.3")]}, "UID_INVALID"),
    ],
    ids=["date", "time", "uid"],
)
def test_a_needed_value_that_cannot_be_read_is_refused_with_0106(changes: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        created(**changes)
    assert refused.value.status == statuses.INVALID_ATTRIBUTE_VALUE
    assert [n.code for n in created(strict=False, **changes)] == [code]


REFUSALS = {
    "no item": ({"ScheduledStepAttributesSequence": []}, "VALUE_MISSING", "ScheduledStepAttributesSequence"),
    "no value": ({"PerformedProcedureStepID": ""}, "VALUE_MISSING", "PerformedProcedureStepID"),
    "missing": ({"Modality": None}, "ATTRIBUTE_MISSING", "Modality"),
    "no date": ({"PerformedProcedureStepStartDate": "yesterday"}, "VALUE_INVALID", "PerformedProcedureStepStartDate"),
    "no UID": ({"ScheduledStepAttributesSequence": [an_item(StudyInstanceUID="1.02.3")]}, "UID_INVALID", "StudyInstanceUID"),
}


@pytest.mark.parametrize(("changes", "code", "keyword"), REFUSALS.values(), ids=REFUSALS)
def test_what_an_n_create_was_refused_for_is_known_by_its_error_comment(changes: dict[str, object], code: str, keyword: str) -> None:
    with pytest.raises(Refused) as refused:
        created(**changes)
    cause = checking.cause(refused.value.status, refused.value.comment)
    assert cause is not None and (cause.code, cause.attribute) == (code, keyword)


def test_what_an_n_set_was_refused_for_is_known_by_its_error_comment() -> None:
    endings: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("ATTRIBUTE_CHANGED", "PatientName", {"base": a_create(PatientName="DOE^Jane"), "PatientName": "ROE^Jane"}),
        ("ATTRIBUTE_MISSING", "PerformedSeriesSequence", {"base": a_create(PerformedSeriesSequence=None), "PerformedSeriesSequence": None}),
    )
    for code, keyword, ending in endings:
        with pytest.raises(Refused) as refused:
            ended(**ending)
        cause = checking.cause(refused.value.status, refused.value.comment)
        assert cause is not None and (cause.code, cause.attribute) == (code, keyword)


def test_a_refusal_that_is_about_no_attribute_has_no_cause_of_its_own() -> None:
    assert checking.cause(statuses.DUPLICATE_SOP_INSTANCE, "This performed procedure step exists already") is None
    assert checking.cause(statuses.NO_SUCH_ATTRIBUTE, "PixelData is no attribute of MPPS") is None
    invalid = checking.cause(statuses.INVALID_SOP_INSTANCE, "SOP Instance UID: it is empty")
    assert invalid is not None and (invalid.code, invalid.attribute) == ("UID_INVALID", "SOPInstanceUID")


def test_an_odd_value_that_nothing_depends_on_is_a_finding_for_everybody() -> None:
    assert [(n.code, n.attribute) for n in created(PatientBirthDate="1960-01-01", StudyID="x" * 17)] == [
        ("VALUE_INVALID", "PatientBirthDate"),
        ("VALUE_INVALID", "StudyID"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"PerformedProcedureStepEndDate": None},
        {"PerformedProcedureStepEndTime": ""},
        {"PerformedSeriesSequence": None},
        {"PerformedSeriesSequence": []},
        {"PerformedSeriesSequence": [a_series(ProtocolName="")]},
        {"PerformedSeriesSequence": [a_series(), a_series(SeriesInstanceUID=None)]},
        {"PerformedSeriesSequence": [a_series(OperatorsName=None)]},
        {"PerformedSeriesSequence": [a_series(ReferencedImageSequence=None)]},
    ],
    ids=["no end date", "empty end time", "no series", "zero series", "no protocol", "no series uid", "no operator", "no images"],
)
@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
def test_a_final_state_that_lacks_something_is_refused_with_0121(changes: dict[str, object], status: str) -> None:
    with pytest.raises(Refused) as refused:
        ended(status=status, **changes)
    assert refused.value.status == statuses.MISSING_ATTRIBUTE_VALUE
    assert {n.code for n in ended(strict=False, status=status, **changes)} <= {"ATTRIBUTE_MISSING", "VALUE_MISSING"}


def test_a_series_without_images_is_complete() -> None:
    assert ended(PerformedSeriesSequence=[a_series(images=0)]) == []


def test_an_equal_repeat_of_what_may_not_change_is_accepted() -> None:
    created_with = a_create(PatientName="DOE^Jane", PatientID="4711")
    same = {
        "PatientName": "DOE^Jane^^",
        "PatientID": "4711 ",
        "ScheduledStepAttributesSequence": created_with.ScheduledStepAttributesSequence,
    }
    assert ended(base=created_with, **same) == []


@pytest.mark.parametrize("changes", [{"PatientName": "ROE^Jane"}, {"ScheduledStepAttributesSequence": [an_item()]}, {"AdmissionID": "A1"}])
def test_a_change_of_what_may_not_change_is_refused_with_0105(changes: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        ended(base=a_create(PatientName="DOE^Jane"), **changes)
    assert refused.value.status == statuses.NO_SUCH_ATTRIBUTE
    assert refused.value.offending == tuple(int(datasets.tag(keyword), 16) for keyword in changes)


def test_a_lenient_station_s_change_of_what_may_not_change_is_left_out_and_found() -> None:
    modification = datasets.from_dataset(an_end(PatientName="ROE^Jane"))
    assert datasets.tag("PatientName") not in checking.settable(modification)
    assert [n.code for n in ended(strict=False, base=a_create(PatientName="DOE^Jane"), PatientName="ROE^Jane")] == ["ATTRIBUTE_CHANGED"]


@pytest.mark.parametrize("strict", [True, False])
def test_an_unknown_status_ends_nothing(strict: bool) -> None:
    with pytest.raises(Refused) as refused:
        ended(strict=strict, status="ABANDONED")
    assert refused.value.status == statuses.INVALID_ATTRIBUTE_VALUE


def test_error_comments_name_the_first_and_count_the_rest() -> None:
    with pytest.raises(Refused) as refused:
        created(Modality=None, PerformedProcedureStepID=None, PatientSex=None)
    assert refused.value.comment.endswith("is missing (+2 more)")


def test_a_sequence_that_came_as_text_is_refused() -> None:
    dataset = datasets.from_dataset(a_create()) | {datasets.tag("ScheduledStepAttributesSequence"): {"vr": "LO", "Value": ["x"]}}
    with pytest.raises(Refused) as refused:
        checking.settle(Verb.N_CREATE, checking.problems_of_create(dataset), strict=True)
    assert refused.value.status == statuses.INVALID_ATTRIBUTE_VALUE
