"""What the servers work on: databases filled with entries and folders with files, in a directory that goes afterwards."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.servers import environment
from tests.support.postgres import start_postgres


@dataclass(frozen=True)
class Data:
    """One database: where its data directory is, and its URL unless it is SQLite."""

    directory: Path
    url: str = ""


@contextmanager
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="stepwise-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own."""
    server, url = start_postgres()
    try:
        yield url
    finally:
        server.cleanup()


def filled(under: Path, sizes: Sequence[int], postgres_url: str) -> Mapping[tuple[str, int], Data]:
    """A database of each size on both systems, by ("SQLite" or "PostgreSQL", size); both systems are filled side by side."""
    empty = {"SQLite": Data(under / "sqlite"), "PostgreSQL": Data(under / "postgresql", _created(postgres_url, "nothing"))}
    made: dict[tuple[str, int], Data] = {}
    for data in empty.values():
        data.directory.mkdir()
        for database in ("default", "journal"):
            _manage(data, "manage.py", "migrate", "--verbosity", "0", "--database", database)
    for size in sizes:
        for system, data in empty.items():
            directory = under / f"{system.lower()}-{size}"
            shutil.copytree(data.directory, directory)
            made[system, size] = Data(directory, data.url and _created(postgres_url, f"entries_{size}", "nothing"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda system: [_fill(made[system, size], size) for size in sizes], empty))
    return made


def _fill(data: Data, size: int) -> None:
    _manage(data, "-m", "bench.entries", str(size))


def _manage(data: Data, *arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], env=os.environ | environment(data.directory, data.url), check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}; what it said stands above.")


def _created(url: str, name: str, template: str = "template1") -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
