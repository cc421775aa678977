"""`manage.py simulate`: the whole simulator in the foreground."""

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from billing import targets
from billing.mllp import port_file
from ris.accounts import of_the_demo
from ris.actions.users import administrators
from ris.throttling import UNGUESSABLE
from stepwise.supervisor import checks, preparation
from stepwise.supervisor.announcement import Facts, banner, wait_until_healthy, wait_until_quiet
from stepwise.supervisor.errors import StartError
from stepwise.supervisor.output import Output
from stepwise.supervisor.parent import stop_when_parent_ends
from stepwise.supervisor.ports import is_free, listen
from stepwise.supervisor.supervisor import Supervisor
from stepwise.supervisor.table import process_table
from training.accounts import weakness

DEFAULT_DICOM_PORT, DEFAULT_AE_TITLE = 11112, "STEPWISE"  # as in settings


class Command(BaseCommand):
    help = (
        "Check the surroundings, migrate, load the demo hospital on the first start (RIS_DEMO=1), and run every process in the foreground "
        "until Ctrl-C. The environment variables of the README configure it."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = simulate()
        except StartError as error:
            self.stderr.write(str(error))
            code = 1
        if code:
            sys.exit(code)


def simulate() -> int:
    """Run the simulator and return its exit code. Raises StartError."""
    if "MAKELEVEL" in os.environ:
        stop_when_parent_ends()
    checks.check_data_directory(settings.DATA_DIR)
    checks.check_charge_folder(settings.CHARGE_FOLDER)
    lock = checks.lock_data_directory(settings.DATA_DIR)
    web = listen(settings.HTTP_BIND, settings.HTTP_PORT, variable="RIS_HTTP_PORT", bind_variable="RIS_BIND", purpose="the web pages")
    dicom = listen(settings.DICOM_BIND, settings.DICOM_PORT, variable="RIS_DICOM_PORT", bind_variable="RIS_DICOM_BIND", purpose="DICOM")
    tls = _listen_for_tls()
    redis_binary = _redis()
    for database in settings.DATABASES.values():
        checks.check_database(database)
    tls_fd = tls.fileno() if tls else None
    processes = process_table(
        http_fd=web.fileno(), dicom_fd=dicom.fileno(), tls_fd=tls_fd, redis_binary=redis_binary, charge_processor=_takes_charges_here()
    )
    output = Output([process.name for process in processes])
    preparation.migrate_databases(output)
    accounts = preparation.prepare_demo(output) if settings.DEMO else {}
    facts = _facts(web, dicom, tls, accounts)
    preparation.close_databases()

    async def announce() -> None:
        port = web.getsockname()[1]
        health = await wait_until_healthy(_reachable(settings.HTTP_BIND), port, _host_header(port))
        if health.ok:
            await wait_until_quiet(output)
        output.block(banner(facts, health, output.paint))

    output.say(f"starting {', '.join(process.name for process in processes)} …")
    env = os.environ | {
        "RIS_HTTP_PORT": str(web.getsockname()[1]),
        "RIS_DICOM_PORT": str(dicom.getsockname()[1]),
        "PYTHONUNBUFFERED": "1",
    }
    return Supervisor(processes, output, env=env, when_started=announce, keep_open=(lock,)).run()


def _listen_for_tls() -> socket.socket | None:
    """The socket of DICOM over TLS, when a port is set for it."""
    port = settings.DICOM_TLS_PORT
    if not port:
        return None
    return listen(settings.DICOM_BIND, port, variable="RIS_DICOM_TLS_PORT", bind_variable="RIS_DICOM_BIND", purpose="DICOM over TLS")


def _takes_charges_here() -> bool:
    """Whether to start the demo charge processor. Who listens at its port before it is another receiver, and keeps the port for good."""
    if not (settings.DEMO and targets.is_for_the_demo()):
        return False
    if not settings.MLLP_PORT or is_free("127.0.0.1", settings.MLLP_PORT):
        return True
    port_file().unlink(missing_ok=True)  # of an earlier run: what listens there now is no demo
    return False


def _redis() -> Path | None:
    """The server to start, or None when REDIS_URL names one that answers."""
    if settings.REDIS_IS_EXTERNAL:
        checks.check_redis_url(settings.REDIS_URL)
        return None
    (settings.DATA_DIR / "redis").mkdir(exist_ok=True)
    return checks.redis_server_binary()


def _facts(web: socket.socket, dicom: socket.socket, tls: socket.socket | None, accounts: dict[str, str | None]) -> Facts:
    return Facts(
        url=f"http://{_in_url(_reachable(settings.HTTP_BIND))}:{web.getsockname()[1]}/",
        ae_title=settings.AE_TITLE,
        dicom_address=f"{_in_url(_reachable(settings.DICOM_BIND))}:{dicom.getsockname()[1]}",
        charges_to=targets.in_words,
        python=_python(),
        modality_options=_modality_options(dicom.getsockname()[1]),
        demo=settings.DEMO,
        accounts=accounts,
        passwords_chosen=bool(settings.DEMO_PASSWORD),
        guessable=_guessable(),
        tls_address=f"{_in_url(_reachable(settings.DICOM_BIND))}:{tls.getsockname()[1]}" if tls else "",
        behind_https=settings.HTTPS,
        shut=of_the_demo().count(),
        administered=administrators().exists(),
    )


def _guessable() -> list[str]:
    """Secrets that are good enough on one's own machine."""
    found = []
    if len(settings.SECRET_KEY) < UNGUESSABLE:
        found.append(f"RIS_SECRET_KEY is short, and signs cookies: for others in a network choose {UNGUESSABLE} characters or more")
    if 0 < len(settings.API_TOKEN) < UNGUESSABLE:
        found.append(f"RIS_API_TOKEN is short and may do everything: for others in a network choose {UNGUESSABLE} characters or more")
    wrong = weakness() if settings.DEMO else ""
    if wrong:
        found.append(f"RIS_DEMO_PASSWORD {wrong}: choose a better one where others reach this machine")
    return found


def _modality_options(dicom_port: int) -> str:
    """What `manage.py modality` has to be told in a terminal without our environment."""
    port = "" if dicom_port == DEFAULT_DICOM_PORT else f" --port {dicom_port}"
    return port + ("" if settings.AE_TITLE == DEFAULT_AE_TITLE else f" --called {shlex.quote(settings.AE_TITLE)}")


def _reachable(bind: str) -> str:
    """Where on this machine a socket bound to `bind` answers."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(bind, bind)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_header(port: int) -> str:
    """A name that ALLOWED_HOSTS lets through."""
    name = str(next(iter(settings.ALLOWED_HOSTS), "localhost")).lstrip(".")
    return f"{'localhost' if name == '*' else name}:{port}"


def _python() -> str:
    """The interpreter as the reader would type it: relative when it is below the current directory."""
    executable = Path(sys.executable)
    return str(executable.relative_to(Path.cwd())) if executable.is_relative_to(Path.cwd()) else str(executable)
