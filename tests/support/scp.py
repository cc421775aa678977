"""`manage.py dicom` in processes of their own, on the databases of the test."""

import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

import psutil
from django.db import connection, connections

from tests.support import wire
from tests.support.hospital import a_site
from tests.support.processes import Process
from tests.support.wait import wait_until


@dataclass
class Scp:
    """Processes on one listening socket. `environment` is what a further process needs to be one of them."""

    port: int
    environment: dict[str, str]
    processes: list[Process]

    def serving(self, peer: wire.Peer) -> Process:
        """The process at the other end of the connection."""
        port = peer.connection.getsockname()[1]

        def find() -> Process | None:
            for process in self.processes:
                held = psutil.Process(process.pid).net_connections("tcp") if process.alive else []
                if any(one.raddr and one.raddr.port == port for one in held):
                    return process
            return None

        return wait_until(find, 10, "a process has the connection")


def database_url() -> str:
    """The test's own database, as another process names it."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextmanager
def dicom_processes(data_dir: Path, how_many: int, more: Mapping[str, str] = MappingProxyType({})) -> Iterator[Scp]:
    """So many processes, with `more` in their environment; nothing is left of them at the end. The journal is a file of `data_dir`."""
    a_site()
    with ExitStack() as stack:
        with closing(sqlite3.connect(data_dir / "journal.sqlite3")) as copy:
            connections["journal"].ensure_connection()
            connections["journal"].connection.backup(copy)
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        env = {
            "RIS_DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url(),
            "RIS_DICOM_FD": str(listening.fileno()),
            "RIS_UNKNOWN_CALLERS": "reject",
            **more,
        }
        fds = (listening.fileno(),)
        processes = [
            stack.enter_context(Process.manage("dicom", log=data_dir / f"dicom.{number}.log", env=env, fds=fds))
            for number in range(how_many)
        ]
        for process in processes:
            process.wait_for("listening on port", 60)
        yield Scp(listening.getsockname()[1], env, processes)
