"""Work that ended and was not captured: a person charges it now, or says that nothing is charged for it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from billing import accounting, late, queries, ruling, unbilled
from billing.actions import capturing
from billing.actions import late as actions
from billing.actions.deciding_rules import change_rules
from billing.models import Charge, ChargeChange, NoCharge, NoChargeChange
from billing.rules import Outcome
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.errors import ChangedMeanwhile, IllegalTransition, InvalidInput
from ris.models import RequestedProcedure, ScheduledProcedureStep
from ris.transitions import COMPLETED
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.performing import begin, end, perform

pytestmark = pytest.mark.django_db


def an_imported_exam() -> RequestedProcedure:
    """Stored as completed, half an hour ago."""
    step = steps_of(an_order())[0]
    ScheduledProcedureStep.objects.filter(pk=step.pk).update(status=COMPLETED, status_at=in_minutes(-30))
    return step.requested_procedure


def work_without_order() -> PerformedProcedureStep:
    a_station()
    return end(begin([]))


def kinds() -> list[str]:
    return [row.kind for row in unbilled.rows(a_site())]


def books() -> accounting.Books:
    return accounting.books(a_site(), *accounting.days(clock.today(a_site()), 2))


def test_an_exam_that_was_imported_as_completed_is_charged_by_a_person() -> None:
    procedure = an_imported_exam()
    charge = actions.capture_now(procedure, ACTOR, late.mark_of(procedure))
    assert (charge.amount, charge.requested_procedure_id) == (procedure.price, procedure.pk)
    assert [(change.verb, change.actor) for change in ChargeChange.objects.all()] == [("capture", ACTOR.name)]
    assert "NOT_CAPTURED" not in kinds()
    assert (books().total["captured"].count, books().total["missing"].count, books().adds_up) == (1, 0, True)


def test_it_is_charged_by_the_rules_of_when_it_ended_and_the_books_say_the_same() -> None:
    procedure = an_imported_exam()
    change_rules(a_site(), {ruling.BY_HAND: (Outcome.NONE, Outcome.NONE)}, ruling.version(a_site()), ACTOR)
    charge = actions.capture_now(procedure, ACTOR)
    assert (charge.amount, charge.on_hold != "") == (procedure.price, True), "completed by hand: a person looks at it"
    assert books().adds_up, books().differences


def test_what_nobody_charges_is_said_with_a_reason_by_whom_and_when() -> None:
    procedure = an_imported_exam()
    with pytest.raises(InvalidInput, match="Say why"):
        actions.charge_nothing(procedure, ACTOR, " ")
    actions.charge_nothing(procedure, ACTOR, "Charged elsewhere", late.mark_of(procedure))
    decided = NoCharge.objects.get()
    assert (decided.reason, decided.by_hand, decided.decided_at <= clock.now(a_site())) == ("Charged elsewhere", True, True)
    assert NoChargeChange.objects.get().actor == ACTOR.name
    assert kinds() == []
    assert (books().total["performed"].count, books().total["nothing"].count, books().adds_up) == (1, 1, True)


def test_the_same_work_is_not_charged_after_that_and_more_work_waits_for_a_person() -> None:
    procedure = an_imported_exam()
    actions.charge_nothing(procedure, ACTOR, "Charged elsewhere")
    assert capturing.capture_after_change_by_hand(procedure.pk) is None
    assert not Charge.objects.exists()
    ScheduledProcedureStep.objects.update(status="SCHEDULED")
    perform(procedure.steps.all())
    assert "A person decided that nothing is charged for it (Charged elsewhere)" in Charge.objects.get().on_hold


def test_the_second_of_two_people_changes_nothing() -> None:
    procedure = an_imported_exam()
    seen = late.mark_of(procedure)
    actions.capture_now(procedure, ACTOR, seen)
    with pytest.raises(ChangedMeanwhile, match="“capture”"):
        actions.charge_nothing(procedure, ACTOR, "Free", seen)
    with pytest.raises(IllegalTransition, match="is charged"):
        actions.capture_now(procedure, ACTOR)
    assert (Charge.objects.count(), NoCharge.objects.count()) == (1, 0)


def test_work_that_the_modality_has_not_ended_is_not_charged_yet() -> None:
    procedure = an_order().requested_procedures.get()
    begin(list(procedure.steps.all()))
    procedure.steps.update(status=COMPLETED)
    assert [row.action for row in unbilled.rows(a_site(), "NOT_CAPTURED")] == ["Open the exam"]
    with pytest.raises(IllegalTransition, match="still in progress"):
        actions.capture_now(procedure, ACTOR)
    actions.charge_nothing(procedure, ACTOR, "The modality is gone")
    assert "NOT_CAPTURED" not in kinds()


def test_what_is_open_or_a_test_is_not_late() -> None:
    procedure = an_order().requested_procedures.get()
    assert late.of_procedure(procedure) is None
    procedure.steps.update(status=COMPLETED)
    assert late.of_procedure(procedure) is not None
    procedure.is_test = True
    assert late.of_procedure(procedure) is None


def test_work_without_order_is_closed_with_a_reason_and_the_books_add_up() -> None:
    performed = work_without_order()
    assert kinds() == ["WITHOUT_ORDER"]
    actions.charge_nothing_for(performed, ACTOR, "A phantom", late.mark_of_performed(performed))
    assert kinds() == []
    decided = queries.no_charge_of_performed(a_site(), performed.pk)
    assert decided is not None
    assert [(change.actor, change.reason) for change in decided.changes.all()] == [(ACTOR.name, "A phantom")]
    assert list(queries.no_charges(a_site(), day=clock.local(performed.began_at, a_site()).date())) == [decided]
    found = books()
    assert (found.total["performed"].count, found.total["nothing"].count, found.adds_up) == (1, 1, True)
    with pytest.raises(IllegalTransition, match="decided to be free already"):
        actions.charge_nothing_for(performed, ACTOR, "Again")


def test_work_without_order_that_is_in_progress_is_not_closed() -> None:
    a_station()
    performed = begin([])
    assert [row.decide for row in unbilled.rows(a_site())] == [""]
    with pytest.raises(IllegalTransition, match="still in progress"):
        actions.charge_nothing_for(performed, ACTOR, "A phantom")


@pytest.mark.both_databases
def test_a_decision_about_work_without_order_is_one_and_about_something() -> None:
    performed = work_without_order()
    actions.charge_nothing_for(performed, ACTOR, "A phantom")
    now = clock.now(a_site())
    for step in (performed, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            NoCharge.objects.create(site=a_site(), performed_step=step, reason="x", service_at=now, decided_at=now + timedelta(1))


@pytest.mark.django_db(databases=["default", "journal"])
def test_pages_offer_both_and_do_them(admin_client: Client) -> None:
    procedure, performed = an_imported_exam(), work_without_order()
    step = procedure.steps.get()
    listed = admin_client.get("/unbilled/").content.decode()
    exam = f"/unbilled/exams/{step.pk}"
    addresses = [f"{exam}/capture/", f"{exam}/nothing/", f"/unbilled/performed/{performed.pk}/nothing/"]
    assert [address in listed for address in addresses] == [True, True, True]
    assert addresses[0] in admin_client.get(f"/steps/{step.pk}/").content.decode()
    assert "cannot be matched to an order here yet" in admin_client.get(f"/performed/{performed.pk}/").content.decode()
    said = {"note": "A phantom", "seen": late.mark_of_performed(performed)}
    closed = admin_client.post(addresses[2], said, follow=True).content.decode()
    assert "Because</dt><dd>A phantom" in closed and "by admin" in closed
    charged = admin_client.post(addresses[0], {"seen": late.mark_of(procedure)}, follow=True).content.decode()
    assert "is captured and" in charged
    nothing = admin_client.get(f"/charges/?show=nothing&day={clock.local(performed.began_at, a_site()).date()}").content.decode()
    assert "A phantom" in nothing and "by admin" in nothing and f"/performed/{performed.pk}/" in nothing
