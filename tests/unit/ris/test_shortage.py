"""What a database says it lacks, which may be over in a while, and what is a fault."""

import threading
from contextlib import nullcontext

import psycopg
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from ris import db
from ris.db import shortage
from stepwise import databases


def raised(text: str, cause: Exception | None = None) -> OperationalError:
    error = OperationalError(text)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("database or disk is full", "the disk of the database is full"),
        ("database is locked", "the database is busy"),
        ("database table is locked: mpps_finding", "the database is busy"),
        ("unable to open database file", "the database cannot be opened"),
        ("no such column: x", ""),
    ],
)
def test_of_sqlite(text: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    assert shortage(raised(text)) == words


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (psycopg.errors.DiskFull(), "the database lacks disk, memory or connections"),
        (psycopg.errors.TooManyConnections(), "the database lacks disk, memory or connections"),
        (psycopg.errors.LockNotAvailable(), "the database is busy"),
        (psycopg.errors.AdminShutdown(), "the database is starting or stopping"),
        (psycopg.errors.CrashShutdown(), "the database is starting or stopping"),
        (psycopg.OperationalError("connection refused"), "the database does not answer"),
        (psycopg.errors.DeadlockDetected(), "the database is busy"),
        (psycopg.errors.UndefinedTable(), ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_of_postgresql(cause: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    assert shortage(raised("", cause)) == words


def test_another_error_is_none() -> None:
    assert shortage(IntegrityError("database is locked")) == ""
    assert shortage(ValueError("disk is full")) == ""


def test_a_connection_that_is_gone() -> None:
    assert shortage(InterfaceError("the connection is closed")) == "the database does not answer"


def test_where_somebody_waits_an_action_begins_again_only_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setattr(db.transaction, "atomic", nullcontext)
    monkeypatch.setattr(db.time, "sleep", lambda _: None)
    tries: list[int] = []

    @db.action
    def locked() -> None:
        tries.append(1)
        raise OperationalError("database is locked")

    for patience, count in ((nullcontext(), 6), (db.within(60), 6), (db.within(0), 1)):
        with patience, pytest.raises(OperationalError):
            locked()
        assert len(tries) == count
        tries.clear()


def test_where_somebody_waits_nobody_queues_for_long_behind_others_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setattr(db.transaction, "atomic", nullcontext)
    done: list[OperationalError] = []

    def ask() -> None:
        with db.within(0), pytest.raises(OperationalError) as refused:
            db.action(lambda: None)()
        done.append(refused.value)

    with db._turns:
        other = threading.Thread(target=ask)
        other.start()
        other.join(5)
    assert [shortage(error) for error in done] == ["the database is busy"]


def test_connections_of_the_web_wait_for_a_locked_file_as_long_as_people_do(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"a": {"ENGINE": "x.sqlite3", "OPTIONS": databases.SQLITE_OPTIONS}, "b": {"ENGINE": "x.postgresql", "OPTIONS": {}}}
    monkeypatch.setattr(databases.connections, "settings", kept)
    databases.hurry()
    assert [one["OPTIONS"].get("timeout") for one in kept.values()] == [databases.SQLITE_TIMEOUT_OF_THE_WEB, None]
    assert databases.SQLITE_OPTIONS["timeout"] == 20, "of DICOM and the background"
