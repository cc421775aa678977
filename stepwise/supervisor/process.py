"""A row of the process table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Process:
    """What to run, and how to stop it.

    Processes of one `stop_rank` are asked to stop together, the lowest rank first; what still runs `stop_by` seconds after the stop of
    the whole began is killed. So a rank has the time that those before it did not need.
    `fds` are inherited under the same numbers. What follows in the table is started when `ready` answers true, at most `ready_within`
    seconds later; without `ready` it does not wait. What a process says before it is ready is shown only when it fails.
    """

    name: str
    command: tuple[str, ...]
    stop_rank: int
    stop_by: float
    env: Mapping[str, str] = field(default_factory=dict)
    fds: tuple[int, ...] = ()
    ready: Callable[[], bool] | None = None
    ready_within: float = 15.0
