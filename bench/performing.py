"""N-CREATE and N-SET: exams performed as fast as they are answered, against what the disk can commit."""

import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

import psycopg

from bench import servers
from bench.client import Association
from bench.measure import Row
from bench.scratch import Data, manage
from bench.servers import Server, environment
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP

Pairs = list[tuple[bytes, bytes]]
_EXAMS = int(os.environ.get("BENCH_EXAMS", "300"))
_MODALITIES, _COMMITS = 8, 300  # associations at a time; bare commits


def commit_rate(data: Data) -> float:
    """Durable commits a second of one small row each, one after another, where the database is."""
    if data.url:
        with psycopg.connect(data.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (number integer)")
            begun = time.perf_counter()
            for number in range(_COMMITS):
                connection.execute("INSERT INTO bare VALUES (%s)", [number])
            return _COMMITS / (time.perf_counter() - begun)
    with sqlite3.connect(data.directory / "bare.sqlite3", isolation_level=None) as bare:
        bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE bare (number integer)")
        begun = time.perf_counter()
        for number in range(_COMMITS):
            bare.execute("INSERT INTO bare VALUES (?)", [number])
        rate = _COMMITS / (time.perf_counter() - begun)
    bare.close()
    return rate


def performing(data: dict[str, Data]) -> list[Row]:
    """The rate of exams with one process on each system, and with two on PostgreSQL. `data` is migrated and otherwise empty."""
    rows = []
    for system, one in data.items():
        pairs = _prepared(one)
        bare, before = commit_rate(one), _charges(one)
        half = len(pairs) // 2
        with servers.stepwise(one.directory, one.url) as server:
            cpu = server.cpu_seconds()
            rate = _rate(server, pairs[:half])
            cpu = (server.cpu_seconds() - cpu) / half
        charged = _charges(one) - before
        words = (
            f"{rate:.0f} exams/s ({2 * rate:.0f} messages/s) with {1000 * cpu:.1f} ms of the server's CPU each, "
            f"beside {bare:,.0f} bare commits/s on {system}; {charged} charges of {half}"
        )
        rows.append(Row("N-CREATE and N-SET COMPLETED, charge captured", "≥ half of the bare commit rate", words, rate >= bare / 2))
        if one.url:
            with servers.stepwise(one.directory, one.url, processes=2) as server:
                two = _rate(server, pairs[half:])
            rows.append(Row("the same with 2 processes", "≥ 1.5× 1 process", f"{two:.0f} exams/s: {two / rate:.2f}×", two >= 1.5 * rate))
    return rows


def _prepared(data: Data) -> Pairs:
    file = data.directory / "exchanges.pickle"
    manage(data, "manage.py", "demo_hospital")
    manage(data, "manage.py", "generate_worklist", "--steps", str(_EXAMS), "--days", "1")
    manage(data, "-m", "bench.exchanges", "make", str(file))
    made: Pairs = pickle.loads(file.read_bytes())
    return made


def _charges(data: Data) -> int:
    env = os.environ | environment(data.directory, data.url)
    said = subprocess.run([sys.executable, "-m", "bench.exchanges", "count"], env=env, capture_output=True, text=True, check=True)
    return int(said.stdout.split()[1])


def _rate(server: Server, pairs: Pairs) -> float:
    """Exams a second, by some modalities at a time."""
    waiting: SimpleQueue[tuple[bytes, bytes]] = SimpleQueue()
    for pair in pairs:
        waiting.put(pair)
    failed: list[Exception] = []
    modalities = [threading.Thread(target=_perform, args=(server, waiting, failed)) for _ in range(_MODALITIES)]
    begun = time.perf_counter()
    for modality in modalities:
        modality.start()
    for modality in modalities:
        modality.join()
    if failed:
        raise SystemExit(f"an exam could not be performed: {failed[0]}")
    return len(pairs) / (time.perf_counter() - begun)


def _perform(server: Server, waiting: "SimpleQueue[tuple[bytes, bytes]]", failed: list[Exception]) -> None:
    try:
        with Association(server.port, server.ae_title, MODALITY_PERFORMED_PROCEDURE_STEP) as association, suppress(Empty):
            while True:
                for request in waiting.get_nowait():
                    association.ask(request)
    except Exception as error:  # noqa: BLE001  (told by who waits for the threads)
        failed.append(error)
