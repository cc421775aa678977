"""The transaction of an action."""

import functools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection, models, transaction

from ris import deeds
from ris.prepared import Prepared

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_ATTEMPTS = 6
_SHORTAGES = (
    ("disk is full", "the disk of the database is full"),
    ("locked", "the database is busy"),
    ("unable to open database file", "the database cannot be opened"),
)
"""What SQLite says, and what that is in words."""
_SHORTAGES_BY_STATE = {
    "53": "the database lacks disk, memory or connections",
    "55P03": "the database is busy",
    "40P01": "the database is busy",
    "40001": "the database is busy",
    "57P03": "the database is starting or stopping",
    "57P01": "the database is starting or stopping",
    "57P02": "the database is starting or stopping",
}
"""Beginnings of SQLSTATEs (PostgreSQL, Appendix A)."""
_AWAY = "the database does not answer"
_RETRYABLE = ("database is locked", "database table is locked", "deadlock detected", "could not serialize access")


_turns = threading.RLock()
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Actions of the block wait for others no longer than that together, and one try more: somebody waits for an answer."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left() -> float | None:
    """Seconds, none below 0; None where nobody waits."""
    deadline = _deadline.get()
    return None if deadline is None else max(deadline - time.monotonic(), 0)


def _turn() -> AbstractContextManager[Any]:
    """SQLite has one writer: threads of a process queue here, for it would let them sleep and ask again. PostgreSQL has many."""
    if connection.vendor != "sqlite":
        return nullcontext()
    left = _left()
    return _turns if left is None else _turn_within(left)


@contextmanager
def _turn_within(seconds: float) -> Iterator[None]:
    if not _turns.acquire(timeout=seconds):
        raise OperationalError("database is locked: others of this process wait for it")
    try:
        yield
    finally:
        _turns.release()


def is_contention(error: BaseException) -> bool:
    """Whether an action that failed by it is begun again."""
    return isinstance(error, OperationalError) and any(text in str(error) for text in _RETRYABLE)


def shortage(error: BaseException) -> str:
    """What the database lacked, in words, when that may be over in a while; empty for every other error."""
    if isinstance(error, InterfaceError):
        return _AWAY
    if not isinstance(error, OperationalError):
        return ""
    if connection.vendor == "sqlite":
        return next((words for text, words in _SHORTAGES if text in str(error)), "")
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None:
        return _AWAY
    return next((words for start, words in _SHORTAGES_BY_STATE.items() if state.startswith(start)), "")


class _Ending(threading.local):
    """What is put off to the end of the action that this thread is in; None outside of one."""

    waiting: dict[Callable[[list[Any]], None], list[Any]] | None = None


_ending = _Ending()


def at_the_end(do: Callable[[list[T]], None], what: T) -> None:
    """Have it done once for all that an action gives it, as the last part of the outermost action's transaction: an error in it undoes
    the whole. At once outside of an action."""
    if _ending.waiting is None:
        do([what])
    else:
        _ending.waiting.setdefault(do, []).append(what)


def _outermost(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Say of an action that is no part of another one that it has begun, and when it is done."""
    if _ending.waiting is not None:
        return function(*args, **kwargs)
    deeds.note(done=False)
    result = function(*args, **kwargs)
    deeds.note(done=True)
    return result


def _whole(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The function, and behind it what it put off to the end of the outermost action."""
    if _ending.waiting is not None:
        return function(*args, **kwargs)
    waiting: dict[Callable[[list[Any]], None], list[Any]] = {}
    _ending.waiting = waiting
    try:
        result = function(*args, **kwargs)
        for do, gathered in waiting.items():
            do(gathered)
    finally:
        _ending.waiting = None
    return result


def action(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in one transaction; begin again when the database reports contention, while there is time (`within`).

    Inside a transaction that is already open it only adds a savepoint, since the outer one must begin again as a whole.
    """

    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            with transaction.atomic():
                return _whole(function, *args, **kwargs)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with _turn(), transaction.atomic():
                    return _whole(function, *args, **kwargs)
            except OperationalError as error:
                if attempt == _ATTEMPTS or not is_contention(error) or _left() == 0:
                    raise
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        raise AssertionError("unreachable")

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return _outermost(tried, *args, **kwargs)

    return run


def part(function: Callable[P, R]) -> Callable[P, R]:
    """As `action`, but inside a transaction that is already open it shares its fate: without a savepoint, an error undoes the whole."""
    alone = action(function)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            return alone(*args, **kwargs)
        with transaction.atomic(savepoint=False):
            return function(*args, **kwargs)

    return run


def lock(rows: Callable[[], "models.QuerySet[Any]"]) -> None:
    """Lock rows, in their order, until the transaction ends. SQLite is not asked: the transaction has the whole database to itself."""
    if connection.features.has_select_for_update:
        list(rows().select_for_update(of=("self",)).values_list("pk"))


def locking(build: Callable[..., "models.QuerySet[Any]"], *names: str) -> Callable[..., None]:
    """A `lock` of the rows for values, in the order of their ids, for what is asked for every message; arguments as of `Prepared`."""
    rows: Prepared[Any] = Prepared(lambda *values: build(*values).select_for_update(of=("self",)).only("pk").order_by("pk"), *names)

    def lock_rows(*values: Any) -> None:
        if connection.features.has_select_for_update:
            rows(*values)

    return lock_rows
