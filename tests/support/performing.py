"""Performing exams in-process: the MPPS messages of a modality handed to the actions that the SCP hands them to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dimse.services import Verb
from mpps import actions, datasets
from mpps.models import PerformedProcedureStep
from mpps.received import Received
from ris import clock
from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_site

Code = tuple[str, str, str]
"""Code value, coding scheme designator, code meaning."""


def code_items(*codes: Code) -> list[Dataset]:
    items = []
    for value, scheme, meaning in codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
        items.append(item)
    return items


def supply(quantity: str = "80", code: str = "IOHEX") -> list[Dataset]:
    item, amount = Dataset(), Dataset()
    item.BillingItemSequence = code_items((code, "99TEST", "Iohexol 350"))
    amount.add_new("Quantity", "DS", quantity)
    amount.MeasuringUnitsSequence = code_items(("ml", "UCUM", "ml"))
    item.QuantitySequence = [amount]
    return [item]


def film(number: int = 3) -> list[Dataset]:
    item = Dataset()
    item.NumberOfFilms, item.MediumType, item.FilmSizeID = number, "BLUE FILM", "14INX17IN"
    return [item]


def begin(
    steps: Sequence[ScheduledProcedureStep], *, at: datetime | None = None, station: str = "CT01", uid: str = "", **more: Any
) -> PerformedProcedureStep:
    """N-CREATE for the scheduled steps (none: unscheduled). Keyword arguments are elements of the data set."""
    started = clock.local(at or clock.now(a_site()), a_site())
    created = Dataset()
    created.ScheduledStepAttributesSequence = [_scheduled(step) for step in steps] or [_unscheduled()]
    created.PatientName = steps[0].requested_procedure.order.patient.name if steps else "DOE^John"
    created.PatientID = steps[0].requested_procedure.order.patient.patient_id if steps else ""
    created.PatientBirthDate = created.PatientSex = ""
    created.PerformedProcedureStepID = "PPS1"
    created.PerformedStationAETitle = station
    created.PerformedProcedureStepStartDate = started.strftime("%Y%m%d")
    created.PerformedProcedureStepStartTime = started.strftime("%H%M%S")
    created.PerformedProcedureStepStatus = "IN PROGRESS"
    created.Modality = "CT"
    for keyword in (
        "PerformedStationName",
        "PerformedLocation",
        "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndTime",
        "StudyID",
    ):
        setattr(created, keyword, "")
    for keyword in ("PerformedProcedureStepDescription", "PerformedProcedureTypeDescription"):
        setattr(created, keyword, "")
    for keyword in ("ReferencedPatientSequence", "ProcedureCodeSequence", "PerformedProtocolCodeSequence", "PerformedSeriesSequence"):
        setattr(created, keyword, [])
    for keyword, value in more.items():
        setattr(created, keyword, value)
    return actions.n_create(_received(Verb.N_CREATE, uid or generate_uid(), created, station))


def end(
    performed: PerformedProcedureStep,
    status: str = "COMPLETED",
    *,
    images: int = 24,
    reason: Code | None = None,
    operator: str = "WEBER^Jan",
    **more: Any,
) -> PerformedProcedureStep:
    """The final N-SET: one series with this many images, and a reason when the step was discontinued."""
    ended = clock.local(clock.now(a_site()), a_site())
    modified = Dataset()
    modified.PerformedProcedureStepStatus = status
    modified.PerformedProcedureStepEndDate = ended.strftime("%Y%m%d")
    modified.PerformedProcedureStepEndTime = ended.strftime("%H%M%S")
    modified.PerformedSeriesSequence = [a_series(images, operator)]
    if reason:
        modified.PerformedProcedureStepDiscontinuationReasonCodeSequence = code_items(reason)
    for keyword, value in more.items():
        setattr(modified, keyword, value)
    return actions.n_set(_received(Verb.N_SET, performed.sop_instance_uid, modified, performed.calling_ae_title))


def perform(steps: Iterable[ScheduledProcedureStep], status: str = "COMPLETED", **options: Any) -> PerformedProcedureStep:
    """Begin and end one performed step for these scheduled steps."""
    return end(begin(list(steps)), status, **options)


def _scheduled(step: ScheduledProcedureStep) -> Dataset:
    procedure = step.requested_procedure
    item = _unscheduled()
    item.StudyInstanceUID = procedure.study_instance_uid
    item.AccessionNumber = procedure.order.accession_number
    item.RequestedProcedureID = procedure.requested_procedure_id
    item.RequestedProcedureDescription = procedure.description
    item.ScheduledProcedureStepID = step.scheduled_procedure_step_id
    item.ScheduledProcedureStepDescription = step.description
    return item


def _unscheduled() -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = generate_uid()
    item.ReferencedStudySequence = []
    item.ScheduledProtocolCodeSequence = []
    for keyword in (
        "AccessionNumber",
        "RequestedProcedureID",
        "RequestedProcedureDescription",
        "ScheduledProcedureStepID",
        "ScheduledProcedureStepDescription",
    ):
        setattr(item, keyword, "")
    return item


def a_series(images: int, operator: str) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = generate_uid()
    series.ProtocolName = "CHEST"
    series.PerformingPhysicianName = ""
    series.OperatorsName = operator
    series.SeriesDescription = ""
    series.RetrieveAETitle = ""
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    series.ReferencedImageSequence = []
    for _ in range(images):
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
        series.ReferencedImageSequence.append(image)
    return series


def _received(verb: Verb, uid: str, dataset: Dataset, calling: str) -> Received:
    return Received(
        site=a_site(),
        verb=verb,
        sop_instance_uid=uid,
        dataset=datasets.from_dataset(dataset),
        received_at=clock.now(a_site()),
        calling_ae_title=calling,
    )
