"""Data sets of N-CREATE and N-SET as a well-behaved modality sends them, for any mixture of scheduled steps."""

from datetime import datetime, timedelta
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse.services import Verb
from dimse.uids import new_uid
from mpps import datasets
from mpps.received import Received
from ris import clock
from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_site


def an_item(step: ScheduledProcedureStep | None = None, **changes: object) -> Dataset:
    """An item of ScheduledStepAttributesSequence, copied from the step's worklist entry; without a step it is unscheduled."""
    item = Dataset()
    requested = step.requested_procedure if step else None
    item.StudyInstanceUID = requested.study_instance_uid if requested else new_uid()
    item.ReferencedStudySequence = []
    item.AccessionNumber = requested.order.accession_number if requested else ""
    item.RequestedProcedureID = requested.requested_procedure_id if requested else ""
    item.RequestedProcedureDescription = requested.description if requested else ""
    item.ScheduledProcedureStepID = step.scheduled_procedure_step_id if step else ""
    item.ScheduledProcedureStepDescription = step.description if step else ""
    item.ScheduledProtocolCodeSequence = []
    return changed(item, changes)


def changed(dataset: Dataset, changes: dict[str, Any]) -> Dataset:
    """Set attributes by keyword, to impossible values too; None takes one out."""
    for keyword, value in changes.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            tag = int(datasets.tag(keyword), 16)
            dataset[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)
    return dataset


def a_create(*steps: ScheduledProcedureStep, start: datetime | None = None, **changes: object) -> Dataset:
    """The attribute list of an N-CREATE for these steps (one unscheduled item when there are none)."""
    ds = Dataset()
    patient = steps[0].requested_procedure.order.patient if steps else None
    began = clock.local(start or clock.now(a_site()), a_site())
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Modality = "CT"
    ds.ProcedureCodeSequence = []
    ds.ReferencedPatientSequence = []
    ds.PatientName = patient.name if patient else ""
    ds.PatientID = patient.patient_id if patient else ""
    ds.PatientBirthDate = patient.birth_date.strftime("%Y%m%d") if patient and patient.birth_date else ""
    ds.PatientSex = patient.sex if patient else ""
    ds.StudyID = "1"
    ds.PerformedStationAETitle = "CT01"
    ds.PerformedStationName = "CT01"
    ds.PerformedLocation = ""
    ds.PerformedProcedureStepStartDate = began.strftime("%Y%m%d")
    ds.PerformedProcedureStepStartTime = began.strftime("%H%M%S")
    ds.PerformedProcedureStepEndDate = ""
    ds.PerformedProcedureStepEndTime = ""
    ds.PerformedProcedureStepStatus = "IN PROGRESS"
    ds.PerformedProcedureStepID = "PPS-1"
    ds.PerformedProcedureStepDescription = "CT chest"
    ds.PerformedProcedureTypeDescription = ""
    ds.PerformedProtocolCodeSequence = []
    ds.ScheduledStepAttributesSequence = [an_item(step) for step in steps] or [an_item()]
    ds.PerformedSeriesSequence = []
    return changed(ds, changes)


def a_series(images: int = 2, **changes: object) -> Dataset:
    series = Dataset()
    series.PerformingPhysicianName = ""
    series.ProtocolName = "CHEST ROUTINE"
    series.OperatorsName = "OPERATOR^Olga"
    series.SeriesInstanceUID = new_uid()
    series.SeriesDescription = "Axial"
    series.RetrieveAETitle = ""
    series.ReferencedImageSequence = [an_image() for _ in range(images)]
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    return changed(series, changes)


def an_image() -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    image.ReferencedSOPInstanceUID = new_uid()
    return image


def an_end(status: str = "COMPLETED", end: datetime | None = None, **changes: object) -> Dataset:
    """The modification list of the N-SET that ends a step, with one series."""
    ds = Dataset()
    ended = clock.local(end or clock.now(a_site()) + timedelta(seconds=1), a_site())
    ds.PerformedProcedureStepStatus = status
    ds.PerformedProcedureStepEndDate = ended.strftime("%Y%m%d")
    ds.PerformedProcedureStepEndTime = ended.strftime("%H%M%S")
    ds.PerformedSeriesSequence = [a_series()]
    return changed(ds, changes)


def a_reason(code: str, meaning: str, scheme: str = "DCM") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning
    return item


def received(verb: Verb, uid: str, dataset: Dataset, calling: str = "CT01") -> Received:
    """The message as the SCP hands it to the actions."""
    site = a_site()
    return Received(
        site=site,
        verb=verb,
        sop_instance_uid=uid,
        dataset=datasets.from_dataset(dataset),
        received_at=clock.now(site),
        calling_ae_title=calling,
        called_ae_title=site.ae_title,
        address="127.0.0.1",
        message_id=1,
        transfer_syntax="1.2.840.10008.1.2.1",
        raw=b"",
    )
