"""What the message journal costs a C-FIND: the same queries to a process that keeps it and to one that does not, taking turns."""

import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from bench import entries, queries, servers
from bench.client import Association
from bench.finding import DAY
from bench.measure import Row
from bench.servers import Server
from dimse.services import MODALITY_WORKLIST

_MOST = 1.05
_SETTLED = 0.6  # seconds after which the journal has written what it heard


def cost(with_journal: Path, without: Path, repeats: int) -> list[Row]:
    """Both directories hold the same 1,000 entries; each query is asked often enough to use a second of a core or so."""
    kinds = {
        "1,000 answers": (queries.request(ScheduledProcedureStepStartDate=DAY), 1000, 60),
        "a station's day, 20 answers": (queries.station_day("ST03", DAY), entries.SLOTS, 1500),
    }
    with ExitStack() as stack:
        kept = stack.enter_context(servers.stepwise(with_journal))
        none = stack.enter_context(servers.stepwise(without, journal=False))
        return [_compared(name, kept, none, *asked, repeats) for name, asked in kinds.items()]


def _compared(name: str, kept: Server, none: Server, request: bytes, answers: int, times: int, repeats: int) -> Row:
    spent: dict[Server, list[tuple[float, float]]] = {kept: [], none: []}
    for _ in range(repeats + 1):
        for server, seen in spent.items():
            seen.append(_asked(server, request, answers, times))
    waited, used = ([statistics.median(one[what] for one in seen[1:]) for seen in spent.values()] for what in (0, 1))
    slower, dearer = waited[0] / waited[1], used[0] / used[1]
    words = f"{slower:.2f}× ({waited[0]:.2f} ms); of a core {dearer:.2f}× ({used[0]:.2f} ms, the writing behind it included)"
    return Row(f"C-FIND with the journal, {name}", f"≤ {_MOST:.2f}× without", words, slower <= _MOST)


def _asked(server: Server, request: bytes, answers: int, times: int) -> tuple[float, float]:
    """Milliseconds that a query takes its peer (the median of them), and that it takes of a core with all that follows it."""
    waited: list[float] = []
    used = server.cpu_seconds()
    with Association(server.port, server.ae_title, MODALITY_WORKLIST) as association:
        for _ in range(times):
            begun = time.perf_counter()
            if association.ask(request) != answers:
                raise SystemExit(f"not the {answers} answers that were expected")
            waited.append(time.perf_counter() - begun)
    time.sleep(_SETTLED)
    return statistics.median(waited) * 1000, (server.cpu_seconds() - used) * 1000 / times
