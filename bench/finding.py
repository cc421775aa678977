"""C-FIND: many answers at once, one station's day among many entries, and what a million entries cost."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import entries, queries, servers
from bench.client import Association
from bench.measure import Row, at_least, medians, seconds
from bench.scratch import Data
from bench.servers import Server
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST

DAY = f"{entries.FIRST_DAY:%Y%m%d}"
_SYNTAXES = {"Implicit VR": IMPLICIT_VR_LITTLE_ENDIAN, "Explicit VR": EXPLICIT_VR_LITTLE_ENDIAN}
_PEERS = {"stock": "stock pynetdicom", "wlmscpfs": "wlmscpfs"}
_AGAIN = 15  # queries of one kind in a row; the shortest counts


def asking(server: Server, request: bytes, expected: int, transfer_syntax: str = IMPLICIT_VR_LITTLE_ENDIAN, times: int = 1) -> float:
    """Seconds from a query to its final response, the association being there; the shortest of some."""
    with Association(server.port, server.ae_title, MODALITY_WORKLIST, transfer_syntax) as association:
        found: list[float] = []
        for _ in range(times):
            begun = time.perf_counter()
            answers = association.ask(request)
            found.append(time.perf_counter() - begun)
            if answers != expected:
                raise SystemExit(f"{server.ae_title} gave {answers} answers, expected {expected}")
    return min(found)


def thousand_answers(ours: dict[str, Server], stock: Server, files: Path | None, repeats: int) -> list[Row]:
    """1,000 answers of 1,000 entries, per answer."""
    rows = []
    with ExitStack() as stack:
        peer = stack.enter_context(servers.wlmscpfs(files)) if files else None
        for name, syntax in _SYNTAXES.items():
            request = queries.request(syntax, ScheduledProcedureStepStartDate=DAY)
            cases = {kind: _case(server, request, 1000, syntax) for kind, server in ours.items()}
            if peer:
                cases["wlmscpfs"] = _case(peer, request, 1000, syntax)
            for run in cases.values():
                run()
            seen = medians(cases, repeats) | medians({"stock": _case(stock, request, 1000, syntax)}, 2)
            for kind in ours:
                for name_of_peer, wanted in (("stock", 50), ("wlmscpfs", 5)):
                    if name_of_peer in seen:
                        ratio, reached = at_least(seen[name_of_peer] / seen[kind], wanted)
                        words = f"{1000 / seen[kind]:,.0f}/s on {kind}: {ratio} its {1000 / seen[name_of_peer]:,.0f}/s"
                        rows.append(Row(f"1,000 answers, {name}", f"≥ {wanted}× {_PEERS[name_of_peer]}", words, reached))
    return rows


def _case(server: Server, request: bytes, expected: int, syntax: str = IMPLICIT_VR_LITTLE_ENDIAN, times: int = 1) -> Callable[[], float]:
    return lambda: asking(server, request, expected, syntax, times)


def one_day_of_ten_thousand(ours: dict[str, Server], files: Path | None, repeats: int) -> list[Row]:
    """One station's day of 10,000 entries."""
    request = queries.station_day("ST03", DAY)
    rows = []
    with ExitStack() as stack:
        peers: dict[str, Server] = {}
        if files:
            peers["wlmscpfs"] = stack.enter_context(servers.wlmscpfs(files))
        if files and servers.orthanc_plugin():
            peers["Orthanc"] = stack.enter_context(servers.orthanc(files))
        cases = {kind: _case(server, request, entries.SLOTS, times=_AGAIN) for kind, server in ours.items()}
        seen = medians(cases | {name: _case(peer, request, entries.SLOTS) for name, peer in peers.items()}, repeats)
        for kind in ours:
            for peer in peers:
                ratio, reached = at_least(seen[peer] / seen[kind], 50)
                words = f"{seen[kind] * 1000:.1f} ms on {kind}: {ratio} its {seen[peer] * 1000:.0f} ms"
                rows.append(Row("one station, one day (20 answers) of 10,000 entries", f"≥ 50× {peer}", words, reached))
    return rows


def flatness(data: dict[tuple[str, int], Data], repeats: int) -> list[Row]:
    """The same answers out of few entries and out of many."""
    kinds = {
        "a station's day, 20 answers": (queries.station_day("ST03", DAY), entries.SLOTS),
        "a patient ID, 1 answer": (queries.request(PatientID="P0000042"), 1),
        "the beginning of a name, 10 answers": (queries.request(PatientName="BENCH000004*"), 10),
    }
    rows = []
    for system in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            running = {
                size: stack.enter_context(servers.stepwise(one.directory, one.url)) for (kind, size), one in data.items() if kind == system
            }
            for name, (request, expected) in kinds.items():
                cases = {str(size): _case(server, request, expected, times=_AGAIN) for size, server in running.items()}
                for run in cases.values():
                    run()
                seen = medians(cases, repeats)
                ratio = max(seen.values()) / min(seen.values())
                words = " · ".join(f"{seen[str(size)] * 1000:.2f} ms of {size:,}" for size in running)
                rows.append(Row(f"{name}, {system}", "within 1.5×", f"{words}: {ratio:.2f}×", ratio <= 1.5))
    return rows


def echo(server: Server) -> float:
    """Seconds of a C-ECHO with its association."""
    from bench.client import echo_request

    request = echo_request()

    def once() -> None:
        with Association(server.port, server.ae_title) as association:
            association.ask(request)

    return seconds(once)
