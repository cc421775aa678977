"""The terminal: every line with the name of the process that said it."""

import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

OWN_NAME = "stepwise"
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # ANSI foregrounds readable on dark and on light
_BOLD = 1


class Output:
    """Writes prefixed lines to `stream`; in colour when that is a terminal and NO_COLOR is not set.

    `broken` turns true when nobody reads any more; later lines are dropped.
    """

    def __init__(self, names: Sequence[str], stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._width = max(len(name) for name in (*names, OWN_NAME))
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)} | {OWN_NAME: _BOLD}
        self.coloured = self._stream.isatty() and "NO_COLOR" not in os.environ
        self.broken = False
        self._last_write = time.monotonic()

    @property
    def quiet_for(self) -> float:
        """Seconds since the last line."""
        return time.monotonic() - self._last_write

    def say(self, text: str) -> None:
        """A line of the supervisor itself."""
        self.line(OWN_NAME, text)

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{self._width}} |"
        self._write(f"{self.paint(prefix, self._colours.get(name, _BOLD))} {text}\n")

    def block(self, text: str) -> None:
        """Several lines without a prefix."""
        self._write(text)

    def paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.coloured else text

    def _write(self, text: str) -> None:
        if self.broken:
            return
        self._last_write = time.monotonic()
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal was closed, or the reader of a pipe went away
            self.broken = True


class LineSplitter:
    """Turns chunks of bytes into lines of text; a line longer than `limit` bytes is cut there."""

    def __init__(self, limit: int = 16_384) -> None:
        self._rest = b""
        self._limit = limit

    def feed(self, chunk: bytes) -> list[str]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        while len(self._rest) > self._limit:
            lines.append(self._rest[: self._limit])
            self._rest = self._rest[self._limit :]
        return [self._text(line) for line in lines]

    def end(self) -> list[str]:
        rest, self._rest = self._rest, b""
        return [self._text(rest)] if rest else []

    @staticmethod
    def _text(line: bytes) -> str:
        return line.decode("utf-8", errors="replace").rstrip("\r")
