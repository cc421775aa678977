"""`python -m tests.fuzz --exchanges N`: mutated exchanges against a DICOM process with the real services and a database of its own.

It fails when the process ends, hangs, breaks inside, grows by more than a tenth after its first exchanges, or leaves another peer waiting.
"""

import argparse
import os
import re
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support import wire
from tests.support.mutations import exchange
from tests.support.ports import free_port
from tests.support.processes import Process

PATIENCE = 10.0  # seconds that an answer, or the end of a connection, may take
GROWTH = 0.10
WARM_UP = 0.1  # part of the exchanges after which memory is measured first
_BROKEN = re.compile(r"handler failed|On the network's thread|Traceback")


class Failed(Exception):
    """What went wrong, in a sentence."""


@dataclass
class Run:
    """What the threads that send share."""

    port: int
    seed: int
    count: int
    done: int = 0
    stopped: bool = False
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int | None:
        """The number of the next exchange; None when there is none."""
        with self.lock:
            if self.done >= self.count or self.problems or self.stopped:
                return None
            self.done += 1
            return self.done

    def send_all(self) -> None:
        while (number := self.next()) is not None:
            try:
                self._send(exchange(Random(self.seed + number)))
            except TimeoutError:
                self.problems.append(f"exchange {number} of seed {self.seed} got neither an answer nor an end within {PATIENCE:g} s")
            except OSError as error:
                self.problems.append(f"exchange {number} of seed {self.seed} found nobody: {error}")

    def _send(self, sent: bytes) -> None:
        with wire.connected(self.port, PATIENCE) as peer, suppress(ConnectionResetError, BrokenPipeError):
            peer.send(sent)
            peer.connection.shutdown(1)
            while peer.connection.recv(65536):
                pass

    def echo_until_stopped(self) -> None:
        """Another peer, who does nothing wrong."""
        while not self.stopped and not self.problems:
            try:
                with wire.connected(self.port, PATIENCE) as peer:
                    peer.associate(wire.associate_rq("GOOD")).send(wire.echo())
                    if peer.status():
                        self.problems.append("a good C-ECHO failed meanwhile")
            except (OSError, EOFError) as error:
                self.problems.append(f"a good peer was not served meanwhile: {type(error).__name__} {error}")
            time.sleep(0.2)  # a pace, not a wait


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fuzz(run: Run, dicom: Process, threads: int) -> str:
    """Send everything and say what was seen. Raises Failed."""
    good = threading.Thread(target=run.echo_until_stopped)
    good.start()
    started, total, run.count = time.monotonic(), run.count, max(1, int(run.count * WARM_UP))
    try:
        _send(run, threads)
        first = resident_bytes(dicom.pid)
        run.count = total
        _send(run, threads)
        if not dicom.alive:
            raise Failed(f"the process ended with {dicom.returncode}")
        last = resident_bytes(dicom.pid)
    finally:
        run.stopped = True
        good.join()
    if run.problems:
        raise Failed(run.problems[0])
    if last > first * (1 + GROWTH):
        raise Failed(f"resident memory grew from {first >> 20} to {last >> 20} MiB")
    if broken := _BROKEN.search(dicom.output()):
        raise Failed(f"the log of the process says {broken[0]!r}")
    rate = run.done / (time.monotonic() - started)
    return f"{run.done} exchanges, {rate:.0f} a second, resident {first >> 20} then {last >> 20} MiB: no crash, no hang, others served"


def _send(run: Run, threads: int) -> None:
    senders = [threading.Thread(target=run.send_all) for _ in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 2**32, help="numbers the exchanges; printed, so that a run can be repeated"
    )
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stepwise-fuzz-") as directory:
        log, port = Path(directory) / "log", free_port()
        env = {
            "RIS_DATA_DIR": directory,
            "RIS_DICOM_PORT": str(port),
            "RIS_UNKNOWN_CALLERS": "accept",
            "DATABASE_URL": "",
            "RIS_LOG_LEVEL": "ERROR",
        }
        for database in ("default", "journal"):
            with Process.manage("migrate", "--verbosity", "0", "--database", database, log=log, env=env) as migrate:
                migrate.wait(120)
        with Process.manage("dicom", log=log, env=env) as dicom:
            dicom.wait_for("listening on port", 60)
            sys.stdout.write(f"{options.exchanges} exchanges from seed {options.seed} …\n")
            sys.stdout.flush()
            try:
                sys.stdout.write(fuzz(Run(port, options.seed, options.exchanges), dicom, options.threads) + "\n")
            except Failed as failure:
                sys.stderr.write(f"Failed: {failure}\n{dicom.output()[-4000:]}\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
