"""Pools of stations, and the exams that wait on them when they change."""

from collections.abc import Iterable

import pytest

from ris.actions import steps as verbs
from ris.actions.booking import describe
from ris.actions.pools import save_pool
from ris.actions.stations import StationData, save_station
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound, SlotTaken
from ris.models import RecordChange, ScheduledProcedureStep, StationPool
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes, steps_of
from worklist.models import WorklistEntry

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def save() -> None:
    save_station(a_site(), StationData("CT01", ("CT",)), ACTOR)


def any_ct(*ae_titles: str, before: Iterable[str] | None = None) -> StationPool:
    for ae_title in ae_titles:
        a_station(ae_title)
    return save_pool(a_site(), "ANYCT", "Any CT", ae_titles, ACTOR, before=None if before is None else list(before))


def on_the_pool(minutes: int = 60) -> ScheduledProcedureStep:
    step = steps_of(an_order(station="CT01", start=in_minutes(minutes + 600)))[0]
    return verbs.schedule(step.pk, "ANYCT", in_minutes(minutes), ACTOR)


def served_on(step: ScheduledProcedureStep) -> list[str]:
    """The AE titles that the worklist gives for the step."""
    return WorklistEntry.objects.get(pk=step.pk).station_ae_titles.split("\\")


def test_a_pool_holds_stations_and_can_be_changed():
    save()
    save_station(a_site(), StationData("CT02", ("CT",)), ACTOR)
    save_pool(a_site(), "ANYCT", "Any CT", ["CT01"], ACTOR)
    pool = save_pool(a_site(), "ANYCT", "Any CT", ["CT01", "CT02"], ACTOR)

    assert [station.ae_title for station in pool.stations.all()] == ["CT01", "CT02"]


def test_a_pool_is_refused_without_code_name_of_a_station_or_stations():
    save()
    with pytest.raises(InvalidInput, match="AE title of a station"):
        save_pool(a_site(), "CT01", "", ["CT01"], ACTOR)
    with pytest.raises(InvalidInput, match="code"):
        save_pool(a_site(), "", "", ["CT01"], ACTOR)
    with pytest.raises(InvalidInput, match="at least one station"):
        save_pool(a_site(), "ANYCT", "", [], ACTOR)
    with pytest.raises(NotFound, match="'CT09'"):
        save_pool(a_site(), "ANYCT", "", ["CT09"], ACTOR)


def test_renaming_a_pool_is_recorded():
    save()
    save_pool(a_site(), "ANYCT", "Any CT", ["CT01"], ACTOR)
    save_pool(a_site(), "ANYCT", "Every CT", ["CT01"], ACTOR)
    assert [(change.verb, change.detail) for change in RecordChange.objects.filter(subject="pool")] == [
        ("register", {"stations": ["", "CT01"]}),
        ("edit", {"name": ["Any CT", "Every CT"]}),
    ]


def test_exams_that_wait_on_a_pool_follow_it() -> None:
    any_ct("CT01", "CT02")
    waiting, begun = on_the_pool(60), on_the_pool(120)
    verbs.start(begun.pk, ACTOR)
    any_ct("CT01", "CT02", "CT03")
    assert (served_on(waiting), served_on(begun)) == (["CT01", "CT02", "CT03"], ["CT01", "CT02"])
    any_ct("CT03")
    assert served_on(waiting) == ["CT03"]
    change = waiting.changes.last()
    assert change is not None
    assert (change.verb, change.detail["stations"]) == ("follow_pool", [["CT01", "CT02", "CT03"], ["CT03"]])


def test_a_station_that_does_other_exams_gets_none_of_the_pool_s() -> None:
    any_ct("CT01")
    step = on_the_pool()
    a_station("MR01", "MR")
    save_pool(a_site(), "ANYCT", "Any CT", ["CT01", "MR01"], ACTOR)
    assert served_on(step) == ["CT01"]
    save_pool(a_site(), "ANYCT", "Any CT", ["MR01"], ACTOR)
    assert served_on(step) == ["CT01"]  # nobody else could perform it


def test_a_station_cannot_leave_while_exams_of_one_time_need_it() -> None:
    any_ct("CT01", "CT02")
    one, other = on_the_pool(60), on_the_pool(60)
    with pytest.raises(SlotTaken, match="too few stations") as refused:
        any_ct("CT01")
    assert refused.value.clash in {describe(one), describe(other)}
    assert served_on(one) == served_on(other) == ["CT01", "CT02"]
    assert StationPool.objects.get().stations.count() == 2


def test_two_people_who_change_a_pool_are_told() -> None:
    any_ct("CT01", before=[])
    any_ct("CT01", "CT02", before=["CT01"])
    with pytest.raises(ChangedMeanwhile, match="It has CT01, CT02 now"):
        any_ct("CT03", before=["CT01"])
    with pytest.raises(Conflict, match="There is a pool ANYCT already"):
        any_ct("CT03", before=[])
