"""Performed steps, and who is told of them."""

from mpps.models.destination import Delivery, Destination
from mpps.models.performed import (
    Finding,
    MppsMessage,
    PerformedProcedureStep,
    PerformedSeries,
    PerformedStepChange,
    StepLink,
)

__all__ = [
    "Delivery",
    "Destination",
    "Finding",
    "MppsMessage",
    "PerformedProcedureStep",
    "PerformedSeries",
    "PerformedStepChange",
    "StepLink",
]
