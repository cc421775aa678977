"""Any bytes: the server answers in PDUs or closes, serves the others meanwhile, and nothing is left behind."""

import logging
import struct
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from dimse import statuses
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, Service, Verb
from tests.integration.dimse.conftest import Ris, entry
from tests.support import wire
from tests.support.mutations import exchange
from tests.support.wait import wait_until

ANSWERS = {2, 3, 4, 5, 6, 7}


@pytest.fixture(scope="module")
def server() -> Iterator[DicomServer]:
    ris = Ris(on_find=lambda request: ((statuses.PENDING, entry(number, Dataset())) for number in range(3)))  # whatever is asked
    offered = [
        Service(MODALITY_WORKLIST, "Modality Worklist", {Verb.C_FIND: ris.find}),
        Service(MODALITY_PERFORMED_PROCEDURE_STEP, "MPPS", {Verb.N_CREATE: ris.create, Verb.N_SET: ris.modify}),
    ]
    running = DicomServer(offered, ServerSettings(port=0))
    running.start()
    yield running
    running.stop(2.0)


def pdus(received: bytes) -> Iterator[int]:
    """The types of the PDUs, all of them whole."""
    while received:
        kind, length = struct.unpack_from(">BxL", received)
        assert len(received) >= 6 + length
        yield kind
        received = received[6 + length :]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cut=st.floats(0, 1))
def test_mutated_exchanges_are_answered_or_cut_off(server: DicomServer, caplog: pytest.LogCaptureFixture, seed: int, cut: float) -> None:
    caplog.clear()
    with wire.connected(server.port, timeout=30) as peer:
        received = exchange(Random(seed)).carry_out(peer, cut)
    assert set(pdus(received)) <= ANSWERS
    broken = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert broken == []


def test_afterwards_nothing_is_left_and_everybody_is_served(server: DicomServer) -> None:
    wait_until(lambda: server.connections == 0, 10, "every connection has ended")
    assert server.associations == 0
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.echo())
        assert peer.status() == statuses.SUCCESS
