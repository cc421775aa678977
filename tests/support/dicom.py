"""Data sets and their bytes, for tests of the network."""

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def encoded(dataset: Dataset, transfer_syntax: str = IMPLICIT) -> bytes:
    """`dataset` as pydicom writes it."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == IMPLICIT
    buffer.is_little_endian = transfer_syntax != BIG_ENDIAN
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def worklist_query(**root: object) -> Dataset:
    """An identifier that asks for CT steps; keyword arguments are root-level keys."""
    query, step = Dataset(), Dataset()
    query.PatientName = ""
    query.PatientID = ""
    step.Modality = "CT"
    step.ScheduledStationAETitle = ""
    step.ScheduledProcedureStepID = ""
    query.ScheduledProcedureStepSequence = [step]
    for keyword, value in root.items():
        setattr(query, keyword, value)
    return query
