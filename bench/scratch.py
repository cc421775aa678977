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
from stepwise.migrating import apps_of
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


def migrated(under: Path, postgres_url: str) -> dict[str, Data]:
    """An empty database on both systems."""
    empty = {"SQLite": Data(under / "sqlite"), "PostgreSQL": Data(under / "postgresql", _created(postgres_url, "nothing"))}
    for data in empty.values():
        data.directory.mkdir()
        for database in ("default", "journal"):
            manage(data, "manage.py", "migrate", *apps_of(database), "--verbosity", "0", "--database", database)
    return empty


def copied(data: Data, name: str) -> Data:
    """Another database that is as this one."""
    directory = data.directory.with_name(f"{data.directory.name}-{name}")
    shutil.copytree(data.directory, directory)
    return Data(directory, data.url and _created(data.url, f"copy_{name}", "nothing"))


def filled(empty: Mapping[str, Data], sizes: Sequence[int]) -> dict[tuple[str, int], Data]:
    """A database of each size on both systems, by ("SQLite" or "PostgreSQL", size); both systems are filled side by side."""
    made = {(system, size): copied(data, str(size)) for system, data in empty.items() for size in sizes}
    with ThreadPoolExecutor(len(empty)) as pool:
        list(pool.map(lambda system: [_fill(made[system, size], size) for size in sizes], empty))
    return made


def _fill(data: Data, size: int) -> None:
    manage(data, "-m", "bench.entries", str(size))


def manage(data: Data, *arguments: str) -> None:
    """Run one of our programs on the database, to its end."""
    done = subprocess.run([sys.executable, *arguments], env=os.environ | environment(data.directory, data.url), check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}; what it said stands above.")


def _created(url: str, name: str, template: str = "template1") -> str:
    with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
