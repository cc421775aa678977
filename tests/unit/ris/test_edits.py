"""Staff change what they set of an exam: the worklists follow at once, histories say it, and two at a time are told so."""

from typing import Any

import pytest

from ris.actions import edits, orders, visits
from ris.actions.orders import OrderRequest
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput
from ris.models import Order, RecordChange, ScheduledProcedureStep, StepChange, Visit
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, an_order, in_minutes, steps_of
from tests.support.worklist import asked_over, identifier
from worklist import projection

pytestmark = pytest.mark.django_db
ASKED: dict[str, Any] = dict.fromkeys(
    ("OrderEnteredBy", "RequestingService", "AdmissionID", "VisitComments", "NamesOfIntendedRecipientsOfResults", "ReportingPriority"), ""
)
STEP: dict[str, Any] = dict.fromkeys(("RequestedContrastAgent", "CommentsOnTheScheduledProcedureStep", "AnatomicalOrientationType"), "")


def served(patient_id: str) -> list[Any]:
    _, answers = asked_over(identifier(STEP, PatientID=patient_id, **ASKED))
    return answers


def received(step: ScheduledProcedureStep, root: dict[str, str], inside: dict[str, str]) -> None:
    """As if an import had brought these texts, by tag."""
    items = [{tag: {"vr": "LO", "Value": [text]} for tag, text in one.items()} for one in (root, inside)]
    step.received_item = items[0] | {"00400100": {"vr": "SQ", "Value": [items[1]]}}
    step.save(update_fields=["received_item"])


def test_an_edit_shows_on_the_worklist_at_once_and_wins_over_what_was_received() -> None:
    step = steps_of(an_order(patient_id="P1"))[0]
    received(step, {"00321033": "as received", "00081030": "study as received"}, {"00321070": "as received", "00400011": "elsewhere"})
    edits.edit_exam(
        step.pk,
        {
            "step": {"RequestedContrastAgent": "Iohexol", "AnatomicalOrientationType": "biped"},
            "procedure": {"NamesOfIntendedRecipientsOfResults": "DOE^JANE; ROE^ANN", "ReportingPriority": "HIGH"},
            "order": {"RequestingService": "Ward 3", "OrderEnteredBy": "FRONT^DESK"},
            "visit": {"AdmissionID": "V1", "PatientClass": "I", "VisitComments": "two\nlines"},
        },
        ACTOR,
    )
    [answer] = served("P1")
    inside = answer.ScheduledProcedureStepSequence[0]
    assert (inside.RequestedContrastAgent, inside.AnatomicalOrientationType) == ("Iohexol", "BIPED")
    assert (answer.RequestingService, answer.OrderEnteredBy, answer.ReportingPriority) == ("Ward 3", "FRONT^DESK", "HIGH")
    assert list(answer.NamesOfIntendedRecipientsOfResults) == ["DOE^JANE", "ROE^ANN"]
    assert (answer.AdmissionID, answer.VisitComments) == ("V1", "two\nlines")
    step.refresh_from_db()
    assert set(step.received_item) == {"00081030", "00400100"}
    assert set(step.received_item["00400100"]["Value"][0]) == {"00400011"}
    assert dict(projection.differences()) == {}


def test_histories_say_what_changed_and_an_edit_that_changes_nothing_leaves_no_trace() -> None:
    step = steps_of(an_order())[0]
    typed = {"step": {"PreMedication": "Metoprolol"}, "order": {"OrderCallbackPhoneNumber": "555"}}
    edits.edit_exam(step.pk, typed, ACTOR, reason="asked by phone")
    change = StepChange.objects.filter(step=step).latest("pk")
    assert (change.verb, change.reason, change.detail) == ("edit", "asked by phone", {"PreMedication": ["", "Metoprolol"]})
    of_order = RecordChange.objects.filter(subject="order").latest("pk")
    assert (of_order.verb, of_order.detail) == ("edit", {"OrderCallbackPhoneNumber": ["", "555"]})
    counts = StepChange.objects.count(), RecordChange.objects.count()
    versions = Order.objects.get().version, ScheduledProcedureStep.objects.get().version
    edits.edit_exam(step.pk, typed, ACTOR)
    assert (StepChange.objects.count(), RecordChange.objects.count()) == counts
    assert (Order.objects.get().version, ScheduledProcedureStep.objects.get().version) == versions


def test_of_two_who_edit_at_once_the_later_is_told_and_changes_nothing() -> None:
    step = steps_of(an_order())[0]
    seen = step.version, step.requested_procedure.order.version
    edits.edit_exam(step.pk, {"order": {"OrderEntererLocation": "Desk 1"}}, ACTOR, expected_versions=seen)
    with pytest.raises(ChangedMeanwhile, match="Somebody else changed order"):
        edits.edit_exam(step.pk, {"order": {"OrderEntererLocation": "Desk 2"}}, ACTOR, expected_versions=seen)
    seen = step.version, Order.objects.get().version
    edits.edit_exam(step.pk, {"step": {"PreMedication": "none"}}, ACTOR, expected_versions=seen)
    with pytest.raises(ChangedMeanwhile, match="Somebody else changed this exam meanwhile"):
        edits.edit_exam(step.pk, {"step": {"PreMedication": "some"}}, ACTOR, expected_versions=seen)
    assert Order.objects.get().details == {"OrderEntererLocation": "Desk 1"}
    assert ScheduledProcedureStep.objects.get().pre_medication == "none"


def test_wrong_values_are_named_together_and_nothing_is_written() -> None:
    step = steps_of(an_order())[0]
    wrong = {"step": {"PreMedication": "x" * 65}, "order": {"RequestedProcedurePriority": "SOON"}, "visit": {"AdmittingDate": "today"}}
    with pytest.raises(InvalidInput) as refused:
        edits.edit_exam(step.pk, wrong | {"procedure": {"RequestedProcedureComments": "fine"}}, ACTOR)
    assert set(refused.value.errors) == {"PreMedication", "RequestedProcedurePriority", "AdmittingDate"}
    assert not Visit.objects.exists() and Order.objects.get().version == 1


def test_a_visit_is_made_when_anything_of_it_is_said_and_shared_by_its_admission_id() -> None:
    first, second = (steps_of(an_order(patient_id="P1", name="DOE^JANE", start=in_minutes(minutes)))[0] for minutes in (10, 60))
    edits.edit_exam(first.pk, {"visit": {"PatientClass": "U", "VisitComments": ""}}, ACTOR)
    assert not Visit.objects.exists()
    edits.edit_exam(first.pk, {"visit": {"AdmissionID": "V1", "VisitComments": "one"}}, ACTOR)
    edits.edit_exam(second.pk, {"visit": {"AdmissionID": "V1", "VisitComments": ""}}, ACTOR)
    assert [answer.VisitComments for answer in served("P1")] == ["one", "one"]
    seen = visits.mark(Visit.objects.get())
    edits.edit_exam(second.pk, {"visit": {"VisitComments": "both"}}, ACTOR, expected_visit=seen)
    with pytest.raises(ChangedMeanwhile, match="changed the visit meanwhile"):
        edits.edit_exam(first.pk, {"visit": {"VisitComments": "late"}}, ACTOR, expected_visit=seen)
    assert [answer.VisitComments for answer in served("P1")] == ["both", "both"]
    other = steps_of(an_order(patient_id="P2", start=in_minutes(120)))[0]
    with pytest.raises(Conflict, match="V1 belongs to a visit of another patient"):
        edits.edit_exam(other.pk, {"visit": {"AdmissionID": "V1"}}, ACTOR)


def test_an_order_is_placed_with_further_attributes_for_each_of_its_procedures_and_steps() -> None:
    two = a_procedure("CTTWO", steps=("CT chest", "CT abdomen"))
    request = OrderRequest(
        [two.code],
        attributes={
            "step": {"CommentsOnTheScheduledProcedureStep": "slowly"},
            "procedure": {"ReportingPriority": "LOW"},
            "order": {"OrderEnteredBy": "FRONT^DESK", "RequestedProcedurePriority": "STAT"},
            "visit": {"AdmissionID": "V7"},
        },
    )
    order = orders.place_order(a_site(), a_patient_data(), request, ACTOR)
    assert [step.comments for step in steps_of(order)] == ["slowly", "slowly"]
    assert order.requested_procedures.get().details == {"ReportingPriority": "LOW"}
    assert (order.details, order.priority) == ({"OrderEnteredBy": "FRONT^DESK"}, "STAT")
    assert order.visit is not None and order.visit.admission_id == "V7"
    with pytest.raises(InvalidInput) as refused:
        orders.place_order(a_site(), a_patient_data(), OrderRequest([two.code], attributes={"step": {"Shoes": "42"}, "bill": {}}), ACTOR)
    assert set(refused.value.errors) == {"Shoes", "bill"}


def test_what_an_order_says_of_a_visit_shows_with_the_exams_of_its_other_orders_too() -> None:
    step = steps_of(an_order(patient_id="P1", name="DOE^JANE"))[0]
    edits.edit_exam(step.pk, {"visit": {"AdmissionID": "V1", "VisitComments": "one"}}, ACTOR)
    received(step, {"00384000": "as received", "00081030": "study as received"}, {})
    said = {"visit": {"AdmissionID": "V1", "VisitComments": "two"}}
    person = a_patient_data(patient_id="P1", name="DOE^JANE")
    orders.place_order(a_site(), person, OrderRequest([a_procedure().code], attributes=said), ACTOR)
    step.refresh_from_db()
    assert "00384000" not in step.received_item and "00081030" in step.received_item
    assert [answer.VisitComments for answer in served("P1")] == ["two"]
