"""DICOM processes killed or told to stop under load: what was accepted is kept, clients that try again succeed, all counts once."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from billing.models import Charge
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP
from dimse.uids import new_uid
from mpps.models import PerformedProcedureStep
from ris.models import ScheduledProcedureStep
from tests.support import wire
from tests.support.dicom import encoded, worklist_query
from tests.support.hospital import a_station, an_order, in_minutes, steps_of
from tests.support.mpps import a_create, an_end
from tests.support.scp import Scp, dicom_processes
from tests.support.wait import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
WITHIN = 10  # seconds from SIGTERM to the end
EXISTS_ALREADY, MAY_NO_LONGER_BE_UPDATED = 0x0111, 0x0110
LOST = (EOFError, OSError, AssertionError)  # the association is gone, in whatever stage


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[int], Scp]]:
    """`start(2)` starts so many processes; nothing is left of them at the end."""
    with ExitStack() as stack:
        yield lambda how_many: stack.enter_context(dicom_processes(tmp_path, how_many))


@dataclass
class Exam:
    """What a modality sends about one exam, encoded beforehand."""

    step: ScheduledProcedureStep
    uid: str = field(default_factory=new_uid)

    def __post_init__(self) -> None:
        self.create = _about(wire.N_CREATE, self.uid, encoded(a_create(self.step)))
        self.complete = _about(wire.N_SET, self.uid, encoded(an_end()))


_message_ids = count(1)


def _about(field: int, uid: str, data: bytes) -> bytes:
    head = wire.command(field, next(_message_ids), sop_class=MODALITY_PERFORMED_PROCEDURE_STEP, instance=uid, data_set=wire.DATA_SET)
    return wire.message(5, head, data)


def exams(ae_title: str, how_many: int) -> list[Exam]:
    a_station(ae_title)
    return [Exam(steps_of(an_order(station=ae_title, start=in_minutes(10 + 40 * number)))[0]) for number in range(how_many)]


class Modality:
    """Asks for its list and performs its exams; when its association is lost it opens another one and says the same again."""

    def __init__(self, port: int, ae_title: str, how_many: int) -> None:
        self.ae_title = ae_title
        self.exams = exams(ae_title, how_many)
        self.begun: list[str] = []
        self.lost: list[str] = []  # the exams that were begun when their association was lost
        self.go_on = threading.Event()  # with its second exam
        self.go_on.set()
        self._port = port
        self._query = wire.find(data=encoded(worklist_query()))
        self._current = ""
        self.connect()

    def connect(self) -> None:
        self.peer = wire.Peer(socket.create_connection(("127.0.0.1", self._port), timeout=30))
        self.peer.associate(wire.associate_rq(self.ae_title))

    def work(self) -> None:
        for exam in self.exams:
            self._tell(exam.create, EXISTS_ALREADY)
            self._current = exam.uid
            self.begun.append(exam.uid)
            assert len(self.begun) != 2 or self.go_on.wait(60)
            self._tell(self._query)
            self._tell(exam.complete, MAY_NO_LONGER_BE_UPDATED)
            self._current = ""
        self.peer.connection.close()

    def _tell(self, message: bytes, *if_repeated: int) -> None:
        """Until it is answered; a repeated message may find that the lost one was heard."""
        right: tuple[int, ...] = (0,)
        for _ in range(10):
            try:
                self.peer.send(message)
                status = self.peer.final_status()
            except LOST:
                self.lost += [self._current] if self._current else []
                right = (0, *if_repeated)
                self.peer.connection.close()
                self._connect_again()
            else:
                assert status in right, f"{self.ae_title} got {status:04X}H"
                return
        raise AssertionError(f"{self.ae_title} was not answered")

    def _connect_again(self) -> None:
        wait_until(self._connected, 20, f"{self.ae_title} is let in again")

    def _connected(self) -> bool:
        try:
            self.connect()
        except LOST:
            return False
        return True


@contextmanager
def working(modalities: list[Modality]) -> Iterator[None]:
    """All of them work while the block runs; they are done when it ends."""
    with ThreadPoolExecutor(len(modalities)) as threads:
        done = [threads.submit(modality.work) for modality in modalities]
        yield
        for one in done:
            one.result(90)


@pytest.mark.both_databases
def test_of_two_processes_one_is_killed_and_the_other_goes_on_with_its_exams(start: Callable[[int], Scp]) -> None:
    scp = start(2)
    modalities = [Modality(scp.port, f"CT{number:02d}", 3) for number in range(1, 6)]
    served_by = [scp.serving(modality.peer) for modality in modalities]
    victim, halfway = served_by[0], modalities[0]
    halfway.go_on.clear()
    with working(modalities):
        wait_until(lambda: len(halfway.begun) > 1, 60, "the exams are under way")
        os.kill(victim.pid, signal.SIGKILL)
        assert victim.wait(5) == -signal.SIGKILL
        halfway.go_on.set()
    assert halfway.lost == [halfway.exams[1].uid], "begun on one process, completed on the other"
    assert [process.alive for process in scp.processes if process is not victim] == [True]
    assert not [one.lost for one, process in zip(modalities, served_by, strict=True) if process is not victim and one.lost]
    performed = {exam.uid for modality in modalities for exam in modality.exams}
    assert set(PerformedProcedureStep.objects.filter(status="COMPLETED").values_list("sop_instance_uid", flat=True)) == performed
    assert PerformedProcedureStep.objects.count() == len(performed)
    assert set(ScheduledProcedureStep.objects.values_list("status", flat=True)) == {"COMPLETED"}
    charged = list(Charge.objects.values_list("requested_procedure", flat=True))
    assert len(charged) == len(set(charged)) == len(performed), "each is charged once"


def test_a_process_that_is_told_to_stop_under_load_answers_what_it_took_in_and_ends_in_time(start: Callable[[int], Scp]) -> None:
    (process,) = (scp := start(1)).processes
    peers: dict[wire.Peer, list[Exam]] = {}
    with ExitStack() as stack:
        for number in range(1, 7):
            ae_title = f"CT{number:02d}"
            theirs = exams(ae_title, 2)
            peers[stack.enter_context(wire.connected(scp.port, 30)).associate(wire.associate_rq(ae_title))] = theirs
        for peer, theirs in peers.items():
            peer.send(b"".join(exam.create + exam.complete for exam in theirs) + b"".join(map(wire.find, range(60001, 60004))))
        first = {peer: peer.status() for peer in peers}
        begun = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert set(first.values()) == {0}
        for peer in peers:
            assert [peer.status() for _ in range(3)] == [0, 0, 0]
            assert [peer.final_status() for _ in range(3)] == [0, 0, 0]
            assert peer.pdu() == (5, bytes(4)), "released once all is answered"
            peer.send(wire.RELEASE_RP)
        assert process.wait(WITHIN) == 0
        assert time.monotonic() - begun < WITHIN
    assert PerformedProcedureStep.objects.filter(status="COMPLETED").count() == 12
    assert Charge.objects.count() == 12
