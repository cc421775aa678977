"""Columns and series of a data set, and what is odd about its times."""

from datetime import UTC, datetime, timedelta

import pytest
from pydicom.dataset import Dataset

from mpps import datasets, reading
from mpps.models import PerformedProcedureStep
from mpps.outcomes import outcome
from mpps.reading import Times
from ris.models import Site
from tests.support.mpps import a_reason, a_series, changed

SITE = Site(code="x", time_zone="America/New_York")
NOON = datetime(2026, 7, 1, 16, 0, tzinfo=UTC)


def an_ended(**changes: object) -> datasets.Json:
    dataset = Dataset()
    dataset.PerformedProcedureStepStartDate, dataset.PerformedProcedureStepStartTime = "20260701", "120000"
    dataset.PerformedProcedureStepEndDate, dataset.PerformedProcedureStepEndTime = "20260701", "121500"
    return datasets.from_dataset(changed(dataset, changes))


def test_times_are_read_in_the_hospital_s_zone_and_kept_raw() -> None:
    columns = reading.columns(an_ended(), SITE)
    assert (columns["started_at"], columns["ended_at"]) == (NOON, NOON + timedelta(minutes=15))
    assert (columns["start_date_raw"], columns["end_time_raw"]) == ("20260701", "121500")


def test_times_follow_the_data_set_s_own_offset() -> None:
    assert reading.times(an_ended(TimezoneOffsetFromUTC="+0000"), SITE).start == datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def test_a_time_that_cannot_be_read_leaves_the_moment_empty_and_the_raw_text() -> None:
    columns = reading.columns(an_ended(PerformedProcedureStepStartTime="noon"), SITE)
    assert (columns["started_at"], columns["start_time_raw"]) == (None, "noon")


def test_the_duration_of_a_step() -> None:
    assert PerformedProcedureStep(**reading.columns(an_ended(), SITE)).duration == timedelta(minutes=15)
    assert PerformedProcedureStep().duration is None


def test_series_count_their_images() -> None:
    dataset = datasets.from_dataset(
        changed(Dataset(), {"PerformedSeriesSequence": [a_series(images=3), a_series(OperatorsName=["A^B", "C^D"])]})
    )
    rows = reading.series(PerformedProcedureStep(), dataset)
    assert [(row.position, row.image_count, row.non_image_count, row.protocol_name) for row in rows] == [
        (1, 3, 0, "CHEST ROUTINE"),
        (2, 2, 0, "CHEST ROUTINE"),
    ]
    assert rows[1].operators_name == "A^B\\C^D"


def test_the_reason_of_a_discontinuation() -> None:
    discontinued = an_ended(PerformedProcedureStepDiscontinuationReasonCodeSequence=[a_reason("110513", "Unspecified")])
    columns = reading.columns(discontinued, SITE)
    assert columns["discontinuation_reason_code"] == "110513"
    assert reading.columns(an_ended(), SITE)["discontinuation_reason_code"] == ""


@pytest.mark.parametrize(
    ("start", "end", "codes"),
    [
        (NOON, NOON + timedelta(minutes=30), []),
        (NOON, NOON - timedelta(seconds=1), ["NEGATIVE_DURATION"]),
        (NOON - timedelta(hours=13), NOON, ["OVER_MIDNIGHT"]),
        (None, NOON, []),
        (NOON, None, []),
    ],
    ids=["fine", "negative", "over midnight", "no start", "no end"],
)
def test_odd_ends(start: datetime | None, end: datetime | None, codes: list[str]) -> None:
    assert [n.code for n in reading.odd_end(Times(start, end), end or NOON, SITE)] == codes


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(minutes=10), None),
        (timedelta(minutes=11), "11 min ahead of"),
        (-timedelta(minutes=90), "90 min behind"),
        (-timedelta(hours=5, minutes=3), "5 h 3 min behind"),
        (timedelta(days=365), "365 days ahead of"),
    ],
)
def test_a_console_clock_that_is_wrong_by_more_than_ten_minutes_is_a_finding(away: timedelta, words: str | None) -> None:
    notices = list(reading.odd_start(Times(NOON + away, None), NOON, SITE))
    assert [n.code for n in notices] == ([] if words is None else ["CONSOLE_CLOCK"])
    assert words is None or words in notices[0].text


@pytest.mark.parametrize(
    ("status", "code", "scheme", "verb"),
    [
        ("COMPLETED", "", "", "complete"),
        ("COMPLETED", "110514", "DCM", "complete"),
        ("DISCONTINUED", "110514", "DCM", "put_back"),
        ("DISCONTINUED", "110514", "99LOCAL", "discontinue"),
        ("DISCONTINUED", "110513", "DCM", "discontinue"),
        ("DISCONTINUED", "", "", "discontinue"),
    ],
)
def test_what_the_end_does_to_the_scheduled_steps(status: str, code: str, scheme: str, verb: str) -> None:
    effect = outcome(status, code, scheme, "")
    assert effect.verb == verb
    assert bool(effect.reason) is (status == "DISCONTINUED")
