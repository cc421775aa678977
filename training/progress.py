"""Progress of long work in a terminal: a bar that is drawn over itself, or one line for each kind of record where nobody watches."""

import time
from typing import Protocol

_WIDTH = 30
_INTERVAL = 0.1  # seconds between two drawings
_LINE_INTERVAL = 10.0  # seconds between two lines where nobody watches


class _Stream(Protocol):
    def write(self, msg: str = "", style_func: None = None, ending: str | None = None) -> object: ...
    def flush(self) -> object: ...
    def isatty(self) -> bool: ...


class Bar:
    """`show(what, done, of)` after each piece of work; `rates` adds how fast it goes and how long it will take."""

    def __init__(self, stream: _Stream, *, rates: bool = False) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._rates = rates
        self._what = ""
        self._began = self._drawn = 0.0

    def show(self, what: str, done: int, of: int, note: str = "") -> None:
        """`note` stands behind the counts instead of the rates."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._began = what, now
            if not self._live:
                self._drawn = now
        finished = done == of
        if not finished and now - self._drawn <= (_INTERVAL if self._live else _LINE_INTERVAL):
            return
        self._drawn = now
        pace = note or (self._pace(done, of, now) if self._rates else "")
        if self._live:
            filled = _WIDTH * done // of if of else _WIDTH
            line = f"\r  {what:<12}[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{of} {pace:<24}"
            self._stream.write(line, ending="\n" if finished else "")
            self._stream.flush()
        else:
            self._stream.write(f"  {of} {what}" if finished else f"  {done} of {of} {what} {pace}".rstrip())
            self._stream.flush()

    def _pace(self, done: int, of: int, now: float) -> str:
        """`850/s, 1:56 left`."""
        rate = done / max(now - self._began, 0.001)
        if done == of or not rate:
            return f"{rate:.0f}/s"
        left = round((of - done) / rate)
        return f"{rate:.0f}/s, {left // 60}:{left % 60:02d} left"
