"""Which scheduled step an item of ScheduledStepAttributesSequence is about, and by what."""

import pytest

from mpps import matching
from mpps.matching import Item, Performer
from ris.actions import merging, patients
from ris.actions import steps as verbs
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db
CT01 = Performer(("CT01",), "CT")


def item(step: ScheduledProcedureStep, *names: str, **others: str) -> Item:
    """The named identifiers of the step, and others as given."""
    known = matching.identifiers(step)
    return Item(**{name: getattr(known, name) for name in names}, **others)


def found(wanted: Item, performer: Performer = CT01) -> tuple[int | None, str | None]:
    step, how, _ = matching.find_step(a_site(), wanted, performer)
    return (step.pk if step else None), how


STEP, STUDY, ACCESSION, PROCEDURE = "scheduled_procedure_step_id", "study_instance_uid", "accession_number", "requested_procedure_id"


@pytest.mark.parametrize(
    ("names", "others", "how"),
    [
        ((STEP, STUDY, ACCESSION, PROCEDURE), {}, "STEP_ID"),
        ((STEP, STUDY), {}, "STEP_ID"),
        ((STEP, STUDY), {"accession_number": "TYPED"}, "STEP_ID"),
        ((STEP, ACCESSION), {"study_instance_uid": "1.2.3"}, "STEP_ID"),
        ((STEP,), {"study_instance_uid": "1.2.3"}, "STEP_ID"),
        ((ACCESSION, PROCEDURE), {"study_instance_uid": "1.2.3"}, "ACCESSION"),
        ((STUDY,), {}, "STUDY_UID"),
        ((STUDY,), {"scheduled_procedure_step_id": "OTHER"}, "STUDY_UID"),
        ((ACCESSION,), {"study_instance_uid": "1.2.3"}, "ACCESSION"),
    ],
)
def test_an_item_finds_its_step(names: tuple[str, ...], others: dict[str, str], how: str) -> None:
    an_order(start=in_minutes(200))
    step = steps_of(an_order())[0]
    assert found(item(step, *names, **others)) == (step.pk, how)


@pytest.mark.parametrize(
    "other",
    [{"accession_number": "ANOTHER"}, {"requested_procedure_id": "ANOTHER"}, {"patient_id": "ANOTHER"}],
    ids=lambda other: next(iter(other)),
)
def test_a_step_id_alone_does_not_count_when_something_contradicts_it(other: dict[str, str]) -> None:
    step = steps_of(an_order())[0]
    assert found(item(step, STEP, **other)) == (None, None)


def test_a_step_id_alone_does_not_count_when_two_steps_have_it() -> None:
    one, other = steps_of(an_order())[0], steps_of(an_order(start=in_minutes(200)))[0]
    ScheduledProcedureStep.objects.filter(pk=other.pk).update(scheduled_procedure_step_id=one.scheduled_procedure_step_id)
    assert found(item(one, STEP)) == (None, None)
    assert found(item(one, STEP, ACCESSION)) == (one.pk, "STEP_ID")


def two_steps() -> tuple[ScheduledProcedureStep, ScheduledProcedureStep]:
    first, second = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    return first, second


def test_one_of_several_steps_is_not_guessed() -> None:
    first, _ = two_steps()
    step, how, odd = matching.find_step(a_site(), item(first, STUDY, ACCESSION), CT01)
    assert (step, how) == (None, None)
    assert [code for code, _ in odd] == ["STEP_AMBIGUOUS"]


def test_of_several_steps_the_one_that_is_left_is_taken() -> None:
    first, second = two_steps()
    verbs.start(first.pk, ACTOR)
    verbs.end(first.pk, "complete", ACTOR)
    assert found(item(second, STUDY)) == (second.pk, "STUDY_UID")


def test_of_several_steps_the_one_on_the_performing_station_is_taken() -> None:
    first, second = two_steps()
    second.stations.update(ae_title="CT02")
    assert found(item(first, STUDY), Performer(("CT02",), "CT")) == (second.pk, "STUDY_UID")
    assert found(item(first, STUDY), Performer(("CT01",), "CT")) == (first.pk, "STUDY_UID")
    assert found(item(first, STUDY), Performer(("CT9",), "CT", aliases=("CT02",))) == (second.pk, "STUDY_UID")
    assert found(item(first, STUDY), Performer(("CT01",), "CT", aliases=("CT02",))) == (first.pk, "STUDY_UID")


def test_of_several_steps_the_one_of_the_modality_is_taken() -> None:
    first, second = two_steps()
    ScheduledProcedureStep.objects.filter(pk=second.pk).update(modality="PT")
    assert found(item(first, ACCESSION), Performer(("XX",), "PT")) == (second.pk, "ACCESSION")


def test_several_items_find_their_own_steps_and_a_repeated_step_counts_once() -> None:
    first, second = two_steps()
    items = [item(step, STEP, STUDY, ACCESSION) for step in (first, second, first)]
    matches, notices = matching.follow(a_site(), items, CT01)
    assert [(match.position, match.step) for match in matches] == [(1, first), (2, second)]
    assert notices == []


def test_an_item_that_names_only_a_study_of_its_own_is_unscheduled_without_a_word() -> None:
    matches, notices = matching.follow(a_site(), [Item(study_instance_uid="1.2.3")], CT01)
    assert [match.step for match in matches] == [None]
    assert notices == []


def test_an_item_with_unknown_identifiers_is_a_finding() -> None:
    _, notices = matching.follow(a_site(), [Item(study_instance_uid="1.2.3", accession_number="NOPE")], CT01)
    assert [(notice.code, notice.attribute) for notice in notices] == [("STEP_UNKNOWN", "ScheduledStepAttributesSequence[1]")]
    assert "NOPE" in notices[0].text


def test_identifiers_that_differ_from_the_step_s_are_findings() -> None:
    step = steps_of(an_order())[0]
    wrong = item(step, STEP, ACCESSION, study_instance_uid="1.2.3", requested_procedure_id="RP-X")
    _, notices = matching.follow(a_site(), [wrong], CT01)
    assert [notice.code for notice in notices] == ["STUDY_INSTANCE_UID_DIFFERS", "REQUESTED_PROCEDURE_ID_DIFFERS"]


def test_a_cancelled_step_is_found_and_flagged() -> None:
    step = steps_of(an_order())[0]
    verbs.cancel(step.pk, ACTOR, "not wanted any more")
    matches, notices = matching.follow(a_site(), [item(step, STEP, STUDY)], CT01)
    assert [match.step for match in matches] == [step]
    assert [notice.code for notice in notices] == ["CANCELED_EXAM"]


@pytest.mark.parametrize(
    ("patient_id", "name", "codes"),
    [
        ("P1", "Müller^Jürgen", []),
        ("P1", "MULLER^JURGEN", []),
        ("P1", "", []),
        ("", "Müller^Jürgen", []),
        ("P2", "Müller^Jürgen", ["PATIENT_ID_DIFFERS"]),
        ("P1", "Maier^Jürgen", ["PATIENT_NAME_DIFFERS"]),
        ("P2", "Maier^Jürgen", ["PATIENT_ID_DIFFERS", "PATIENT_NAME_DIFFERS"]),
    ],
)
def test_a_patient_that_differs_from_the_order_s_is_a_finding(patient_id: str, name: str, codes: list[str]) -> None:
    step = steps_of(an_order(patient_id="P1", name="Müller^Jürgen"))[0]
    dataset = {"00100020": {"vr": "LO", "Value": [patient_id]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]}}
    assert [notice.code for notice in matching.patient_differences(dataset, [step, step])] == codes


def of_a_console(patient_id: str, name: str) -> dict[str, dict[str, object]]:
    return {"00100020": {"vr": "LO", "Value": [patient_id]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]}}


def test_a_console_with_the_list_of_this_morning_knows_the_patient_by_the_id_and_name_of_then() -> None:
    step = steps_of(an_order(patient_id="P1", name="MULLER^Jurgen"))[0]
    patient = step.requested_procedure.order.patient
    patients.update_patient(patient, a_patient_data(patient_id="P9", name="MAIER^Jürgen"), ACTOR)
    step.requested_procedure.order.patient.refresh_from_db()
    notices = list(matching.patient_differences(of_a_console("P1", "MULLER^Jurgen"), [step]))
    assert [(notice.code, notice.attribute) for notice in notices] == [
        ("PATIENT_OUTDATED", "PatientID"),
        ("PATIENT_OUTDATED", "PatientName"),
    ]
    assert "patient ID P1, which was changed to P9" in notices[0].text
    assert found(item(step, STEP, patient_id="P1")) == (step.pk, "STEP_ID")
    assert found(item(step, STEP, patient_id="P2")) == (None, None)


def test_the_id_of_a_merged_patient_is_that_of_the_survivor() -> None:
    step = steps_of(an_order(patient_id="P2", name="TANAKA^Hanna", birth_date=""))[0]
    survivor = patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="TANAKA^Hanako"), ACTOR)
    merging.merge_patients(survivor, step.requested_procedure.order.patient, ACTOR)
    step = ScheduledProcedureStep.objects.get(pk=step.pk)
    notices = list(matching.patient_differences(of_a_console("P2", "TANAKA^Hanna"), [step]))
    assert [notice.code for notice in notices] == ["PATIENT_OUTDATED", "PATIENT_OUTDATED"]
    assert "patient ID P2, which was merged into P1" in notices[0].text
    other = list(matching.patient_differences(of_a_console("P3", "SOMEBODY^Else"), [step]))
    assert [notice.code for notice in other] == ["PATIENT_ID_DIFFERS", "PATIENT_NAME_DIFFERS"]


def test_a_step_id_that_many_share_finds_the_one_that_nothing_contradicts() -> None:
    step = steps_of(an_order())[0]
    for number in range(60):
        other, requested = ScheduledProcedureStep.objects.get(pk=step.pk), step.requested_procedure
        requested.pk, requested.requested_procedure_id, requested.study_instance_uid = None, f"OTHER-{number}", f"1.2.3.{number}"
        requested.save(force_insert=True)
        other.pk, other.requested_procedure = None, requested
        other.save(force_insert=True)
    mine = steps_of(an_order(start=in_minutes(300)))[0]
    ScheduledProcedureStep.objects.filter(pk=mine.pk).update(scheduled_procedure_step_id=step.scheduled_procedure_step_id)
    mine.refresh_from_db()
    wanted = item(mine, STEP, PROCEDURE)
    assert found(wanted) == (mine.pk, "STEP_ID")
