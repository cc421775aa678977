"""A client's association without threads, kept open for as long as the peer likes."""

import threading
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from dimse import outcomes, statuses
from dimse.line import Line
from dimse.server import DicomServer
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, VERIFICATION
from tests.support.dicom import worklist_query
from tests.support.wait import wait_until

EVERYTHING = (VERIFICATION, MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP)


def line(server: DicomServer, *contexts: str) -> Line:
    return Line("127.0.0.1", server.port, calling="CT01", called="RIS", contexts=contexts or EVERYTHING)


def in_progress() -> Dataset:
    created = Dataset()
    created.SpecificCharacterSet = "ISO_IR 192"
    created.PatientName = "Müller^Jörg"
    created.PerformedProcedureStepStatus = "IN PROGRESS"
    return created


def test_one_association_carries_every_verb(server: DicomServer, ris) -> None:
    ris.answers = 40
    with line(server) as open_line:
        open_line.echo()
        found = list(open_line.find(worklist_query()))
        created = open_line.n_create(in_progress(), "2.25.7")
        refused = open_line.n_set(in_progress(), "2.25.7")
    assert [str(one.PatientName) for one in found] == [f"Müller^{n}" for n in range(40)]
    assert found[39].ScheduledProcedureStepSequence[0].ScheduledProcedureStepID == "S39"
    assert (created.status, created.sop_instance_uid) == (statuses.SUCCESS, "2.25.7")
    assert str(ris.requests[1].attribute_list.PatientName) == "Müller^Jörg"
    assert (refused.status, refused.error_id, refused.offending) == (
        statuses.PROCESSING_FAILURE,
        statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED,
        (0x00400252,),
    )
    assert refused.comment == "Performed Procedure Step Object may no longer be updated"
    assert {request.association.calling_ae_title for request in ris.requests} == {"CT01"}


def test_the_other_side_assigns_a_uid_that_is_not_given(server: DicomServer, ris) -> None:
    with line(server) as open_line:
        assert open_line.n_create(in_progress()).sop_instance_uid


def test_a_data_set_that_is_longer_than_a_pdu_arrives_whole(server: DicomServer, ris) -> None:
    created = in_progress()
    created.CommentsOnThePerformedProcedureStep = "long" * 50_000
    with line(server) as open_line:
        assert open_line.n_create(created, "2.25.7").ok
    assert len(ris.requests[0].attribute_list.CommentsOnThePerformedProcedureStep) == len(created.CommentsOnThePerformedProcedureStep)


def test_a_failed_query_is_an_error_with_its_answer(server: DicomServer, ris) -> None:
    def refuse(request):
        yield statuses.UNABLE_TO_PROCESS, None

    ris.on_find = refuse
    with line(server) as open_line, pytest.raises(outcomes.FailureStatus) as failed:
        list(open_line.find(worklist_query()))
    assert failed.value.answer.status == statuses.UNABLE_TO_PROCESS


def test_a_query_that_is_left_early_ends_the_association(server: DicomServer, ris) -> None:
    open_line = line(server)
    answers = open_line.find(worklist_query())
    next(answers)
    answers.close()
    assert not open_line.is_open


def test_who_keeps_a_line_sees_that_the_peer_has_ended_it(serve: Callable[..., DicomServer], caplog: pytest.LogCaptureFixture) -> None:
    server = serve()
    with line(server) as open_line:
        assert open_line.is_open
        stopping = threading.Thread(target=server.stop, args=(5.0,))
        stopping.start()
        wait_until(lambda: not open_line.is_open, 5, "the line is seen to be closed")
        stopping.join()
    assert "did not confirm" not in caplog.text
    with pytest.raises(outcomes.Aborted, match="closed the connection before C-ECHO"):
        open_line.echo()


def test_a_service_that_was_not_asked_for_is_not_there(server: DicomServer) -> None:
    with line(server, VERIFICATION) as open_line, pytest.raises(outcomes.NothingAccepted, match="not the service that C-FIND needs"):
        list(open_line.find(worklist_query()))


def test_none_of_the_services_is_an_error_in_words(server: DicomServer) -> None:
    with pytest.raises(outcomes.NothingAccepted, match="none of the services"):
        line(server, "1.2.840.10008.5.1.4.1.1.2")


def test_a_refused_association_tells_why(serve: Callable[..., DicomServer]) -> None:
    server = serve(max_associations=1)
    with line(server), pytest.raises(outcomes.Refused, match="refused the association for now") as refused:
        line(server)
    assert refused.value.transient
