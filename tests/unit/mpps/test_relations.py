"""Each case of how performed steps relate to scheduled ones is played, and does what the table says (PS3.17 B; IHE Scheduled Workflow)."""

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from billing.models import Charge
from mpps import relations
from mpps.models import PerformedProcedureStep
from mpps.relations import RELATIONS, Relation
from ris.actions import stations
from ris.actions import steps as verbs
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_site, an_order, steps_of
from tests.support.performing import begin, end, perform
from tests.support.worklist import answered, identifier

pytestmark = pytest.mark.django_db
BROKEN = ("110501", "DCM", "Equipment failure")
WRONG_ENTRY = ("110514", "DCM", "Incorrect worklist entry selected")

Steps = list[ScheduledProcedureStep]
Play = Callable[[Steps], None]
PLAYS: dict[str, tuple[int, Play]] = {}
"""Of each case how many exams are ordered, and what is done from its first N-CREATE to its last N-SET."""


def case(name: str, ordered: int = 1) -> Callable[[Play], Play]:
    def keep(play: Play) -> Play:
        PLAYS[name] = ordered, play
        return play

    return keep


def row(name: str) -> Relation:
    return next(one for one in RELATIONS if one.name == name)


def statuses(steps: Steps) -> set[str]:
    return set(ScheduledProcedureStep.objects.filter(pk__in=[step.pk for step in steps]).values_list("status", flat=True))


def during(name: str, steps: Steps) -> None:
    """Check what the table says about the time in between."""
    assert statuses(steps) == ({row(name).begun} if row(name).begun else set())


def charged() -> list[str]:
    """What is charged: a charge that is held for a look is one all the same."""
    return sorted(relations.REDUCED if charge.lines.get().modifier else relations.FULL for charge in Charge.objects.all())


@case("simple")
def _simple(steps: Steps) -> None:
    performed = begin(steps)
    during("simple", steps)
    end(performed)


@case("unscheduled", ordered=0)
def _unscheduled(steps: Steps) -> None:
    assert perform([]).unscheduled


@case("append")
def _append(steps: Steps) -> None:
    perform(steps)
    later = begin(steps, PerformedProcedureStepID="PPS2")
    during("append", steps)
    end(later)


@case("group", ordered=2)
def _group(steps: Steps) -> None:
    performed = begin(steps)
    during("group", steps)
    end(performed)


@case("several performed steps")
def _several(steps: Steps) -> None:
    set_several()
    end(begin(steps))
    during("several performed steps", steps)
    end(begin(steps), "DISCONTINUED", reason=BROKEN)
    end(begin(steps))


@case("two devices at once")
def _two_devices(steps: Steps) -> None:
    first, second = begin(steps), begin(steps)
    end(first, "DISCONTINUED", reason=BROKEN)
    during("two devices at once", steps)
    assert not Charge.objects.exists()
    end(second)


@case("abandoned")
def _abandoned(steps: Steps) -> None:
    performed = begin(steps)
    during("abandoned", steps)
    end(performed, "DISCONTINUED", images=0)


@case("broken off")
def _broken_off(steps: Steps) -> None:
    performed = begin(steps)
    during("broken off", steps)
    end(performed, "DISCONTINUED", reason=BROKEN)


@case("discontinued and redone")
def _redone(steps: Steps) -> None:
    perform(steps, "DISCONTINUED", reason=BROKEN)
    assert charged() == [relations.REDUCED]
    again = begin(steps)
    during("discontinued and redone", steps)
    end(again)


@case("wrong entry picked")
def _wrong_entry(steps: Steps) -> None:
    performed = begin(steps)
    during("wrong entry picked", steps)
    end(performed, "DISCONTINUED", reason=WRONG_ENTRY)


@case("canceled and performed all the same")
def _canceled(steps: Steps) -> None:
    verbs.cancel(steps[0].pk, ACTOR, "not wanted any more")
    performed = begin(steps)
    during("canceled and performed all the same", steps)
    end(performed)
    assert Charge.objects.get().on_hold


def set_several() -> None:
    stations.save_station(a_site(), stations.StationData("CT01", ("CT",), several_performed_steps=True), ACTOR)


def test_every_case_of_the_table_is_played() -> None:
    assert set(PLAYS) == {one.name for one in RELATIONS}


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda one: one.name)
def test_relation(relation: Relation) -> None:
    ordered, play = PLAYS[relation.name]
    steps = [step for n in range(ordered) for step in steps_of(an_order(station=f"CT0{n + 1}"))]
    play(steps)
    assert statuses(steps) == ({relation.ended} if relation.ended else set())
    assert bool(answered(a_query(steps))) is (relation.is_served and bool(steps))
    assert charged() == sorted(one for one in relation.charges if one != relations.NOTHING)


def a_query(steps: Steps) -> Dataset:
    return identifier({"ScheduledProcedureStepID": steps[0].scheduled_procedure_step_id if steps else ""})


def test_staff_complete_what_was_performed_in_several_steps_and_it_is_charged_once() -> None:
    steps = steps_of(an_order())
    set_several()
    perform(steps)
    perform(steps)
    assert charged() == []
    verbs.change_status(steps[0].pk, "complete", ACTOR)
    assert (charged(), Charge.objects.get().on_hold) == ([relations.FULL], "")


def test_a_performed_step_of_several_that_is_alone_is_discontinued_by_its_reason() -> None:
    steps = steps_of(an_order())
    set_several()
    perform(steps, "DISCONTINUED", reason=WRONG_ENTRY)
    assert statuses(steps) == {"SCHEDULED"}
    assert PerformedProcedureStep.objects.get().status == "DISCONTINUED"
