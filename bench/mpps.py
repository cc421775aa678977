"""`python -m bench.mpps`: exams by MPPS (N-CREATE and the N-SET that completes it, charge captured) beside bare durable commits.

Each exam is two transactions that are on disk before their answers leave. The same database, in the same run, commits single rows for
comparison: on SQLite into a file beside, on PostgreSQL over one connection. BENCH_EXAMS (200) exams are performed for each row.
"""

import os
import pickle
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.client import Association, create_request, set_request
from bench.measure import Row, report
from bench.scratch import Data, directory, manage, postgres
from bench.servers import OURS, environment
from dimse import listener
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP
from tests.support.redis import RedisServer

Exam = tuple[bytes, bytes]
"""An N-CREATE-RQ and the N-SET-RQ that completes it."""

_BARE_SECONDS, _START, _STOP = 1.0, 60.0, 15.0
_WARM_UP = 10  # exams before the clock starts, on each association
_SEVERAL = 8  # associations at once


@dataclass(frozen=True)
class Case:
    """What is measured: how many processes share the socket, and how many associations perform exams at once."""

    processes: int
    associations: int


def measured(exams: int) -> list[Row]:
    """The rows of SQLite and of PostgreSQL."""
    with ExitStack() as stack:
        under = stack.enter_context(directory())
        redis = RedisServer(under / "redis").start()
        stack.callback(redis.kill)
        url = stack.enter_context(postgres())
        sqlite, postgresql = Data(under / "sqlite"), Data(under / "postgresql", url)
        rows = _rows("SQLite", sqlite, redis.url, [Case(1, 1), Case(1, _SEVERAL)], exams)
        return rows + _rows("PostgreSQL", postgresql, redis.url, [Case(1, 1), Case(1, _SEVERAL), Case(2, _SEVERAL)], exams)


def _rows(kind: str, data: Data, redis_url: str, cases: Sequence[Case], exams: int) -> list[Row]:
    data.directory.mkdir()
    for database in ("default", "journal"):
        manage(data, "manage.py", "migrate", "--verbosity", "0", "--database", database)
    written = data.directory / "exams"
    manage(data, "-m", "bench.mpps", "write", str(written), str(len(cases) * (exams + _WARM_UP * _SEVERAL)))
    waiting: list[Exam] = pickle.loads(written.read_bytes())
    rows, rates = [], {}
    for case in cases:
        bare = bare_commits(data)
        with processes(data, redis_url, case.processes) as port:
            taken = exams + _WARM_UP * case.associations
            rates[case] = perform(port, waiting[:taken], case.associations)
            del waiting[:taken]
        ratio = 2 * rates[case] / bare
        words = f"{rates[case]:,.0f} exams/s, {2 * rates[case]:,.0f} commits/s: {ratio:.2f}× its {bare:,.0f} bare commits/s"
        rows.append(Row(f"Exams on {kind}, {_named(case)}", "≥ 0.5× bare durable commits", words, ratio >= 0.5))
    one, two = (rates.get(Case(number, _SEVERAL)) for number in (1, 2))
    if one and two:
        rows.append(Row(f"Exams on {kind}, 2 processes", "≥ 1.5× 1 process", f"{two / one:.2f}×", two / one >= 1.5))
    return rows


def _named(case: Case) -> str:
    return f"{case.processes} process{'es' * (case.processes > 1)}, {case.associations} association{'s' * (case.associations > 1)}"


def bare_commits(data: Data) -> float:
    """Transactions of one inserted row a second, each durable, one after the other."""
    if data.url:
        with psycopg.connect(data.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS bare (id bigserial PRIMARY KEY, text varchar(64))")
            return _rate(lambda: connection.execute("INSERT INTO bare (text) VALUES ('one row of text')"))
    beside = sqlite3.connect(data.directory / "bare.sqlite3", isolation_level=None)
    try:
        beside.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, t);"
        )
        return _rate(lambda: beside.execute("INSERT INTO bare (t) VALUES ('one row of text')"))
    finally:
        beside.close()


def _rate(commit: Callable[[], object]) -> float:
    begun, done = time.perf_counter(), 0
    while time.perf_counter() < begun + _BARE_SECONDS:
        commit()
        done += 1
    return done / (time.perf_counter() - begun)


@contextmanager
def processes(data: Data, redis_url: str, number: int) -> Iterator[int]:
    """The port of `number` DICOM processes that share one listening socket, as the supervisor starts them."""
    with listener.bound("127.0.0.1", 0) as listening, ExitStack() as stack:
        fd = listening.fileno()
        env = os.environ | environment(data.directory, data.url) | {"RIS_DICOM_FD": str(fd), "REDIS_URL": redis_url}
        for log in [data.directory / f"dicom.{one}.log" for one in range(number)]:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "dicom"], env=env, pass_fds=[fd], stdout=log.open("wb"), stderr=subprocess.STDOUT
            )
            stack.callback(process.wait, _STOP)
            stack.callback(process.terminate)
            _wait_until_it_listens(process, log)
        yield int(listening.getsockname()[1])


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        if b"listening on port" in log.read_bytes():
            return
        time.sleep(0.05)
    raise SystemExit(f"{log.stem} does not listen:\n{log.read_text(errors='replace')[-2000:]}")


def perform(port: int, exams: Sequence[Exam], associations: int) -> float:
    """Exams a second over this many associations at once; the first of each are done before the clock starts."""

    def work(association: Association, mine: Sequence[Exam]) -> None:
        for create, complete in mine:
            association.ask(create)
            association.ask(complete)

    shares = [exams[number::associations] for number in range(associations)]
    with ExitStack() as stack, ThreadPoolExecutor(associations) as pool:
        opened = [
            stack.enter_context(Association(port, OURS, MODALITY_PERFORMED_PROCEDURE_STEP, calling=f"CT{number:02d}"))
            for number in range(1, associations + 1)
        ]
        list(pool.map(work, opened, [share[:_WARM_UP] for share in shares]))
        begun = time.perf_counter()
        list(pool.map(work, opened, [share[_WARM_UP:] for share in shares]))
        return (len(exams) - _WARM_UP * associations) / (time.perf_counter() - begun)


def write_exams(path: Path, number: int) -> None:
    """Fill the database with orders, and write the messages of their exams: two series, five images."""
    from django.core.management import call_command

    from dimse.uids import new_uid
    from ris.models import ScheduledProcedureStep
    from tests.support.hospital import a_procedure, a_station
    from tests.support.mpps import a_create, a_series, an_end

    a_procedure()
    for station in range(1, _SEVERAL + 1):
        a_station(f"CT{station:02d}")
    call_command("generate_worklist", steps=number, days=1 + number // 500, seed=1, verbosity=0, stdout=sys.stderr)
    steps = ScheduledProcedureStep.objects.select_related("requested_procedure__order__patient").order_by("pk")
    uids = [new_uid() for _ in range(number)]
    ends = (an_end(PerformedSeriesSequence=[a_series(3), a_series(2)]) for _ in uids)
    exams = [
        (create_request(uid, a_create(step)), set_request(uid, end)) for uid, step, end in zip(uids, steps[:number], ends, strict=True)
    ]
    path.write_bytes(pickle.dumps(exams))


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["write"]:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
        django.setup()
        write_exams(Path(arguments[1]), int(arguments[2]))
        return 0
    print(report(measured(int(os.environ.get("BENCH_EXAMS", "200"))), [f"Load averages {os.getloadavg()}."]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
