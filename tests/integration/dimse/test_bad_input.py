"""Bytes that no good client sends: each gets its answer, and the association or the server goes on."""

import logging
import socket
import struct
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import C_ECHO, C_FIND, N_CREATE, N_GET, N_SET

from dimse import scu, statuses
from dimse.entries import AssociationEnded, AssociationStarted, Ending
from dimse.requestor import Requestor
from dimse.server import DicomServer
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, VERIFICATION
from tests.integration.dimse.conftest import Ris
from tests.support.dicom import encoded, worklist_query
from tests.support.wait import wait_until


class RawScu:
    """An association over which messages are sent as the test makes them."""

    def __init__(self, server: DicomServer) -> None:
        ae = Requestor("CT01")
        for uid in (MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP, VERIFICATION):
            ae.add_requested_context(uid, "1.2.840.10008.1.2")
        ae.dimse_timeout = 10
        self.association = ae.associate("127.0.0.1", server.port)
        self.context = {str(cx.abstract_syntax): cx.context_id for cx in self.association.accepted_contexts}
        self.commands: list[Dataset] = []
        from pynetdicom import evt

        self.association.bind(evt.EVT_DIMSE_RECV, lambda event: self.commands.append(event.message.command_set))
        self.association._reactor_checkpoint.clear()

    def ask(self, primitive: object, sop_class: str) -> Dataset | None:
        """Send, and return the command set of the response; None when there is none."""
        self.association.dimse.send_msg(primitive, self.context[sop_class])
        _, response = self.association.dimse.get_msg(block=True)
        return self.commands[-1] if response is not None else None

    def close(self) -> None:
        self.association._reactor_checkpoint.set()
        self.association.release()
        if self.association.is_alive():
            self.association.join(10)


@pytest.fixture
def raw(server: DicomServer):
    opened = RawScu(server)
    yield opened
    opened.close()


def find(data: bytes | None, uid: str | None = MODALITY_WORKLIST) -> C_FIND:
    from io import BytesIO

    primitive = C_FIND()
    primitive.MessageID, primitive.AffectedSOPClassUID, primitive.Priority = 1, uid, 2
    primitive.Identifier = None if data is None else BytesIO(data)
    return primitive


def echo() -> C_ECHO:
    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = 2, VERIFICATION
    return primitive


def test_a_cut_identifier_is_a_failure_in_words_and_an_echo_still_works(raw: RawScu, ris: Ris) -> None:
    answer = raw.ask(find(encoded(worklist_query(PatientName="DOE^JANE"))[:-3]), MODALITY_WORKLIST)
    assert answer is not None
    assert answer.Status == statuses.UNDECODABLE_IDENTIFIER
    assert answer.ErrorComment == "ScheduledProcedureStepSequence (0040,0100): 34 bytes announced.."
    assert answer.OffendingElement == 0x00400100
    assert ris.requests == []
    assert raw.ask(echo(), VERIFICATION).Status == statuses.SUCCESS


def test_random_bytes_and_a_missing_identifier_are_failures(raw: RawScu) -> None:
    assert raw.ask(find(b"\x93\x11\x07\xff\x00\x01"), MODALITY_WORKLIST).Status == statuses.UNDECODABLE_IDENTIFIER
    assert raw.ask(find(None), MODALITY_WORKLIST).Status == statuses.IDENTIFIER_DOES_NOT_MATCH


def test_an_undecodable_n_create_or_n_set_is_a_processing_failure(raw: RawScu, ris: Ris) -> None:
    from io import BytesIO

    create, modify = N_CREATE(), N_SET()
    create.MessageID, create.AffectedSOPClassUID, create.AffectedSOPInstanceUID = 3, MODALITY_PERFORMED_PROCEDURE_STEP, "2.25.1"
    create.AttributeList = BytesIO(b"\x40\x00\x52\x02\x0b\x00\x00\x00IN PROGRESS")
    modify.MessageID, modify.RequestedSOPClassUID, modify.RequestedSOPInstanceUID = 4, MODALITY_PERFORMED_PROCEDURE_STEP, "2.25.1"
    modify.ModificationList = BytesIO(b"\x40\x00\x52\x02\xff\x00\x00\x00COMPLETED ")
    for primitive in (create, modify):
        answer = raw.ask(primitive, MODALITY_PERFORMED_PROCEDURE_STEP)
        assert answer.Status == statuses.PROCESSING_FAILURE
        assert "PerformedProcedureStepStatus" in answer.ErrorComment
        assert answer.AttributeIdentifierList == 0x00400252
    assert ris.requests == []


def test_a_missing_sop_class_or_instance_is_not_met_with_silence(raw: RawScu) -> None:
    assert raw.ask(find(encoded(worklist_query()), uid=None), MODALITY_WORKLIST).Status == statuses.NO_SUCH_SOP_CLASS
    get = N_GET()
    get.MessageID, get.RequestedSOPClassUID = 5, MODALITY_PERFORMED_PROCEDURE_STEP
    assert raw.ask(get, MODALITY_PERFORMED_PROCEDURE_STEP).Status == statuses.UNRECOGNIZED_OPERATION
    modify = N_SET()
    modify.MessageID, modify.RequestedSOPClassUID = 6, MODALITY_PERFORMED_PROCEDURE_STEP
    assert raw.ask(modify, MODALITY_PERFORMED_PROCEDURE_STEP).Status == statuses.INVALID_SOP_INSTANCE


def test_a_class_of_another_context_is_refused(raw: RawScu) -> None:
    assert raw.ask(find(encoded(worklist_query())), MODALITY_PERFORMED_PROCEDURE_STEP).Status == statuses.SOP_CLASS_NOT_SUPPORTED
    assert raw.ask(echo(), MODALITY_WORKLIST).Status == statuses.SOP_CLASS_NOT_SUPPORTED
    assert raw.ask(find(encoded(worklist_query()), VERIFICATION), VERIFICATION).Status == statuses.UNRECOGNIZED_OPERATION


def test_a_message_without_id_ends_the_association_instead_of_silence(raw: RawScu) -> None:
    nameless = echo()
    nameless._message_id = None
    assert raw.ask(nameless, VERIFICATION) is None
    assert raw.association.acse.is_aborted()


def test_a_pdu_announced_as_4_gib_is_aborted_at_once(server: DicomServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFFF))
        assert connection.recv(10)[:1] in (b"\x07", b"")
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE") as association:
        association.echo()


def test_http_gets_an_abort(server: DicomServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(10) == b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"


def test_a_silent_connection_is_closed_after_the_arrival_timeout(serve: Callable[..., DicomServer]) -> None:
    server = serve(arrival_timeout=0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        assert connection.recv(1) == b""


def test_an_idle_association_is_aborted_after_the_idle_timeout(serve: Callable[..., DicomServer]) -> None:
    server = serve(idle_timeout=0.2)
    ae = Requestor("CT01")
    ae.add_requested_context(VERIFICATION)
    association = ae.associate("127.0.0.1", server.port)
    association.join(10)
    assert association.is_aborted


@pytest.mark.parametrize(
    ("sent", "note", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: ris\r\n\r\n", "not DICOM: the first bytes are 'GET / HTTP/1.1' (looks like HTTP)", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "not DICOM: the first bytes are 16 03 01 02 00 01 00 01 fc (looks like TLS;", "TLS"),
        (b"\x93\x11\x07\xff\x00\x01" * 1000, "not DICOM: the first bytes are 93 11 07 ff", "OTHER"),
        (
            struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + b"\x00\x01",
            "A-ASSOCIATE-RQ of 4294967295 bytes is announced, at most 131072 are read",
            None,
        ),
        (struct.pack(">BBL", 1, 0, 8) + b"rubbish!", "the association request cannot be decoded", None),
        (struct.pack(">BBL", 5, 0, 4) + bytes(4), "the first PDU was no association request", None),
    ],
)
def test_a_stranger_is_cut_off_at_once_and_leaves_a_line_and_an_entry_in_words(
    server: DicomServer, ris: Ris, caplog: pytest.LogCaptureFixture, sent: bytes, note: str, code: str | None
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(10)[:1] == b"\x07"
        assert connection.recv(10) == b""
    wait_until(lambda: len(ris.entries) == 2, 5.0, "the connection is journalled")
    started, ended = ris.entries
    assert isinstance(started, AssociationStarted)
    assert started.note.startswith(note) and started.taken_for == code
    assert (started.association.calling_ae_title, started.association.address) == ("", "127.0.0.1")
    assert isinstance(ended, AssociationEnded)
    assert ended.ending == Ending.ABORTED_HERE
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told] == [f"Connection from 127.0.0.1: {started.note}"]
    assert told[0].exc_info is None


def test_half_an_association_request_is_told_and_a_connection_without_a_byte_is_not(
    server: DicomServer, ris: Ris, caplog: pytest.LogCaptureFixture
) -> None:
    for sent in (b"", struct.pack(">BBL", 1, 0, 200) + bytes(50)):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(sent)
    wait_until(lambda: len(ris.entries) == 2, 5.0, "the half request is journalled")
    assert ris.entries[0].note == "the connection was closed after 50 of the 200 bytes of a PDU"
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


def test_an_association_without_any_accepted_context_says_what_was_asked_for(server: DicomServer, ris: Ris) -> None:
    ae = Requestor("CT01")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.2.1.1")
    assert not ae.associate("127.0.0.1", server.port).is_established
    wait_until(lambda: ris.entries, 5.0, "the association is journalled")
    assert ris.entries[0].note == (
        "no presentation context accepted: asked for Patient Root Query/Retrieve Information Model - FIND (abstract syntax not supported)"
    )


def test_a_data_set_that_is_announced_and_never_comes_is_told_at_the_end(server: DicomServer, ris: Ris) -> None:
    """pynetdicom's own client announces an empty Modification List and sends no fragment of it."""
    from io import BytesIO

    raw = RawScu(server)
    modify = N_SET()
    modify.MessageID, modify.RequestedSOPClassUID, modify.RequestedSOPInstanceUID = 4, MODALITY_PERFORMED_PROCEDURE_STEP, "2.25.1"
    modify.ModificationList = BytesIO()
    raw.association.dimse.send_msg(modify, raw.context[MODALITY_PERFORMED_PROCEDURE_STEP])
    raw.close()
    wait_until(lambda: any(isinstance(entry, AssociationEnded) for entry in ris.entries), 5.0, "the association ends")
    assert ris.entries[-1].note == "N-SET announced a data set that never came"
    assert ris.requests == []
