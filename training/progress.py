"""Progress of long work in a terminal: a bar that is drawn over itself, or one line for each kind of record where nobody watches."""

import time
from typing import Protocol

_WIDTH = 30
_INTERVAL = 0.1  # seconds between two drawings


class _Stream(Protocol):
    def write(self, msg: str = "", style_func: None = None, ending: str | None = None) -> object: ...
    def flush(self) -> object: ...
    def isatty(self) -> bool: ...


class Bar:
    """`show(what, done, of)` after each piece of work."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._drawn = 0.0

    def show(self, what: str, done: int, of: int) -> None:
        finished = done == of
        if not self._live:
            if finished:
                self._stream.write(f"  {of} {what}")
            return
        if finished or time.monotonic() - self._drawn > _INTERVAL:
            filled = _WIDTH * done // of if of else _WIDTH
            self._stream.write(f"\r  {what:<12}[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{of} ", ending="\n" if finished else "")
            self._stream.flush()
            self._drawn = time.monotonic()
