"""What real modalities do to MPPS, each sent by our own client and by a foreign one (dcmjs-dimse): tolerated or refused, and never twice.

A strict station is refused what the standard refuses, a lenient one is understood with a finding. Neither makes a wrong change of state.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from pydicom.dataset import Dataset

from billing.models import Charge
from dimse import statuses
from dimse.server import DicomServer
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN as EXPLICIT
from dimse.services import Verb
from dimse.uids import new_uid
from mpps import queries
from mpps.models import MppsMessage, PerformedProcedureStep
from ris.models import ScheduledProcedureStep
from tests.integration.mpps.conftest import Connect, Modality
from tests.support.dicom import encoded
from tests.support.foreign import Foreign, ForeignModality, foreign
from tests.support.hospital import a_procedure, a_site, an_order, steps_of
from tests.support.mpps import a_create, a_reason, a_series, an_end, an_item

Sender = Callable[[str], Modality | ForeignModality]
IN_PROGRESS, COMPLETED, DISCONTINUED = "IN PROGRESS", "COMPLETED", "DISCONTINUED"


@pytest.fixture(scope="module")
def other_people_s() -> Iterator[Foreign]:
    with foreign() as process:
        yield process


@pytest.fixture(params=["our own", "foreign"])
def sender(request: pytest.FixtureRequest, connect: Connect, server: DicomServer) -> Sender:
    """Makes modalities by AE title."""
    if request.param == "our own":
        return partial(Modality, connect)
    process = request.getfixturevalue("other_people_s")
    return lambda title: ForeignModality(process, server.port, title, a_site().ae_title)


@pytest.fixture
def strict(sender: Sender) -> Modality | ForeignModality:
    return sender("CT01")


@pytest.fixture
def lenient(sender: Sender) -> Modality | ForeignModality:
    return sender("LENIENT")


def a_step(station: str = "CT01") -> ScheduledProcedureStep:
    return steps_of(an_order(name="MÜLLER^Jürgen", station=station))[0]


def status_of(step: ScheduledProcedureStep) -> str:
    return ScheduledProcedureStep.objects.get(pk=step.pk).status


def performed(uid: str) -> PerformedProcedureStep:
    return queries.performed_step(a_site(), uid)


def findings(uid: str) -> set[str]:
    return {finding.code for finding in performed(uid).findings.all()}


def modified(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


# --- 14: no Scheduled Step Attributes, or empty ones


def test_a_relation_that_says_nothing_is_unscheduled_from_a_lenient_station(strict: Modality, lenient: Modality) -> None:
    nothing = modified(StudyInstanceUID="", AccessionNumber="", RequestedProcedureID="", ScheduledProcedureStepID="")
    for relation in ([], [nothing]):
        assert strict.create(a_create(ScheduledStepAttributesSequence=relation))[1].status in (0x0120, 0x0121)
        assert performed(lenient.begin(a_create(ScheduledStepAttributesSequence=relation))).unscheduled
    absent = a_create(ScheduledStepAttributesSequence=None)
    assert strict.create(absent)[1].status == statuses.MISSING_ATTRIBUTE
    assert performed(lenient.begin(absent)).unscheduled


# --- 15: groups, one accession number twice, one step performed by several


def test_a_group_with_one_accession_number_twice_starts_and_ends_each_step_once(strict: Modality) -> None:
    first, second = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    third = steps_of(an_order(start=None, station="CT02"))[0]
    uid = strict.begin(a_create(first, second, third, first))
    assert [status_of(step) for step in (first, second, third)] == ["STARTED"] * 3
    assert strict.set(uid, an_end()).status == statuses.SUCCESS
    assert [status_of(step) for step in (first, second, third)] == [COMPLETED] * 3
    assert [step.changes.filter(verb="start").count() for step in (first, second, third)] == [1] * 3
    assert Charge.objects.count() == 2


def test_a_second_device_and_an_append_are_about_the_same_step(sender: Sender, strict: Modality) -> None:
    step, other = a_step(), sender("LENIENT")
    uid = strict.begin(a_create(step))
    second = other.begin(a_create(step, PerformedStationAETitle="LENIENT", PerformedProcedureStepID="2"))
    assert strict.set(uid, an_end()).status == other.set(second, an_end()).status == statuses.SUCCESS
    third = strict.begin(a_create(step, PerformedProcedureStepID="3"))
    assert strict.set(third, an_end()).status == statuses.SUCCESS
    assert status_of(step) == COMPLETED
    assert [p.sop_instance_uid for p in queries.performed_for(step)] == [uid, second, third]
    assert Charge.objects.count() == 1


# --- 16: a Study UID of its own, a patient edited at the console


def test_what_the_console_made_up_is_a_finding_and_the_order_s_patient_stays(strict: Modality) -> None:
    step = a_step()
    item = an_item(step, StudyInstanceUID=new_uid())
    uid = strict.begin(a_create(step, PatientName="ROE^Jane", PatientID="TYPED", ScheduledStepAttributesSequence=[item]))
    assert [link.step for link in performed(uid).links.all()] == [step]
    assert findings(uid) == {"STUDY_INSTANCE_UID_DIFFERS", "PATIENT_ID_DIFFERS", "PATIENT_NAME_DIFFERS"}
    patient = step.requested_procedure.order.patient
    patient.refresh_from_db()
    assert patient.name == "MÜLLER^Jürgen"
    assert strict.set(uid, an_end()).status == statuses.SUCCESS
    assert Charge.objects.get().on_hold


# --- 17: no Affected SOP Instance UID


def test_a_uid_is_assigned_and_returned(strict: Modality) -> None:
    step = a_step()
    uid, answer = strict.create(a_create(step), None)
    assert (answer.status, answer.sop_instance_uid) == (statuses.SUCCESS, uid)
    assert strict.set(uid, an_end()).status == statuses.SUCCESS
    assert status_of(step) == COMPLETED


# --- 18: N-CREATE again after a time-out


def test_a_repeated_n_create_starts_and_bills_nothing_twice(strict: Modality) -> None:
    step = a_step()
    created = a_create(step)
    uid = strict.begin(created)
    assert strict.create(created, uid)[1].status == statuses.DUPLICATE_SOP_INSTANCE
    assert strict.set(uid, an_end()).status == statuses.SUCCESS
    assert strict.create(created, uid)[1].status == statuses.DUPLICATE_SOP_INSTANCE
    assert (step.changes.filter(verb="start").count(), Charge.objects.count(), status_of(step)) == (1, 1, COMPLETED)


# --- 19: N-SETs of every kind


def test_an_n_set_without_n_create_makes_nothing(strict: Modality, lenient: Modality) -> None:
    for modality in (strict, lenient):
        assert modality.set(new_uid(), an_end()).status == statuses.NO_SUCH_SOP_INSTANCE
    assert not PerformedProcedureStep.objects.exists()


def test_many_n_sets_from_other_stations_and_associations_are_one_exam(sender: Sender, strict: Modality) -> None:
    step, other, stranger = a_step(), sender("LENIENT"), sender("STRANGER")
    uid = strict.begin(a_create(step))
    heartbeat = modified(PerformedProcedureStepStatus=IN_PROGRESS)
    for modality in (strict, other, stranger, other):
        assert modality.set(uid, heartbeat).status == statuses.SUCCESS
    parts = [a_series(1), a_series(2)]
    assert other.set(uid, modified(PerformedSeriesSequence=parts[:1], SpecificCharacterSet="ISO_IR 192")).status == statuses.SUCCESS
    assert strict.set(uid, modified(PerformedSeriesSequence=parts, CommentsOnThePerformedProcedureStep="slow")).status == statuses.SUCCESS
    end = an_end(PerformedSeriesSequence=None)
    assert stranger.set(uid, end).status == statuses.SUCCESS
    done = performed(uid)
    assert ([series.image_count for series in done.series.all()], status_of(step)) == ([1, 2], COMPLETED)
    assert Charge.objects.count() == 1


def test_an_n_set_with_nothing_but_the_final_status_is_held_to_the_final_state(strict: Modality, lenient: Modality) -> None:
    only = modified(PerformedProcedureStepStatus=COMPLETED)
    uid = strict.begin(a_create(a_step()))
    assert strict.set(uid, only).status == statuses.MISSING_ATTRIBUTE_VALUE
    assert performed(uid).status == IN_PROGRESS
    uid = lenient.begin(a_create(a_step("LENIENT"), PerformedStationAETitle="LENIENT"))
    assert lenient.set(uid, only).status == statuses.SUCCESS
    assert performed(uid).status == COMPLETED
    assert "VALUE_MISSING" in findings(uid)


def test_what_may_not_change_may_be_repeated(strict: Modality, lenient: Modality) -> None:
    created = a_create(a_step())
    uid = strict.begin(created)
    repeated = an_end()
    for keyword in ("SpecificCharacterSet", "PatientName", "PatientID", "Modality", "ScheduledStepAttributesSequence", "StudyID"):
        setattr(repeated, keyword, created[keyword].value)
    answer = strict.set(uid, modified(PatientID="OTHER", Modality="MR"))
    assert (answer.status, set(answer.offending)) == (statuses.NO_SUCH_ATTRIBUTE, {0x00100020, 0x00080060})
    assert strict.set(uid, repeated).status == statuses.SUCCESS
    uid = lenient.begin(a_create(a_step("LENIENT"), PerformedStationAETitle="LENIENT", PatientID="4711"))
    assert lenient.set(uid, an_end(PatientID="OTHER")).status == statuses.SUCCESS
    assert performed(uid).patient_id == "4711"
    assert "ATTRIBUTE_CHANGED" in findings(uid)


# --- 20: N-SET after the end


@pytest.mark.parametrize("title", ["CT01", "LENIENT"])
@pytest.mark.parametrize("final", [COMPLETED, DISCONTINUED])
def test_a_final_step_is_not_updated_and_never_billed_again(sender: Sender, title: str, final: str) -> None:
    modality = sender(title)
    uid = modality.begin(a_create(a_step(), PerformedStationAETitle=title))
    assert modality.set(uid, an_end(final)).status == statuses.SUCCESS
    before, charges = PerformedProcedureStep.objects.values().get(), list(Charge.objects.values())
    for late in (an_end(), an_end(DISCONTINUED), modified(PerformedProcedureStepStatus=IN_PROGRESS), modified(StudyID="1")):
        answer = modality.set(uid, late)
        assert (answer.status, answer.error_id) == (statuses.PROCESSING_FAILURE, 0xA710)
        assert answer.comment == "Performed Procedure Step Object may no longer be updated"
    assert (PerformedProcedureStep.objects.values().get(), list(Charge.objects.values())) == (before, charges)


# --- 21: reasons, series, type 1, spelling of the status


@pytest.mark.parametrize(
    "reason", [[], [a_reason("", "patient fainted")], [a_reason("4711", "house code", "99HOUSE")]], ids=["empty", "text", "own"]
)
def test_an_odd_reason_is_a_finding(lenient: Modality, reason: list[Dataset]) -> None:
    step = a_step()
    uid = lenient.begin(a_create(step, PerformedStationAETitle="LENIENT"))
    end = an_end(DISCONTINUED, PerformedProcedureStepDiscontinuationReasonCodeSequence=reason, PerformedSeriesSequence=[a_series(0)])
    assert lenient.set(uid, end).status == statuses.SUCCESS
    assert status_of(step) == DISCONTINUED
    assert findings(uid) & {"REASON_MISSING", "REASON_UNKNOWN"}


def test_a_completion_without_series_is_for_lenient_stations(strict: Modality, lenient: Modality) -> None:
    uid = strict.begin(a_create(a_step()))
    for series in (None, []):
        assert strict.set(uid, an_end(PerformedSeriesSequence=series)).status == statuses.MISSING_ATTRIBUTE_VALUE
    uid = lenient.begin(a_create(a_step("LENIENT"), PerformedStationAETitle="LENIENT"))
    assert lenient.set(uid, an_end(PerformedSeriesSequence=[])).status == statuses.SUCCESS
    assert "VALUE_MISSING" in findings(uid)


@pytest.mark.parametrize("missing", ["PerformedProcedureStepID", "Modality", "PerformedProcedureStepStartDate"])
def test_a_missing_type_1_attribute_is_for_lenient_stations(strict: Modality, lenient: Modality, missing: str) -> None:
    created = a_create(a_step(), **{missing: None})
    answer = strict.create(created)[1]
    assert (answer.status, len(answer.offending)) == (statuses.MISSING_ATTRIBUTE, 1)
    uid = lenient.begin(created)
    assert "ATTRIBUTE_MISSING" in findings(uid)


@pytest.mark.parametrize(("begun", "ended"), [("in progress", "completed"), ("IN_PROGRESS", "discontinued")])
def test_a_misspelled_status_is_for_lenient_stations(strict: Modality, lenient: Modality, begun: str, ended: str) -> None:
    step = a_step()
    assert strict.create(a_create(step, PerformedProcedureStepStatus=begun))[1].status == statuses.INVALID_ATTRIBUTE_VALUE
    uid = lenient.begin(a_create(step, PerformedProcedureStepStatus=begun))
    assert lenient.set(uid, an_end(ended)).status == statuses.SUCCESS
    assert (performed(uid).status, status_of(step)) == (ended.upper(), ended.upper())
    assert lenient.set(lenient.begin(a_create()), an_end("ABANDONED")).status == statuses.INVALID_ATTRIBUTE_VALUE


# --- 22: bytes, UIDs, AE titles


def test_a_uid_with_leading_zeros_is_for_lenient_stations(strict: Modality, lenient: Modality) -> None:
    assert strict.create(a_create(), "1.2.03.4")[1].status == statuses.INVALID_SOP_INSTANCE
    assert lenient.create(a_create(), "1.2.03.4")[1].status == statuses.SUCCESS
    assert findings("1.2.03.4") >= {"UID_INVALID"}


def test_a_uid_in_the_data_set_that_is_none_is_for_lenient_stations(strict: Modality, lenient: Modality) -> None:
    created = a_create(ScheduledStepAttributesSequence=[an_item(StudyInstanceUID="1.2.abc")])
    assert strict.create(created)[1].status == statuses.INVALID_ATTRIBUTE_VALUE
    assert "UID_INVALID" in findings(lenient.begin(created))


def test_bytes_that_no_character_set_declares_are_a_finding_and_the_exam_goes_on(strict: Modality) -> None:
    step, uid = a_step(), new_uid()
    created = encoded(a_create(step, SpecificCharacterSet=None, PatientName="MULLER^Jurgen"), EXPLICIT).replace(b"MULLER", b"M\xdcLLER")
    ended = encoded(an_end(PerformedProcedureStepDescription="Schadel."), EXPLICIT).replace(b"Schadel", b"Sch\xe4del")
    assert strict.send_bytes(Verb.N_CREATE, uid, created).status == statuses.SUCCESS
    assert "DECODED_WITH_NOTES" in findings(uid)
    assert strict.send_bytes(Verb.N_SET, uid, ended).status == statuses.SUCCESS
    assert (performed(uid).status, status_of(step)) == (COMPLETED, COMPLETED)
    assert [bytes(one.raw) for one in MppsMessage.objects.order_by("pk")] == [created, ended], "kept to the byte"


def test_trailing_nuls_are_padding(strict: Modality) -> None:
    step, uid = a_step(), new_uid()
    created = a_create(step, PerformedStationAETitle="CT01\0\0", PerformedProcedureStepStatus="IN PROGRESS\0")
    created.ScheduledStepAttributesSequence[0].ScheduledProcedureStepID += "\0\0"
    assert strict.send_bytes(Verb.N_CREATE, uid, encoded(created, EXPLICIT)).status == statuses.SUCCESS
    assert (performed(uid).station_ae_title, status_of(step)) == ("CT01", "STARTED")
    assert strict.send_bytes(Verb.N_SET, uid, encoded(an_end("COMPLETED\0\0\0"), EXPLICIT)).status == statuses.SUCCESS
    assert (performed(uid).status, status_of(step), Charge.objects.get().on_hold) == (COMPLETED, COMPLETED, "")


def test_titles_with_path_characters_are_kept_as_text(sender: Sender) -> None:
    title = "../../etc/CT"
    uid = sender(title).begin(a_create(PerformedStationAETitle=title, PerformedStationName="C:/CT?*"))
    kept = performed(uid)
    assert (kept.station_ae_title, kept.calling_ae_title, kept.station) == (title, title, None)


def test_text_of_an_n_set_is_read_in_its_own_character_set_and_kept(strict: Modality) -> None:
    uid = strict.begin(a_create(a_step()))
    assert strict.set(uid, modified(SpecificCharacterSet="ISO_IR 192", PerformedProcedureStepDescription="Schädel 頭部")).status == 0
    kept = performed(uid)
    assert (kept.description, kept.patient_name) == ("Schädel 頭部", "MÜLLER^Jürgen")


def test_every_refused_message_is_kept_and_nothing_of_it_is_applied(strict: Modality) -> None:
    uid = strict.begin(a_create(a_step()))
    before = PerformedProcedureStep.objects.values().get()
    refused = [an_end(PatientID="X"), an_end("ABANDONED"), an_end(PerformedProcedureStepEndDate="")]
    answered = [strict.set(uid, message).status for message in refused]
    assert answered == [0x0105, 0x0106, 0x0121]
    assert PerformedProcedureStep.objects.values().get() == before
    assert list(MppsMessage.objects.order_by("pk").values_list("status", flat=True)) == [0, *answered]
