"""The transaction of an action."""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

_ATTEMPTS = 6
_RETRYABLE = ("database is locked", "database table is locked", "deadlock detected", "could not serialize access")


def _is_contention(error: OperationalError) -> bool:
    return any(text in str(error) for text in _RETRYABLE)


def action(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in one transaction; begin again when the database reports contention.

    Inside a transaction that is already open it only adds a savepoint, since the outer one must begin again as a whole.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            with transaction.atomic():
                return function(*args, **kwargs)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempt == _ATTEMPTS or not _is_contention(error):
                    raise
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        raise AssertionError("unreachable")

    return run
