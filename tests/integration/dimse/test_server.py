"""The server against clients over a real network: services, failures, policy, limits and the orderly stop."""

import logging
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset

from dimse import outcomes, policy, scu, statuses
from dimse.entries import HEALTH_AE_TITLE, AssociationEnded, AssociationStarted, Ending, MessageEntry
from dimse.errors import DimseFailure
from dimse.requestor import Requestor
from dimse.server import CannotListen, DicomServer, ServerSettings
from dimse.services import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST,
    MPPS_RETRIEVE,
    VERIFICATION,
    CreateRequest,
    FindAnswer,
    FindRequest,
)
from tests.integration.dimse import bad_input
from tests.integration.dimse.conftest import Ris
from tests.support import wire
from tests.support.dcmtk import dcmtk
from tests.support.dicom import worklist_query
from tests.support.ports import refuses
from tests.support.wait import wait_until

ALL = (VERIFICATION, MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP)
SYNTAXES = [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN]


def connect(server: DicomServer, calling: str = "CT01", called: str = "STEPWISE", **options: object):
    return scu.open_association("127.0.0.1", server.port, calling=calling, called=called, **{"contexts": ALL, **options})


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


# --- Services -----------------------------------------------------------------------------------------------------


def test_dcmtk_echoscu_is_answered(server: DicomServer) -> None:
    done = run(dcmtk("echoscu"), "-aec", "STEPWISE", "127.0.0.1", str(server.port))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("syntax", [[], ["-xi"], ["-xe"], ["-xb"]])
def test_dcmtk_findscu_gets_every_answer_in_each_transfer_syntax(server: DicomServer, ris: Ris, syntax: list[str]) -> None:
    done = run(dcmtk("findscu"), "-v", "-W", *syntax, "127.0.0.1", str(server.port), "-k", "PatientName", "-k", "0040,0100[0].Modality=CT")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Find Response:") + done.stdout.count("Find Response:") >= ris.answers
    assert "P2" in done.stderr + done.stdout


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_query_is_decoded_and_its_answers_come_back(server: DicomServer, ris: Ris, syntax: str) -> None:
    with connect(server, transfer_syntaxes=[syntax]) as association:
        answers = list(association.find(worklist_query()))
    assert [str(answer.PatientName) for answer in answers] == ["Müller^0", "Müller^1", "Müller^2"]
    assert answers[0].ScheduledProcedureStepSequence[0].Modality == "CT"
    request = ris.requests[0]
    assert request.transfer_syntax == syntax
    assert request.association.calling_ae_title == "CT01"
    assert request.association.called_ae_title == "STEPWISE"
    assert request.association.address == "127.0.0.1"
    assert request.raw


def test_no_match_is_a_lone_success(server: DicomServer, ris: Ris) -> None:
    ris.answers = 0
    with connect(server) as association:
        assert list(association.find(worklist_query())) == []


def test_answers_that_exceed_the_peers_maximum_length_are_split(server: DicomServer, ris: Ris) -> None:
    def long_answer(request: FindRequest) -> Iterator[FindAnswer]:
        answer = Dataset()
        answer.AdditionalPatientHistory = "a long story. " * 3000
        yield statuses.PENDING, answer

    ris.on_find = long_answer
    ae = Requestor("CT01")
    ae.add_requested_context(MODALITY_WORKLIST)
    association = ae.associate("127.0.0.1", server.port, max_pdu=4096)
    (_, identifier), (final, _) = list(association.send_c_find(worklist_query(), MODALITY_WORKLIST))
    association.release()
    assert len(identifier.AdditionalPatientHistory) > 40_000
    assert final.Status == statuses.SUCCESS


def test_a_query_is_cancelled_in_the_middle(server: DicomServer, ris: Ris) -> None:
    cancelled = threading.Event()

    def endless(request: FindRequest) -> Iterator[FindAnswer]:
        answer = Dataset()
        answer.PatientID = "P1"
        yield statuses.PENDING, answer
        wait_until(request.is_cancelled, 10, "the C-CANCEL arrives")
        cancelled.set()
        yield statuses.CANCELED, None

    ris.on_find = endless
    with connect(server) as association:
        assert len(list(association.find(worklist_query(), limit=1))) == 1
        association.echo()
    assert cancelled.is_set()


def test_a_query_left_early_leaves_the_association_usable(server: DicomServer, ris: Ris) -> None:
    ris.answers = 50
    with connect(server) as association:
        for _ in association.find(worklist_query()):
            break
        association.echo()


def test_n_create_is_served_and_assigns_a_uid_when_none_is_given(server: DicomServer, ris: Ris) -> None:
    step = Dataset()
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    with connect(server) as association:
        given = association.n_create(step, "2.25.42")
        assigned = association.n_create(step)
    assert (given.status, given.sop_instance_uid) == (statuses.SUCCESS, "2.25.42")
    assert assigned.ok
    assert assigned.sop_instance_uid.startswith("2.25.")
    assert [request.uid_was_assigned for request in ris.requests] == [False, True]
    assert ris.requests[1].sop_instance_uid == assigned.sop_instance_uid


def test_a_failure_carries_comment_error_id_and_attributes(server: DicomServer) -> None:
    with connect(server) as association:
        created = association.n_create(Dataset(), "2.25.42")
        modified = association.n_set(worklist_query(), "2.25.42")
    assert (created.status, created.comment) == (statuses.MISSING_ATTRIBUTE, "PerformedProcedureStepStatus is missing")
    assert created.offending == (0x00400252,)
    assert modified.status == statuses.PROCESSING_FAILURE
    assert modified.error_id == 0xA710
    assert modified.comment == "Performed Procedure Step Object may no longer be updated"
    assert modified.offending == (0x00400252,)
    assert modified.sop_instance_uid == "2.25.42"


# --- Failures -----------------------------------------------------------------------------------------------------


def test_a_handler_that_breaks_is_a_failure_and_the_association_lives(
    server: DicomServer, ris: Ris, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: FindRequest) -> Iterator[FindAnswer]:
        yield statuses.PENDING, worklist_query(PatientID="P1")
        raise KeyError(str(request.identifier.PatientName))

    def broken_create(request: CreateRequest) -> tuple[int, None]:
        raise RuntimeError(str(request.attribute_list.PatientName))

    ris.on_find, ris.on_create = broken, broken_create
    with caplog.at_level(logging.ERROR, "dimse"), connect(server) as association:
        with pytest.raises(outcomes.FailureStatus) as failure:
            list(association.find(worklist_query(PatientName="DOE^JANE")))
        created = association.n_create(worklist_query(PatientName="DOE^JANE"), "2.25.1")
        association.echo()
    assert failure.value.answer.status == statuses.HANDLER_FAILED
    assert failure.value.answer.comment == "Internal error (KeyError), see the server's log"
    assert created.status == statuses.PROCESSING_FAILURE
    assert created.comment == "Internal error (RuntimeError), see the server's log"
    assert "broken_create" in caplog.text
    assert "DOE" not in caplog.text


def test_an_answer_that_cannot_be_encoded_is_a_failure(server: DicomServer, ris: Ris) -> None:
    def unencodable(request: FindRequest) -> Iterator[FindAnswer]:
        answer = Dataset()
        answer.add_new(0x00280010, "US", "many")
        yield statuses.PENDING, answer

    ris.on_find = unencodable
    with connect(server) as association:
        with pytest.raises(outcomes.FailureStatus):
            list(association.find(worklist_query()))
        association.echo()


def test_a_refusal_is_answered_as_raised(server: DicomServer, ris: Ris) -> None:
    def refuse(request: FindRequest) -> Iterator[FindAnswer]:
        raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, "Größe \\ x" + "y" * 100, offending=[0x00400100])
        yield

    ris.on_find = refuse
    with connect(server) as association, pytest.raises(outcomes.FailureStatus) as failure:
        list(association.find(worklist_query()))
    answer = failure.value.answer
    assert answer.status == statuses.IDENTIFIER_DOES_NOT_MATCH
    assert answer.comment.startswith("Gro?e / xyyy")
    assert len(answer.comment) == 64
    assert answer.offending == (0x00400100,)


def test_n_get_on_the_plain_mpps_class_is_an_unrecognized_operation(server: DicomServer) -> None:
    ae = Requestor("CT01")
    ae.add_requested_context(MODALITY_PERFORMED_PROCEDURE_STEP)
    association = ae.associate("127.0.0.1", server.port)
    status, _ = association.send_n_get([0x00400252], MODALITY_PERFORMED_PROCEDURE_STEP, "2.25.1")
    deleted = association.send_n_delete(MODALITY_PERFORMED_PROCEDURE_STEP, "2.25.1")
    association.release()
    assert status.Status == deleted.Status == statuses.UNRECOGNIZED_OPERATION


def test_a_command_for_another_class_than_its_contexts_is_refused(server: DicomServer, ris: Ris) -> None:
    ae = Requestor("CT01")
    ae.add_requested_context(MODALITY_WORKLIST)
    association = ae.associate("127.0.0.1", server.port)
    status, _ = association.send_n_create(worklist_query(), MODALITY_PERFORMED_PROCEDURE_STEP, "2.25.1", meta_uid=MODALITY_WORKLIST)
    association.release()
    assert status.Status == statuses.NO_SUCH_SOP_CLASS
    assert ris.requests == []


def test_a_service_that_is_not_offered_is_not_accepted(server: DicomServer) -> None:
    with pytest.raises(outcomes.NothingAccepted), connect(server, contexts=[MPPS_RETRIEVE]):
        pass


# --- Policy -------------------------------------------------------------------------------------------------------


def strict(calling: str, called: str, address: str) -> policy.Accept | policy.Reject:
    if called != "STEPWISE":
        return policy.called_ae_title_unknown(called)
    if calling != "CT01":
        return policy.calling_ae_title_unknown(calling)
    return policy.Accept()


@pytest.mark.parametrize(
    ("calling", "called", "expected"),
    [("CT01", "OTHER", (1, 1, 7)), ("CT99", "STEPWISE", (1, 1, 3)), ("CT99", "OTHER", (1, 1, 7))],
)
def test_unknown_ae_titles_are_refused_with_the_standards_reason(
    serve: Callable[..., DicomServer], ris: Ris, calling: str, called: str, expected: tuple[int, int, int]
) -> None:
    server = serve(policy=strict)
    with pytest.raises(outcomes.Refused) as refused, connect(server, calling, called):
        pass
    assert (refused.value.result, refused.value.source, refused.value.reason) == expected
    assert not refused.value.transient
    (started,) = [entry for entry in ris.entries if isinstance(entry, AssociationStarted)]
    assert policy.reason_in_words(*expected[1:]) in started.rejection
    with connect(server) as association:
        association.echo()


def test_a_wrong_application_context_is_refused(server: DicomServer) -> None:
    from pynetdicom import acse

    original = acse.APPLICATION_CONTEXT_NAME
    acse.APPLICATION_CONTEXT_NAME = "1.2.840.10008.3.1.1.9"
    try:
        with pytest.raises(outcomes.Refused) as refused, connect(server):
            pass
    finally:
        acse.APPLICATION_CONTEXT_NAME = original
    assert (refused.value.result, refused.value.source, refused.value.reason) == (1, 1, 2)


def test_over_the_limit_is_refused_for_now_and_accepted_again_later(serve: Callable[..., DicomServer]) -> None:
    server = serve(max_associations=1)
    with connect(server) as first:
        with pytest.raises(outcomes.Refused) as refused, connect(server):
            pass
        assert (refused.value.result, refused.value.source, refused.value.reason) == (2, 3, 2)
        assert refused.value.transient
        first.echo()
    wait_until(lambda: server.associations == 0, 5, "the first association is gone")
    with connect(server) as again:
        again.echo()


def test_a_policy_that_breaks_lets_nobody_in(serve: Callable[..., DicomServer]) -> None:
    def broken(calling: str, called: str, address: str) -> policy.Accept:
        raise LookupError("no such table")

    with pytest.raises(outcomes.Refused) as refused, connect(serve(policy=broken)):
        pass
    assert (refused.value.result, refused.value.source, refused.value.reason) == (2, 1, 1)


def test_the_health_check_passes_any_policy_may_only_echo_and_is_not_journalled(serve: Callable[..., DicomServer], ris: Ris) -> None:
    server = serve(policy=strict)
    with connect(server, HEALTH_AE_TITLE, "WHATEVER") as association:
        association.echo()
        with pytest.raises(ValueError, match="No presentation context"):
            list(association.find(worklist_query()))
    wait_until(lambda: server.associations == 0, 5, "the association is gone")
    assert ris.entries == []


def test_a_passcode_is_neither_logged_nor_journalled(server: DicomServer, ris: Ris, caplog: pytest.LogCaptureFixture) -> None:
    proposed = wire.associate_rq(user_items=bad_input.user_identity(wants_response=1))
    cut = wire.associate_rq(user_items=bad_input.user_identity()[:-1])
    with caplog.at_level(logging.DEBUG):
        for request in (proposed, cut):
            with wire.connected(server.port) as peer:
                peer.send(request)
                peer.pdu()
        wait_until(lambda: len(ris.entries) == 4, 5, "both are journalled")
    assert "secret" not in caplog.text + repr(ris.entries)
    assert {entry.note for entry in ris.entries if isinstance(entry, AssociationEnded)} == {
        "the peer closed without releasing; it had asked for its user identity (username and passcode) to be confirmed, "
        "which is not done here",
        "the association request cannot be decoded: an item of type 58H and 15 bytes stands where 14 are left",
    }


# --- Journal ------------------------------------------------------------------------------------------------------


def test_the_journal_hears_of_associations_and_messages(server: DicomServer, ris: Ris) -> None:
    ris.answers = 12
    with connect(server) as association:
        list(association.find(worklist_query()))
    wait_until(lambda: isinstance(ris.entries[-1], AssociationEnded), 5, "the end is journalled")
    started, request, response, ended = ris.entries
    assert isinstance(started, AssociationStarted)
    assert started.association.calling_ae_title == "CT01"
    assert {(context[0], context[2]) for context in started.contexts} == {(uid, "accepted") for uid in ALL}
    assert isinstance(request, MessageEntry)
    assert (request.incoming, request.verb, request.association_id) == (True, "C-FIND", started.association.id)
    assert isinstance(response, MessageEntry)
    assert (response.incoming, response.status, response.answer_count, len(response.answers)) == (False, 0, 12, 10)
    assert response.duration_ms is not None
    assert isinstance(ended, AssociationEnded)
    assert ended.ending is Ending.RELEASED


def test_the_journal_tells_abort_from_a_lost_connection(server: DicomServer, ris: Ris) -> None:
    for cut in ("abort", "close"):
        ae = Requestor("CT01")
        ae.add_requested_context(VERIFICATION)
        association = ae.associate("127.0.0.1", server.port)
        if cut == "abort":
            association.abort()
        else:
            association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
            association.join(5)
    endings = lambda: [entry.ending for entry in ris.entries if isinstance(entry, AssociationEnded)]  # noqa: E731
    wait_until(lambda: len(endings()) == 2, 5, "both ends are journalled")
    assert endings() == [Ending.ABORTED, Ending.CLOSED]


# --- Sockets and the stop -----------------------------------------------------------------------------------------


def test_a_taken_port_is_an_error_in_words(server: DicomServer) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
        DicomServer([], ServerSettings(port=server.port)).start()


def test_two_servers_share_an_inherited_socket_and_one_may_stop(serve: Callable[..., DicomServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        first, second = serve(inherited_fd=listening.fileno()), serve(inherited_fd=listening.fileno())
        assert first.port == second.port == listening.getsockname()[1]
        for _ in range(4):
            with connect(first) as association:
                association.echo()
        first.stop()
        for _ in range(4):
            with connect(second) as association:
                association.echo()


def test_a_stop_lets_the_running_answer_finish_and_releases(server: DicomServer, ris: Ris) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(request: FindRequest) -> Iterator[FindAnswer]:
        asked.set()
        assert go_on.wait(10)
        yield statuses.PENDING, worklist_query(PatientID="P1")

    ris.on_find = slow
    answers: list[Dataset] = []

    def ask() -> None:
        with connect(server) as association:
            answers.extend(association.find(worklist_query()))

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(10)
    port = server.port
    stopping = threading.Thread(target=server.stop, args=[10.0])
    stopping.start()
    wait_until(lambda: refuses(port), 5, "no more connections are accepted")
    go_on.set()
    asking.join(10)
    stopping.join(10)
    assert not stopping.is_alive()
    assert len(answers) == 1


def test_a_stop_releases_idle_associations_and_drops_silent_connections(server: DicomServer) -> None:
    ae = Requestor("CT01")
    ae.add_requested_context(VERIFICATION)
    idle = [ae.associate("127.0.0.1", server.port) for _ in range(3)]
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        wait_until(lambda: server.connections == 4, 5, "all are connected")
        server.stop(5.0)
        silent.settimeout(5)
        assert silent.recv(1) == b""
    for association in idle:
        association.join(5)
        assert association.is_released


def test_a_stop_cuts_what_does_not_end_in_time(server: DicomServer, ris: Ris) -> None:
    release = threading.Event()
    asked = threading.Event()

    def stuck(request: FindRequest) -> Iterator[FindAnswer]:
        asked.set()
        release.wait(20)
        yield statuses.PENDING, worklist_query()

    ris.on_find = stuck
    failures: list[outcomes.ScuError] = []

    def ask() -> None:
        try:
            with connect(server) as association:
                list(association.find(worklist_query()))
        except outcomes.ScuError as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(10)
    server.stop(0.3)
    asking.join(10)
    release.set()
    assert isinstance(failures[0], outcomes.Aborted)


def test_serve_until_serves_until_it_is_told_to_stop() -> None:
    stop, server = threading.Event(), DicomServer([], ServerSettings(port=0))
    serving = threading.Thread(target=server.serve_until, args=[stop])
    serving.start()
    wait_until(lambda: server.is_listening, 5, "the server listens")
    port = server.port
    with connect(server, contexts=[VERIFICATION]) as association:
        association.echo()
    stop.set()
    serving.join(5)
    assert not serving.is_alive()
    assert refuses(port)


def test_policy_is_asked_on_the_bounded_workers(serve: Callable[..., DicomServer]) -> None:
    asked_on: list[str] = []

    def decide(calling: str, called: str, address: str) -> policy.Accept:
        asked_on.append(threading.current_thread().name)
        return policy.Accept()

    server = serve(policy=decide, worker_threads=1)
    for _ in range(3):
        with connect(server):
            pass
    assert len(asked_on) == 3
    assert {name.rpartition("_")[0] for name in asked_on} == {"dimse-worker"}
