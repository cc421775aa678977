"""The processes of a simulator: what `manage.py simulate` runs."""

import socket
import sys
from pathlib import Path

from django.conf import settings

from stepwise.supervisor.process import Process

WORKER_THREADS = 8
# The processes that take work in stop first, then the worker, then what it posts to, and Redis when nobody needs it any more.
# All is over within ten seconds.
INTAKE, WORK, OUTSIDE, BROKER = range(4)
STOP_BY = {INTAKE: 6.5, WORK: 8.0, OUTSIDE: 8.6, BROKER: 9.2}  # seconds
DICOM_STOP_TIMEOUT = 4  # of the seconds of INTAKE: the journal and the end of the process need theirs too


def process_table(
    *, http_fd: int, dicom_fd: int, tls_fd: int | None = None, redis_binary: Path | None, charge_processor: bool
) -> list[Process]:
    """The table, in the order of starting. The descriptors are listening sockets. Without a binary Redis runs elsewhere; without the demo's
    charge processor charges go to another system."""
    python = sys.executable
    manage = (python, str(settings.BASE_DIR / "manage.py"))
    celery = (python, "-m", "celery", "--workdir", str(settings.BASE_DIR), "--quiet", "-A", "stepwise")
    redis = (
        [Process("redis", _redis_command(redis_binary), stop_rank=BROKER, stop_by=STOP_BY[BROKER], ready=redis_answers)]
        if redis_binary
        else []
    )
    listening = {"RIS_DICOM_FD": dicom_fd} | ({"RIS_DICOM_TLS_FD": tls_fd} if tls_fd is not None else {})
    stop_timeout = min(settings.DICOM_STOP_TIMEOUT, DICOM_STOP_TIMEOUT)
    dicom = [
        Process(
            name,
            (*manage, "dicom"),
            stop_rank=INTAKE,
            stop_by=STOP_BY[INTAKE],
            env={variable: str(value) for variable, value in {**listening, "RIS_DICOM_STOP_TIMEOUT": stop_timeout}.items()},
            fds=tuple(listening.values()),
        )
        for name in _numbered("dicom", settings.DICOM_PROCESSES)
    ]
    taking_charges = (
        [Process("charge_processor", (*manage, "charge_processor"), stop_rank=OUTSIDE, stop_by=STOP_BY[OUTSIDE])]
        if charge_processor
        else []
    )
    return [
        *redis,
        *taking_charges,
        Process("web", (python, "-m", "gunicorn", *_gunicorn_options(http_fd)), stop_rank=INTAKE, stop_by=STOP_BY[INTAKE], fds=(http_fd,)),
        *dicom,
        Process("worker", (*celery, "worker", *_worker_options()), stop_rank=WORK, stop_by=STOP_BY[WORK]),
        Process("beat", (*celery, "beat", "--pidfile", ""), stop_rank=INTAKE, stop_by=STOP_BY[INTAKE]),
    ]


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}.{number}" for number in range(1, count + 1)]


def _gunicorn_options(http_fd: int) -> tuple[str, ...]:
    return (
        *("--config", str(settings.BASE_DIR / "stepwise" / "web_process.py")),
        *("--bind", f"fd://{http_fd}", "--chdir", str(settings.BASE_DIR)),
        *("--graceful-timeout", "2", "--log-level", "warning"),
    )


def _worker_options() -> tuple[str, ...]:
    return (
        *("--pool", "threads", "--concurrency", str(WORKER_THREADS)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def _redis_command(binary: Path) -> tuple[str, ...]:
    """Redis on a unix socket alone. A charge that was asked to be sent is on disk a second later at the latest."""
    return (
        *(str(binary), "--port", "0", "--unixsocket", str(settings.REDIS_SOCKET), "--unixsocketperm", "600"),
        *("--dir", str(settings.DATA_DIR / "redis"), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--loglevel", "warning", "--daemonize", "no"),
    )


def redis_answers() -> bool:
    """Whether Redis answers PING on its unix socket: it does not while it still reads its append-only file."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.5)
        try:
            client.connect(str(settings.REDIS_SOCKET))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:  # not there yet
            return False
