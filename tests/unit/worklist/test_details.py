"""What an import brings of what staff set goes to the records, comes back as it came, and gives way to what staff set then."""

from pathlib import Path
from typing import Any

import pytest

from ris.actions import edits, patients
from ris.models import Order, Patient, ScheduledProcedureStep, Visit
from tests.support.hospital import ACTOR, a_site
from tests.support.items import write_item
from tests.support.worklist import asked_over, identifier
from worklist import exporter, importer, projection

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ROOT = {
    "AccessionNumber": "A1",
    "PatientID": "P1",
    "PatientName": "DOE^JANE",
    "RequestedProcedureID": "RP1",
    "EthnicGroup": "as received",
    "LastMenstrualDate": "2026.06.01",
    "VisitComments": "no admission ID",
    "AdmittingDiagnosesDescription": ["R07.4", "R51"],
    "OrderEnteredBy": "DESK^FRONT",
    "ConfidentialityCode": "R",
}
STEP = {"ScheduledProcedureStepStartDate": "20260706", "ScheduledProcedureStepID": "S1", "AnatomicalOrientationType": "BIPED"}


def take_in(folder: Path, name: str = "one", **root: Any) -> ScheduledProcedureStep:
    path = write_item(folder / f"{name}.wl", identifier(STEP, **(ROOT | root)))
    report = importer.import_paths([path], False, a_site())
    assert report.skipped == []
    return ScheduledProcedureStep.objects.get(requested_procedure__order__accession_number=root.get("AccessionNumber", "A1"))


def test_values_that_staff_could_have_set_go_to_the_records_and_others_stay_as_they_came(tmp_path: Path) -> None:
    step = take_in(tmp_path)
    procedure = step.requested_procedure
    visit = procedure.order.visit
    assert procedure.order.patient.details == {"EthnicGroup": "as received", "LastMenstrualDate": "20260601"}
    assert visit is not None
    assert visit.details == {"AdmittingDiagnosesDescription": ["R07.4", "R51"], "VisitComments": "no admission ID"}
    assert (procedure.order.details, procedure.details) == ({"OrderEnteredBy": "DESK^FRONT"}, {"ConfidentialityCode": "R"})
    assert step.details == {"AnatomicalOrientationType": "BIPED"}
    assert not set(step.received_item) & {"00102160", "00384000", "00081080", "00401008", "00402008"}
    assert "00102210" not in step.received_item["00400100"]["Value"][0]
    assert step.received_item["001021D0"]["Value"] == ["2026.06.01"]


def test_items_of_one_patient_that_tell_the_same_of_a_visit_without_an_id_share_it(tmp_path: Path) -> None:
    take_in(tmp_path)
    take_in(tmp_path, "two", AccessionNumber="A2")
    take_in(tmp_path, "three", AccessionNumber="A3", VisitComments="another one")
    assert (Visit.objects.count(), Order.objects.count()) == (2, 3)


def test_what_staff_set_then_is_served_at_once_and_survives_the_way_out_and_in_again(tmp_path: Path) -> None:
    step = take_in(tmp_path)
    patient = Patient.objects.get()
    data = patients.data_of(patient)
    patients.update_patient(patient, data.__class__(**data.__dict__ | {"details": {"LastMenstrualDate": "2026-06-02"}}), ACTOR)
    edits.edit_exam(step.pk, {"visit": {"VisitComments": "typed"}, "step": {"AnatomicalOrientationType": ""}}, ACTOR)
    asked = identifier(
        {"AnatomicalOrientationType": ""}, EthnicGroup="", LastMenstrualDate="", VisitComments="", AdmittingDiagnosesDescription=""
    )
    _, [before] = asked_over(asked)
    assert (before.EthnicGroup, before.LastMenstrualDate, before.VisitComments) == ("", "20260602", "typed")
    assert before.ScheduledProcedureStepSequence[0].AnatomicalOrientationType == ""
    assert list(before.AdmittingDiagnosesDescription) == ["R07.4", "R51"]
    exporter.export(tmp_path / "out", a_site())
    report = importer.import_paths([tmp_path / "out"], False, a_site())
    assert (len(report.unchanged), report.updated, report.made) == (1, [], [])
    _, [after] = asked_over(asked)
    assert after == before
    assert dict(projection.differences()) == {}
