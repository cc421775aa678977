"""What a database says it lacks, which may be over in a while, and what is a fault."""

import psycopg
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from ris.db import shortage


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
