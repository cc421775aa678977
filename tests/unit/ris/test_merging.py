"""Two records of one patient made one: what goes over, what is asked first, what is refused, and the way back."""

from datetime import date

import pytest

from ris import identity, queries
from ris.actions import merging, orders, patients, steps, visits
from ris.actions.orders import OrderRequest
from ris.actions.visits import VisitData
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput
from ris.models import Order, Patient, RecordChange, ScheduledProcedureStep, Site
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.worklist import asking, found
from worklist import item, projection

pytestmark = pytest.mark.django_db


def two_orders(**other: object) -> tuple[Order, Order]:
    """One of each of two records of one person."""
    stays = an_order(patient_id="P1", name="TANAKA^Hanako", birth_date="1984-05-31")
    goes = an_order(start=in_minutes(60), **({"patient_id": "P2", "name": "TANAKA^Hanna", "birth_date": "1984-05-31"} | other))
    return stays, goes


def merged_orders() -> tuple[Order, Order]:
    stays, goes = two_orders()
    merging.merge_patients(stays.patient, goes.patient, ACTOR, "registered twice")
    for order in (stays, goes):
        order.refresh_from_db()
    return stays, goes


def served(patient_id: str) -> list[tuple[str, str]]:
    """Accession number and name that a query for the patient ID brings."""
    answers = [item.decode(one.item) for one in found(asking({}, PatientID=patient_id))]
    return [(answer.AccessionNumber, str(answer.PatientName)) for answer in answers]


def test_orders_and_visits_go_over_and_the_worklist_shows_the_survivor_at_once() -> None:
    stays, goes = two_orders()
    visit = visits.register_visit(goes.patient, VisitData(), ACTOR)
    merging.merge_patients(stays.patient, goes.patient, ACTOR)
    assert served("P1") == [(stays.accession_number, "TANAKA^Hanako"), (goes.accession_number, "TANAKA^Hanako")]
    assert served("P2") == []
    visit.refresh_from_db()
    assert visit.patient == stays.patient
    assert dict(projection.differences()) == {}


def test_the_merged_record_is_kept_and_its_id_leads_to_the_survivor() -> None:
    stays, goes = two_orders()
    merged = goes.patient
    merging.merge_patients(stays.patient, merged, ACTOR)
    merged.refresh_from_db()
    assert (merged.merged_into, merged.name) == (stays.patient, "TANAKA^Hanna")
    site = a_site()
    assert [list(queries.patients(site, text)) for text in ("P2", "Hanna", "P1")] == [[stays.patient]] * 3
    assert set(queries.step_ids(site, patient_id="P2")) == {step.pk for order in (stays, goes) for step in steps_of(order)}
    assert queries.search(queries.steps(site), "P2").count() == 2


def test_the_history_of_both_tells_of_it() -> None:
    stays, goes = merged_orders()
    rows = RecordChange.objects.filter(subject="patient", verb__startswith="merge").order_by("subject_id")
    told = [(row.subject_id, row.verb, row.reason, row.detail["patient"][1]) for row in rows]
    assert told == [
        (stays.patient_id, "merge", "registered twice", "TANAKA, Hanna, ID P2"),
        (Patient.objects.get(patient_id="P2").pk, "merge_into", "registered twice", "TANAKA, Hanako, ID P1"),
    ]
    assert rows[0].detail["orders"] == [[], [goes.accession_number]]


def test_nothing_is_ordered_registered_or_changed_under_a_merged_record() -> None:
    merged_orders()
    merged = Patient.objects.get(patient_id="P2")
    request, data = OrderRequest([a_procedure().code]), a_patient_data(patient_id="P2", name="TANAKA^Hanna", birth_date="1984-05-31")
    words = "The record of patient ID P2 was merged into that of patient ID P1; use that patient"
    for refused in (
        lambda: orders.place_order(a_site(), merged, request, ACTOR),
        lambda: orders.place_order(a_site(), data, request, ACTOR),
        lambda: patients.register_patient(a_site(), data, ACTOR),
        lambda: patients.update_patient(merged, data, ACTOR),
    ):
        with pytest.raises(Conflict, match=words):
            refused()


def test_what_contradicts_is_named_and_has_to_be_confirmed() -> None:
    stays, goes = two_orders(birth_date="1990-01-01", sex="M")
    a_station("CT01")
    for order in (stays, goes):
        steps.start(steps_of(order)[0].pk, Actor.modality("CT01"))
    with pytest.raises(merging.Doubted) as refused:
        merging.merge_patients(stays.patient, goes.patient, ACTOR, confirmed=["sex"])
    assert [doubt.name for doubt in refused.value.doubts] == ["birth_date", "exams_in_progress"]
    assert "31-May-1984 and 01-Jan-1990" in str(refused.value)
    assert not Patient.objects.exclude(merged_into=None).exists()
    merging.merge_patients(stays.patient, goes.patient, ACTOR, confirmed=["sex", "birth_date", "exams_in_progress"])
    assert Patient.objects.get(pk=stays.patient_id).birth_date == date(1984, 5, 31)


def test_what_cannot_be_merged_says_why() -> None:
    stays, goes = two_orders()
    other = Site.objects.create(code="other", name="Other", ae_title="OTHER", time_zone="UTC")
    stranger = Patient.objects.create(site=other, patient_id="X", name="X^Y", created_at=stays.patient.created_at)
    nameless = Patient.objects.create(site=a_site(), name="NO^Id", created_at=stays.patient.created_at)
    for survivor, merged, words in (
        (stays.patient, stays.patient, "with itself"),
        (stays.patient, stranger, "only patients of one hospital"),
        (nameless, goes.patient, "has no patient ID"),
    ):
        with pytest.raises(Conflict, match=words):
            merging.merge_patients(survivor, merged, ACTOR)
    third = an_order(patient_id="P3", start=in_minutes(120)).patient
    merging.merge_patients(stays.patient, goes.patient, ACTOR)
    for survivor, merged in ((third, goes.patient), (goes.patient, third)):
        with pytest.raises(Conflict, match="patient ID P2 was merged into that of patient ID P1"):
            merging.merge_patients(survivor, merged, ACTOR, confirmed=["birth_date"])


def test_who_looked_at_an_older_record_looks_again() -> None:
    stays, goes = two_orders()
    patients.update_patient(goes.patient, a_patient_data(patient_id="P2", name="OTHER^Person"), ACTOR)
    with pytest.raises(ChangedMeanwhile):
        merging.merge_patients(stays.patient, goes.patient, ACTOR, expected_versions=(1, 1))


def test_merges_one_after_the_other_lead_all_to_the_last() -> None:
    stays, goes = merged_orders()
    last = an_order(patient_id="P3", start=in_minutes(120), birth_date="1984-05-31").patient
    merging.merge_patients(last, stays.patient, ACTOR)
    assert set(Patient.objects.exclude(merged_into=None).values_list("patient_id", "merged_into")) == {("P1", last.pk), ("P2", last.pk)}
    assert {one.value for one in identity.earlier(last, "patient_id")} == {"P1", "P2"}
    merging.undo_merge(stays.patient, ACTOR, "not the same")
    assert Patient.objects.get(patient_id="P2").merged_into == stays.patient
    assert {order.patient_id for order in Order.objects.filter(pk__in=[stays.pk, goes.pk])} == {stays.patient_id}


def test_undo_brings_back_what_went_over_and_leaves_what_came_later() -> None:
    stays, goes = two_orders()
    step = steps_of(goes)[0]
    step.received_item = {"00081030": {"vr": "LO", "Value": ["study"]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Tanaka^H"}]}}
    step.save()
    merging.merge_patients(stays.patient, goes.patient, ACTOR)
    assert set(ScheduledProcedureStep.objects.get(pk=step.pk).received_item) == {"00081030"}
    request = OrderRequest([a_procedure().code], station_ae_title="CT01", start=in_minutes(120))
    later = orders.place_order(a_site(), stays.patient, request, ACTOR)
    with pytest.raises(InvalidInput, match="say in a few words why"):
        merging.undo_merge(goes.patient, ACTOR, " ")
    merging.undo_merge(goes.patient, ACTOR, "two people after all")
    assert served("P2") == [(goes.accession_number, "Tanaka^H")]
    assert served("P1") == [(stays.accession_number, "TANAKA^Hanako"), (later.accession_number, "TANAKA^Hanako")]
    assert dict(projection.differences()) == {}
    with pytest.raises(Conflict, match="nothing to undo"):
        merging.undo_merge(goes.patient, ACTOR, "again")


def test_an_id_of_before_is_known_unless_somebody_else_has_it_now() -> None:
    patient = an_order(patient_id="P1").patient
    patients.update_patient(patient, a_patient_data(patient_id="P9"), ACTOR)
    before = identity.had_id(patient, "P1")
    assert before is not None and (before.value, before.merged) == ("P1", None)
    assert identity.had_id(patient, "P2") is None
    patients.register_patient(a_site(), a_patient_data(patient_id="P1"), ACTOR)
    assert identity.had_id(patient, "P1") is None
