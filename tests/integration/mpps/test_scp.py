"""N-CREATE and N-SET over the network: the story of an exam, and the standard's status for everything that is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from dimse import statuses
from dimse.scu import open_association
from dimse.server import DicomServer
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP
from dimse.uids import new_uid
from mpps import queries
from mpps.models import MppsMessage, PerformedProcedureStep
from mpps.scp import MPPS
from ris.actions import steps as verbs
from ris.actions.stations import StationData, save_station
from ris.models import ScheduledProcedureStep
from tests.integration.mpps.conftest import Connect, Modality
from tests.support.hospital import ACTOR, a_procedure, a_site, an_order, steps_of
from tests.support.mpps import a_create, a_reason, a_series, an_end, an_item

both_databases = pytest.mark.both_databases


def a_step() -> ScheduledProcedureStep:
    return steps_of(an_order(name="MÜLLER^Jürgen"))[0]


def a_heartbeat() -> Dataset:
    heartbeat = Dataset()
    heartbeat.PerformedProcedureStepStatus = "IN PROGRESS"
    return heartbeat


def status_of(step: ScheduledProcedureStep) -> str:
    return ScheduledProcedureStep.objects.get(pk=step.pk).status


def performed(uid: str) -> PerformedProcedureStep:
    return queries.performed_step(a_site(), uid)


def findings(uid: str) -> list[str]:
    return [finding.code for finding in performed(uid).findings.all()]


@both_databases
def test_an_exam_is_started_and_completed(ct01: Modality) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    assert status_of(step) == "STARTED"
    begun = performed(uid)
    assert (begun.status, begun.unscheduled, begun.patient_name, begun.station and begun.station.ae_title) == (
        "IN PROGRESS",
        False,
        "MÜLLER^Jürgen",
        "CT01",
    )
    assert [(link.step, link.how) for link in begun.links.all()] == [(step, "STEP_ID")]

    assert ct01.set(uid, an_end()).status == statuses.SUCCESS
    assert status_of(step) == "COMPLETED"
    done = performed(uid)
    assert (done.status, done.version, [series.image_count for series in done.series.all()]) == ("COMPLETED", 2, [2])
    assert done.started_at is not None
    assert done.ended_at is not None
    assert done.final_at is not None
    assert findings(uid) == []
    assert [(c.verb, c.from_status, c.to_status, c.actor) for c in done.changes.all()] == [
        ("N-CREATE", "", "IN PROGRESS", "CT01"),
        ("N-SET", "IN PROGRESS", "COMPLETED", "CT01"),
    ]


@both_databases
def test_every_message_is_kept_as_received(ct01: Modality) -> None:
    uid = ct01.begin(a_create(a_step()))
    ct01.set(uid, an_end(end=None, PerformedSeriesSequence=[]))
    ct01.set(uid, an_end())
    kept = queries.messages(performed(uid))
    assert [(m.verb, m.status, m.calling_ae_title) for m in kept] == [
        ("N-CREATE", 0x0000, "CT01"),
        ("N-SET", 0x0121, "CT01"),
        ("N-SET", 0x0000, "CT01"),
    ]
    assert all(bytes(message.raw) for message in kept)
    assert kept[0].dataset["00100010"]["Value"] == [{"Alphabetic": "MÜLLER^Jürgen"}]
    assert "MÜLLER".encode() in bytes(kept[0].raw)


def test_an_exam_is_discontinued_with_its_reason(ct01: Modality) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    reason = [a_reason("110505", "Patient refused to continue procedure")]
    end = an_end("DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=reason, PerformedSeriesSequence=[a_series(0)])
    assert ct01.set(uid, end).status == statuses.SUCCESS
    assert status_of(step) == "DISCONTINUED"
    last = step.changes.last()
    assert last is not None
    assert (last.verb, last.actor, last.reason) == ("discontinue", "CT01", "Patient refused to continue procedure (110505)")


def test_the_wrong_worklist_entry_goes_back_on_the_worklist(ct01: Modality) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    reason = [a_reason("110514", "Incorrect worklist entry selected")]
    assert ct01.set(uid, an_end("DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=reason)).status == 0
    assert status_of(step) == "SCHEDULED"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"PerformedProcedureStepStatus": None}, 0x0120),
        ({"ScheduledStepAttributesSequence": None}, 0x0120),
        ({"PatientID": None}, 0x0120),
        ({"PerformedProcedureStepStatus": ""}, 0x0121),
        ({"ScheduledStepAttributesSequence": []}, 0x0121),
        ({"Modality": ""}, 0x0121),
        ({"PerformedProcedureStepStatus": "COMPLETED"}, 0x0106),
        ({"PerformedProcedureStepStartDate": "20261350"}, 0x0106),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else f"{value:04X}",
)
def test_an_n_create_that_breaks_the_standard_stores_no_step(ct01: Modality, changes: dict[str, object], status: int) -> None:
    step = a_step()
    uid, answer = ct01.create(a_create(step, **changes))
    assert answer.status == status
    assert 0 < len(answer.comment) <= 64
    assert len(answer.offending) == 1
    assert not PerformedProcedureStep.objects.exists()
    assert status_of(step) == "SCHEDULED"
    assert [(m.sop_instance_uid, m.status, m.performed_step) for m in MppsMessage.objects.all()] == [(uid, status, None)]


def test_an_n_create_without_data_set_is_refused_with_0120(ct01: Modality) -> None:
    _, answer = ct01.create(Dataset())
    assert answer.status == statuses.MISSING_ATTRIBUTE


def test_a_malformed_uid_is_refused_with_0117_and_tolerated_from_a_lenient_station(ct01: Modality, lenient: Modality) -> None:
    _, answer = ct01.create(a_create(), "1.2.03.4")
    assert answer.status == statuses.INVALID_SOP_INSTANCE
    assert ct01.set("1.2.03.4", an_end()).status == statuses.INVALID_SOP_INSTANCE
    uid, answer = lenient.create(a_create(), "1.2.03.4")
    assert answer.status == statuses.SUCCESS
    assert "UID_INVALID" in findings(uid)


def test_a_uid_is_assigned_and_returned_when_there_is_none(ct01: Modality) -> None:
    step = a_step()
    uid, answer = ct01.create(a_create(step), None)
    assert answer.status == statuses.SUCCESS
    assert performed(uid).sop_instance_uid == answer.sop_instance_uid == uid
    assert ct01.set(uid, an_end()).status == statuses.SUCCESS
    assert status_of(step) == "COMPLETED"


@both_databases
def test_a_repeated_n_create_is_refused_with_0111_and_changes_nothing(ct01: Modality) -> None:
    step = a_step()
    created = a_create(step)
    uid = ct01.begin(created)
    changes = step.changes.count()
    _, answer = ct01.create(created, uid)
    assert answer.status == statuses.DUPLICATE_SOP_INSTANCE
    assert answer.sop_instance_uid == uid
    assert step.changes.count() == changes
    ct01.set(uid, an_end())
    assert ct01.create(created, uid)[1].status == statuses.DUPLICATE_SOP_INSTANCE
    assert status_of(step) == "COMPLETED"


def test_an_n_set_without_n_create_is_refused_with_0112(ct01: Modality) -> None:
    answer = ct01.set(new_uid(), an_end())
    assert answer.status == statuses.NO_SUCH_SOP_INSTANCE
    assert not PerformedProcedureStep.objects.exists()


@pytest.mark.parametrize("final", ["COMPLETED", "DISCONTINUED"])
@pytest.mark.parametrize("late", [an_end, lambda: an_end("DISCONTINUED"), a_heartbeat], ids=["completed", "discontinued", "heartbeat"])
def test_an_n_set_after_the_end_is_refused_with_0110_and_a710(ct01: Modality, final: str, late: Callable[[], Dataset]) -> None:
    uid = ct01.begin(a_create(a_step()))
    assert ct01.set(uid, an_end(final)).status == 0
    before = PerformedProcedureStep.objects.values().get()
    answer = ct01.set(uid, late())
    assert (answer.status, answer.error_id) == (statuses.PROCESSING_FAILURE, 0xA710)
    assert answer.comment == "Performed Procedure Step Object may no longer be updated"
    assert PerformedProcedureStep.objects.values().get() == before


def test_a_changed_patient_is_refused_with_0105_and_an_equal_repeat_accepted(ct01: Modality) -> None:
    step = a_step()
    created = a_create(step)
    uid = ct01.begin(created)
    answer = ct01.set(uid, an_end(PatientName="ROE^Jane"))
    assert (answer.status, answer.offending) == (statuses.NO_SUCH_ATTRIBUTE, (0x00100010,))
    assert performed(uid).status == "IN PROGRESS"
    end = an_end(SpecificCharacterSet="ISO_IR 192", PatientName=created.PatientName, PatientID=created.PatientID, Modality="CT")
    assert ct01.set(uid, end).status == statuses.SUCCESS


@pytest.mark.parametrize(
    "changes",
    [{"PerformedProcedureStepEndDate": ""}, {"PerformedSeriesSequence": []}, {"PerformedSeriesSequence": [a_series(0, ProtocolName="")]}],
    ids=["no end", "no series", "no protocol"],
)
def test_a_completion_that_lacks_something_is_refused_with_0121(ct01: Modality, changes: dict[str, object]) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    answer = ct01.set(uid, an_end(**changes))
    assert answer.status == statuses.MISSING_ATTRIBUTE_VALUE
    assert (performed(uid).status, performed(uid).version, status_of(step)) == ("IN PROGRESS", 1, "STARTED")


@pytest.mark.parametrize("status", ["ABANDONED", "completed"])
def test_an_unknown_status_is_refused_with_0106(ct01: Modality, status: str) -> None:
    uid = ct01.begin(a_create(a_step()))
    assert ct01.set(uid, an_end(status)).status == statuses.INVALID_ATTRIBUTE_VALUE
    assert performed(uid).status == "IN PROGRESS"


@both_databases
def test_a_lenient_station_is_understood(lenient: Modality) -> None:
    step = a_step()
    created = a_create(step, PatientSex=None, PerformedStationAETitle="LENIENT", PerformedProcedureStepStatus="in_progress")
    uid = lenient.begin(created)
    assert status_of(step) == "STARTED"
    assert lenient.set(uid, an_end("completed", PerformedSeriesSequence=[], PatientName="ROE^Jane")).status == statuses.SUCCESS
    done = performed(uid)
    assert (done.status, done.patient_name, status_of(step)) == ("COMPLETED", "MÜLLER^Jürgen", "COMPLETED")
    assert sorted(findings(uid)) == ["ATTRIBUTE_CHANGED", "ATTRIBUTE_MISSING", "VALUE_INVALID", "VALUE_INVALID", "VALUE_MISSING"]


def test_a_lenient_station_never_makes_a_wrong_change_of_state(lenient: Modality) -> None:
    assert lenient.create(a_create(PerformedProcedureStepStatus="COMPLETED"))[1].status == statuses.INVALID_ATTRIBUTE_VALUE
    uid = lenient.begin(a_create())
    assert lenient.set(uid, an_end("ABANDONED")).status == statuses.INVALID_ATTRIBUTE_VALUE
    assert lenient.set(uid, an_end()).status == statuses.SUCCESS
    assert lenient.set(uid, an_end("DISCONTINUED")).status == statuses.PROCESSING_FAILURE


def test_a_lenient_station_may_leave_out_the_relation(lenient: Modality) -> None:
    for relation in (None, [], [Dataset()]):
        uid = lenient.begin(a_create(ScheduledStepAttributesSequence=relation))
        assert performed(uid).unscheduled


def test_an_unknown_caller_is_held_to_the_standard(connect: Connect) -> None:
    stranger = Modality(connect, "STRANGER")
    assert stranger.create(a_create(PatientSex=None))[1].status == statuses.MISSING_ATTRIBUTE
    uid = stranger.begin(a_create(PerformedStationAETitle="STRANGER"))
    assert (performed(uid).station, performed(uid).station_ae_title) == (None, "STRANGER")


def test_heartbeats_and_partial_updates_leave_the_step_in_progress(ct01: Modality) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    first, update = a_series(1), Dataset()
    update.PerformedSeriesSequence = [first]
    update.PerformedProcedureStepDescription = "CT chest, low dose"
    both = Dataset()
    both.PerformedSeriesSequence = [first, a_series(3)]
    for message in (a_heartbeat(), update, a_heartbeat(), both):
        assert ct01.set(uid, message).status == statuses.SUCCESS
    now = performed(uid)
    assert (now.status, now.version, now.description, status_of(step)) == ("IN PROGRESS", 5, "CT chest, low dose", "STARTED")
    assert [series.image_count for series in now.series.all()] == [1, 3]
    assert now.changes.count() == 1
    assert findings(uid) == []


def test_an_n_set_in_another_character_set_is_read_in_it_and_leaves_the_stored_one(ct01: Modality) -> None:
    uid = ct01.begin(a_create(a_step()))
    update = Dataset()
    update.SpecificCharacterSet = "ISO_IR 144"
    update.PerformedProcedureStepDescription = "Череп"
    assert ct01.set(uid, update).status == statuses.SUCCESS
    kept = performed(uid)
    assert (kept.description, kept.patient_name) == ("Череп", "MÜLLER^Jürgen")
    assert kept.attributes["00080005"]["Value"] == ["ISO_IR 192"]


def test_the_end_may_come_from_another_association_and_ae_title(ct01: Modality, connect: Connect) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    with connect("FORWARDER", called="OTHERNAME") as association:
        assert association.n_set(an_end(), uid).status == statuses.SUCCESS
    assert status_of(step) == "COMPLETED"
    assert performed(uid).calling_ae_title == "CT01"


def test_the_end_may_come_through_another_listening_port(ct01: Modality, server: DicomServer) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step))
    other = DicomServer([MPPS], replace(server.settings, port=0))
    other.start()
    try:
        assert other.port != server.port
        title, contexts = server.settings.ae_title, [MODALITY_PERFORMED_PROCEDURE_STEP]
        with open_association("127.0.0.1", other.port, calling="GATEWAY", called=title, contexts=contexts) as association:
            assert association.n_set(an_end(), uid).status == statuses.SUCCESS
    finally:
        other.stop()
    assert status_of(step) == "COMPLETED"


def test_an_unscheduled_exam_is_accepted_and_waits_for_reconciliation(ct01: Modality) -> None:
    uid = ct01.begin(a_create(PatientID="UNKNOWN", PatientName="DOE^John"))
    odd = ct01.begin(a_create(ScheduledStepAttributesSequence=[an_item(AccessionNumber="NEVERHEARD")]))
    assert ct01.set(uid, an_end()).status == statuses.SUCCESS
    assert {p.sop_instance_uid for p in queries.performed_steps(a_site()) if p.unscheduled} == {uid, odd}
    assert performed(uid).unscheduled
    assert findings(odd) == ["STEP_UNKNOWN"]


@both_databases
def test_a_group_case_moves_every_step(ct01: Modality) -> None:
    steps = [a_step(), *steps_of(an_order(start=None, station="CT02"))]
    uid = ct01.begin(a_create(*steps))
    assert [status_of(step) for step in steps] == ["STARTED", "STARTED"]
    assert ct01.set(uid, an_end()).status == 0
    assert [status_of(step) for step in steps] == ["COMPLETED", "COMPLETED"]
    assert len(queries.accession_numbers(performed(uid))) == 2


def test_of_several_steps_the_one_on_the_list_of_an_alias_is_taken_by_the_station_that_sees_it(connect: Connect) -> None:
    first, second = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    second.stations.update(ae_title="OLD09")
    study = first.requested_procedure.study_instance_uid
    for aliases, linked in (((), None), (("OLD09",), second)):
        save_station(a_site(), StationData("CT09", ("CT",), aliases=aliases), ACTOR)
        items = [an_item(StudyInstanceUID=study)]
        uid = Modality(connect, "CT09").begin(a_create(PerformedStationAETitle="CT09", ScheduledStepAttributesSequence=items))
        link = PerformedProcedureStep.objects.get(sop_instance_uid=uid).links.get()
        assert link.step == linked


def test_the_same_step_in_two_items_is_linked_once(ct01: Modality) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step, step))
    assert [link.step for link in performed(uid).links.all()] == [step]
    assert step.changes.filter(verb="start").count() == 1


def test_an_append_leaves_the_completed_step_completed(ct01: Modality) -> None:
    step = a_step()
    first = ct01.begin(a_create(step))
    ct01.set(first, an_end())
    second = ct01.begin(a_create(step, PerformedProcedureStepID="PPS-2"))
    assert ct01.set(second, an_end("DISCONTINUED")).status == 0
    assert status_of(step) == "COMPLETED"
    assert [p.sop_instance_uid for p in queries.performed_for(step)] == [first, second]


def test_a_step_that_another_device_works_on_is_not_discontinued(ct01: Modality) -> None:
    step = a_step()
    first, second = ct01.begin(a_create(step)), ct01.begin(a_create(step, PerformedProcedureStepID="PPS-2"))
    ct01.set(first, an_end("DISCONTINUED"))
    assert status_of(step) == "STARTED"
    ct01.set(second, an_end())
    assert status_of(step) == "COMPLETED"


def test_a_discontinued_exam_is_done_again(ct01: Modality) -> None:
    step = a_step()
    ct01.set(ct01.begin(a_create(step)), an_end("DISCONTINUED"))
    again = ct01.begin(a_create(step, PerformedProcedureStepID="PPS-2"))
    assert status_of(step) == "STARTED"
    ct01.set(again, an_end())
    assert status_of(step) == "COMPLETED"


def test_a_cancelled_exam_that_is_performed_anyway_is_accepted_and_flagged(ct01: Modality) -> None:
    step = a_step()
    verbs.cancel(step.pk, ACTOR, "not wanted any more")
    uid = ct01.begin(a_create(step))
    assert status_of(step) == "STARTED"
    assert findings(uid) == ["CANCELED_EXAM"]


def test_the_console_s_patient_never_overwrites_the_order_s(ct01: Modality) -> None:
    step = a_step()
    uid = ct01.begin(a_create(step, PatientName="ROE^Jane", PatientID="TYPED"))
    assert sorted(findings(uid)) == ["PATIENT_ID_DIFFERS", "PATIENT_NAME_DIFFERS"]
    assert (performed(uid).patient_name, performed(uid).patient_id) == ("ROE^Jane", "TYPED")
    step.requested_procedure.order.patient.refresh_from_db()
    assert step.requested_procedure.order.patient.name == "MÜLLER^Jürgen"
