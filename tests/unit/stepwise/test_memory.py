"""What was freed is the system's again, as it counts it."""

import os
from pathlib import Path

from stepwise import memory

_PIECES, _SIZE = 40_000, 1000  # small enough to come from the heap, too large for Python's own pools


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_freed_pieces_below_one_that_is_in_use_go_back_to_the_system() -> None:
    pieces = [bytes(_SIZE) for _ in range(_PIECES)]
    last = bytes(_SIZE)
    full = _resident()
    del pieces
    memory.give_back()
    assert len(last) == _SIZE
    assert full - _resident() > _PIECES * _SIZE * 0.8
