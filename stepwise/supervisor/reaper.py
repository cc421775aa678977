"""Kills what a supervisor left behind. Run as a program of its own, with the standard library alone, in a session of its own.

Standard input is a pipe from the supervisor: `+GROUP` says that a process group was started, `-GROUP` that it has ended. The end of the
pipe means that the supervisor has ended or was killed: then every group still known is ended, and on Linux also every process that carries
the supervisor's mark in its environment (a child that was just being started, a grandchild that left its group).
"""

import os
import signal
import sys
import time
from pathlib import Path

MARK = "STEPWISE_SUPERVISION"  # environment variable that all processes of one supervisor share
GRACE = 2.0  # seconds from SIGTERM to SIGKILL


def main(mark: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        word = line.strip()
        if word.startswith("+"):
            groups.add(int(word[1:]))
        elif word.startswith("-"):
            groups.discard(int(word[1:]))
    reap(groups, mark)


def reap(groups: set[int], mark: str) -> None:
    """End the groups and all marked processes: asked first, killed after `GRACE` seconds."""
    _signal_all(groups, mark, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _signal_all(groups, mark, 0):
        time.sleep(0.05)
    _signal_all(groups, mark, signal.SIGKILL)


def _signal_all(groups: set[int], mark: str, number: int) -> bool:
    """Send the signal to each; return whether any was there to receive it."""
    found = False
    for group in groups:
        try:
            os.killpg(group, number)
            found = True
        except ProcessLookupError:
            continue
    for pid in marked(mark):
        try:
            os.kill(pid, number)
            found = True
        except ProcessLookupError:
            continue
    return found


def marked(mark: str) -> list[int]:
    """Process ids that carry the mark; none where there is no /proc."""
    wanted = f"{MARK}={mark}".encode()
    pids = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = entry.read_bytes()
        except OSError:  # ended meanwhile, or another user's
            continue
        if wanted in environment.split(b"\0"):
            pids.append(int(entry.parent.name))
    return pids


if __name__ == "__main__":
    main(sys.argv[1])
