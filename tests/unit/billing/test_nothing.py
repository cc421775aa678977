"""Work that is worth nothing: decided when it ended, kept with its reason, whatever the rules become."""

import pytest

from billing import accounting, ruling, unbilled
from billing.actions.deciding_rules import change_rules
from billing.models import Charge, NoCharge
from billing.rules import Outcome
from ris import clock
from ris.actions import steps as step_actions
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_site, an_order, in_minutes, steps_of
from tests.support.performing import perform

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
BROKEN = ("110501", "DCM", "Equipment failure")
WRONG = ("110514", "DCM", "Incorrect worklist entry selected")


def set_rule(code: str, with_images: Outcome, without_images: Outcome) -> None:
    change_rules(a_site(), {code: (with_images, without_images)}, ruling.version(a_site()), ACTOR)


def not_captured() -> list[str]:
    return [row.accession_number for row in unbilled.rows(a_site(), "NOT_CAPTURED")]


def test_the_decision_is_a_row_with_its_reason() -> None:
    performed = perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=BROKEN)
    decided = NoCharge.objects.get()
    assert decided.reason == "110501 Equipment failure with no images → nothing"
    assert (decided.performed_step, decided.service_at) == (performed, performed.began_at)


def test_free_work_stays_free_when_its_rule_becomes_another() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=BROKEN)
    set_rule("110501", Outcome.REDUCED, Outcome.REDUCED)
    assert not_captured() == []
    found = accounting.books(a_site(), *accounting.days(clock.today(a_site()), 7))
    assert (found.total["nothing"].count, found.total["missing"].count, found.adds_up) == (1, 0, True)


def test_free_work_of_before_there_were_decisions_is_judged_by_the_rules_of_its_end() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=BROKEN)
    NoCharge.objects.all().delete()
    set_rule("110501", Outcome.REDUCED, Outcome.REDUCED)
    assert not_captured() == []


def test_work_that_is_done_after_all_is_charged_and_the_decision_stays_in_its_history() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=0, reason=BROKEN)
    perform(scheduled)
    assert Charge.objects.get().reason == "Completed with 24 images"
    assert NoCharge.objects.count() == 1


def test_an_exam_that_was_put_back_and_canceled_is_decided_too() -> None:
    step = steps_of(an_order())[0]
    perform([step], "DISCONTINUED", images=0, reason=WRONG)
    step.refresh_from_db()
    assert not NoCharge.objects.exists(), "it is to be done yet"
    step_actions.cancel(step.pk, ACTOR, "Ordered twice")
    assert NoCharge.objects.get().reason == "110514 Incorrect worklist entry selected with no images → nothing"


def test_an_exam_that_was_canceled_without_work_is_no_decision() -> None:
    step_actions.cancel(steps_of(an_order())[0].pk, ACTOR, "Ordered twice")
    assert not NoCharge.objects.exists() and not Charge.objects.exists()


def test_rules_are_known_as_they_were() -> None:
    before = clock.now(a_site())
    set_rule("110501", Outcome.NONE, Outcome.REVIEW)
    set_rule(ruling.BY_HAND, Outcome.FULL, Outcome.FULL)
    book = ruling.Rulebook(a_site())
    assert book.at(before)["110501"] == (Outcome.REDUCED, Outcome.NONE)
    assert book.at(before)[ruling.BY_HAND][1] is Outcome.CHECK
    assert book.at(clock.now(a_site()))["110501"] == (Outcome.NONE, Outcome.REVIEW)


@pytest.mark.parametrize("start", [None, 600], ids=["without a start", "with a later start"])
def test_ended_work_is_found_by_when_it_ended(start: int | None) -> None:
    order = an_order()
    planned = in_minutes(start) if start else None
    ScheduledProcedureStep.objects.update(status="COMPLETED", start=planned, end=planned, status_at=in_minutes(-5))
    assert not_captured() == [order.accession_number]


def test_begun_work_without_a_start_is_found_when_it_takes_too_long() -> None:
    an_order()
    ScheduledProcedureStep.objects.update(status="STARTED", start=None, end=None, status_at=in_minutes(-300))
    assert [row.kind for row in unbilled.rows(a_site())] == ["TOO_LONG"]
