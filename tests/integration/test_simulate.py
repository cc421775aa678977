"""`manage.py simulate` and `make run` with all their processes: started, killed, stopped, started again, refused."""

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from tests.support import prepared
from tests.support.ports import free_port
from tests.support.processes import ROOT, Process
from tests.support.supervised import command_line
from tests.support.wait import wait_until

COMMAND_LINES = {
    "redis": "redis-server",
    "charge_processor": "manage.py charge_processor",
    "web": "gunicorn",
    "dicom": "manage.py dicom",
    "worker": "stepwise worker",
    "beat": "stepwise beat",
}
FOREIGN = ("RIS_", "DATABASE_URL", "REDIS_URL", "MAKE")


class Simulator(Process):
    """`simulate` on free ports and on a data directory of its own; by it every process of the simulator is known."""

    def __init__(self, folder: Path, arguments: list[str], **env: str) -> None:
        self.data_dir = data_dir = Path(env.get("RIS_DATA_DIR", folder / "data"))
        self.http_port, self.dicom_port = free_port(), free_port()
        ports = {"RIS_HTTP_PORT": str(self.http_port), "RIS_DICOM_PORT": str(self.dicom_port)}
        super().__init__(arguments, folder / "simulate.log", {"RIS_DATA_DIR": str(data_dir), "RIS_DEMO": "0"} | ports | env)
        for name in [name for name in self.env if name.startswith(FOREIGN) and name not in {"RIS_DATA_DIR", "RIS_DEMO", *ports, *env}]:
            del self.env[name]

    def processes(self) -> list[psutil.Process]:
        """All that run on this data directory, the supervisor and its reaper among them."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and (
                    process.environ().get("RIS_DATA_DIR") == str(self.data_dir) or str(self.data_dir) in command_line(process)
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def by_name(self) -> dict[str, psutil.Process]:
        """The processes of the table that run, by the name in the table."""
        supervisor = next(process for process in self.processes() if "manage.py simulate" in command_line(process))
        return {name: child for child in supervisor.children() for name, words in COMMAND_LINES.items() if words in command_line(child)}

    def wait_until_ready(self, times: int = 1) -> None:
        def ready() -> bool:
            assert self.alive, f"simulate ended with {self.returncode}:\n{self.output()}"
            return self.output().count("Stepwise is ready") >= times

        wait_until(ready, 90, "the banner is shown")

    def health(self) -> dict[str, str]:
        with urlopen(f"http://127.0.0.1:{self.http_port}/healthz", timeout=10) as answer:
            return {name: found["status"] for name, found in json.load(answer)["components"].items()}

    def nothing_is_left_within(self, seconds: float) -> None:
        wait_until(lambda: not self.processes(), seconds, "nothing is left")

    def __exit__(self, *_: object) -> None:
        if self.alive:
            self.terminate()
        self.nothing_is_left_within(10)


def _simulate(folder: Path, **env: str) -> Simulator:
    return Simulator(folder, [sys.executable, str(ROOT / "manage.py"), "simulate"], **env)


def _migrated(simulator: Simulator) -> Simulator:
    """On databases that are up to date: that the first start makes them, those on an empty folder tell."""
    prepared.migrated(simulator.data_dir)
    return simulator


def _make_run(folder: Path, **env: str) -> Simulator:
    """`make run` in the environment of the tests, which need not be brought up to date."""
    return Simulator(folder, ["make", "-o", "environment", "run", f"VENV={sys.prefix}"], **env)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with _migrated(_simulate(tmp_path_factory.mktemp("simulate"))) as running:
        running.wait_until_ready()
        yield running


def test_every_process_runs_and_answers(simulator: Simulator) -> None:
    assert set(simulator.by_name()) == set(COMMAND_LINES) - {"charge_processor"}  # RIS_DEMO=0
    assert simulator.health() == {"database": "ok", "redis": "ok", "worker": "ok", "dicom": "ok", "stations": "ok"}
    banner = simulator.output()
    assert f"http://127.0.0.1:{simulator.http_port}/" in banner
    assert f"STEPWISE at 127.0.0.1:{simulator.dicom_port}" in banner
    assert "manage.py createsuperuser" in banner
    assert "Traceback" not in banner


def test_every_child_leads_a_process_group_of_its_own(simulator: Simulator) -> None:
    groups = {os.getpgid(process.pid) for process in simulator.by_name().values()}
    assert groups == {process.pid for process in simulator.by_name().values()}


def test_a_second_simulator_on_the_same_data_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    with Process.manage("simulate", log=tmp_path / "log", env=_simulate(tmp_path, RIS_DATA_DIR=str(simulator.data_dir)).env) as second:
        assert second.wait(30) == 1
        assert re.fullmatch(rf"Another simulator \(process \d+\) runs on the data directory {simulator.data_dir}; .+\n", second.output())


def test_processes_killed_with_9_come_back_with_their_reason(simulator: Simulator) -> None:
    before = simulator.by_name()
    for process in before.values():
        process.kill()

    def all_are_back() -> bool:
        now = simulator.by_name()
        return set(now) == set(before) and all(now[name].pid != process.pid for name, process in before.items())

    wait_until(all_are_back, 30, "all run again")
    for name in before:
        assert f"{name} died (killed by signal 9); back in 1 s" in simulator.output()
    wait_until(lambda: _answers(simulator), 60, "all answer again")


def _answers(simulator: Simulator) -> bool:
    try:
        return set(simulator.health().values()) == {"ok"}
    except OSError:  # 503 among them
        return False


def test_interrupted_in_the_terminal_make_run_leaves_nothing_and_goes_on_with_its_data(tmp_path: Path) -> None:
    simulator = _make_run(tmp_path)
    with simulator:
        simulator.wait_until_ready()
        key = (simulator.data_dir / "secret_key").read_text()
        began = time.monotonic()
        os.killpg(simulator.pid, signal.SIGINT)  # what a terminal does: make and the supervisor, not the children's groups
        simulator.wait(10)
        simulator.nothing_is_left_within(max(1.0, 10 - (time.monotonic() - began)))
        assert "is killed" not in simulator.output()
        assert "stopped\n" in simulator.output()
        simulator.start()
        simulator.wait_until_ready(times=2)
        assert (simulator.data_dir / "secret_key").read_text() == key
        assert simulator.output().count("migrating the database (default)") == 1
        _killed_make_takes_everything_along(simulator)


def _killed_make_takes_everything_along(simulator: Simulator) -> None:
    os.kill(simulator.pid, signal.SIGKILL)
    simulator.wait()
    simulator.nothing_is_left_within(10)


def test_a_supervisor_killed_with_9_leaves_nothing_behind_and_the_next_goes_on(simulator: Simulator) -> None:
    supervisor = next(process for process in simulator.processes() if "manage.py simulate" in command_line(process))
    supervisor.kill()
    simulator.wait()
    simulator.nothing_is_left_within(6)
    simulator.start()
    simulator.wait_until_ready(times=2)


@pytest.mark.parametrize(("variable", "purpose"), [("RIS_HTTP_PORT", "the web pages"), ("RIS_DICOM_PORT", "DICOM")])
def test_a_taken_port_is_one_sentence(tmp_path: Path, variable: str, purpose: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = _refused(_simulate(tmp_path, **{variable: str(port)}))
    assert re.fullmatch(
        rf"Port {port} for {purpose} is taken( by .+ \(process {os.getpid()}\))?; stop that, or set {variable} to another port\.\n", said
    )


def test_a_data_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = _refused(_simulate(tmp_path, RIS_DATA_DIR=str(tmp_path / "file" / "data")))
    assert (
        said == f"The data directory {tmp_path}/file/data cannot be written (Not a directory); set RIS_DATA_DIR to a directory that can.\n"
    )


def test_a_redis_url_where_nothing_answers_is_one_sentence(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    said = _refused(_simulate(tmp_path, REDIS_URL=url))
    assert said.startswith(f"Redis at {url} cannot be reached (")
    assert said.count("\n") == 1


def test_a_redis_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    log = tmp_path / "data" / "redis" / "appendonly.aof"
    log.parent.mkdir(parents=True)
    log.write_text("This is no append-only file.\n" * 100)
    said = _refused(_migrated(_simulate(tmp_path))).splitlines()[-1]
    assert said.startswith("redis could not be started (exit code 1). ")
    assert "Bad file format" in said


def test_a_database_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    said = _refused(_simulate(tmp_path, DATABASE_URL=f"postgres://ris:secret@127.0.0.1:{port}/ris"))
    assert said.startswith(f"The database 127.0.0.1:{port}/ris cannot be reached (")
    assert said.count("\n") == 1
    assert "secret" not in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RIS_UNKNOWN_CALLERS", "maybe"),
        ("RIS_HTTP_PORT", "eighty"),
        ("RIS_DICOM_PORT", "70000"),
        ("RIS_TIME_ZONE", "Mars/Olympus"),
        ("RIS_CHARGE_FOLDER", "nowhere"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    assert _refused(_simulate(tmp_path, **{variable: value})).startswith(f"{variable} is '{value}'; it must be ")


@pytest.mark.parametrize("url", ["nonsense", "mysql://ris:secret@127.0.0.1/ris", "postgres://ris:secret@127.0.0.1:port/ris"])
def test_a_database_url_that_makes_no_sense_is_one_sentence(tmp_path: Path, url: str) -> None:
    said = _refused(_simulate(tmp_path, DATABASE_URL=url))
    assert said.startswith("DATABASE_URL ")
    assert "secret" not in said


def test_interrupted_before_anything_was_started_it_simply_ends(tmp_path: Path) -> None:
    with _migrated(_simulate(tmp_path, RIS_DEMO="1")) as simulator:
        wait_until(lambda: "200 patients" in simulator.output(), 60, "the demo hospital is being loaded")
        os.kill(simulator.pid, signal.SIGINT)
        assert simulator.wait(5) == -signal.SIGINT
    assert simulator.output().count("Traceback") == 0


def _refused(simulator: Simulator) -> str:
    """Run until it gives up; what it said, without any traceback."""
    with simulator:
        assert simulator.wait(60) == 1
        assert "Traceback" not in simulator.output()
        return simulator.output()
