"""Commands as from a shell, on a database that is nobody else's."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.support import prepared
from tests.support.wait import patience

ROOT = Path(__file__).resolve().parents[2]


class Scratch:
    """An SQLite database of its own, with empty tables, and `manage.py` on it, as from a shell."""

    def __init__(self, data_dir: Path) -> None:
        self.database = data_dir / "stepwise.sqlite3"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RIS_", "DATABASE_URL", "REDIS_URL"))}
        self.environment = inherited | {"RIS_DATA_DIR": str(data_dir)}
        prepared.migrated(data_dir)

    def popen(self, *arguments: str, **options: int) -> "subprocess.Popen[str]":
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        process = self.popen(*arguments)
        out, err = process.communicate(timeout=patience(90))
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def count(self, table: str) -> int:
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def write(self) -> float:
        """Take the writer's lock and let it go; seconds that it took."""
        begun = time.monotonic()
        with closing(sqlite3.connect(self.database, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        return time.monotonic() - begun
