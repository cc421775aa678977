"""The network side of a virtual modality: one association per exchange, as most scanners do it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from dimse.scu import (
    NonsenseAnswer,
    NotReachable,
    Refused,
    ScuAnswer,
    ScuAssociation,
    ScuError,
    TimedOut,
    Timeouts,
    open_association,
)
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST

_CALLING_UNKNOWN, _CALLED_UNKNOWN = 3, 7  # reasons of the service user, PS3.8 Table 9-21
_SERVICE_USER = 1


@dataclass(frozen=True)
class Target:
    """The SCP that is asked and told: Stepwise or any other."""

    host: str
    port: int
    called: str
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __str__(self) -> str:
        return f"{self.called} at {self.host}:{self.port}"


def find(target: Target, calling: str, queries: Sequence[Dataset]) -> list[Dataset]:
    """The worklist items of the first query that finds any, asked one after the other in one association. Raises ScuError."""
    with _association(target, calling, MODALITY_WORKLIST) as association:
        for query in queries:
            found = list(association.find(query))
            if found:
                return found
    return []


def n_create(target: Target, calling: str, sop_instance_uid: str, attributes: Dataset) -> ScuAnswer:
    """Raises ScuError when there was no answer; a failure status is an answer."""
    with _association(target, calling, MODALITY_PERFORMED_PROCEDURE_STEP) as association:
        return association.n_create(attributes, sop_instance_uid)


def n_set(target: Target, calling: str, sop_instance_uid: str, modifications: Dataset) -> ScuAnswer:
    """Raises ScuError when there was no answer; a failure status is an answer."""
    with _association(target, calling, MODALITY_PERFORMED_PROCEDURE_STEP) as association:
        return association.n_set(modifications, sop_instance_uid)


def _association(target: Target, calling: str, service: str) -> AbstractContextManager[ScuAssociation]:
    return open_association(target.host, target.port, calling=calling, called=target.called, contexts=[service], timeouts=target.timeouts)


def advice(error: ScuError, target: Target, calling: str) -> str:
    """What to try next, as a sentence; empty when the error itself says it."""
    if isinstance(error, NotReachable):
        return f"Start it (`make run`), or name another one with --host and --port (asked: {target.host}, {target.port})."
    if isinstance(error, Refused):
        if error.transient:
            return "It is busy; try again in a moment."
        if error.source == _SERVICE_USER and error.reason == _CALLED_UNKNOWN:
            return f"It has another AE title than {target.called}; give the right one with --called."
        if error.source == _SERVICE_USER and error.reason == _CALLING_UNKNOWN:
            return f"It does not know {calling}; register that station there, or let it accept unknown callers."
        return "Look at its log for why."
    if isinstance(error, TimedOut | NonsenseAnswer):
        return f"Is {target.host}:{target.port} its DICOM port? In its log, look whether it saw the association."
    return ""
