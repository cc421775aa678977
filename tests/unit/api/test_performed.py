"""Performed steps and charges over REST, made by the same actions that answer a modality."""

from datetime import timedelta
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dimse.services import Verb
from mpps import actions
from mpps.datasets import from_dataset
from mpps.received import Received
from ris import clock
from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_site, an_order, in_minutes, steps_of
from tests.unit.api.conftest import RECORDED, SEEN_USED, Rest

pytestmark = pytest.mark.usefixtures("hospital")


def _received(verb: Verb, uid: str, dataset: Dataset, calling: str) -> Received:
    return Received(a_site(), verb, uid, from_dataset(dataset), clock.now(a_site()), calling, "STEPWISE", "127.0.0.1", 1)


def begin(step: ScheduledProcedureStep | None = None, *, station: str = "CT01") -> str:
    """N-CREATE for the step (or for none that is known) and its SOP Instance UID."""
    local = clock.local(clock.now(a_site()), a_site())
    order = step.requested_procedure.order if step else None
    data, item = Dataset(), Dataset()
    item.StudyInstanceUID = step.requested_procedure.study_instance_uid if step else generate_uid()
    item.ReferencedStudySequence = []
    item.AccessionNumber = order.accession_number if order else "UNKNOWN-1"
    item.RequestedProcedureID = step.requested_procedure.requested_procedure_id if step else ""
    item.RequestedProcedureDescription = ""
    item.ScheduledProcedureStepID = step.scheduled_procedure_step_id if step else ""
    item.ScheduledProcedureStepDescription = ""
    item.ScheduledProtocolCodeSequence = []
    data.ScheduledStepAttributesSequence = [item]
    data.PatientName = order.patient.name if order else "WALKIN^Will"
    data.PatientID = order.patient.patient_id if order else "W1"
    data.PatientBirthDate = ""
    data.PatientSex = ""
    data.ReferencedPatientSequence = []
    data.PerformedProcedureStepID = f"PPS{generate_uid()[-8:]}"
    data.PerformedStationAETitle = station
    data.PerformedStationName = ""
    data.PerformedLocation = ""
    data.PerformedProcedureStepStartDate = f"{local:%Y%m%d}"
    data.PerformedProcedureStepStartTime = f"{local:%H%M%S}"
    data.PerformedProcedureStepStatus = "IN PROGRESS"
    data.PerformedProcedureStepDescription = ""
    data.PerformedProcedureTypeDescription = ""
    data.ProcedureCodeSequence = []
    data.PerformedProcedureStepEndDate = ""
    data.PerformedProcedureStepEndTime = ""
    data.Modality = "CT"
    data.StudyID = ""
    data.PerformedProtocolCodeSequence = []
    data.PerformedSeriesSequence = []
    uid = str(generate_uid())
    actions.n_create(_received(Verb.N_CREATE, uid, data, station))
    return uid


def complete(uid: str, *, station: str = "CT01") -> None:
    local = clock.local(clock.now(a_site()) + timedelta(seconds=1), a_site())
    data, series, image = Dataset(), Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    series.PerformingPhysicianName = "OKAFOR^Ngozi"
    series.ProtocolName = "Thorax"
    series.OperatorsName = "LINDQVIST^Maja"
    series.SeriesInstanceUID = generate_uid()
    series.SeriesDescription = "Axial"
    series.RetrieveAETitle = "PACS"
    series.ReferencedImageSequence = [image]
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    data.PerformedSeriesSequence = [series]
    data.PerformedProcedureStepStatus = "COMPLETED"
    data.PerformedProcedureStepEndDate = f"{local:%Y%m%d}"
    data.PerformedProcedureStepEndTime = f"{local:%H%M%S}"
    actions.n_set(_received(Verb.N_SET, uid, data, station))


def a_step(minutes: int = 10) -> ScheduledProcedureStep:
    return steps_of(an_order(start=in_minutes(minutes)))[0]


def test_a_performed_step_shows_what_it_was_about(rest: Rest) -> None:
    step = a_step()
    uid = begin(step)
    complete(uid)
    status, shown = rest.get(f"/performed-steps/{uid}")
    assert status == 200
    order = step.requested_procedure.order
    assert shown["status"] == "COMPLETED"
    assert (shown["station_ae_title"], shown["modality"], shown["unscheduled"]) == ("CT01", "CT", False)
    assert (shown["patient_id"], shown["patient_name"]) == (order.patient.patient_id, order.patient.name)
    assert shown["accession_numbers"] == [order.accession_number]
    assert shown["scheduled_steps"] == [{"id": step.pk, "how": "STEP_ID"}]
    assert shown["started_at"] < shown["ended_at"]
    assert shown["started_at"].endswith(clock.local(clock.now(), a_site()).isoformat()[-6:])
    (series,) = shown["series"]
    assert (series["description"], series["image_count"], series["retrieve_ae_title"]) == ("Axial", 1, "PACS")
    assert rest.get("/performed-steps")[1] == {"items": [shown], "count": 1}


def test_an_unscheduled_one_is_shown_as_such(rest: Rest) -> None:
    uid = begin()
    shown = rest.get(f"/performed-steps/{uid}")[1]
    assert (shown["status"], shown["unscheduled"], shown["scheduled_steps"]) == ("IN PROGRESS", True, [])
    assert shown["accession_numbers"] == ["UNKNOWN-1"]
    assert shown["ended_at"] is None


def test_filters_of_performed_steps(rest: Rest) -> None:
    step = a_step()
    done, running = begin(step), begin(station="MR01")
    complete(done)

    def found(**query: object) -> list[str]:
        status, body = rest.get("/performed-steps", **query)
        assert (status, body["count"]) == (200, len(body["items"]))
        return [item["sop_instance_uid"] for item in body["items"]]

    assert found() == [running, done]
    assert found(accession_number=step.requested_procedure.order.accession_number) == [done]
    assert found(accession_number="UNKNOWN-1") == [running]
    assert found(status="completed") == [done]
    assert found(status="IN PROGRESS") == [running]
    assert found(station_ae_title="MR01") == [running]
    today = clock.today(a_site())
    assert found(date=today.isoformat()) == [running, done]
    assert found(date=(today - timedelta(days=1)).isoformat()) == []


@pytest.mark.parametrize("path", ["/performed-steps/1.2.3", "/performed-steps/x", f"/performed-steps/{'9' * 500}"])
def test_an_unknown_performed_step_is_404(rest: Rest, path: str) -> None:
    status, body = rest.get(path)
    assert (status, "performed step" in body["detail"]) == (404, True)


def test_unknown_statuses_are_422(rest: Rest) -> None:
    for path in ("/performed-steps", "/charges"):
        status, body = rest.get(path, status="DONE")
        assert (status, list(body["errors"])) == (422, ["status"])


def test_a_completed_exam_has_one_pending_charge(rest: Rest) -> None:
    step, other = a_step(), a_step(60)
    for one in (step, other):
        complete(begin(one))
    order = step.requested_procedure.order
    status, body = rest.get("/charges", accession_number=order.accession_number)
    assert (status, body["count"]) == (200, 1)
    (charge,) = body["items"]
    assert charge["status"] == "PENDING"
    assert charge["requested_procedure_id"] == step.requested_procedure.requested_procedure_id
    assert charge["accession_number"] == order.accession_number
    assert charge["amount"] == 250
    assert (charge["posted_at"], charge["error"]) == (None, "")
    assert charge["reason"]
    assert charge["control_id"] and len(charge["control_id"]) <= 20
    (line,) = charge["lines"]
    assert (line["code"], line["quantity"]) == ("CTCHEST", 1)
    assert rest.get("/charges")[1]["count"] == 2
    assert rest.get("/charges", status="posted")[1]["count"] == 0
    assert rest.get("/charges", date=clock.today(a_site()).isoformat())[1]["count"] == 2


@pytest.mark.both_databases
@pytest.mark.parametrize(("path", "queries"), [("/performed-steps", 7), ("/charges", 5)])
def test_these_lists_cost_the_same_queries_however_long_they_are(
    rest: Rest, django_assert_num_queries: Any, path: str, queries: int
) -> None:
    for number in range(4):
        complete(begin(a_step(10 + 40 * number)))
        if number in (0, 3):
            with django_assert_num_queries(queries + SEEN_USED + RECORDED):
                assert rest.get(path)[1]["count"] == number + 1
