"""What the scripts of a day say: believable, possible, and the same for the same seed."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from billing import rules
from mpps import outcomes
from mpps import reasons as mpps_reasons
from mpps.reasons import reasons
from ris.transitions import CANCELED
from tests.unit.training.day.a_day import SIX, many, one, written
from training.day import kinds
from training.day.story import Begun, Kind, Plan, Story, What, Worth

SEEDS = range(1, 13)


def own(story: Story) -> list:
    """Its deeds at the console."""
    return [deed for deed in story.deeds if deed.who]


def of_kind(plan: Plan, kind: Kind) -> list[Story]:
    return [story for story in plan.stories if story.kind is kind]


def test_the_same_seed_gives_the_same_day_and_another_one_another() -> None:
    assert written(many(80)) == written(many(80))
    assert written(many(80)) != written(many(80), seed=2)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_exam_has_one_story_in_which_time_goes_forward(seed: int) -> None:
    booked = many(150, seed)
    plan = written(booked, seed)
    told = Counter(step.pk for story in plan.stories for step in story.booked)
    assert told == Counter(step.pk for step in booked)
    for story in plan.stories:
        moments = [deed.at for deed in story.deeds]
        assert moments == sorted(moments)
        assert moments[0] >= SIX


@pytest.mark.parametrize("seed", SEEDS)
def test_a_station_does_one_exam_after_the_other_and_nothing_while_it_is_down(seed: int) -> None:
    plan = written(many(150, seed), seed)
    spans: dict[str, list] = {}
    for story in plan.stories:
        if deeds := own(story):
            assert {deed.who for deed in deeds} == {story.station}
            spans.setdefault(story.station, []).append((deeds[0].at, deeds[-1].at))
    for at_station in spans.values():
        at_station.sort()
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(at_station))
    for outage in plan.outages:
        lost = [
            deed for story in plan.stories for deed in own(story) if deed.who == outage.station and outage.since < deed.at < outage.until
        ]
        assert not lost


def test_of_many_exams_all_happens_and_most_go_as_planned() -> None:
    found = Counter(story.kind for seed in SEEDS for story in written(many(150, seed), seed).stories)
    assert set(kinds.SHARES) | {Kind.WALK_IN, Kind.HIT, Kind.MOVED, Kind.WAITS} <= set(found)
    assert found[Kind.PLAIN] > 0.45 * sum(found.values())


def test_of_few_exams_as_many_kinds_as_possible_are_shown() -> None:
    assert len({story.kind for story in written(many(30)).stories}) >= 8
    assert len(written([one()]).stories) == 1
    assert written([]).stories == ()


def test_nobody_is_in_two_places_at_once() -> None:
    first = one(1, "CT01", 60)
    second = replace(one(2, "MR01", 65), patient=first.patient)
    plan = written([first, second])
    stories = {story.booked[0].pk: story for story in plan.stories}
    done, begins = own(stories[1])[-1].at, own(stories[2])[0].at
    assert begins >= done


def test_two_requests_of_a_patient_on_one_station_are_one_exam() -> None:
    first = one(1, "CT01", 60)
    second = replace(one(2, "CT01", 80), patient=first.patient)
    (story,) = written([first, second]).stories
    assert (story.kind, story.name, story.performed, story.ends) == (Kind.GROUP, "S1 + S2", ("COMPLETED",), "COMPLETED")
    assert {deed.entry for deed in story.deeds if deed.what is What.ARRIVE} == {"S1", "S2"}


def test_the_second_step_of_a_procedure_begins_when_the_first_is_done() -> None:
    first = one(1, "US01", 60, of=2, procedure=9)
    second = replace(one(2, "MR01", 70, of=2, procedure=9, position=2), patient=first.patient)
    stories = {story.booked[0].pk: story for story in written([first, second]).stories}
    assert own(stories[2])[0].at >= own(stories[1])[-1].at


def test_what_is_in_progress_is_completed_first_and_what_is_long_over_is_not_played() -> None:
    begun = Begun("2.25.1", "CT01", "S7", (one(7),))
    plan = written([one(1, "CT01", 5), one(2, "CT01", -180)], begun=(begun,))
    assert next(story.kind for story in plan.stories) is Kind.BEGUN_BEFORE
    assert {step.pk for story in plan.stories for step in story.booked} == {7, 1}
    going, next_one = plan.stories[0], next(story for story in plan.stories if story.name == "S1")
    assert own(next_one)[0].at > own(going)[-1].at


def test_who_is_here_does_not_arrive_again_and_is_not_late() -> None:
    for seed in SEEDS:
        for story in written([one(pk, is_here=True, minutes_after=30 * pk) for pk in range(1, 9)], seed).stories:
            if story.booked:
                assert not any(deed.what is What.ARRIVE for deed in story.deeds)
                assert story.ends != CANCELED or story.kind is Kind.SENT_HOME


def test_a_moved_exam_goes_to_a_free_station_of_its_kind() -> None:
    moved = [story for seed in range(1, 40) for story in of_kind(written(many(90, seed), seed), Kind.MOVED)]
    assert moved
    for story in moved:
        (move,) = [deed for deed in story.deeds if deed.what is What.MOVE]
        assert move.place == story.station != story.booked[0].places[0]
        assert story.station[:2] == story.booked[0].modality
        assert move.start is not None
        assert own(story)[0].at >= move.at


def test_a_wrong_entry_is_somebody_elses_who_has_not_come_yet() -> None:
    found = [(plan, story) for seed in SEEDS for plan in [written(many(150, seed), seed)] for story in of_kind(plan, Kind.WRONG_ENTRY)]
    assert found
    for plan, story in found:
        wrong, back = own(story)[:2]
        other = next(one for one in plan.stories if one.name == wrong.entry)
        assert other.booked[0].patient != story.booked[0].patient
        assert (back.what, back.reason) == (What.DISCONTINUE, kinds.WRONG_ENTRY)
        assert not any(wrong.at <= deed.at <= back.at for deed in other.deeds)


def test_what_the_scripts_expect_of_reasons_is_what_billing_and_mpps_make_of_them() -> None:
    said = {Worth.REDUCED: rules.Outcome.REDUCED, Worth.NOTHING: rules.Outcome.NONE}
    for reason in kinds.REASONS:
        broken_off = rules.Performed(id=1, completed=False, instances=3, reason_code=reason.code)
        assert rules.of_performed(broken_off) is said[reason.worth]
        assert outcomes.outcome("DISCONTINUED", reason.code, "DCM", "").verb == mpps_reasons.DISCONTINUE
    assert {kinds.EQUIPMENT_FAILURE, kinds.WRONG_ENTRY} <= set(reasons())
    assert outcomes.outcome("DISCONTINUED", kinds.WRONG_ENTRY, "DCM", "").verb == mpps_reasons.PUT_BACK


def test_deeds_come_in_order_of_time_and_those_of_a_story_in_theirs() -> None:
    plan = written(many(60))
    deeds = list(plan.deeds())
    assert [deed.at for _, deed in deeds] == sorted(deed.at for _, deed in deeds)
    assert deeds[0][1].at - SIX < timedelta(hours=2)
    for story in plan.stories:
        assert tuple(deed for one, deed in deeds if one is story) == story.deeds
