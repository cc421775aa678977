"""Files that are taken in by lots become what they become one after the other, whatever they share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import transaction
from pydicom import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from ris.actions import intake, patients, removal, steps
from ris.actor import Actor
from ris.models import Order, Patient, RecordChange, RequestedProcedure, ScheduledProcedureStep, StepChange, Visit
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station
from tests.support.worklist import identifier
from worklist import beyond, importer, item, projection, reading, received
from worklist.importer import ImportReport
from worklist.models import WorklistEntry

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
Snapshot = dict[str, list[Any]]


def a_mixed_item(random: Random) -> Dataset:
    """Values out of small pools: items share orders, patients, visits and procedures, contradict each other, and lack identifiers."""
    pick = random.choice
    code = identifier(CodeValue=pick(["CTCHEST", "OTHER"]), CodingSchemeDesignator="99TEST", CodeMeaning="CT")
    root = {
        "AccessionNumber": pick(["A1", "A2", "A3", "A4", "A5", "A-NUMBER-TOO-LONG-FOR-SH", None]),
        "PatientID": pick(["P1", "P2", "P3", "P4", None]),
        "IssuerOfPatientID": pick([None, None, None, "OTHER"]),
        "PatientName": pick(["DOE^JOHN", "DOE^JANE^^", "BACH"]),
        "PatientBirthDate": pick(["19610101", "19610231", None]),
        "PatientSex": pick(["M", "F", "X"]),
        "RequestedProcedureID": pick(["R1", "R2", None]),
        "RequestedProcedureCodeSequence": pick([None, [code]]),
        "RequestedProcedurePriority": pick([None, "STAT"]),
        "AdmissionID": pick([None, None, "V1", "V2"]),
        "CurrentPatientLocation": pick([None, "Ward 1", "Ward 2"]),
    }
    step = {
        "ScheduledProcedureStepID": pick(["S1", "S2", "S3", None]),
        "ScheduledStationAETitle": pick(["CT01", ["CT01", "NOBODY"], None]),
        "ScheduledProcedureStepStartDate": pick(["20261123", "20260230", None]),
        "ScheduledProcedureStepStatus": pick([None, None, None, "ARRIVED", "COMPLETED", "ODD"]),
    }
    return identifier({key: value for key, value in step.items() if value}, **{key: value for key, value in root.items() if value})


@pytest.fixture
def write(tmp_path: Path) -> Callable[[int, int], list[Path]]:
    def write_items(seed: int, count: int) -> list[Path]:
        random = Random(seed)
        paths = [tmp_path / f"{number:03}.wl" for number in range(count)]
        for path in paths:
            path.write_bytes(encode(a_mixed_item(random), EXPLICIT_VR_LITTLE_ENDIAN))
        return paths

    return write_items


def one_after_the_other(paths: list[Path]) -> None:
    """The same files by `intake_step` alone; of those that name one step the first."""
    site, seen = a_site(), set()
    for path in paths:
        read = reading.read(path)
        notes = (*read.notes, *received.remarks(read.dataset, site))
        offered = received.intake_item(read.dataset, site, received.catalogue_of(site), notes)
        if importer._identity(offered) not in seen:
            seen.add(importer._identity(offered))
            intake.intake_step(site, offered, importer.ACTOR, lambda step, rows, kept=read.dataset: beyond.columns(step, rows, kept))


def replaced(paths: list[Path]) -> ImportReport:
    """The files in place of what is served; without files that is only removed."""
    if not paths:
        removal.remove_steps(a_site(), importer.ACTOR, among=importer.SERVED_STEPS)
    return importer.import_paths(paths, bool(paths), a_site())


def imported(paths: list[Path]) -> ImportReport:
    return importer.import_paths(paths, False, a_site())


def snapshot() -> Snapshot:
    """Every record by what it says, without keys and moments."""
    entries = WorklistEntry.objects.values_list("item", "status", "local_date", "station_ae_titles")
    return {
        "entries": sorted((bytes(item), *rest) for item, *rest in entries),
        "patients": sorted(Patient.objects.values_list("patient_id", "issuer_of_patient_id", "name", "sex")),
        "visits": sorted(Visit.objects.values_list("admission_id", "current_patient_location", "patient__patient_id")),
        "orders": sorted(Order.objects.values_list("accession_number", "patient__patient_id", "priority", "visit__admission_id"), key=str),
        "procedures": sorted(RequestedProcedure.objects.values_list("requested_procedure_id", "order__accession_number", "price")),
        "steps": sorted(ScheduledProcedureStep.objects.values_list("scheduled_procedure_step_id", "status", "version")),
        "history": sorted(StepChange.objects.values_list("verb", "from_status", "to_status", "reason")),
        "changes": sorted(RecordChange.objects.values_list("verb", "subject")),
    }


def after(act: Callable[[], object]) -> Snapshot:
    """What is there when the act was done, which is then undone."""
    with transaction.atomic():
        act()
        found = snapshot()
        transaction.set_rollback(True)
    return found


@pytest.fixture(autouse=True)
def hospital() -> Iterator[None]:
    a_station("CT01")
    a_procedure("CTCHEST")
    for patient_id in ("P1", "P2"):
        patients.register_patient(a_site(), a_patient_data(patient_id=patient_id, name="REGISTERED^Elsewhere"), ACTOR)
    yield
    assert dict(projection.differences()) == {}


@pytest.mark.parametrize("seed", range(2))
def test_by_lots_and_one_after_the_other_make_the_same(write: Callable[[int, int], list[Path]], seed: int) -> None:
    paths = write(seed, 40)
    singly, by_lots = after(lambda: one_after_the_other(paths)), after(lambda: imported(paths))
    assert by_lots == singly
    assert len(by_lots["steps"]) > 15


@pytest.mark.parametrize("seed", range(2))
def test_a_second_import_finds_nothing_to_do_where_one_after_the_other_finds_nothing(
    write: Callable[[int, int], list[Path]], seed: int
) -> None:
    paths = write(seed, 30)
    first = imported(paths)
    steps.cancel(ScheduledProcedureStep.objects.filter(status="SCHEDULED").order_by("pk")[0].pk, ACTOR, "not today")
    before = snapshot()
    assert after(lambda: one_after_the_other(paths)) == before
    again = imported(paths)
    assert snapshot() == before
    assert (again.made, again.updated) == ([], [])
    assert len(again.unchanged) + len(again.performed) + len(again.skipped) == len(paths)
    assert [one.path for one in again.skipped] == [one.path for one in first.skipped]


def test_after_a_replacing_import_the_next_one_finds_nothing_to_do(write: Callable[[int, int], list[Path]]) -> None:
    imported(write(3, 12))
    begun = ScheduledProcedureStep.objects.filter(status="SCHEDULED").order_by("pk")[0]
    steps.start(begun.pk, Actor.modality("CT01"))
    paths = write(4, 25)
    singly = after(lambda: (replaced([]), one_after_the_other(paths)))
    report = replaced(paths)
    assert report.removed == 5
    assert snapshot() == singly
    again = imported(paths)
    assert snapshot() == singly
    assert (again.made, again.updated) == ([], [])


@pytest.mark.parametrize("alone", [True, False], ids=["singly", "by lots"])
def test_a_registered_patient_without_orders_takes_the_values_of_the_first_item(
    write: Callable[[int, int], list[Path]], alone: bool
) -> None:
    paths = write(0, 2)
    for path, name, sex in zip(paths, ("FIRST^Item", "SECOND^Item"), "MF", strict=True):
        path.write_bytes(encode(a_known_patients_item(path.stem, name, sex), EXPLICIT_VR_LITTLE_ENDIAN))
    if alone:
        one_after_the_other(paths)
    else:
        imported(paths)
    patient = Patient.objects.get(patient_id="P1")
    assert (patient.name, patient.sex, patient.birth_date) == ("FIRST^Item", "M", None)
    change = RecordChange.objects.get(verb="import", subject="patient", subject_id=patient.pk)
    assert change.detail["patient.name"] == ["REGISTERED^Elsewhere", "FIRST^Item"]
    assert imported(paths).unchanged == paths
    assert after(lambda: one_after_the_other(paths)) == snapshot()
    assert [str(item.decode(entry.item).PatientName) for entry in WorklistEntry.objects.order_by("pk")] == ["FIRST^Item", "SECOND^Item"]


def a_known_patients_item(number: str, name: str, sex: str) -> Dataset:
    step = {"ScheduledProcedureStepID": number, "ScheduledProcedureStepStartDate": "20261123"}
    return identifier(step, AccessionNumber=number, PatientID="P1", PatientName=name, PatientSex=sex, RequestedProcedureID="R")


def test_a_mended_file_among_unchanged_ones_is_the_only_one_brought_up(write: Callable[[int, int], list[Path]]) -> None:
    paths = write(1, 20)
    imported(paths)
    known = imported(paths).unchanged[3]
    mended = reading.read(known).dataset
    mended.PatientComments = "mended"
    known.write_bytes(encode(mended, EXPLICIT_VR_LITTLE_ENDIAN))
    report = imported(paths)
    assert (report.updated, report.made) == ([known], [])
