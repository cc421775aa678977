"""What the foreign client says of its answers, whatever becomes of its release."""

import socket
import struct
from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.pdu import A_RELEASE_RQ

from dimse import statuses
from dimse.services import MODALITY_WORKLIST, Verb
from tests.support.foreign import foreign

ANSWERS = 4


def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
    for _ in range(ANSWERS):
        yield statuses.PENDING, event.identifier


def reset(event: evt.Event) -> None:
    """The connection instead of an answer to the release."""
    if isinstance(event.pdu, A_RELEASE_RQ):
        transport = event.assoc.dul.socket
        assert transport is not None and transport.socket is not None
        connection = transport.socket
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.fixture
def port() -> Iterator[int]:
    ae = AE("STEPWISE")
    ae.add_supported_context(MODALITY_WORKLIST)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find), (evt.EVT_PDU_RECV, reset)])
    assert server is not None
    yield server.server_address[1]
    server.shutdown()


def test_answers_are_heard_though_the_release_comes_to_nothing(port: int) -> None:
    with foreign() as process:
        heard = process.heard(port, "CT01", "STEPWISE", [{"verb": Verb.C_FIND, "elements": {"PatientID": ""}}])
    assert [one["status"] for one in heard] == [statuses.PENDING] * ANSWERS + [statuses.SUCCESS]
