"""Real processes: whatever is down when an exam ends, its charge is posted after the return, once, and the PACS is told."""

import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from billing.actions.delivering import LEASE
from billing.charge_processor.ledger import Ledger
from tests.support import prepared
from tests.support.mllp import Receiver, ack
from tests.support.pacs import Pacs, Told
from tests.support.processes import Process
from tests.support.redis import RedisServer
from tests.support.wait import wait_until

pytestmark = [pytest.mark.xdist_group("outbox"), pytest.mark.timeout(240)]
WORKER = ("--quiet", "worker", "--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")
WITHIN = 60  # seconds from the return of what was down


@dataclass
class Outbox:
    """A hospital's database and ledger, and the processes that move its charges."""

    data_dir: Path
    redis: RedisServer
    stack: ExitStack
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def env(self) -> dict[str, str]:
        inherited_empty = {"DATABASE_URL": "", "RIS_MLLP_PORT": "0"}
        return inherited_empty | {"RIS_DATA_DIR": str(self.data_dir), "REDIS_URL": self.redis.url}

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.data_dir / "ledger.sqlite3")

    def worker(self, **env: str) -> Process:
        worker = Process.celery(*WORKER, log=self._log("worker"), env=self.env | env)
        self.stack.enter_context(worker)
        wait_until(lambda: "ready" in worker.output() or not worker.alive, 30, "the worker is ready")
        assert worker.alive, worker.output()
        return worker

    def charge_processor(self) -> Process:
        process = self.stack.enter_context(Process.manage("charge_processor", log=self._log("charge_processor"), env=self.env))
        process.wait_for("listens on")
        return process

    def perform_exam(self, pacs: int = 0) -> str:
        """The accession number of an exam that was just completed; `pacs` is the port of one that is told of it."""
        arguments = [sys.executable, "-m", "tests.support.exams", "1", *([str(pacs)] if pacs else [])]
        process = self.stack.enter_context(Process(arguments, self._log("exam"), self.env))
        return process.wait_for("performed ").split("performed ")[1].split()[0]

    def charge(self, accession: str) -> tuple[str, str, int]:
        """Control ID, status and attempts of the one charge of the order."""
        query = (
            "SELECT c.control_id, c.status, c.attempts FROM billing_charge c JOIN ris_requestedprocedure p ON"
            " p.id = c.requested_procedure_id JOIN ris_order o ON o.id = p.order_id WHERE o.accession_number = ?"
        )
        with closing(sqlite3.connect(self.data_dir / "stepwise.sqlite3", timeout=20)) as database:
            (row,) = database.execute(query, (accession,)).fetchall()
        return (str(row[0]), str(row[1]), int(row[2]))

    def fault(self, *arguments: str) -> None:
        """`manage.py fault` with these arguments."""
        with Process.manage("fault", *arguments, log=self._log("fault"), env=self.env) as process:
            assert process.wait() == 0, process.output()

    def let_the_lease_run_out(self, accession: str) -> None:
        """As if a lease had passed since the charge was claimed: the one that runs ends now."""
        control_id = self.charge(accession)[0]
        with closing(sqlite3.connect(self.data_dir / "stepwise.sqlite3", timeout=20)) as database:
            (text,) = database.execute("SELECT lease_until FROM billing_charge WHERE control_id = ?", (control_id,)).fetchone()
            earlier = str(datetime.fromisoformat(text) - LEASE)
            database.execute("UPDATE billing_charge SET lease_until = ? WHERE control_id = ?", (earlier, control_id))
            database.commit()

    def is_posted_once(self, accession: str, within: float = WITHIN) -> None:
        wait_until(lambda: self.charge(accession)[1] == "POSTED", within, f"the charge of {accession} is posted")
        assert len(self.ledger.entries(control_id=self.charge(accession)[0])) == 1

    def states_of_deliveries(self) -> list[str]:
        return [str(state) for (state,) in self.execute("SELECT state FROM mpps_delivery ORDER BY message_id")]

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.data_dir / "stepwise.sqlite3", timeout=20)) as database, database:
            return database.execute(statement).fetchall()

    def _log(self, name: str) -> Path:
        return self.data_dir / f"{name}.{next(self.numbers)}.log"


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outbox]:
    data_dir = tmp_path_factory.mktemp("outbox")
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(data_dir / "redis"))
        outbox = Outbox(data_dir, server, stack)
        prepared.migrated(data_dir)
        yield outbox


@pytest.fixture(scope="module")
def beat(outbox: Outbox) -> Process:
    """Started by the first test that needs the sweep."""
    process = Process.celery("beat", "--pidfile", "", log=outbox.data_dir / "beat.log", env=outbox.env)
    return outbox.stack.enter_context(process)


@pytest.fixture
def charge_processor(outbox: Outbox) -> Iterator[Process]:
    with outbox.charge_processor() as process:
        yield process


@pytest.fixture
def worker(outbox: Outbox) -> Iterator[Process]:
    with outbox.worker() as process:
        yield process


def test_nudge_alone_posts_a_charge_at_once(outbox: Outbox, charge_processor: Process, worker: Process) -> None:
    outbox.is_posted_once(outbox.perform_exam(), within=10)


def test_charge_waits_for_a_charge_processor_that_is_down(outbox: Outbox, worker: Process, beat: Process) -> None:
    accession = outbox.perform_exam()
    wait_until(lambda: outbox.charge(accession)[2] >= 2, 30, "it was tried and tried again")
    assert outbox.charge(accession)[1] == "PENDING"
    with outbox.charge_processor():
        outbox.is_posted_once(accession)


def test_completion_while_redis_is_down_is_posted_after_its_return(
    outbox: Outbox, charge_processor: Process, worker: Process, beat: Process
) -> None:
    outbox.redis.kill()
    began = time.monotonic()
    accession = outbox.perform_exam()
    assert time.monotonic() - began < 10
    assert outbox.charge(accession)[1] == "PENDING"
    outbox.redis.start()
    outbox.is_posted_once(accession)


def test_completion_while_no_worker_runs_is_posted_by_the_next_one(outbox: Outbox, charge_processor: Process, beat: Process) -> None:
    accession = outbox.perform_exam()
    with outbox.worker():
        outbox.is_posted_once(accession)


def test_what_is_down_on_purpose_holds_charges_up_until_the_faults_end(
    outbox: Outbox, charge_processor: Process, worker: Process, beat: Process
) -> None:
    port = int((outbox.data_dir / "mllp.port").read_text())
    outbox.fault("on", "charge-processor-down")
    charge_processor.wait_for("down on purpose")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    outbox.fault("on", "broker-down")
    began = time.monotonic()
    accession = outbox.perform_exam()
    assert time.monotonic() - began < 10
    assert outbox.charge(accession)[1:] == ("PENDING", 0)
    outbox.fault("off", "--all")
    outbox.is_posted_once(accession)
    assert int((outbox.data_dir / "mllp.port").read_text()) == port


def test_charge_whose_acknowledgements_are_lost_on_purpose_comes_again_and_is_booked_once(
    outbox: Outbox, charge_processor: Process, worker: Process, beat: Process
) -> None:
    outbox.fault("on", "charge-ack-dropped")
    repeats = outbox.ledger.duplicates()
    accession = outbox.perform_exam()
    wait_until(lambda: outbox.ledger.duplicates() > repeats, 30, "it was booked and came again")
    assert outbox.charge(accession)[1] == "PENDING"
    outbox.fault("off", "--all")
    outbox.is_posted_once(accession)


def test_worker_killed_between_sending_and_hearing_the_answer_doubles_nothing(
    outbox: Outbox, charge_processor: Process, beat: Process
) -> None:
    heard, hold = threading.Event(), threading.Event()

    def answer_late(message: bytes) -> bytes | None:
        heard.set()
        hold.wait(60)
        return ack()(message)

    with Receiver(answer_late) as receiver:
        with outbox.worker(RIS_MLLP_PORT=str(receiver.port)) as victim:
            accession = outbox.perform_exam()
            assert heard.wait(30)
            victim.kill()
        hold.set()
        assert outbox.charge(accession)[1:] == ("PENDING", 1)
        outbox.let_the_lease_run_out(accession)
        with outbox.worker():
            outbox.is_posted_once(accession)
        assert outbox.charge(accession)[2] == 2
        (sent,) = receiver.received
    (entry,) = outbox.ledger.entries(control_id=outbox.charge(accession)[0])
    assert entry.control_id.encode() in sent


def test_a_performed_step_reaches_the_pacs_though_redis_and_then_its_worker_are_killed(outbox: Outbox) -> None:
    heard, hold = threading.Event(), threading.Event()

    def answer_late(told: Told) -> int:
        heard.set()
        hold.wait(60)
        return 0x0000

    pacs = Pacs(answer=answer_late)
    pacs.open()
    try:
        outbox.redis.kill()
        outbox.perform_exam(pacs.port)
        outbox.redis.start()
        with outbox.worker() as victim:
            assert heard.wait(30)
            victim.kill()
        hold.set()
        outbox.execute("UPDATE mpps_destination SET lease_until = '2020-01-01 00:00:00'")  # as if it had run out
        pacs.answer = lambda told: 0x0111 if told.verb == "N-CREATE" else 0x0000
        with outbox.worker():
            wait_until(lambda: [told.verb for told in pacs.told] == ["N-CREATE", "N-CREATE", "N-SET"], WITHIN, "the exam is sent on")
            wait_until(lambda: outbox.states_of_deliveries() == ["SENT", "SENT"], 20, "what was answered is written down")
    finally:
        outbox.execute("UPDATE mpps_destination SET enabled = false")
        pacs.shut()
