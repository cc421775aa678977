import pytest

from ris import transitions
from ris.actions import steps
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, IllegalTransition, InvalidInput, NotPermitted
from ris.models import StepChange
from ris.models.history import AppendOnlyError
from tests.support.hospital import ACTOR, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db
MODALITY = Actor.modality("CT01")


def test_every_change_leaves_a_row_with_who_when_from_to_and_why() -> None:
    step = steps_of(an_order())[0]
    steps.arrive(step.pk, ACTOR)
    steps.cancel(step.pk, ACTOR, "patient went home")
    rows = [(c.verb, c.from_status, c.to_status, c.actor, c.reason) for c in step.changes.all()]
    assert rows == [
        ("order", "", "SCHEDULED", "test", ""),
        ("schedule", "SCHEDULED", "SCHEDULED", "test", ""),
        ("arrive", "SCHEDULED", "ARRIVED", "test", ""),
        ("cancel", "ARRIVED", "CANCELED", "test", "patient went home"),
    ]


def test_history_can_be_neither_changed_nor_deleted() -> None:
    change = StepChange.objects.filter(step=steps_of(an_order())[0]).first()
    assert change is not None
    with pytest.raises(AppendOnlyError):
        change.save()
    with pytest.raises(AppendOnlyError):
        change.delete()


@pytest.mark.parametrize("verb", sorted(transitions.TRANSITIONS))
@pytest.mark.parametrize("status", transitions.STATUSES)
def test_a_verb_works_from_its_sources_and_is_refused_from_all_others(verb: str, status: str) -> None:
    step = steps_of(an_order())[0]
    type(step).objects.filter(pk=step.pk).update(status=status)
    transition = transitions.TRANSITIONS[verb]
    actor = {"user": Actor("user", "jo"), "modality": MODALITY, "system": ACTOR}[transition.actors[0]]
    if status in transition.sources:
        assert steps.change_status(step.pk, verb, actor, "because").status == transition.target
    else:
        with pytest.raises(IllegalTransition, match=status):
            steps.change_status(step.pk, verb, actor, "because")
        step.refresh_from_db()
        assert step.status == status


def test_cancel_without_a_reason_is_refused_and_nothing_changes() -> None:
    step = steps_of(an_order())[0]
    with pytest.raises(InvalidInput) as caught:
        steps.cancel(step.pk, ACTOR, "  ")
    step.refresh_from_db()
    assert "reason" in caught.value.errors
    assert step.status == "SCHEDULED"


def test_a_user_cannot_do_what_only_a_modality_may() -> None:
    step = steps_of(an_order())[0]
    with pytest.raises(NotPermitted):
        steps.change_status(step.pk, "start", Actor("user", "jo"))


def test_the_second_of_two_people_is_told_what_the_first_did() -> None:
    step = steps_of(an_order())[0]
    steps.arrive(step.pk, Actor("user", "jane"), expected_version=step.version)
    with pytest.raises(ChangedMeanwhile, match=r"jane at \d\d:\d\d, “arrive”. It is ARRIVED now."):
        steps.cancel(step.pk, ACTOR, "no show", expected_version=step.version)


def test_a_canceled_exam_that_is_started_anyway_is_performed_work() -> None:
    step = steps_of(an_order())[0]
    steps.cancel(step.pk, ACTOR, "duplicate")
    assert steps.start(step.pk, MODALITY).status == "STARTED"


def test_starting_a_completed_step_again_leaves_it_completed() -> None:
    step = steps_of(an_order())[0]
    steps.start(step.pk, MODALITY)
    steps.end(step.pk, "complete", MODALITY)
    assert steps.start(step.pk, MODALITY).status == "COMPLETED"


def test_rescheduling_keeps_the_old_time_in_the_history() -> None:
    step = steps_of(an_order())[0]
    moved = steps.schedule(step.pk, "CT01", in_minutes(300), ACTOR, reason="scanner busy")
    change = step.changes.last()
    assert moved.start == in_minutes(300)
    assert change is not None
    assert change.verb == "reschedule"
    assert change.detail["start"] == [in_minutes(10).isoformat(), in_minutes(300).isoformat()]


def test_an_exam_that_has_begun_cannot_be_moved() -> None:
    step = steps_of(an_order())[0]
    steps.start(step.pk, MODALITY)
    with pytest.raises(IllegalTransition):
        steps.schedule(step.pk, "CT01", in_minutes(300), ACTOR)


def test_an_anonymous_actor_is_refused() -> None:
    from django.contrib.auth.models import AnonymousUser

    with pytest.raises(ValueError, match="signed-in"):
        Actor.user(AnonymousUser())
    with pytest.raises(ValueError, match="name"):
        Actor("user", " ")
