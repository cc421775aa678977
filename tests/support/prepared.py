"""Databases that a run makes once, by the product's own commands, and that its tests copy: migrated, or with the demo hospital in them."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepwise import migrating
from tests.support import daytime

ROOT = Path(__file__).resolve().parents[2]
DEMO_PASSWORD = "demo-password-of-the-tests"
TEMPLATE = "stepwise_template"  # PostgreSQL's database that others are made from
_MADE_BY_OTHERS = 300.0  # seconds


def migrated(data_dir: Path) -> None:
    """Put databases with empty tables into the data directory."""
    _copy(_once("migrated", _migrate), data_dir)


def with_demo(data_dir: Path) -> None:
    """Put databases with the demo hospital into the data directory; its accounts have DEMO_PASSWORD."""
    _copy(_once("demo", _load_demo), data_dir)


def for_tests(databases: dict[str, Any]) -> None:
    """Let the test databases of this process be copies, by their settings. Their names are its own already."""
    made = _once("migrated", _migrate)
    for settings in databases.values():
        if settings["ENGINE"].endswith("sqlite3"):
            shutil.copyfile(made / Path(settings["NAME"]).name, settings["TEST"]["NAME"])
        else:
            _once("template", lambda folder: _make_template())
            settings["TEST"]["TEMPLATE"] = TEMPLATE


def _migrate(folder: Path) -> None:
    for database in ("default", "journal"):
        _manage(folder, "migrate", *migrating.apps_of(database), "--verbosity", "0", "--database", database)


def _load_demo(folder: Path) -> None:
    migrated(folder)
    _manage(folder, "prepare", RIS_DEMO="1", RIS_DEMO_PASSWORD=DEMO_PASSWORD, RIS_TIME_ZONE=daytime.zone().key)


def _make_template() -> None:
    """On the run's PostgreSQL server."""
    import psycopg

    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url.replace("postgres://", "postgresql://", 1), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    server, _, rest = url.partition("/postgres?")
    _manage(Path(os.environ["RIS_DATA_DIR"]), "migrate", "--verbosity", "0", DATABASE_URL=f"{server}/{TEMPLATE}?{rest}")


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name in the run's data directory, made by whichever process of the run needs it first."""
    shared = Path(os.environ["RIS_DATA_DIR"]) / "prepared"
    shared.mkdir(parents=True, exist_ok=True)
    ready, unfinished = shared / name, shared / f"{name}.part"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(ready)
    return ready


def _manage(data_dir: Path, *arguments: str, **environment: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RIS_", "DATABASE_URL", "REDIS_URL"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=inherited | {"RIS_DATA_DIR": str(data_dir)} | environment,
        capture_output=True,
        text=True,
        timeout=_MADE_BY_OTHERS,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"manage.py {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")


def _copy(made: Path, data_dir: Path) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    for database in made.glob("*.sqlite3"):
        shutil.copyfile(database, data_dir / database.name)
