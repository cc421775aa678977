"""What commands with long work share: being asked to end where nothing is half done, and output that nobody reads any more."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import OutputWrapper

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """The user, or the system, asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(f"asked to end by signal {number}")
        self.exit_code = 128 + number  # as shells tell it: 130 after Ctrl-C, 143 after SIGTERM


class Asked:
    """Whether Ctrl-C or SIGTERM came; it is for the command to heed it where everything is whole."""

    number = 0

    def __bool__(self) -> bool:
        return self.number != 0

    def heed(self) -> None:
        """Raises Stopped when the command was asked to end."""
        if self.number:
            raise Stopped(self.number)


@contextmanager
def asked_by_signals() -> Iterator[Asked]:
    """Ctrl-C and SIGTERM are noted, to be heeded; a second one of the same kind ends the process at once."""
    asked = Asked()
    before: dict[int, Any] = {}

    def note(number: int, frame: object) -> None:
        asked.number = number
        signal.signal(number, before[number])

    for asking in _SIGNALS:
        before[asking] = signal.signal(asking, note)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(stream: OutputWrapper, text: str, ending: str = "\n") -> None:
    """Write at once; who stops reading (`| head`) misses the rest, and the command goes on."""
    try:
        stream.write(text, style_func=str, ending=ending)  # as it is: Django would paint all of stderr red
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
