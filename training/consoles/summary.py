"""A message of a console in a few words."""

from pydicom.dataset import Dataset

from ris import validation
from ris.console import counted
from training import query
from training.performed import step_item
from training.sent import Sent

_KEYS = (("PatientName", "patient name"), ("PatientID", "patient ID"), ("AccessionNumber", "accession number"))
_STEP_KEYS = (
    ("ScheduledStationAETitle", "station"),
    ("ScheduledProcedureStepStartDate", "date"),
    ("Modality", "modality"),
    ("ScheduledProcedureStepID", "step ID"),
)


def summary(sent: Sent) -> str:
    """`station CT01, date 20261123`, or `IN PROGRESS, 3 series, 48 images`."""
    if sent.verb == "C-FIND":
        return validation.printable(_asked(sent.request))
    return validation.printable(_told(sent.request))


def _asked(request: Dataset) -> str:
    step = step_item(request)
    keys = [(word, query.text(request, keyword)) for keyword, word in _KEYS] + [
        (word, query.text(step, keyword)) for keyword, word in _STEP_KEYS
    ]
    return ", ".join(f"{word} {value}" for word, value in keys if value) or "everything"


def _told(request: Dataset) -> str:
    parts = [query.text(request, "PerformedProcedureStepStatus")]
    series = request.get("PerformedSeriesSequence") or []
    if series:
        images = sum(len(one.get("ReferencedImageSequence") or []) for one in series)
        parts.append(f"{len(series)} series, {counted(images, 'image')}")
    return ", ".join(part for part in parts if part)
