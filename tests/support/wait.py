"""Waiting for something with a deadline."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def patience(time_: float) -> float:
    """As much more time as work queues for the cores: deadlines are those of a machine with nothing else to do."""
    return time_ * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(condition: Callable[[], T], timeout: float, why: str, interval: float = 0.05) -> T:
    """Poll until the condition is true and return its value; fail with `why` after `timeout` seconds, or more on a busy machine."""
    begun = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() - begun > patience(timeout):
            raise AssertionError(f"not within {timeout:g} s: {why}")
        time.sleep(interval)
