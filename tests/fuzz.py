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
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support import prepared, wire
from tests.support.mutations import Level, exchange
from tests.support.ports import free_port
from tests.support.processes import Process

PATIENCE = 10.0  # seconds that an answer, or the end of a connection, may take
GROWTH = 0.10
PARTS = 10  # after each part of the exchanges a line tells how far it is and what memory it takes
WARM_UP = 10_000  # exchanges after which memory is measured first, or a part of them: what is kept in memory is bounded
_BROKEN = re.compile(r"handler failed|On the network's thread|Traceback")
_STATUS = re.compile(rb"\0\0\0\x09\x02\0\0\0(..)", re.DOTALL)  # (0000,0900) of a response
_PDUS = {3: "rejected", 6: "released", 7: "aborted"}


class Failed(Exception):
    """What went wrong, in a sentence."""


def answers(received: bytes) -> set[str]:
    """What kinds of answers are in all that came back on one connection; `silence` when nothing came."""
    kinds, at = set(), 0
    while at + 6 <= len(received):
        kinds.add(_PDUS.get(received[at], ""))
        at += 6 + int.from_bytes(received[at + 2 : at + 6], "big")
    for raw in _STATUS.findall(received):
        kinds.add(_meaning(int.from_bytes(raw, "little")))
    return kinds - {""} or {"silence"}


def _meaning(status: int) -> str:
    """PS3.7 Annex C by classes."""
    if status in (0xFF00, 0xFF01):
        return "matches"
    if status == 0 or status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0116):
        return "success"
    return "failure"


@dataclass
class Run:
    """What the threads that send share."""

    port: int
    seed: int
    count: int
    patience: float = PATIENCE
    done: int = 0
    stopped: bool = False
    problems: list[str] = field(default_factory=list)
    wrong: Counter[Level] = field(default_factory=Counter)
    got: Counter[tuple[Level, str]] = field(default_factory=Counter)
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
                self._send(number)
            except TimeoutError:
                self.problems.append(f"exchange {number} of seed {self.seed} got neither an answer nor an end within {self.patience:g} s")
            except OSError as error:
                self.problems.append(f"exchange {number} of seed {self.seed} found nobody: {error}")

    def _send(self, number: int) -> None:
        made = exchange(Random(self.seed + number))
        with wire.connected(self.port, self.patience) as peer:
            kinds = answers(made.carry_out(peer))
        with self.lock:
            self.wrong[made.wrong] += 1
            self.got.update((made.wrong, kind) for kind in kinds)

    def echo_until_stopped(self) -> None:
        """Another peer, who does nothing wrong."""
        while not self.stopped and not self.problems:
            try:
                with wire.connected(self.port, self.patience) as peer:
                    peer.associate(wire.associate_rq("GOOD")).send(wire.echo())
                    if peer.status():
                        self.problems.append("a good C-ECHO failed meanwhile")
            except (OSError, EOFError) as error:
                self.problems.append(f"a good peer was not served meanwhile: {type(error).__name__} {error}")
            time.sleep(0.2)  # a pace, not a wait

    def told(self) -> str:
        """How many exchanges were wrong in what, and which share of them got which kinds of answer."""
        lines = []
        for level in Level:
            shares = sorted(((self.got[one, kind] / self.wrong[level], kind) for one, kind in self.got if one is level), reverse=True)
            told = ", ".join(f"{kind} {share:.1%}" for share, kind in shares)
            lines.append(f"wrong in {level}: {self.wrong[level]} ({told})")
        return "\n".join(lines)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fuzz(run: Run, dicom: Process, threads: int) -> str:
    """Send everything and say what was seen. Raises Failed."""
    good = threading.Thread(target=run.echo_until_stopped)
    good.start()
    started, total, resident = time.monotonic(), run.count, list[int]()
    try:
        for part in range(1, PARTS + 1):
            run.count = min(total, max(WARM_UP, total * part // PARTS))
            _send(run, threads)
            if not dicom.alive:
                raise Failed(f"the process ended with {dicom.returncode}")
            resident.append(resident_bytes(dicom.pid))
            if run.done < total and not run.problems:
                _say(f"{run.done} of {total}, resident {resident[-1] >> 20} MiB")
        first, last = resident[0], resident[-1]
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
    seen = f"{run.done} exchanges, {rate:.0f} a second, resident {first >> 20} then {last >> 20} MiB: no crash, no hang, others served"
    return f"{run.told()}\n{seen}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _send(run: Run, threads: int) -> None:
    senders = [threading.Thread(target=run.send_all) for _ in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 2**32, help="numbers the exchanges; printed, so that a run can be repeated"
    )
    parser.add_argument("--threads", type=int, default=6)
    patience = "that an answer may take (default %(default)g); more on a machine that is busy"
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="SECONDS", help=patience)
    return parser.parse_args()


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="stepwise-fuzz-") as directory:
        log, port, data = Path(directory) / "log", free_port(), Path(directory) / "data"
        os.environ["RIS_DATA_DIR"] = directory
        prepared.with_demo(data)
        env = {
            "RIS_DATA_DIR": str(data),
            "RIS_DICOM_PORT": str(port),
            "RIS_UNKNOWN_CALLERS": "accept",
            "DATABASE_URL": "",
            "RIS_LOG_LEVEL": "ERROR",
        }
        with Process.manage("dicom", log=log, env=env) as dicom:
            dicom.wait_for("listening on port", 60)
            _say(f"{options.exchanges} exchanges from seed {options.seed} …")
            try:
                run = Run(port, options.seed, options.exchanges, options.patience)
                _say(fuzz(run, dicom, options.threads))
            except Failed as failure:
                sys.stderr.write(f"Failed: {failure}\n{dicom.output()[-4000:]}\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
