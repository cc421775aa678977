"""One run: the product is started, exams are performed while its parts are killed, and the books are compared."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

import psutil

from tests.chaos.audit import Books, look, waiting
from tests.chaos.exams import Failed, Modalities, planned, worklist
from tests.chaos.killing import Killer
from tests.support.daytime import zone
from tests.support.stack import Stack
from tests.support.wait import wait_until

POSTED_WITHIN = 60.0  # seconds after the parts are back
_HOST, _TITLE = "127.0.0.1", "STEPWISE"


@dataclass(frozen=True)
class Outcome:
    """What a run saw. `seconds` are those of the exams, `posted_after` those until the last charge was posted, all parts being back."""

    exams: int
    seconds: float
    killed: dict[str, int]
    seen: dict[str, int]
    posted_after: float
    books: Books

    def __str__(self) -> str:
        kills = ", ".join(f"{part} {times}" for part, times in sorted(self.killed.items()))
        seen = ", ".join(f"{what} {times}" for what, times in sorted(self.seen.items()))
        return (
            f"{self.exams} exams in {self.seconds:.0f} s; killed: {kills}; messages: {seen}; "
            f"all posted {self.posted_after:.1f} s after the last part was back; {self.books.charges} charges, {self.books.amount:.2f}"
        )


def play(
    stack: Stack, count: int, seed: int, seconds: float, kill_every: float, database: Callable[[], Sequence[psutil.Process]] | None = None
) -> Outcome:
    """Perform `count` exams within about `seconds`. Raises Failed with what does not add up, with the seed that repeats it."""
    before = worklist(_HOST, stack.dicom_port, _TITLE)
    stack.manage("generate_worklist", "--steps", str(count), "--days", "1", "--seed", str(seed))
    items = {step: item for step, item in worklist(_HOST, stack.dicom_port, _TITLE).items() if step not in before}
    exams = planned(items.values(), Random(seed))
    modalities = Modalities(_HOST, stack.dicom_port, _TITLE, seed, 6 * seconds / max(1, len(exams)), lambda: datetime.now(zone()))
    killer = Killer(stack, seed, kill_every, database)
    begun = time.monotonic()
    killer.start(modalities.over)
    try:
        modalities.perform(exams)
    finally:
        modalities.over.set()
        killer.join()
    took = time.monotonic() - begun
    wait_until(lambda: _is_back(stack), 120, "every part is back", interval=0.3)
    back = time.monotonic()
    wait_until(lambda: waiting(stack) == 0, POSTED_WITHIN, "all charges are posted", interval=0.3)
    outcome = Outcome(len(exams), took, dict(killer.killed), dict(modalities.seen), time.monotonic() - back, look(stack, exams))
    if outcome.books.differences:
        raise Failed(f"{len(outcome.books.differences)} differences with seed {seed}: " + "; ".join(outcome.books.differences[:20]))
    return outcome


def _is_back(stack: Stack) -> bool:
    try:
        return stack.request("GET", "/healthz")[0] == 200
    except OSError:
        return False
