"""A supervisor over a process table of small scripts, run as a program of its own: `python -m tests.support.supervised TABLE.json`."""

import json
import os
import sys
from pathlib import Path

import psutil

from stepwise.supervisor.child import Backoff
from stepwise.supervisor.errors import StartError
from stepwise.supervisor.output import Output
from stepwise.supervisor.process import Process
from stepwise.supervisor.supervisor import Supervisor

TOKEN = "STEPWISE_TEST_TOKEN"


def main(table: Path) -> int:
    """Rows: `name`, `script` (Python source) or `command`, optionally `rank`, `stop_by`, and `ready` (a file that has to appear)."""
    processes = []
    for row in json.loads(table.read_text()):
        file = Path(row["ready"]) if "ready" in row else None
        processes.append(
            Process(
                row["name"],
                tuple(row.get("command") or (sys.executable, "-IS", "-c", row["script"])),
                stop_rank=row.get("rank", 0),
                stop_by=row.get("stop_by", 2),
                ready=file.exists if file else None,
                ready_within=row.get("ready_within", 5),
            )
        )
    supervisor = Supervisor(processes, Output([process.name for process in processes]), backoff=Backoff(0.1, 0.4, 60))
    try:
        return supervisor.run()
    except StartError as error:
        sys.stdout.write(f"{error}\n")
        return 1


def marked(token: str) -> list[psutil.Process]:
    """Living processes that carry the token in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN) == token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def command_line(process: psutil.Process) -> str:
    """Empty for one that has ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    sys.exit(main(Path(sys.argv[1])))
