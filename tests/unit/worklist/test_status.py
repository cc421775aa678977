"""A status exchanged in an encoded item is what encoding the item anew gives."""

import pytest
from pydicom.dataset import Dataset

from worklist import item
from worklist.status import with_status


def an_item(status: str | None) -> bytes:
    dataset, step = Dataset(), Dataset()
    dataset.AccessionNumber, dataset.PatientName, dataset.RequestedProcedureID = "A1", "NÚÑEZ^María", "R1"
    dataset.RequestingPhysician = "OKAFOR^Chidi"
    step.Modality, step.ScheduledStationAETitle, step.ScheduledProcedureStepID = "CT", "CT01", "S1"
    if status is not None:
        step.ScheduledProcedureStepStatus = status
    step.ScheduledProcedureStepLocation = "Room 1"
    dataset.ScheduledProcedureStepSequence = [step]
    return item.encode(dataset)


@pytest.mark.parametrize("after", ["READY", "STARTED", "DISCONTINUED", "SCHEDULED"])
@pytest.mark.parametrize("before", ["SCHEDULED", "ARRIVED"])
def test_a_status_is_exchanged_whatever_its_length(before: str, after: str) -> None:
    assert with_status(an_item(before), after) == an_item(after)


def test_an_item_without_a_status_is_left_to_be_built_anew() -> None:
    assert with_status(an_item(None), "READY") is None
    assert with_status(b"", "READY") is None
