"""Whether the demo charge processor is to be down for a while: a room above says so, the process asks it as long as it runs."""

import asyncio
from collections.abc import Callable
from typing import Final

from django.db import connections

LOOK: Final = 0.5
"""Seconds between two questions."""


def _never() -> bool:
    """Where nobody says anything else."""
    return False


_is_down: Callable[[], bool] = _never


def follow(is_down: Callable[[], bool]) -> None:
    """Who is to be asked. It may use the database, and answers when that does not."""
    global _is_down
    _is_down = is_down


async def begins(stop: asyncio.Event) -> None:
    """Wait until the charge processor is to be down, or to stop."""
    await _while(False, stop)


async def ends(stop: asyncio.Event) -> None:
    """Wait until it is to be up again, or to stop."""
    await _while(True, stop)


async def _while(down: bool, stop: asyncio.Event) -> None:
    while not stop.is_set() and await asyncio.to_thread(_asked) is down:
        try:
            async with asyncio.timeout(LOOK):
                await stop.wait()
        except TimeoutError:
            continue


def _asked() -> bool:
    try:
        return _is_down()
    finally:
        connections.close_all()  # this thread's own
