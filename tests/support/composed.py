"""docker-compose.yml without a container engine: the file as data, and its services as native processes on free ports."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stepwise.supervisor.checks import redis_server_binary
from tests.support.ports import free_port
from tests.support.processes import ROOT, Process

FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(node: Any, variables: Mapping[str, str]) -> Any:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?why it is needed}` in every text, as Compose fills them in; KeyError says why."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if kind == "?":
            raise KeyError(rest)
        return rest or ""

    if isinstance(node, dict):
        return {key: interpolated(inner, variables) for key, inner in node.items()}
    if isinstance(node, list):
        return [interpolated(inner, variables) for inner in node]
    return _VARIABLE.sub(value, node) if isinstance(node, str) else node


def compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in."""
    document: dict[str, Any] = interpolated(yaml.safe_load(FILE.read_text()), variables)
    return document


class Composed:
    """Services of the file, each started by the very command it has there.

    Only addresses are replaced: the names of the containers by this machine, the ports by free ones, the database by `database_url`.
    """

    def __init__(self, directory: Path, database_url: str, **variables: str) -> None:
        self.directory = directory
        self.http_port, self.dicom_port, self.redis_port = free_port(), free_port(), free_port()
        self.variables = {"POSTGRES_PASSWORD": "secret"} | variables
        self.services: dict[str, Any] = compose(self.variables)["services"]
        self.running: dict[str, Process] = {}
        self._database_url = database_url
        self._addresses = {
            "0.0.0.0:8000": f"127.0.0.1:{self.http_port}",
            "127.0.0.1:8000": f"127.0.0.1:{self.http_port}",
            "redis:6379": f"127.0.0.1:{self.redis_port}",
            "0.0.0.0": "127.0.0.1",
            "11112": str(self.dicom_port),
        }

    def process(self, service: str, command: list[str] | None = None, log: str = "") -> Process:
        """The service, not yet started. `command` replaces its own, for something to be run beside it."""
        known = self.services[service]
        arguments = [self._here(argument) for argument in command or known["command"]]
        if arguments[0] == "redis-server":
            arguments = [str(redis_server_binary()), *arguments[1:], "--port", str(self.redis_port), "--dir", str(self.directory)]
        else:
            arguments[0] = str(Path(sys.executable).parent / arguments[0])
        process = Process(arguments, self.directory / f"{log or service}.log")
        process.env = self._environment(known.get("environment", {}))
        return process

    def health_check(self, service: str) -> Process:
        """The service's own check of its health: exits with 0 when it is well."""
        kind, *command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.process(service, command, log=f"{service}-health")

    def _environment(self, declared: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RIS_", "DATABASE_", "REDIS_", "DJANGO_"))}
        ours = {name: self._here(str(value)) for name, value in declared.items()}
        replaced = {
            "DATABASE_URL": self._database_url,
            "RIS_DATA_DIR": str(self.directory / "data"),
            "RIS_DICOM_HOST": "127.0.0.1",
        }
        return inherited | {"PYTHONUNBUFFERED": "1"} | ours | {name: replaced[name] for name in replaced if name in ours} | self._given()

    def _given(self) -> dict[str, str]:
        """What `.env` holds reaches the containers as it stands, unless the service says otherwise."""
        declared = {name for service in self.services.values() for name in service.get("environment", {})}
        return {name: value for name, value in self.variables.items() if name.startswith("RIS_") and name not in declared}

    def _here(self, text: str) -> str:
        for name, address in self._addresses.items():
            text = text.replace(name, address)
        return text
