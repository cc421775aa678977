"""Charges captured in the transaction that ends the work."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from billing import presenters, queries
from billing.actions import capturing, delivering
from billing.models import Charge, ChargeChange, DeliveryAttempt
from mpps.models import Finding, PerformedProcedureStep
from ris import clock
from ris.actions import additions, merging, orders, patients, removal, steps
from ris.actions.catalogue import StepData
from ris.actor import Actor
from ris.errors import Conflict
from ris.models import Order, RequestedProcedure, ScheduledProcedureStep
from ris.models.history import AppendOnlyError
from tests.support.charges import a_group, charged
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.performing import begin, code_items, end, perform

pytestmark = pytest.mark.django_db
BROKEN = ("110501", "DCM", "Equipment failure")
REFUSED = ("110505", "DCM", "Patient refused to continue procedure")
WRONG_ENTRY = ("110514", "DCM", "Incorrect worklist entry selected")


def only_charge() -> Charge:
    return Charge.objects.get()


def two_steps() -> list[ScheduledProcedureStep]:
    return steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))


@pytest.fixture
def operator(django_user_model: type) -> Actor:
    return Actor.user(django_user_model.objects.create_user("operator"))  # type: ignore[attr-defined]


def test_completion_captures_one_charge_with_the_order_s_code_and_price() -> None:
    order = an_order()
    performed = perform(steps_of(order))
    charge = only_charge()
    assert (charge.status, charge.kind, charge.transaction_type, charge.revision) == ("PENDING", "TECHNICAL", "CG", 1)
    assert (charge.amount, charge.reason, charge.on_hold) == (Decimal(250), "Completed with 24 images", "")
    assert charge.control_id == f"C{charge.pk:08d}"
    assert charge.performed_step == performed
    assert charge.service_at == performed.began_at
    line = charge.lines.get()
    assert (line.code, line.scheme, line.meaning, line.modifier, line.quantity, line.unit_amount) == (
        "CTCHEST", "99TEST", "CT chest", "", 1, Decimal(250),
    )  # fmt: skip
    change = ChargeChange.objects.get()
    assert (change.verb, change.from_status, change.to_status, change.actor_kind) == ("capture", "", "PENDING", "system")


def test_nothing_is_captured_before_the_last_step_is_done() -> None:
    first, second = two_steps()
    perform([first])
    assert not Charge.objects.exists()
    begun = begin([second])
    assert not Charge.objects.exists()
    end(begun)
    assert only_charge().reason == "Completed with 48 images; both steps done"


def test_one_performed_step_for_both_steps_is_one_charge() -> None:
    perform(two_steps())
    assert only_charge().reason == "Completed with 24 images; both steps done"


def test_group_of_two_procedures_is_one_charge_each_with_its_own_code_and_the_first_has_the_rest() -> None:
    chest, head = a_procedure(), a_procedure("CTHEAD", steps=("CT head",))
    a_station()
    order = orders.place_order(a_site(), a_patient_data(), orders.OrderRequest([chest.code, head.code]), ACTOR)
    codes = code_items(("CTCHEST", "99TEST", "CT chest"), ("CTHEAD", "99TEST", "CT head"), ("OTHER", "99TEST", "Other"))
    perform(steps_of(order), ProcedureCodeSequence=codes)
    charged = {charge.requested_procedure.code: [line.code for line in charge.lines.all()] for charge in Charge.objects.all()}  # type: ignore[union-attr]
    assert charged == {"CTCHEST": ["CTCHEST", "OTHER"], "CTHEAD": ["CTHEAD"]}


def test_codes_of_none_of_a_group_s_procedures_do_not_charge_it_twice() -> None:
    perform(a_group(), BillingProcedureStepSequence=code_items(("71260", "C4", "CT chest"), ("70470", "C4", "CT head")))
    doubt = "The modality reported 71260, 70470, of none of the 2 procedures it was for; the ordered is charged."
    assert charged() == {"CTCHEST": (["CTCHEST"], doubt), "CTHEAD": (["CTHEAD"], doubt)}


def test_of_a_group_the_procedure_that_the_modality_names_is_not_held_for_the_other() -> None:
    perform(a_group(), BillingProcedureStepSequence=code_items(("CTHEAD", "99TEST", "CT head"), ("71260", "C4", "CT chest")))
    doubt = "The modality reported 71260, of none of the 2 procedures it was for; the ordered is charged."
    assert charged() == {"CTCHEST": (["CTCHEST"], doubt), "CTHEAD": (["CTHEAD"], "")}


@pytest.mark.parametrize(
    ("protocol", "doubt"),
    [
        ("P-CTCHEST-1", ""),
        ("P-CTHEAD-1", "Another performed step says CTHEAD, and not by BillingProcedureStepSequence; check whether it is charged, too."),
    ],
    ids=["the same work", "other work"],
)
def test_a_weaker_source_of_another_performed_step_adds_no_second_charge_for_the_same_work(protocol: str, doubt: str) -> None:
    a_procedure("CTHEAD", steps=("CT head",))
    scheduled = steps_of(an_order())
    perform(scheduled, BillingProcedureStepSequence=code_items(("71260", "C4", "CT chest")))
    perform(scheduled, PerformedProtocolCodeSequence=code_items((protocol, "99TEST", "More")))
    assert charged() == {"CTCHEST": (["71260"], doubt)}
    assert Charge.objects.count() == 1


def test_billing_codes_go_before_procedure_codes_and_each_code_is_a_line() -> None:
    a_procedure("CTABD", steps=("CT abdomen",))
    billing = code_items(("CTABD", "99TEST", "CT abdomen"), ("X1", "99X", "Extra view"), ("X1", "99X", "Extra view"))
    perform(
        steps_of(an_order()),
        BillingProcedureStepSequence=billing,
        ProcedureCodeSequence=code_items(("CTCHEST", "99TEST", "CT chest")),
    )
    charge = only_charge()
    assert [(line.code, line.unit_amount) for line in charge.lines.all()] == [("CTABD", Decimal(250)), ("X1", None)]
    assert charge.amount == Decimal(250)


def test_code_that_no_catalogue_knows_has_the_price_of_the_order() -> None:
    perform(steps_of(an_order()), ProcedureCodeSequence=code_items(("X1", "99X", "Chest, done otherwise")))
    assert [(line.code, line.unit_amount) for line in only_charge().lines.all()] == [("X1", Decimal(250))]


def test_order_without_a_code_is_charged_by_its_requested_procedure_id() -> None:
    order = an_order()
    RequestedProcedure.objects.update(code="", scheme="", meaning="", description="IMPORTED CT", requested_procedure_id="IMPRP42")
    perform(steps_of(order))
    line = only_charge().lines.get()
    assert (line.code, line.scheme, line.meaning) == ("IMPRP42", "", "IMPORTED CT")


def test_discontinued_with_images_is_reduced() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=96, reason=REFUSED)
    charge = only_charge()
    assert charge.reason == "110505 Patient refused to continue procedure with 96 images → reduced, 52"
    assert (charge.lines.get().modifier, charge.on_hold) == ("52", "")


def test_discontinued_without_images_is_not_charged() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=REFUSED)
    assert not Charge.objects.exists()


def test_discontinued_without_a_reason_waits_for_review() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=5)
    charge = only_charge()
    assert charge.on_hold.startswith("No rule decides")
    assert delivering.claim(charge.pk) is None


def test_wrong_entry_charges_nothing_and_the_exam_done_later_is_charged_in_full() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=WRONG_ENTRY)
    assert not Charge.objects.exists()
    perform(scheduled)
    assert only_charge().reason == "Completed with 24 images"


def test_append_to_a_completed_step_is_not_charged_again() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled)
    perform(scheduled)
    assert Charge.objects.count() == 1


def test_canceled_exam_that_is_performed_is_charged_after_review() -> None:
    (scheduled,) = steps_of(an_order())
    steps.cancel(scheduled.pk, ACTOR, "patient called off")
    perform([scheduled])
    charge = only_charge()
    assert charge.on_hold == "The exam had been canceled (patient called off) when it was started; check before it is charged."


def test_exam_of_another_patient_id_is_held() -> None:
    performed = begin(steps_of(an_order()), PatientID="SOMEBODY-ELSE")
    end(performed)
    assert "SOMEBODY-ELSE" in only_charge().on_hold


def test_unscheduled_work_is_not_charged_yet() -> None:
    assert perform([]).unscheduled
    assert not Charge.objects.exists()


def test_canceling_the_last_open_step_by_hand_captures_what_was_done(operator: Actor) -> None:
    first, second = two_steps()
    perform([first])
    steps.cancel(second.pk, operator, "not needed")
    assert only_charge().reason == "Completed with 24 images"


def test_canceling_the_last_open_step_by_the_installation_s_token_captures_what_was_done() -> None:
    first, second = two_steps()
    perform([first])
    steps.cancel(second.pk, Actor.system("api"), "not needed")
    assert only_charge().reason == "Completed with 24 images"


def test_what_was_done_is_captured_when_an_import_replaces_the_open_steps() -> None:
    first, second = two_steps()
    perform([first])
    third, fourth, fifth = steps_of(an_order(a_procedure("THREE", steps=("A", "B", "C")), station="CT02"))
    begin([third])
    steps.cancel(fourth.pk, ACTOR, "not needed")
    assert removal.remove_steps(a_site(), ACTOR).removed == 2
    assert (only_charge().requested_procedure_id, only_charge().reason) == (first.requested_procedure_id, "Completed with 24 images")
    assert set(ScheduledProcedureStep.objects.filter(pk__in=(second.pk, third.pk, fifth.pk))) == {third}


def test_redo_before_the_charge_is_sent_is_charged_in_full() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    reduced = only_charge()
    perform(scheduled)
    charge = only_charge()
    assert (charge.pk, charge.reason, charge.amount, charge.status) == (reduced.pk, "Completed with 27 images", Decimal(250), "PENDING")
    assert charge.lines.get().modifier == ""
    assert list(charge.changes.values_list("verb", "from_status", "to_status")) == [
        ("capture", "", "PENDING"),
        ("redraft", "PENDING", "PENDING"),
    ]


def test_redo_of_an_exam_that_waits_for_review_lets_its_charge_go() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3)
    assert only_charge().on_hold
    perform(scheduled)
    assert (only_charge().on_hold, only_charge().lines.get().modifier) == ("", "")
    assert delivering.claim(only_charge().pk) is not None


def test_redo_after_a_refusal_is_what_is_sent_again() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    claimed = delivering.claim(only_charge().pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(DeliveryAttempt.Result.REFUSED, "AE: no", 1))
    perform(scheduled)
    charge = only_charge()
    assert (charge.status, charge.lines.get().modifier, charge.message) == ("FAILED", "", "")


def test_exam_completed_by_hand_is_held(operator: Actor) -> None:
    (scheduled,) = steps_of(an_order())
    steps.change_status(scheduled.pk, "start_by_hand", operator)
    steps.change_status(scheduled.pk, "complete", operator)
    charge = only_charge()
    assert (charge.reason, bool(charge.on_hold), charge.performed_step) == ("Completed by hand", True, None)


def test_canceled_order_is_not_charged(operator: Actor) -> None:
    orders.cancel_order(an_order(), operator, "duplicate")
    assert not Charge.objects.exists()


def test_an_exam_that_went_on_while_its_patient_was_merged_is_charged_to_the_survivor_and_not_held() -> None:
    order = an_order(patient_id="P2", name="TANAKA^Hanna", birth_date="")
    survivor = patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="TANAKA^Hanako"), ACTOR)
    under_way = begin(steps_of(order))
    cached = steps_of(an_order(patient_id="P2", name="TANAKA^Hanna", birth_date="", start=in_minutes(60)))
    named = {"PatientID": "P2", "PatientName": "TANAKA^Hanna"}
    merging.merge_patients(survivor, order.patient, ACTOR)
    end(under_way)
    end(begin(cached, **named))
    assert [(charge.on_hold, charge.requested_procedure.order.patient.patient_id) for charge in Charge.objects.all()] == [("", "P1")] * 2
    assert {finding.code for finding in Finding.objects.all()} == {"PATIENT_OUTDATED"}


def test_a_step_added_while_the_procedure_is_open_is_waited_for_and_one_charge_is_made() -> None:
    (scan,) = steps_of(an_order())
    under_way = begin([scan])
    late = additions.add_step(scan.requested_procedure, StepData("Late images", "CT", 15), ACTOR)
    end(under_way)
    assert not Charge.objects.exists()
    perform([late])
    assert only_charge().reason.endswith("both steps done")


def test_a_charged_procedure_takes_no_step_and_an_added_procedure_is_charged_by_itself() -> None:
    first, second = steps_of(an_order(a_procedure("TWO", steps=("Inject", "Scan"))))
    order = first.requested_procedure.order
    added = additions.add_procedure(order, a_procedure().code, ACTOR)
    perform([first, second])
    assert only_charge().requested_procedure == first.requested_procedure
    with pytest.raises(Conflict, match="is over"):
        additions.add_step(first.requested_procedure, StepData("Late images", "CT", 15), ACTOR)
    perform(added.steps.all())
    assert {charge.requested_procedure for charge in Charge.objects.all()} == {first.requested_procedure, added}


def test_completion_that_is_rolled_back_leaves_no_charge() -> None:
    performed = begin(steps_of(an_order()))

    def complete_and_fail() -> None:
        with transaction.atomic():
            end(performed)
            assert Charge.objects.exists()
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        complete_and_fail()
    assert not Charge.objects.exists()
    assert PerformedProcedureStep.objects.get().status == "IN PROGRESS"


def test_second_charge_of_a_requested_procedure_is_refused_by_the_database() -> None:
    perform(steps_of(an_order()))
    charge = only_charge()
    again = {"requested_procedure": charge.requested_procedure, "service_at": charge.service_at, "created_at": charge.created_at}
    with pytest.raises(IntegrityError), transaction.atomic():
        Charge.objects.create(site=charge.site, next_attempt_at=charge.created_at, **again)
    with pytest.raises(IntegrityError), transaction.atomic():
        Charge.objects.create(site=charge.site, next_attempt_at=charge.created_at, **(again | {"requested_procedure": None}))
    assert capturing.capture_charge(charge.requested_procedure_id or 0) == charge


def test_history_and_attempts_cannot_be_rewritten_and_charged_work_not_deleted() -> None:
    perform(steps_of(an_order()))
    change = ChargeChange.objects.get()
    with pytest.raises(AppendOnlyError):
        change.save()
    with pytest.raises(ProtectedError):
        Order.objects.get().delete()


def test_charges_are_found_by_accession_status_and_day_of_service() -> None:
    order = an_order()
    perform(steps_of(order))
    charge, site = only_charge(), a_site()
    day = clock.local(charge.service_at, site).date()
    assert list(queries.filtered(site, accession_number=order.accession_number, status="pending", day=day)) == [charge]
    assert not queries.filtered(site, accession_number="other").exists()
    assert not queries.filtered(site, status="POSTED").exists()
    assert not queries.filtered(site, day=day.replace(year=day.year - 1)).exists()
    assert queries.of_procedures(site, [charge.requested_procedure_id or 0]) == {charge.requested_procedure_id: [charge]}


def test_row_of_a_charge_has_the_words_of_the_interface() -> None:
    order = an_order()
    perform(steps_of(order))
    row = presenters.as_row(queries.charge(a_site(), only_charge().pk))
    assert (row["status"], row["kind"], row["accession_number"], row["amount"]) == (
        "PENDING",
        "TECHNICAL",
        order.accession_number,
        "250.00",
    )
    assert [(line["code"], line["modifier"], line["quantity"]) for line in row["lines"]] == [("CTCHEST", "", 1)]
    assert row["posted_at"] is None
