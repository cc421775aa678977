"""What may be typed behind the options of `manage.py modality` and `play_day`; each raises ArgumentTypeError with a sentence."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import date

from ris import validation
from training.acts import GRAMMAR

_LONGEST_WAIT = 3600


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date; write it as 2026-11-23") from None


def port(text: str) -> int:
    port = validation.whole_number(text, 65535)
    if not port:
        raise ArgumentTypeError(f"{text!r} is not a port; it is a number from 1 to 65535")
    return port


def seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= _LONGEST_WAIT:
        raise ArgumentTypeError(f"{text!r} is no time to wait; it is a number of seconds from 0.1 to {_LONGEST_WAIT}")
    return seconds


def ae_title(text: str) -> str:
    try:
        title = validation.text(text, "AE")
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no AE title: it {error}") from None
    if not title:
        raise ArgumentTypeError("an AE title is 1 to 16 characters")
    return title


def checked(verb: str, key: str) -> Callable[[str], str]:
    """What scripts check of the option, for the command line."""

    def check(text: str) -> str:
        try:
            return GRAMMAR[verb].options[key](text)
        except ValueError as error:
            raise ArgumentTypeError(f"{text!r} {error}") from None

    return check
