"""What became of the changes that a request asked for, so that an answer which fails can tell the truth about them.

Everything that is changed is changed by an action (`ris.db`), which says here when it has begun and when it is done for good.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Deeds:
    """`begun`: an action was, of which nobody can say how it ended when it failed while it was made to last. `done`: one is."""

    begun: bool = False
    done: bool = False


_deeds: ContextVar[Deeds | None] = ContextVar("deeds", default=None)


@contextmanager
def watched() -> Iterator[None]:
    """Keep what is done within the block."""
    token = _deeds.set(Deeds())
    try:
        yield
    finally:
        _deeds.reset(token)


def known() -> Deeds:
    """What was done in the block that this is in; nothing outside of one."""
    return _deeds.get() or Deeds()


def note(*, done: bool) -> None:
    """An action has begun, or is done."""
    deeds = _deeds.get()
    if deeds is not None:
        deeds.begun, deeds.done = True, deeds.done or done


def aside(function: Callable[P, R]) -> Callable[P, R]:
    """What the function writes is nothing that somebody asked to be done: the audit trail, what is counted or kept beside it."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        token = _deeds.set(None)
        try:
            return function(*args, **kwargs)
        finally:
            _deeds.reset(token)

    return run
