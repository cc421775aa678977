"""What commands share: paths as arguments, ends that are asked for where nothing is half done, and output, also that nobody reads."""

import argparse
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError

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


def named_path(text: str) -> Path:
    """The type of an argument that names a file or folder: an empty one, as of an unset variable, is not the current directory."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty; name one, or write . for the current directory")
    return Path(text)


def not_ready(error: DatabaseError) -> CommandError:
    """What a command says when the tables that it needs are not there."""
    return CommandError(f"The database is not ready ({str(error).strip().rstrip('.')}); run `manage.py prepare` first.")


def counted(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def say(stream: OutputWrapper, text: str, ending: str = "\n") -> None:
    """Write at once; who stops reading (`| head`) misses the rest, and the command goes on."""
    try:
        stream.write(text, style_func=str, ending=ending)  # as it is: Django would paint all of stderr red
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
