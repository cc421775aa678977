"""`make bench`: measure Stepwise beside its peers, and write the table into bench/results.md.

BENCH_LARGEST (1000000) is the number of entries of the largest database, BENCH_REPEATS (7) how often each thing is measured,
BENCH_ASSOCIATIONS (10000) how many follow each other while the memory is watched.
"""

import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench import measure, scratch, servers
from bench.measure import Row

SMALL, MIDDLE = 1_000, 10_000


def main() -> int:
    """Exit code 0 when everything that is to be reached was."""
    from bench import finding, journal, load, performing

    largest, repeats = int(os.environ.get("BENCH_LARGEST", "1000000")), int(os.environ.get("BENCH_REPEATS", "7"))
    sizes = sorted({SMALL, MIDDLE, max(largest // 10, SMALL), max(largest, MIDDLE)})
    rows: list[Row] = []
    begun = time.monotonic()
    with ExitStack() as stack:
        under = stack.enter_context(scratch.directory())
        url = stack.enter_context(scratch.postgres())
        _say(begun, f"filling databases of {', '.join(f'{size:,}' for size in sizes)} entries")
        empty = scratch.migrated(under, url)
        data = scratch.filled(empty, sizes)
        files = _files(under)
        small = {kind: data[kind, SMALL] for kind in ("SQLite", "PostgreSQL")}
        with ExitStack() as running:
            ours = {kind: running.enter_context(servers.stepwise(one.directory, one.url)) for kind, one in small.items()}
            stock = running.enter_context(servers.stock(small["SQLite"].directory))
            _say(begun, "1,000 answers")
            rows += finding.thousand_answers(ours, stock, files.get(SMALL), repeats)
            _say(begun, "C-ECHO")
            rows += load.echoes(ours["SQLite"], stock, repeats)
        with ExitStack() as running:
            ours = {kind: running.enter_context(servers.stepwise(data[kind, MIDDLE].directory, data[kind, MIDDLE].url)) for kind in small}
            _say(begun, "one station, one day")
            rows += finding.one_day_of_ten_thousand(ours, files.get(MIDDLE), repeats)
            _say(begun, "idle associations, and many at once")
            rows += load.idle(ours["SQLite"], repeats) + load.at_once(ours, repeats)
        _say(begun, "few entries and many")
        rows += finding.flatness({key: one for key, one in data.items() if key[1] != MIDDLE}, repeats)
        _say(begun, "exams performed")
        rows += performing.performing({kind: scratch.copied(one, "performing") for kind, one in empty.items()})
        _say(begun, "with the journal and without")
        rows += journal.cost(small["SQLite"].directory, scratch.copied(small["SQLite"], "unjournalled").directory, repeats)
        with servers.stepwise(small["SQLite"].directory) as server:
            _say(begun, "memory")
            rows += load.memory(server)
    return _report(rows, _notes(repeats, time.monotonic() - begun))


def _report(rows: list[Row], notes: list[str]) -> int:
    """Write the report and print it; the exit code."""
    text = measure.report(rows, notes)
    measure.write(text)
    print(text)
    return 0 if all(row.reached is not False for row in rows) else 1


def _files(under: Path) -> dict[int, Path]:
    """Folders of worklist files by their number, where there is a peer that serves them."""
    from bench.entries import items

    if not servers.wlmscpfs_path():
        return {}
    return {size: servers.write_files(under / f"files-{size}", items(size)) for size in (SMALL, MIDDLE)}


def _notes(repeats: int, took: float) -> list[str]:
    peers = [f"DCMTK {measure.program_version('wlmscpfs')}" if servers.wlmscpfs_path() else "wlmscpfs is not installed"]
    peers.append(measure.program_version("Orthanc") if servers.orthanc_plugin() else "Orthanc with its worklist plugin is not installed")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        f"{measure.machine()}; {'; '.join(peers)}.",
        f"Medians of {repeats} repeats that took turns; {took:.0f} s in all; load averages at the end {load}.",
    ]


def _say(begun: float, what: str) -> None:
    print(f"{time.monotonic() - begun:5.0f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))  # so that what was started is ended
    raise SystemExit(main())
