from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataset import Dataset

from dimse import uids
from dimse.services import Verb
from mpps import checking, datasets
from mpps.reasons import reasons
from tests.support.scans import acquire
from training import performed
from training.performed import Device, code_item

NOW = datetime(2026, 11, 23, 9, 41, 30, tzinfo=ZoneInfo("America/New_York"))
CT01 = Device("CT01", "CT", name="CT 1", location="Room 1", operator="OP^One", physician="RAD^Two")


def worklist_item(**root: object) -> Dataset:
    item, step, study = Dataset(), Dataset(), Dataset()
    item.SpecificCharacterSet = "ISO_IR 192"
    item.AccessionNumber = "A261123-001"
    item.PatientName = "TANAKA^Hanako"
    item.PatientID = "4711"
    item.PatientBirthDate = "19800229"
    item.PatientSex = "F"
    item.StudyInstanceUID = "1.2.3.4"
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", "1.2.3.4"
    item.ReferencedStudySequence = [study]
    item.RequestedProcedureID = "RP-1"
    item.RequestedProcedureDescription = "CT chest with contrast"
    item.RequestedProcedureCodeSequence = [code_item("CTCHEST", "99STEPWISE", "CT chest")]
    step.ScheduledProcedureStepID = "SPS-1"
    step.ScheduledProcedureStepDescription = "CT chest"
    step.ScheduledProtocolCodeSequence = [code_item("P-CTCHEST-1", "99STEPWISE", "CT chest protocol")]
    step.Modality = "CT"
    item.ScheduledProcedureStepSequence = [step]
    for keyword, value in root.items():
        setattr(item, keyword, value)
    return item


def test_identifiers_of_the_worklist_item_are_carried_over():
    created = performed.in_progress([worklist_item()], CT01, NOW, "PPS1")
    scheduled = created.ScheduledStepAttributesSequence[0]

    assert scheduled.StudyInstanceUID == "1.2.3.4"
    assert scheduled.ReferencedStudySequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert (scheduled.AccessionNumber, scheduled.RequestedProcedureID) == ("A261123-001", "RP-1")
    assert (scheduled.ScheduledProcedureStepID, scheduled.ScheduledProcedureStepDescription) == ("SPS-1", "CT chest")
    assert scheduled.ScheduledProtocolCodeSequence[0].CodeValue == "P-CTCHEST-1"
    assert scheduled.RequestedProcedureCodeSequence[0].CodeValue == "CTCHEST"
    assert (created.PatientName, created.PatientID, created.PatientSex) == ("TANAKA^Hanako", "4711", "F")
    assert created.ProcedureCodeSequence[0].CodeValue == "CTCHEST"
    assert created.PerformedProtocolCodeSequence[0].CodeValue == "P-CTCHEST-1"
    assert (created.PerformedProcedureStepStartDate, created.PerformedProcedureStepStartTime) == ("20261123", "094130")
    assert (created.PerformedStationAETitle, created.Modality, created.PerformedProcedureStepStatus) == ("CT01", "CT", "IN PROGRESS")
    assert created.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize("item", [worklist_item(), Dataset()], ids=["full", "empty"])
def test_an_n_create_has_all_that_the_standard_wants(item):
    created = performed.in_progress([item], CT01, NOW, "PPS1")

    assert checking.problems_of_create(datasets.from_dataset(created)) == []


def test_an_unscheduled_exam_gets_a_study_uid_of_the_modality_and_no_identifiers():
    scheduled = performed.in_progress([Dataset()], CT01, NOW, "PPS1").ScheduledStepAttributesSequence[0]

    assert uids.is_valid(scheduled.StudyInstanceUID)
    assert (scheduled.AccessionNumber, scheduled.ScheduledProcedureStepID, len(scheduled.ReferencedStudySequence)) == ("", "", 0)


def test_a_group_has_one_item_for_each_request():
    items = [worklist_item(), worklist_item(AccessionNumber="A261123-002", StudyInstanceUID="1.2.3.5")]
    created = performed.in_progress(items, CT01, NOW, "PPS1")

    assert [item.AccessionNumber for item in created.ScheduledStepAttributesSequence] == ["A261123-001", "A261123-002"]
    assert len(created.ProcedureCodeSequence) == 2


@pytest.mark.parametrize(
    ("status", "share", "code"), [("COMPLETED", 1.0, ""), ("DISCONTINUED", 0.5, "110505"), ("DISCONTINUED", 0.0, "110513")]
)
def test_a_final_n_set_has_all_that_the_standard_wants(status, share, code):
    created = performed.in_progress([worklist_item()], CT01, NOW, "PPS1")
    series = acquire(CT01, "CT chest", "CT chest protocol", Random(1), share=share)
    reason = reasons()[code] if code else None
    final = performed.final(status, performed.what_is_done([worklist_item()]), series, NOW, reason)
    stored, modification = datasets.from_dataset(created), datasets.from_dataset(final)

    assert checking.problems_of_set(modification, stored) == []
    assert checking.problems_of_final(datasets.merged(stored, modification)) == []
    assert checking.settle(Verb.N_SET, [], strict=True) == []
    assert [item.CodeValue for item in final.get("PerformedProcedureStepDiscontinuationReasonCodeSequence", [])] == ([code] if code else [])


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "DX", "CR", "MG", "RF", "NM", "XA", "PT", "OT"])
def test_every_modality_makes_series_with_valid_and_different_uids(modality):
    series = acquire(Device("X", modality), "Exam", "Protocol", Random(1))
    images = [image.ReferencedSOPInstanceUID for one in series for image in one.ReferencedImageSequence]

    assert images
    assert len(set(images)) == len(images)
    assert all(uids.is_valid(uid) for uid in [*images, *(one.SeriesInstanceUID for one in series)])
    assert all(one.ProtocolName for one in series)


def test_a_scan_that_was_broken_off_at_once_has_one_series_without_images():
    series = acquire(CT01, "CT chest", "Protocol", Random(1), share=0.0)

    assert [len(one.ReferencedImageSequence) for one in series] == [0]


def test_what_a_worklist_got_wrong_still_fits_into_the_message():
    item = worklist_item(RequestedProcedureDescription="long " * 12)
    item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription = ""
    created = performed.in_progress([item], CT01, NOW, "PPS1")

    assert created.PerformedProcedureStepDescription.startswith("long long")
    assert len(created.PerformedProcedureStepDescription) <= 64
