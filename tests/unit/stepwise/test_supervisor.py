"""The supervisor over small scripts: real processes, real signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import Process
from tests.support.supervised import TOKEN, command_line, marked
from tests.support.wait import wait_until

SLEEP = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-IS', '-c', {STUBBORN!r}]); time.sleep(600)"
RUNAWAY = (
    f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-IS', '-c', {SLEEP!r}], start_new_session=True); time.sleep(600)"
)


class Supervised(Process):
    """A supervisor in a process of its own and everything that it started."""

    def __init__(self, folder: Path, table: list[dict[str, Any]]) -> None:
        file = folder / "table.json"
        file.write_text(json.dumps(table))
        self.token = uuid.uuid4().hex
        super().__init__([sys.executable, "-m", "tests.support.supervised", str(file)], folder / "log", {TOKEN: self.token})

    def running(self) -> list[psutil.Process]:
        """What it started and what those started, without the supervisor and its reaper."""
        return [process for process in marked(self.token) if process.pid != self.pid and "reaper.py" not in command_line(process)]

    def child(self, text: str) -> psutil.Process:
        return next(process for process in self.running() if command_line(process).endswith(text))

    def reaper(self) -> psutil.Process:
        return next(process for process in marked(self.token) if "reaper.py" in command_line(process))

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    def none_is_left(self, timeout: float) -> None:
        wait_until(lambda: not marked(self.token), timeout, "nothing is left")

    def __exit__(self, *_: object) -> None:
        self.kill()
        for process in marked(self.token):
            process.kill()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Any]:
    started: list[Supervised] = []

    def start(*table: dict[str, Any]) -> Supervised:
        started.append(Supervised(tmp_path, list(table)))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.__exit__()


def test_every_line_carries_the_name_of_its_process(supervise: Any) -> None:
    supervisor = supervise(
        {"name": "one", "script": "print('first\\nno newline', end='', flush=True); import time; time.sleep(600)"},
        {"name": "longer", "script": "import sys, time; sys.stderr.write('an error\\n'); time.sleep(600)"},
    )
    supervisor.wait_for("one      | first\n")
    supervisor.wait_for("longer   | an error\n")
    supervisor.terminate()
    assert "one      | no newline\n" in supervisor.output()


def test_a_killed_process_comes_back_and_the_reason_is_shown(supervise: Any) -> None:
    supervisor = supervise({"name": "sleeper", "script": SLEEP})
    supervisor.wait_for("here")
    first = supervisor.child(SLEEP)
    first.kill()
    supervisor.wait_for("sleeper died (killed by signal 9); back in 0.1 s")
    wait_until(lambda: [p for p in supervisor.running() if p.pid != first.pid], 5, "another sleeper runs")


def test_what_a_killed_process_had_started_is_ended_before_it_comes_back(supervise: Any) -> None:
    supervisor = supervise({"name": "parent", "script": PARENT})
    supervisor.wait_for("here")
    orphan = supervisor.child(STUBBORN)
    supervisor.child(PARENT).kill()
    wait_until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, 5, "the grandchild is gone")


def test_a_process_that_keeps_dying_is_started_ever_more_slowly_up_to_a_limit(supervise: Any) -> None:
    supervisor = supervise({"name": "broken", "script": "raise SystemExit(3)"})
    output = wait_until(lambda: supervisor.output().count("exit code 3") >= 5 and supervisor.output(), 10, "five starts")
    assert re.findall(r"back in (\S+) s", output)[:5] == ["0.1", "0.2", "0.4", "0.4", "0.4"]


def test_a_program_that_does_not_exist_is_named(supervise: Any) -> None:
    supervisor = supervise({"name": "absent", "command": ["/nowhere/redis-server"]})
    supervisor.wait_for("absent died (/nowhere/redis-server: No such file or directory)")
    assert supervisor.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_processes_are_stopped_rank_by_rank(supervise: Any, number: signal.Signals) -> None:
    script = (
        "import signal, sys, time\n"
        "def bye(*_):\n    time.sleep(0.1); print('bye', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, bye); print('here', flush=True); time.sleep(600)"
    )
    supervisor = supervise(
        {"name": "last", "script": script, "rank": 2}, {"name": "first", "script": script}, {"name": "second", "script": script, "rank": 1}
    )
    wait_until(lambda: supervisor.output().count("here") == 3, 10, "all run")
    os.kill(supervisor.pid, number)
    assert supervisor.wait() == 0
    assert re.findall(r"(\w+) +\| bye", supervisor.output()) == ["first", "second", "last"]
    assert "died" not in supervisor.output()
    supervisor.none_is_left(2)


def test_a_process_that_does_not_stop_is_killed_when_its_time_is_over(supervise: Any) -> None:
    supervisor = supervise({"name": "stubborn", "script": STUBBORN, "stop_by": 0.3})
    supervisor.wait_for("here")
    assert supervisor.terminate(timeout=5) == 0
    assert "stubborn did not stop in time and is killed" in supervisor.output()
    supervisor.none_is_left(2)


def test_a_second_interrupt_kills_everything_at_once(supervise: Any) -> None:
    supervisor = supervise(
        {"name": "stubborn", "script": STUBBORN, "stop_by": 60}, {"name": "later", "script": STUBBORN, "rank": 1, "stop_by": 60}
    )
    wait_until(lambda: supervisor.output().count("here") == 2, 10, "both run")
    supervisor.interrupt()
    supervisor.wait_for("stopping")
    supervisor.interrupt()
    assert supervisor.wait(5) == 130
    supervisor.none_is_left(2)


@pytest.mark.parametrize("script", [SLEEP, PARENT, RUNAWAY], ids=["child", "grandchild", "grandchild that left the group"])
def test_a_killed_supervisor_leaves_nothing_behind(supervise: Any, script: str) -> None:
    supervisor = supervise({"name": "process", "script": script})
    supervisor.wait_for("here")
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    supervisor.none_is_left(6)


def test_a_killed_reaper_is_replaced_and_knows_what_runs(supervise: Any) -> None:
    supervisor = supervise({"name": "sleeper", "script": SLEEP})
    supervisor.wait_for("here")
    first = supervisor.reaper()
    first.kill()
    wait_until(lambda: [p for p in marked(supervisor.token) if "reaper.py" in command_line(p) and p.pid != first.pid], 5, "another reaper")
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    supervisor.none_is_left(6)


def test_an_orderly_stop_ends_a_grandchild_that_left_its_group(supervise: Any) -> None:
    supervisor = supervise({"name": "runaway", "script": RUNAWAY})
    supervisor.wait_for("here")
    supervisor.terminate()
    supervisor.none_is_left(1)


def test_later_processes_wait_for_one_that_others_need(supervise: Any, tmp_path: Path) -> None:
    file = tmp_path / "ready"
    script = f"import time; print('chatter', flush=True); time.sleep(0.5); open({str(file)!r}, 'w'); time.sleep(600)"
    supervisor = supervise(
        {"name": "store", "script": script, "ready": str(file)},
        {"name": "user", "script": f"import os; print('there', os.path.exists({str(file)!r}), flush=True); import time; time.sleep(600)"},
    )
    supervisor.wait_for("there True")
    assert "chatter" not in supervisor.output()


def test_a_needed_process_that_ends_stops_the_start_with_its_last_words(supervise: Any, tmp_path: Path) -> None:
    script = "import sys; print('Bad file format'); sys.exit(1)"
    supervisor = supervise({"name": "store", "script": script, "ready": str(tmp_path / "never")}, {"name": "user", "script": SLEEP})
    assert supervisor.wait() == 1
    assert "store could not be started (exit code 1). Bad file format" in supervisor.output()
    assert "user" not in supervisor.output()
    supervisor.none_is_left(2)


def test_a_needed_process_that_is_never_ready_stops_the_start(supervise: Any, tmp_path: Path) -> None:
    supervisor = supervise({"name": "store", "script": SLEEP, "ready": str(tmp_path / "never"), "ready_within": 0.3})
    assert supervisor.wait() == 1
    assert "store was started but did not answer within 0.3 s." in supervisor.output()
    supervisor.none_is_left(2)


def test_it_stops_when_nobody_reads_its_output_any_more(tmp_path: Path) -> None:
    chatty = "import time\nwhile True:\n    print('line', flush=True); time.sleep(0.05)"
    supervised = Supervised(tmp_path, [{"name": "chatty", "script": chatty}])
    process = subprocess.Popen(supervised.arguments, env=supervised.env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(10)
    wait_until(lambda: not marked(supervised.token), 2, "nothing is left")


def test_it_uses_no_processor_time_while_nothing_happens(supervise: Any) -> None:
    supervisor = supervise({"name": "sleeper", "script": SLEEP})
    supervisor.wait_for("here")
    process = psutil.Process(supervisor.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(1)  # measured, not waited for
    assert sum(process.cpu_times()[:2]) - before < 0.05
