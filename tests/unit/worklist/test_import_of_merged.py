"""Files that name a patient who was merged into another one here."""

from pathlib import Path

import pytest

from ris.actions import merging, patients
from ris.models import Patient, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_site
from tests.support.items import write_items
from tests.support.worklist import asking, found
from worklist import importer, item, projection
from worklist.importer import ImportReport

pytestmark = pytest.mark.django_db


def imported(*paths: Path) -> ImportReport:
    return importer.import_paths(paths, False, a_site())


def merged() -> Patient:
    """The patient of the numbered items, merged into P1."""
    survivor = patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="ROE^Ann", birth_date="", sex=""), ACTOR)
    merging.merge_patients(survivor, Patient.objects.get(patient_id="P0000000"), ACTOR)
    return survivor


def patients_served() -> list[tuple[str, str]]:
    items = [item.decode(one.item) for one in found(asking({}))]
    return [(one.PatientID, str(one.PatientName)) for one in items]


def test_the_same_files_again_change_nothing_and_bring_no_second_step(tmp_path: Path) -> None:
    paths = write_items(tmp_path / "items", 2)
    imported(*paths)
    merged()
    report = imported(*paths)
    assert (len(report.unchanged), ScheduledProcedureStep.objects.count()) == (2, 2)
    assert patients_served() == [("P1", "ROE^Ann")] * 2
    assert dict(projection.differences()) == {}


def test_a_new_item_of_the_merged_patient_is_the_survivor_s(tmp_path: Path) -> None:
    first, second = write_items(tmp_path / "items", 2)
    imported(first)
    survivor = merged()
    assert len(imported(second).made) == 1
    assert patients_served() == [("P1", "ROE^Ann")] * 2
    survivor.refresh_from_db()
    assert (survivor.patient_id, survivor.orders.count()) == ("P1", 2)


def test_after_the_merge_is_undone_the_files_are_as_they_were(tmp_path: Path) -> None:
    paths = write_items(tmp_path / "items", 2)
    imported(*paths)
    merged()
    merging.undo_merge(Patient.objects.get(patient_id="P0000000"), ACTOR, "not the same")
    assert len(imported(*paths).unchanged) == 2
    assert patients_served() == [("P0000000", "FAMILY0^Given")] * 2
