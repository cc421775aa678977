"""A real server on a free port, with small services that stand for the applications'."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dimse import statuses
from dimse.entries import Entry
from dimse.errors import DimseFailure
from dimse.server import DicomServer, ServerSettings
from dimse.services import (
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST,
    Answer,
    CreateRequest,
    FindAnswer,
    FindRequest,
    Request,
    Service,
    SetRequest,
    Verb,
)


def entry(number: int, query: Dataset) -> Dataset:
    answer, step = Dataset(), Dataset()
    answer.SpecificCharacterSet = "ISO_IR 192"
    answer.PatientName = f"Müller^{number}"
    answer.PatientID = f"P{number}"
    step.Modality = query.ScheduledProcedureStepSequence[0].get("Modality", "") if "ScheduledProcedureStepSequence" in query else ""
    step.ScheduledProcedureStepID = f"S{number}"
    answer.ScheduledProcedureStepSequence = [step]
    return answer


@dataclass
class Ris:
    """What the handlers answer and what they were asked."""

    answers: int = 3
    requests: list[Request] = field(default_factory=list)
    on_find: Callable[[FindRequest], Iterator[FindAnswer]] | None = None
    on_create: Callable[[CreateRequest], Answer] | None = None
    entries: list[Entry] = field(default_factory=list)

    def put(self, entry: Entry) -> None:
        self.entries.append(entry)

    def find(self, request: FindRequest) -> Iterator[FindAnswer]:
        self.requests.append(request)
        if self.on_find is not None:
            yield from self.on_find(request)
            return
        for number in range(self.answers):
            if request.is_cancelled():
                yield statuses.CANCELED, None
                return
            yield statuses.PENDING, entry(number, request.identifier)

    def create(self, request: CreateRequest) -> Answer:
        self.requests.append(request)
        if self.on_create is not None:
            return self.on_create(request)
        if "PerformedProcedureStepStatus" not in request.attribute_list:
            raise DimseFailure(statuses.MISSING_ATTRIBUTE, "PerformedProcedureStepStatus is missing", offending=[0x00400252])
        return statuses.SUCCESS, None

    def modify(self, request: SetRequest) -> Answer:
        self.requests.append(request)
        raise DimseFailure(
            statuses.PROCESSING_FAILURE,
            "Performed Procedure Step Object may no longer be updated",
            error_id=statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED,
            offending=[0x00400252],
        )


@pytest.fixture
def ris() -> Ris:
    return Ris()


@pytest.fixture
def serve(ris: Ris) -> Iterator[Callable[..., DicomServer]]:
    """`serve(max_associations=1, …)` starts a server with these settings on a free port."""
    started: list[DicomServer] = []

    def start(**settings: Any) -> DicomServer:
        offered = [
            Service(MODALITY_WORKLIST, "Modality Worklist", {Verb.C_FIND: ris.find}),
            Service(MODALITY_PERFORMED_PROCEDURE_STEP, "MPPS", {Verb.N_CREATE: ris.create, Verb.N_SET: ris.modify}),
        ]
        server = DicomServer(offered, ServerSettings(**{"port": 0, **settings}), ris)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop(2.0)


@pytest.fixture
def server(serve: Callable[..., DicomServer]) -> DicomServer:
    return serve()
