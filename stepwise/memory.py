"""Memory that was freed goes back to the system.

glibc keeps what each thread has freed for the thread's next need. A server that decodes messages of all sizes on many threads comes to
hold more and more of it, though nothing in it grows: 10 MB for each 100,000 exchanges of `make fuzz`.
"""

import ctypes
from collections.abc import Callable
from functools import cache

EVERY = 30.0
"""Seconds between two times. It takes some milliseconds, without Python's lock."""


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim; None where the C library has none (musl, macOS)."""
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def give_back() -> None:
    """Return to the system what no thread uses; nothing where the C library cannot."""
    trim = _trim()
    if trim is not None:
        trim(0)
