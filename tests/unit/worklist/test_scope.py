"""What the settings of a station make of its queries, and the words for it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ris.profiles import Profile
from tests.support.worklist import asking, identifier
from tests.unit.worklist.test_matching import entry
from worklist import answers, matching, scope
from worklist.matching import KeyVerdict
from worklist.scope import Scope

STATION, STATUS = "ScheduledStationAETitle", "ScheduledProcedureStepStatus"


def verdict(shown: Scope, kind: str, step: dict[str, Any] | None = None, **columns: str) -> KeyVerdict:
    """The one verdict of this kind on an entry with these columns."""
    found = [one for one in matching.explain(asking(step or {}).under(shown), entry(**columns)) if one.kind == kind]
    assert len(found) == 1
    return found[0]


def shows(shown: Scope, step: dict[str, Any] | None = None, **columns: str) -> bool:
    return matching.matches(asking(step or {}).under(shown), entry(**columns))


@pytest.mark.parametrize(
    ("asked", "of", "found"),
    [("CT01", "CT01", True), ("CT01", "CT2", True), ("CT01", "MR01", False), ("CT02", "CT2", False), ("CT2", "CT2", True)],
)
def test_a_station_that_asks_for_its_own_list_finds_those_of_its_aliases(asked: str, of: str, found: bool) -> None:
    assert shows(Scope("CT01", aliases=("CT2",)), {STATION: asked}, station_ae_titles=of) is found


def test_the_list_of_an_alias_is_told_beside_what_was_asked() -> None:
    told = verdict(Scope("CT01", aliases=("CT2",)), "single value", {STATION: "CT01"}, station_ae_titles="CT2")
    assert (told.asked, told.has, told.because) == ("CT01", "CT2", "Its station sees the list of CT2 too")


@pytest.mark.parametrize(
    ("asked", "of", "found"),
    [
        ("", "CT01", True),
        ("", "CT2", True),
        ("", "MR01", False),
        ("MR01", "MR01", False),
        ("MR01", "MR01\\CT01", True),
        ("CT01", "CT2", True),
    ],
)
def test_own_list_only_narrows_whatever_is_asked_for(asked: str, of: str, found: bool) -> None:
    assert shows(Scope("CT01", aliases=("CT2",), own_list_only=True), {STATION: asked}, station_ae_titles=of) is found


def test_own_list_only_says_what_it_takes_away() -> None:
    own = Scope("CT01", aliases=("CT2",), own_list_only=True)
    told = verdict(own, "own list only", station_ae_titles="MR01")
    assert (told.keyword, told.matches, told.because) == (STATION, False, "CT01 is shown its own list only (CT01, CT2)")
    narrowed = "MR01 was asked for; CT01 is shown its own list only (CT01, CT2)"
    assert asking({STATION: "MR01"}).under(own).narrowings == (f"the list of {narrowed}",)
    assert asking({STATION: "CT2"}).under(own).narrowings == ()
    assert asking({STATION: "MR01"}).under(Scope("CT01")).narrowings == ()


def test_the_statuses_shown_hold_unless_a_query_asks_for_others() -> None:
    ready = Scope("CT01", shown=("ARRIVED", "READY"))
    assert not shows(ready, status="SCHEDULED")
    assert shows(ready, {STATUS: "SCHEDULED"}, status="SCHEDULED")
    told = verdict(ready, "statuses shown")
    assert (told.matches, told.because) == (False, "CT01 is shown only ARRIVED and READY exams, unless it asks for others")


def test_where_arrival_is_required_a_scheduled_exam_is_never_shown() -> None:
    arrived = Scope("CT01", requires_arrival=True)
    assert not shows(arrived, status="SCHEDULED")
    assert not shows(arrived, {STATUS: "SCHEDULED"}, status="SCHEDULED")
    assert shows(arrived, status="ARRIVED")
    assert shows(arrived, {STATUS: "STARTED"}, status="STARTED")
    assert verdict(arrived, "requires arrival").because == "CT01 is shown an exam only when the patient has arrived"


@pytest.mark.parametrize(("day", "time", "found"), [("20260706", "1200", True), ("20260706", "1159", False), ("20260705", "2300", False)])
def test_what_started_too_long_ago_is_not_shown(day: str, time: str, found: bool) -> None:
    shown = scope.of(Profile("CT01", age_limit_hours=48), datetime(2026, 7, 8, 12, 0, 59, tzinfo=UTC))
    assert shows(shown, local_date=day, local_time=f"{time}00.000000") is found
    assert verdict(shown, "age limit").because == "CT01 is shown nothing that started before 2026-07-06 12:00"


def test_sequences_of_type_1c_come_back_empty_for_a_station_that_insists() -> None:
    item = identifier({"Modality": "CT"}, PatientID="P1")
    step = {"ScheduledProtocolCodeSequence": [], "ScheduledProcedureStepDescription": "", "PreMedication": ""}
    asked = asking(step, RequestedProcedureCodeSequence=[])
    without, empty = (answers.compose(asked.under(Scope(empty_sequences=one)), item, ()) for one in (False, True))
    assert [element.keyword for element in without] == ["ScheduledProcedureStepSequence"]
    assert [element.keyword for element in empty] == ["RequestedProcedureCodeSequence", "ScheduledProcedureStepSequence"]
    assert [element.keyword for element in empty.ScheduledProcedureStepSequence[0]] == ["ScheduledProtocolCodeSequence"]
    whole = answers.compose(asking(ScheduledProcedureStepSequence=[]).under(Scope(empty_sequences=True)), item, ())
    assert whole.ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence == []
