"""docker-compose.yml and the Dockerfile without a container engine: what they say fits together, and every command in them runs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.composed import Composed, compose
from tests.support.postgres import start_postgres
from tests.support.processes import ROOT
from tests.support.wait import wait_until

TOKEN = "token-of-the-composed-stack"

# Of the Compose specification what this file may use: key to type.
_SERVICE_KEYS: dict[str, type | tuple[type, ...]] = {
    "image": str, "build": (str, dict), "init": bool, "restart": str, "stop_grace_period": str, "env_file": list, "environment": dict,
    "volumes": list, "depends_on": dict, "command": list, "ports": list, "healthcheck": dict, "extra_hosts": list,
}  # fmt: skip
_HEALTH_KEYS = {"test", "interval", "timeout", "start_period", "retries", "disable"}
_CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return compose({"POSTGRES_PASSWORD": "secret"})


def test_the_file_needs_a_password_and_says_so() -> None:
    with pytest.raises(KeyError, match="POSTGRES_PASSWORD"):
        compose({})


def test_the_file_holds_the_services_of_an_installation_and_no_demo(document: dict[str, Any]) -> None:
    assert set(document) - {"x-stepwise"} == {"name", "services", "volumes"}
    assert set(document["services"]) == {"migrate", "web", "dicom", "worker", "beat", "postgres", "redis"}
    assert "charge_processor" not in (ROOT / "docker-compose.yml").read_text()


def test_every_service_uses_keys_of_the_compose_specification(document: dict[str, Any]) -> None:
    for name, service in document["services"].items():
        assert "image" in service or "build" in service, name
        for key, value in service.items():
            assert isinstance(value, _SERVICE_KEYS[key]), (name, key)
        assert all(isinstance(argument, str) for argument in service.get("command", [])), name
        assert all(isinstance(value, str) for value in service.get("environment", {}).values()), name
        check = service.get("healthcheck", {})
        assert set(check) <= _HEALTH_KEYS, name
        assert check.get("disable") or check["test"][0] in ("CMD", "CMD-SHELL"), name
        assert service["restart"] in ("no", "unless-stopped"), name


def test_dependencies_exist_and_can_come_true(document: dict[str, Any]) -> None:
    services = document["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in _CONDITIONS, (name, other)
            if how["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], (name, other)
            if how["condition"] == "service_completed_successfully":
                assert services[other]["restart"] == "no", (name, other)
    assert "migrate" not in services["migrate"]["depends_on"]


def test_volumes_are_declared_and_the_data_directory_is_shared(document: dict[str, Any]) -> None:
    services = document["services"]
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert mounted == set(document["volumes"])
    for name in ("migrate", "web", "dicom", "worker", "beat"):
        assert "data:/data" in services[name]["volumes"]
        assert services[name]["environment"]["RIS_DATA_DIR"] == "/data"


def test_only_web_and_dicom_are_reachable_from_outside_and_the_addresses_fit(document: dict[str, Any]) -> None:
    services = document["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"web", "dicom"}
    environment = services["web"]["environment"]
    assert services["web"]["ports"] == ["8000:8000"] and "0.0.0.0:8000" in services["web"]["command"]
    assert services["dicom"]["ports"] == [f"{environment['RIS_DICOM_PORT']}:11112"]
    assert (environment["RIS_DICOM_BIND"], environment["RIS_DICOM_HOST"]) == ("0.0.0.0", "dicom")
    assert "@postgres:5432/" in environment["DATABASE_URL"]
    assert environment["REDIS_URL"].startswith("redis://redis:6379")
    assert environment["RIS_ALLOWED_HOSTS"].startswith("127.0.0.1,")


def test_the_image_runs_as_a_user_without_rights_and_in_exec_form() -> None:
    lines = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
    instructions = [line.split(None, 1) for line in lines if line and not line.lstrip().startswith("#")]
    words = [word for word, _ in instructions]
    told = dict(reversed([(word, rest) for word, rest in instructions]))
    assert words[0] == "FROM" and told["FROM"].startswith("python:3.11-slim")
    assert told["USER"] == "stepwise" and words.index("USER") < words.index("CMD")
    assert json.loads(told["CMD"])[0] == "gunicorn"
    assert "HEALTHCHECK" in words
    for word, rest in instructions:
        if word == "RUN":
            assert not re.search(r"curl|wget|git clone|ADD http", rest)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", ".venv", "var", "tests"} <= set(ignored)
    for name in ("requirements.txt", "constraints.txt", "manage.py"):
        assert (ROOT / name).exists() and name not in ignored


def test_the_example_of_the_environment_names_what_the_file_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    offered = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert asked - offered <= {"RIS_HTTP_PORT", "RIS_DICOM_PORT"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Every service of the file in the order of its dependencies, on a PostgreSQL of its own."""
    server, url = start_postgres()
    composed = Composed(tmp_path_factory.mktemp("composed"), url, RIS_API_TOKEN=TOKEN, RIS_MLLP_HOST="127.0.0.1")
    started = []
    try:
        started.append(composed.process("redis").start())
        migrate = composed.process("migrate").start()
        assert migrate.wait(60) == 0, migrate.output()
        started += [composed.process(name).start() for name in ("web", "dicom", "worker", "beat")]
        composed.running = dict(zip(("redis", "web", "dicom", "worker", "beat"), started, strict=True))
        yield composed
    finally:
        for process in reversed(started):
            process.kill()
        server.cleanup()


def ask(stack: Composed, path: str) -> tuple[int, Any]:
    call = Request(f"http://127.0.0.1:{stack.http_port}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urlopen(call, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError as error:
        return 0, str(error)


def test_the_web_process_says_that_everything_answers(stack: Composed) -> None:
    def is_well() -> bool:
        dead = {name: process.output() for name, process in stack.running.items() if not process.alive}
        assert not dead
        return ask(stack, "/healthz")[0] == 200

    wait_until(is_well, 40, "healthz answers 200", interval=0.3)
    _, health = ask(stack, "/healthz")
    assert health["components"]["database"]["detail"] == "postgresql"
    status, body = ask(stack, "/api/v1/stations")
    assert (status, body) == (200, {"items": [], "count": 0})


@pytest.mark.parametrize("service", ["web", "dicom"])
def test_the_checks_of_health_in_the_file_succeed(stack: Composed, service: str) -> None:
    def succeeds() -> bool:
        with stack.health_check(service) as check:
            return check.wait(15) == 0

    wait_until(succeeds, 40, f"the health check of {service} exits with 0", interval=0.5)


def test_beat_ticks_and_the_worker_consumes(stack: Composed) -> None:
    command = ["celery", "-A", "stepwise", "inspect", "--timeout", "3", "--json", "stats"]

    def sweeps() -> int:
        (stack.directory / "inspect.log").unlink(missing_ok=True)
        with stack.process("worker", command, log="inspect") as inspect:
            if inspect.wait(20) != 0:
                return 0
        answer = next(line for line in inspect.output().splitlines() if line.startswith("{"))
        (worker,) = json.loads(answer).values()
        return int(worker["total"].get("billing.tasks.sweep", 0))

    wait_until(sweeps, 40, "the worker ran a sweep that beat had sent", interval=0.5)


def test_every_process_ends_when_it_is_told_to(stack: Composed) -> None:
    for name in ("beat", "worker", "dicom", "web", "redis"):
        assert stack.running[name].alive, stack.running[name].output()
        assert stack.running[name].terminate(15) in (0, -15), name


def test_the_signing_key_and_the_journal_lie_in_the_shared_directory(stack: Composed) -> None:
    kept = {path.name for path in (Path(stack.directory) / "data").iterdir()}
    assert {"secret_key", "journal.sqlite3"} <= kept
