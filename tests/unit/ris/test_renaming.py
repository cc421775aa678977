"""A station gets another AE title: what goes by the title follows, what was said on the wire stays and is found."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dimse.models import Association
from mpps.destinations import DestinationData, save_destination
from mpps.models import Destination, Finding, PerformedProcedureStep
from ris import callers, clock, events, peers, profiles, queries, titles
from ris.actions import booking, connecting, steps
from ris.actions.pools import save_station_and_pools
from ris.actions.renaming import Renaming, accept_again, rename_station
from ris.actions.stations import StationData, data_of, save_station
from ris.errors import ChangedMeanwhile, InvalidInput, NotFound
from ris.models import ConnectionCheck, FormerTitle, RecordChange, ScheduledProcedureStep, Site, Station, StepStation
from ris.peers import Journal
from ris.web import given_up
from stepwise import station_mpps
from stepwise.connecting import evidence
from tests.support.hospital import ACTOR, a_pool, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.journal import an_association
from tests.support.performing import begin
from tests.support.sites import another_site
from tests.support.worklist import asking, observed
from worklist import askers, find, findings, item, matching, projection
from worklist.models import WorklistEntry, WorklistFinding

pytestmark = [pytest.mark.django_db(databases=["default", "journal"])]
STATION = "ScheduledStationAETitle"


def fresh() -> Site:
    """As a process reads it for each association."""
    return Site.objects.get(pk=a_site().pk)


def rename(before: str, after: str, *, keeps: bool = True, given_up: tuple[str, ...] = (), version: int | None = None) -> Station:
    return rename_station(fresh(), Renaming(before, keeps, given_up), after, ACTOR, version)


def listed(calling: str, asked_for: str) -> list[str]:
    """Step IDs that a query for a station's list finds."""
    asked = askers.as_asked(fresh(), calling, asking({STATION: asked_for}))
    ids = [one.step_id for page in find.find(fresh(), asked) for one in page]
    return [row.step.scheduled_procedure_step_id for row in WorklistEntry.objects.filter(pk__in=ids).order_by("start")]


def test_its_exams_are_on_the_list_of_the_new_title_at_once_and_of_the_old_one_as_long_as_that_is_accepted() -> None:
    a_station("CT01"), a_station("CT02")
    step = steps_of(an_order(station="CT01", start=in_minutes(10)))[0]
    name = step.scheduled_procedure_step_id
    station = rename("CT01", "CT-EAST")
    assert listed("CT-EAST", "CT-EAST") == listed("CT01", "CT01") == listed("CT01", "CT-EAST") == listed("CT02", "CT01") == [name]
    assert list(projection.differences()) == []
    (entry,) = WorklistEntry.objects.all()
    served = item.decode(bytes(entry.item)).ScheduledProcedureStepSequence[0].ScheduledStationAETitle
    assert (entry.station_ae_titles, served) == ("CT-EAST", "CT-EAST")
    rename("CT-EAST", "CT-EAST", given_up=("CT01",), version=station.version)
    assert (listed("CT-EAST", "CT-EAST"), listed("CT01", "CT01")) == ([name], [])
    rename("CT-EAST", "CT-WEST", keeps=False)
    assert (listed("CT-WEST", "CT-WEST"), listed("CT-EAST", "CT-EAST")) == ([name], [])
    assert projection.source_steps().get().stations.get().station == Station.objects.get(ae_title="CT-WEST")


def test_a_query_asks_for_another_list_as_long_as_a_station_is_renamed() -> None:
    a_station("CT01")
    also = {}
    for happens, do in {
        "before": lambda: None,
        "renamed": lambda: rename("CT01", "CT-EAST"),
        "given up": lambda: rename("CT-EAST", "CT-EAST", given_up=("CT01",)),
    }.items():
        do()
        asked = askers.as_asked(fresh(), "NOBODY", asking({STATION: "CT01"})).asked(STATION)
        assert asked is not None
        also[happens] = asked.also
    assert also == {"before": (), "renamed": ("CT-EAST",), "given up": ()}


def test_the_history_has_both_titles_and_the_version_goes_on() -> None:
    station = save_station(a_site(), StationData("CT01", ("CT",)), ACTOR)
    renamed = rename("CT01", "CT-EAST", version=station.version)
    assert (renamed.pk, renamed.version) == (station.pk, 2)
    change = RecordChange.objects.get(subject="station", verb="rename")
    assert change.detail == {"ae_title": ["CT01", "CT-EAST"]}
    assert change.reason == "CT01 is accepted until the modality is changed"
    with pytest.raises(ChangedMeanwhile):
        rename("CT-EAST", "CT-WEST", version=1)
    with pytest.raises(ChangedMeanwhile):
        rename("CT01", "CT-WEST", version=1)
    assert rename("CT-EAST", " CT-EAST ").version == 2, "spaces around it say nothing (PS3.5 6.2)"


def test_upper_and_lower_case_make_another_title() -> None:
    a_station("CT01")
    assert (rename("CT01", "ct01").ae_title, profiles.present_title(fresh(), "CT01")) == ("ct01", "ct01")


def test_two_stations_swap_their_titles_and_each_keeps_what_it_said() -> None:
    first, second = a_station("CT01"), a_station("CT02")
    exams = {one: steps_of(an_order(station=one, patient_id=one, start=in_minutes(10)))[0] for one in ("CT01", "CT02")}
    said = {one: an_association(one, at=clock.wall() - timedelta(hours=1)) for one in ("CT01", "CT02")}
    for one in exams:
        begin([exams[one]], station=one)
    rename("CT01", "TMP")
    with pytest.raises(InvalidInput, match="still accepted as the former one of TMP"):
        rename("CT02", "CT01")
    rename("TMP", "TMP", given_up=("CT01",))
    rename("CT02", "CT01", keeps=False)
    rename("TMP", "CT02", keeps=False)
    assert [Station.objects.get(ae_title=one) for one in ("CT02", "CT01")] == [first, second]
    later = {one: an_association(one, at=clock.wall() + timedelta(seconds=1)) for one in ("CT01", "CT02")}
    journal = Journal(fresh())
    heard = {one: set(journal.calling(one).values_list("pk", flat=True)) for one in ("CT01", "CT02")}
    assert heard == {"CT02": {said["CT01"], later["CT02"]}, "CT01": {said["CT02"], later["CT01"]}}
    performed = {one.station_ae_title: one.links.get().step for one in PerformedProcedureStep.objects.all()}
    assert performed == {"CT02": exams["CT01"], "CT01": exams["CT02"]}
    assert {row.ae_title: row.step for row in StepStation.objects.all()} == performed
    assert list(projection.differences()) == []


def test_back_to_the_title_that_it_had_is_no_conflict_with_itself() -> None:
    a_station("CT01")
    rename("CT01", "CT-EAST")
    assert rename("CT-EAST", "CT01").ae_title == "CT01"
    assert [row.ae_title for row in FormerTitle.objects.filter(until=None)] == ["CT-EAST"]


class TestAcceptedAgain:
    def test_a_title_that_was_given_up_is_the_stations_again_with_who_did_it_in_its_history(self) -> None:
        a_station("CT01")
        rename("CT01", "CT-EAST", keeps=False)
        version = Station.objects.get().version
        assert titles.calling(fresh(), "CT01") is None and "CT01" not in callers.of(fresh())
        assert accept_again(fresh(), "CT-EAST", "CT01", ACTOR, version).version == version + 1
        assert titles.calling(fresh(), "CT01") == Station.objects.get() and "CT01" in callers.of(fresh())
        change = RecordChange.objects.filter(subject="station").latest("pk")
        assert (change.verb, change.detail, change.actor) == ("edit", {"accepted": ["", "CT01"]}, ACTOR.name)
        assert accept_again(fresh(), "CT-EAST", "CT01", ACTOR).version == version + 1, "it is accepted already"

    def test_what_an_import_put_on_the_list_meanwhile_is_the_stations(self) -> None:
        a_station("CT01")
        rename("CT01", "CT-EAST", keeps=False)
        step = steps_of(an_order(station="CT-EAST", start=in_minutes(10)))[0]
        StepStation.objects.filter(step=step).update(ae_title="CT01", station=None)
        accept_again(fresh(), "CT-EAST", "CT01", ACTOR)
        assert StepStation.objects.get(step=step).station == Station.objects.get()

    def test_refused_where_it_was_changed_meanwhile_where_it_never_had_it_and_where_somebody_else_has_it(self) -> None:
        a_station("CT01"), a_station("CT02")
        version = rename("CT01", "CT-EAST", keeps=False).version
        with pytest.raises(ChangedMeanwhile):
            accept_again(fresh(), "CT-EAST", "CT01", ACTOR, version - 1)
        for station, former in (("CT-EAST", "CT02"), ("CT9", "CT01")):
            with pytest.raises(NotFound, match="was never the AE title"):
                accept_again(fresh(), station, former, ACTOR)
        rename("CT02", "CT01")
        with pytest.raises(InvalidInput, match="that of another station"):
            accept_again(fresh(), "CT-EAST", "CT01", ACTOR)

    @pytest.mark.parametrize("unticked", [False, True])
    def test_whose_it_was_and_who_ended_it_is_known_until_somebody_has_it(self, *, unticked: bool) -> None:
        a_station("CT01")
        rename("CT01", "CT-EAST", keeps=unticked)
        assert bool(given_up.of(fresh(), ["CT01"])) is not unticked
        rename("CT-EAST", "CT-EAST", given_up=("CT01",))
        found = given_up.of(fresh(), ["CT01", "CT-EAST", "CT9"])["CT01"]
        until = clock.local(FormerTitle.objects.get().until or clock.wall(), fresh())
        assert found.text == f"CT01 was the AE title of CT-EAST until {until:%H:%M}, when {ACTOR.name} ended it"
        a_station("CT01")
        assert given_up.of(fresh(), ["CT01"]) == {}


@pytest.mark.parametrize("given_up", [(), ("CT01",)])
def test_back_to_a_title_that_has_exams_and_findings_loses_none_whatever_is_said_of_that_title(given_up: tuple[str, ...]) -> None:
    a_station("CT01")
    first, second = (steps_of(an_order(station="CT01", patient_id=str(at), start=in_minutes(at)))[0] for at in (10, 90))
    station = rename("CT01", "CT-EAST")
    StepStation.objects.filter(step=second).update(ae_title="CT01")  # as an import of another system's list had it
    projection.rebuild([second.pk])
    observed(second, "A")
    rename("CT-EAST", "CT01", given_up=given_up)
    rows = {(row.step, row.ae_title, row.station) for row in StepStation.objects.all()}
    assert rows == {(first, "CT01", station), (second, "CT01", station)}
    assert len(listed("CT01", "CT01")) == 2 and list(projection.differences()) == []
    assert WorklistFinding.objects.get().station_ae_title == "CT01"


def test_who_says_nothing_of_its_former_titles_gives_none_up() -> None:
    a_station("CT01")
    rename("CT01", "CT-EAST")
    rename("CT-EAST", "CT-WEST")
    assert [row.ae_title for row in FormerTitle.objects.filter(until=None)] == ["CT01", "CT-EAST"]
    assert titles.calling(fresh(), "CT01") == Station.objects.get(ae_title="CT-WEST")


def test_nothing_moves_to_where_it_is() -> None:
    station = a_station("CT01")
    with pytest.raises(ValueError, match="CT01 is no other AE title"):
        events.StationRenamed(station.pk, station.site_id, "CT01", "CT01")
    observed(None, "A")
    with pytest.raises(ValueError, match="CT01 is no other AE title"):
        findings.follow(station.site_id, "CT01", "CT01")
    assert WorklistFinding.objects.get().station_ae_title == "CT01"


def test_a_title_of_no_station_is_told_what_it_is_called_now() -> None:
    a_station("CT01")
    with pytest.raises(NotFound, match="no station 'NOPE' here"):
        rename("NOPE", "CT02")
    rename("CT01", "CT-EAST")
    with pytest.raises(NotFound, match="CT01 is called CT-EAST now"):
        rename("CT01", "CT02")


def test_a_scanner_that_gets_its_title_back_stays_with_the_hospital_that_had_it_first() -> None:
    here, there = a_site(), another_site()
    save_station(here, StationData("CT01", ("CT",)), ACTOR)
    save_station(there, StationData("CT01", ("CT",)), ACTOR)
    before = an_association("CT01", called="ANY")
    rename("CT01", "CT-TYPO")
    assert peers.site_of("ANY", "CT01") == here, "it is accepted"
    rename("CT-TYPO", "CT01", given_up=("CT01",))
    assert peers.site_of("ANY", "CT01") == here, "it never gave it up"
    after = an_association("CT01", called="ANY", at=clock.wall() + timedelta(seconds=1))
    assert set(Journal(here).calling("CT01").values_list("pk", flat=True)) == {before, after}
    rename("CT01", "CT-TYPO", keeps=False)
    rename("CT-TYPO", "CT01")
    assert peers.site_of("ANY", "CT01") == there, "it gave it up, and the other one had it then"


@pytest.mark.parametrize(
    ("title", "why"),
    [("CT02", "another station"), ("ANYCT", "code of a pool"), ("  ", "is empty"), ("TOO-LONG-AE-TITLE", "16"), ("FORMER", "of CT03")],
)
def test_a_title_that_will_not_do_changes_nothing(title: str, why: str) -> None:
    a_station("CT01"), a_station("FORMER")
    a_pool("ANYCT", a_station("CT02"))
    rename("FORMER", "CT03")
    with pytest.raises(InvalidInput, match=why):
        rename("CT01", title)
    assert Station.objects.filter(ae_title="CT01").exists() and FormerTitle.objects.count() == 1


def test_no_station_is_registered_under_a_title_that_another_one_may_still_call_with() -> None:
    a_station("CT01")
    rename("CT01", "CT-EAST")
    with pytest.raises(InvalidInput, match="stop accepting CT01 on the form of CT-EAST"):
        save_station(fresh(), StationData("CT01", ("CT",)), ACTOR)
    rename("CT-EAST", "CT-EAST", given_up=("CT01",))
    save_station(fresh(), StationData("CT01", ("CT",)), ACTOR)


def test_stations_that_see_its_list_go_on_seeing_it_and_their_open_forms_are_refused() -> None:
    a_station("CT01")
    other = save_station(a_site(), StationData("CT02", ("CT",), aliases=("CT01", "OLDCT")), ACTOR)
    seen_already = save_station(a_site(), StationData("CT03", ("CT",), aliases=("CT01", "CT-EAST")), ACTOR)
    step = steps_of(an_order(station="CT01", start=in_minutes(10)))[0]
    rename("CT01", "CT-EAST", keeps=False)
    assert [data_of(Station.objects.get(pk=one.pk)).aliases for one in (other, seen_already)] == [("CT-EAST", "OLDCT"), ("CT-EAST",)]
    assert listed("CT02", "CT02") == [step.scheduled_procedure_step_id]
    with pytest.raises(ChangedMeanwhile, match="CT01, OLDCT” → “CT-EAST, OLDCT"):
        save_station(fresh(), StationData("CT02", ("CT",)), ACTOR, other.version)


def test_a_title_that_is_another_one_s_alias_is_seen_by_that_one() -> None:
    a_station("CT01")
    save_station(a_site(), StationData("CT02", ("CT",), aliases=("CT-EAST",)), ACTOR)
    step = steps_of(an_order(station="CT01", start=in_minutes(10)))[0]
    rename("CT01", "CT-EAST")
    assert listed("CT02", "CT02") == [step.scheduled_procedure_step_id]


def on_the_former_list(patient_id: str, start: datetime) -> ScheduledProcedureStep:
    """An exam that was put there while the station was renamed."""
    step = steps_of(an_order(station="CT-EAST", patient_id=patient_id, start=start))[0]
    StepStation.objects.filter(step=step).update(ae_title="CT01")
    projection.rebuild([step.pk])
    return step


def test_while_a_former_title_is_accepted_both_are_one_list_for_aliases_strangers_the_desk_and_scripts() -> None:
    a_station("CT01"), a_station("CT99")
    save_station(a_site(), StationData("CT02", ("CT",), aliases=("CT01",), own_list_only=True), ACTOR)
    rename("CT01", "CT-EAST")
    save_station(fresh(), StationData("CT03", ("CT",), aliases=("CT01",), own_list_only=True), ACTOR)  # its old title is typed by now
    exams = [steps_of(an_order(station="CT-EAST", patient_id="A", start=in_minutes(10)))[0], on_the_former_list("B", in_minutes(90))]
    names = [one.scheduled_procedure_step_id for one in exams]
    for caller in ("CT01", "CT-EAST", "CT02", "CT03", "CT99"):
        assert listed(caller, "CT01") == listed(caller, "CT-EAST") == names, caller
    assert listed("CT02", "CT02") == listed("CT03", "CT03") == names
    for title in ("CT01", "CT-EAST"):
        assert set(queries.on_list(queries.steps(fresh()), fresh(), title)) == set(exams)
    assert not queries.on_list(queries.steps(fresh()), fresh(), "CT99").exists()


def test_why_a_query_for_one_title_finds_another_is_said() -> None:
    a_station("CT01")
    rename("CT01", "CT-EAST")
    on_the_former_list("A", in_minutes(10))
    entry = WorklistEntry.objects.get()
    asked = askers.as_asked(fresh(), "NOBODY", asking({STATION: "CT-EAST"}))
    told = next(one for one in matching.explain(asked, entry) if one.asked == "CT-EAST")
    assert (told.has, told.because) == ("CT01", "CT01 is called CT-EAST now, and stands for it as long as it is accepted")


def test_an_exam_that_an_import_had_put_on_both_lists_is_once_on_the_new_one() -> None:
    a_station("CT01")
    step = steps_of(an_order(station="CT01", start=in_minutes(10)))[0]
    StepStation.objects.create(step=step, ae_title="CT-EAST", position=1)
    rename("CT01", "CT-EAST")
    assert [(row.ae_title, str(row.station)) for row in step.stations.all()] == [("CT-EAST", "CT-EAST")]


def test_a_station_gets_the_title_of_an_alias_of_its_own_and_a_name_that_was_its_title_follows() -> None:
    station = save_station(a_site(), StationData("CT01", ("CT",), aliases=("CT-EAST", "OLDCT")), ACTOR)
    typed = replace(data_of(station), ae_title="CT-EAST")
    saved = save_station_and_pools(fresh(), typed, ACTOR, station.version, [], [], Renaming("CT01"))
    assert (saved.ae_title, saved.name, data_of(saved).aliases) == ("CT-EAST", "CT-EAST", ("OLDCT",))
    typed = replace(data_of(saved), ae_title="CT-WEST", name="CT in the east")
    assert save_station_and_pools(fresh(), typed, ACTOR, saved.version, [], [], Renaming("CT-EAST")).name == "CT in the east"


def test_what_is_booked_under_the_old_title_is_told_the_new_one() -> None:
    a_station("CT01")
    step = steps_of(an_order())[0]
    rename("CT01", "CT-EAST")
    with pytest.raises(NotFound, match="CT01 is called CT-EAST now"):
        booking.find_place(fresh(), "CT01")
    assert steps.schedule(step.pk, "CT-EAST", in_minutes(10), ACTOR).stations.get().ae_title == "CT-EAST"


def test_findings_destinations_and_checks_follow() -> None:
    a_station("CT01")
    step = steps_of(an_order(station="CT01", start=in_minutes(10)))[0]
    observed(step, "A")
    observed(None, "B")
    WorklistFinding.objects.filter(code="B").update(station_ae_title="CT-EAST")  # it was changed first, and called as a stranger
    observed(None, "B", minutes=5)
    save_destination(a_site(), DestinationData("PACS", "pacs.example", 104, "PACS", stations=("CT01", "MR01")), ACTOR)
    check = connecting.begin(a_site(), "CT01", ACTOR)
    rename("CT01", "CT-EAST")
    found = WorklistFinding.objects.filter(station_ae_title="CT-EAST").order_by("code")
    assert [(one.code, one.count) for one in found] == [("A", 1), ("B", 2)] and found.count() == WorklistFinding.objects.count()
    assert Destination.objects.get().stations == ["CT-EAST", "MR01"]
    assert ConnectionCheck.objects.get(ended_at=None) == check and connecting.open_check(a_site(), "CT-EAST") == check


def test_a_message_under_the_old_title_is_the_station_s_and_its_data_set_is_as_it_was_sent() -> None:
    station = save_station(a_site(), StationData("CT01", ("CT",), several_performed_steps=True), ACTOR)
    exams = [steps_of(an_order(station="CT01", patient_id=f"P{number}", start=in_minutes(60 * number)))[0] for number in (1, 2)]
    before = begin([exams[0]], station="CT01")
    rename("CT01", "CT-EAST")
    after = begin([exams[1]], station="CT01")
    before.refresh_from_db()
    assert [(one.station, one.station_ae_title, one.links.get().step) for one in (before, after)] == [
        (station, "CT-EAST", exams[0]),
        (station, "CT-EAST", exams[1]),
    ]
    assert {one.attributes["00400241"]["Value"][0] for one in (before, after)} == {"CT01"}
    assert profiles.whose(fresh(), "CT01").several_performed_steps
    for one in (before, after):
        Finding.objects.create(performed_step=one, code="ODD", text="odd", at=one.received_at)
    assert {one.performed_step for one in station_mpps.odd(fresh(), "CT-EAST") if one.code == "ODD"} == {before, after}


def test_whoever_may_call_as_the_station_may_under_the_old_title_from_the_same_addresses() -> None:
    save_station(a_site(), StationData("CT01", ("CT",), addresses=("10.0.0.5",)), ACTOR)
    rename("CT01", "CT-EAST")
    allowed = callers.of(fresh())
    assert allowed["CT01"] == allowed["CT-EAST"] != ()
    rename("CT-EAST", "CT-EAST", given_up=("CT01",))
    assert "CT01" not in callers.of(fresh())


def test_its_past_calls_are_no_stranger_s_and_after_it_is_given_up_they_are() -> None:
    a_station("CT01")
    an_association("CT01", at=clock.wall() - timedelta(minutes=5))
    since = clock.wall() - timedelta(hours=1)
    rename("CT01", "CT-EAST")
    an_association("CT01")
    assert evidence.strangers(fresh(), since) == ()
    rename("CT-EAST", "CT-EAST", given_up=("CT01",))
    an_association("CT01", at=clock.wall() + timedelta(seconds=1))
    assert [call.calling for call in evidence.strangers(fresh(), since)] == ["CT01"]


@pytest.mark.both_databases
def test_a_renamed_station_of_another_hospital_keeps_its_journal_there_and_takes_nothing_of_ours() -> None:
    here, there = a_site(), another_site()
    a_station("HERE")
    save_station(there, StationData("MR77", ("MR",)), ACTOR)
    early = an_association("MR77", called="ANY")
    stranger = an_association("MR-NEW", called="ANY")
    rename_station(there, Renaming("MR77"), "MR-NEW", ACTOR)
    late = [an_association(title, called="ANY", at=clock.wall() + timedelta(seconds=1)) for title in ("MR77", "MR-NEW")]
    theirs = Journal(Site.objects.get(pk=there.pk))
    assert set(theirs.associations().values_list("pk", flat=True)) == {early, *late}
    assert set(theirs.calling("MR-NEW").values_list("pk", flat=True)) == {early, *late}
    assert set(Journal(here).associations().values_list("pk", flat=True)) == {stranger}
    assert peers.site_of("ANY", "MR77") == peers.site_of("ANY", "MR-NEW") == there
    assert Association.objects.count() == 4
    save_station(here, StationData("MR77", ("MR",)), ACTOR)
    assert peers.site_of("ANY", "MR77") == there, "it had the title first, and accepts it still"
    assert titles.moved(fresh(), "MR77") == "" and titles.named(here, "MR77") != titles.named(there, "MR77")
