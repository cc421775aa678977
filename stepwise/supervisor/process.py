"""A row of the process table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Process:
    """What to run, and how to stop it.

    `grace` is the time in seconds from SIGTERM to SIGKILL. Processes of one `stop_rank` are stopped together, the lowest rank first.
    `fds` are inherited under the same numbers. What follows in the table is started when `ready` answers true, at most `ready_within`
    seconds later; without `ready` it does not wait. What a process says before it is ready is shown only when it fails.
    """

    name: str
    command: tuple[str, ...]
    stop_rank: int
    grace: float
    env: Mapping[str, str] = field(default_factory=dict)
    fds: tuple[int, ...] = ()
    ready: Callable[[], bool] | None = None
    ready_within: float = 15.0
