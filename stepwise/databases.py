"""How the databases are opened: options of SQLite and PostgreSQL, and which one holds the domain."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # synchronous=FULL: an accepted N-CREATE or N-SET survives a power cut.
    # recursive_triggers: INSERT OR REPLACE deletes, which the triggers of append-only tables refuse.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;",
}
SQLITE_TIMEOUT_OF_THE_WEB = 4  # seconds, where somebody waits for the answer
SQLITE_CONNECTION_AGE = 600  # seconds: to open the file anew costs more than a worklist query (PostgreSQL has its pool)
POSTGRESQL_PREPARES_AFTER = 5  # times that a statement was run on a connection (ris.statements asks for it at once)


def hurry() -> None:
    """Have the connections of this process, the web's, wait for a locked file no longer than somebody waits for a page.

    DICOM and what runs in the background wait for `timeout`: what a modality sent is not to be refused for a moment's lock.
    """
    for settings in connections.settings.values():
        if settings["ENGINE"].endswith("sqlite3"):
            settings["OPTIONS"] = settings["OPTIONS"] | {"timeout": SQLITE_TIMEOUT_OF_THE_WEB}


def default_database(env: environ.Env, data_dir: Path) -> dict[str, Any]:
    """As `DATABASE_URL` says, else SQLite in the data directory. Raises ImproperlyConfigured."""
    if not env.str("DATABASE_URL", default=""):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data_dir / "stepwise.sqlite3",
            "OPTIONS": SQLITE_OPTIONS,
            "CONN_MAX_AGE": SQLITE_CONNECTION_AGE,
            "TEST": {"NAME": data_dir / "test.sqlite3"},  # a file: a database in memory locks unlike one (no WAL, no busy timeout)
        }
    if not env.str("DATABASE_URL").startswith(("postgres://", "postgresql://", "sqlite:///")):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///, e.g. postgres://user:password@host:5432/name.")
    try:
        database: dict[str, Any] = dict(env.db_url("DATABASE_URL"))
    except ValueError:
        # Neither the URL nor the error, which quotes from it: the password stands there.
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read: write it as postgres://user:password@host:5432/name, with / : @ % # ? of the password as %2F etc."
        ) from None
    if database["ENGINE"].endswith("sqlite3"):
        database |= {"OPTIONS": SQLITE_OPTIONS, "CONN_MAX_AGE": SQLITE_CONNECTION_AGE}
    elif database["ENGINE"].endswith("postgresql"):
        options = database.setdefault("OPTIONS", {})
        options["pool"] = {"min_size": 1, "max_size": 16, "timeout": 10}
        database["CONN_HEALTH_CHECKS"] = True  # the pool hands out no connection that the server has ended
        options.setdefault("prepare_threshold", POSTGRESQL_PREPARES_AFTER)
    return database
