"""What is kept on an object whose class is somebody else's and declares no such field: a request, the user of one, a view."""

from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")


def keep(on: object, name: str, value: object) -> None:
    """Keep a value for as long as the object lives."""
    setattr(on, name, value)


def kept(on: object, name: str, make: Callable[[], T]) -> T:
    """The value that is kept; made, and kept, when there is none yet."""
    if not hasattr(on, name):
        keep(on, name, make())
    return cast(T, getattr(on, name))


def forget(on: object, name: str) -> None:
    """Have it made anew when it is asked for next."""
    if hasattr(on, name):
        delattr(on, name)
