"""Worklists in other time zones, and in the two odd hours of the year: keys, answers, order, and what SQL is asked."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pydicom import Dataset

from dimse.decode import decode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from ris import clock
from ris.actions.stations import StationData, save_station
from ris.errors import InvalidInput
from ris.models import Site
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of
from tests.support.worklist import a_find_request, found, identifier
from worklist import askers, item, matching, query, zones
from worklist.agreement import Agreement
from worklist.find import Found
from worklist.models import WorklistEntry
from worklist.plans import Plan
from worklist.query import Query
from worklist.scp import c_find
from worklist.zones import View

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
DATE, TIME, STEP_ID = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "ScheduledProcedureStepID"


@pytest.fixture
def berlin(db: None, settings) -> Site:
    settings.TIME_ZONE = "Europe/Berlin"
    return a_site()


def started(start: datetime, **patient: object) -> str:
    """The ID of a step that starts then."""
    return str(steps_of(an_order(start=start, **patient))[0].scheduled_procedure_step_id)


def asking(site: Site, step: dict[str, str], view: View | None = None, **root: str) -> Query:
    return query.parse(identifier({STEP_ID: "", DATE: "", TIME: "", **step}, **root)).seen_from(view)


def answers(asked: Query) -> list[Dataset]:
    plan = Plan(asked, EXPLICIT_VR_LITTLE_ENDIAN, ("ISO_IR 192",))
    return [decode(plan.compose(one.item), EXPLICIT_VR_LITTLE_ENDIAN).dataset for one in found(asked)]


def shown(asked: Query) -> list[tuple[str, str, str, str]]:
    """Step ID, date, time and offset of each answer."""
    told = []
    for answer in answers(asked):
        step = answer.ScheduledProcedureStepSequence[0]
        told.append((step[STEP_ID].value, step[DATE].value, step[TIME].value, str(answer.get("TimezoneOffsetFromUTC", ""))))
    return told


# --- The two odd hours --------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_repeated_hour_is_shown_twice_in_order_of_the_real_start(berlin: Site) -> None:
    """On 25 October 2026 Berlin's clocks go from 03:00 CEST back to 02:00 CET."""
    second = started(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    first = started(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    later = started(datetime(2026, 10, 25, 2, 15, tzinfo=UTC))
    earlier = started(datetime(2026, 10, 24, 23, 45, tzinfo=UTC))
    day = [(earlier, "014500"), (first, "023000"), (second, "023000"), (later, "031500")]
    assert shown(asking(berlin, {DATE: "20261025"})) == [(one, "20261025", at, "") for one, at in day]
    assert [one[0] for one in shown(asking(berlin, {DATE: "20261025", TIME: "0230"}))] == [first, second]
    assert [one[0] for one in shown(asking(berlin, {DATE: "20261025", TIME: "0200-0259"}))] == [first, second]
    assert [one[0] for one in shown(asking(berlin, {DATE: "20261025-20261025", TIME: "0230-0315"}))] == [first, second, later]


@pytest.mark.both_databases
def test_the_hour_that_does_not_exist_is_never_shown(berlin: Site) -> None:
    """On 29 March 2026 Berlin's clocks go from 02:00 CET to 03:00 CEST."""
    before = started(datetime(2026, 3, 29, 0, 59, tzinfo=UTC), patient_id="P1")
    after = started(datetime(2026, 3, 29, 1, 29, tzinfo=UTC), patient_id="P2")
    assert shown(asking(berlin, {DATE: "20260329"})) == [(before, "20260329", "015900", ""), (after, "20260329", "032900", "")]
    assert shown(asking(berlin, {DATE: "20260329", TIME: "0200-0259"})) == []
    assert [one[0] for one in shown(asking(berlin, {DATE: "20260329", TIME: "0230-0330"}))] == [after]


@pytest.mark.parametrize("now", [datetime(2026, 10, 25, 0, 45, tzinfo=UTC), datetime(2026, 10, 25, 1, 45, tzinfo=UTC)])
def test_today_is_the_same_in_both_hours(berlin: Site, now: datetime) -> None:
    step = started(datetime(2026, 10, 25, 12, 0, tzinfo=UTC))
    with time_machine.travel(now, tick=False):
        assert [one[0] for one in shown(asking(berlin, {DATE: item.dicom_date(clock.today(berlin))}))] == [step]


@pytest.mark.both_databases
def test_seen_from_elsewhere_the_repeated_hour_is_two(berlin: Site) -> None:
    second = started(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    first = started(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    view = View(BERLIN, NEW_YORK)
    assert shown(asking(berlin, {DATE: "20261024"}, view)) == [
        (first, "20261024", "203000", "-0400"),
        (second, "20261024", "213000", "-0400"),
    ]
    assert [one[0] for one in shown(asking(berlin, {DATE: "20261024", TIME: "2100-2200"}, view))] == [second]
    assert shown(asking(berlin, {DATE: "20261025"}, view)) == []
    ends = [
        one.ScheduledProcedureStepSequence[0].ScheduledProcedureStepEndTime
        for one in answers(asking(berlin, {DATE: "20261024", "ScheduledProcedureStepEndTime": ""}, view))
    ]
    assert ends == ["210000", "220000"]


# --- Stations in other zones ---------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("away", "day", "time", "offset"),
    [
        (NEW_YORK, "20260706", "180000", "-0400"),
        (ZoneInfo("Asia/Tokyo"), "20260707", "070000", "+0900"),
        (ZoneInfo("Asia/Kathmandu"), "20260707", "034500", "+0545"),
        (timezone(timedelta(hours=-9, minutes=-30)), "20260706", "123000", "-0930"),
        (BERLIN, "20260707", "000000", "+0200"),
    ],
)
def test_keys_and_answers_are_in_the_zone_of_who_asks(berlin: Site, away: ZoneInfo, day: str, time: str, offset: str) -> None:
    step = started(datetime(2026, 7, 6, 22, 0, tzinfo=UTC))
    view = View(BERLIN, away)
    expected = [(step, day, time, offset)]
    for keys in ({}, {DATE: day}, {TIME: time}, {DATE: day, TIME: time}, {DATE: f"{day}-{day}", TIME: f"{time}-{time}"}, {DATE: f"-{day}"}):
        assert shown(asking(berlin, keys, view)) == expected, keys
    assert (
        shown(asking(berlin, {DATE: zones.day_beside(day, 1)}, view))
        == shown(asking(berlin, {DATE: zones.day_beside(day, -1)}, view))
        == []
    )
    entry = WorklistEntry.objects.get()
    assert matching.matches(asking(berlin, {DATE: day}, view), entry)
    verdict = next(one for one in matching.explain(asking(berlin, {TIME: "0100"}, view), entry) if one.keyword == TIME)
    assert (verdict.has[:4], verdict.matches) == (time[:4], False)


@pytest.mark.both_databases
def test_sql_still_seeks_the_days_around(berlin: Site) -> None:
    for days in range(5):
        started(datetime(2026, 7, 4 + days, 22, 0, tzinfo=UTC), patient_id=f"P{days}")
    asked = asking(berlin, {DATE: "20260706", "ScheduledStationAETitle": "CT01"}, View(BERLIN, NEW_YORK))
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert len(found(asked)) == 1
    assert "20260705" in captured[-1]["sql"]
    assert "20260707" in captured[-1]["sql"]


def test_a_station_has_a_zone_of_its_own(berlin: Site) -> None:
    with pytest.raises(InvalidInput, match="write one like Europe/Berlin"):
        save_station(berlin, StationData("CT01", ("CT",), time_zone="Mars/Olympus"), ACTOR)
    save_station(berlin, StationData("CT01", ("CT",), time_zone="America/New_York"), ACTOR)
    step = started(datetime(2026, 7, 6, 22, 0, tzinfo=UTC))
    asked = askers.as_asked(Site.objects.get(), "CT01", query.parse(identifier({STEP_ID: "", DATE: "20260706", TIME: ""})))
    assert shown(asked) == [(step, "20260706", "180000", "-0400")]
    assert shown(askers.as_asked(Site.objects.get(), "MR01", query.parse(identifier({STEP_ID: "", DATE: "20260706", TIME: ""})))) == []


def test_the_age_limit_of_a_station_is_to_its_own_clock(berlin: Site) -> None:
    save_station(berlin, StationData("CT01", ("CT",), time_zone="America/New_York", age_limit_hours=2), ACTOR)
    start = datetime(2026, 7, 6, 22, 0, tzinfo=UTC)
    step = started(start)
    for late, expected in ((timedelta(minutes=119), [step]), (timedelta(minutes=121), [])):
        with time_machine.travel(start + late, tick=False):
            asked = askers.as_asked(Site.objects.get(), "CT01", query.parse(identifier({STEP_ID: "", DATE: "", TIME: ""})))
            assert [one[0] for one in shown(asked)] == expected


# --- What is agreed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "agreed", "station", "expected"),
    [
        ("-0400", True, "", ("180000", "-0400")),
        ("-0400", True, "Asia/Tokyo", ("180000", "-0400")),
        ("-0400", False, "", ("000000", "")),
        ("-0400", False, "Asia/Tokyo", ("070000", "+0900")),
        ("", True, "", ("000000", "+0200")),
        ("0400", True, "", ("000000", "+0200")),
        ("", False, "", ("000000", "")),
    ],
)
def test_the_offset_of_a_query_counts_where_that_was_agreed(
    berlin: Site, offset: str, agreed: bool, station: str, expected: tuple[str, str]
) -> None:
    save_station(berlin, StationData("CT01", ("CT",), time_zone=station), ACTOR)
    started(datetime(2026, 7, 6, 22, 0, tzinfo=UTC))
    asked = query.parse(identifier({STEP_ID: "", DATE: "", TIME: ""}, **({"TimezoneOffsetFromUTC": offset} if offset else {})))
    profile = askers.profile_of(Site.objects.get(), "CT01", asked)
    view = askers.view_of(profile, berlin, asked, Agreement(time_zone=agreed))
    ((_, _, time, declared),) = shown(asked.seen_from(view))
    assert (time, declared) == expected
    assert asked.notes == (("TimezoneOffsetFromUTC '0400' is no offset (+HHMM or -HHMM); it is passed over",) if offset == "0400" else ())


def test_an_offset_that_was_not_agreed_on_is_told_beside_the_answers(berlin: Site) -> None:
    a_station("CT01", "CT")
    told: list[str] = []
    list(c_find(a_find_request(identifier({}, TimezoneOffsetFromUTC="+0900"), remark=told.append)))
    assert told == ["TimezoneOffsetFromUTC was not negotiated: the keys were read in the station's time zone"]


@pytest.mark.parametrize("text", ["+0100", "-0930", "+1400", "-1200", " +0000 "])
def test_offsets_are_read(text: str) -> None:
    found = zones.offset_of(text)
    assert found is not None
    sign = -1 if "-" in text else 1
    digits = text.strip()[1:]
    assert found.utcoffset(None) == sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))


@pytest.mark.parametrize("text", ["0100", "+100", "-0000", "+1460", "+1500", "-1300", "UTC", ""])
def test_what_is_no_offset_is_none(text: str) -> None:
    assert zones.offset_of(text) is None


# --- Items as they are received ---------------------------------------------------------------------------------------


def an_item(day: str, at: str, end: str = "", **root: str) -> bytes:
    return item.encode(
        identifier({DATE: day, TIME: at, "ScheduledProcedureStepEndDate": day, "ScheduledProcedureStepEndTime": end}, **root)
    )


@pytest.mark.parametrize(
    ("day", "at", "end", "start", "expected"),
    [
        ("20260706", "2359", "", datetime(2026, 7, 6, 21, 59, tzinfo=UTC), ("20260706", "1759", "")),
        ("20260706", "000000.5", "0130", datetime(2026, 7, 5, 22, 0, 0, 500_000, tzinfo=UTC), ("20260705", "180000.5", "1930")),
        ("2026.07.06", "08:15", "0900", datetime(2026, 7, 6, 6, 15, tzinfo=UTC), ("20260706", "021500", "030000")),
        ("20260706", "08", "", datetime(2026, 7, 6, 6, 0, tzinfo=UTC), ("20260706", "020000", "")),
    ],
)
def test_dates_and_times_keep_their_form_where_they_can(
    day: str, at: str, end: str, start: datetime, expected: tuple[str, str, str]
) -> None:
    local_time = f"{start.astimezone(BERLIN):%H%M%S.%f}"
    moved = zones.seen(View(BERLIN, NEW_YORK), start, "20260706", local_time, an_item(day, at, end)).item
    dataset = item.decode(moved)
    step = dataset.ScheduledProcedureStepSequence[0]
    assert (step[DATE].value, step[TIME].value, step.ScheduledProcedureStepEndTime or "") == expected
    assert dataset.TimezoneOffsetFromUTC == "-0400"
    assert item.encode(dataset) == moved


def test_other_dates_move_with_their_times_and_birth_dates_do_not() -> None:
    start = datetime(2026, 7, 6, 22, 0, tzinfo=UTC)
    issued = {"IssueDateOfImagingServiceRequest": "20260115", "IssueTimeOfImagingServiceRequest": "0030"}  # in winter, told in -0400
    encoded = an_item("20260707", "000000", PatientBirthDate="19700101", StudyDate="20260707", AccessionNumber="A1", **issued)
    dataset = item.decode(zones.seen(View(BERLIN, NEW_YORK), start, "20260707", "000000.000000", encoded).item)
    assert (dataset.IssueDateOfImagingServiceRequest, dataset.IssueTimeOfImagingServiceRequest) == (
        "20260114",
        "1930",
    )  # winter, told in -0400
    assert (dataset.PatientBirthDate, dataset.StudyDate) == ("19700101", "20260707")


def test_a_date_that_no_calendar_has_stays_and_declares_nothing(berlin: Site) -> None:
    start = datetime(2026, 2, 28, 11, 0, tzinfo=UTC)
    encoded = an_item("20260230", "1200")
    there = zones.seen(View(BERLIN, NEW_YORK), start, "20260230", "120000.000000", encoded)
    assert (there.local_date, there.local_time, there.item) == ("20260230", "120000.000000", encoded)
    asked = asking(berlin, {DATE: ""}, View(BERLIN, NEW_YORK))
    plan = Plan(asked, EXPLICIT_VR_LITTLE_ENDIAN, ("ISO_IR 192",))
    assert "TimezoneOffsetFromUTC" not in decode(plan.compose(Found(1, encoded).item), EXPLICIT_VR_LITTLE_ENDIAN).dataset
