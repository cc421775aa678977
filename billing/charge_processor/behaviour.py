"""How the demo charge processor is to behave for a while: a room above says so, the process asks it as long as it runs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import connections

LOOK: Final = 0.5
"""Seconds between two questions whether it is to be down."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """MSA-1 (AE or AR) and MSA-3."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`refusal` is for every message, of which none is booked. What is booked is acknowledged `delay` seconds late, or `drops`: never."""

    is_down: bool = False
    refusal: Refusal | None = None
    delay: float = 0.0
    drops: bool = False


_GOOD: Final = Behaviour()


def _good() -> Behaviour:
    """Where nobody says anything else."""
    return _GOOD


_ask: Callable[[], Behaviour] = _good


def follow(ask: Callable[[], Behaviour]) -> None:
    """Who is to be asked. It may use the database, and answers when that does not."""
    global _ask
    _ask = ask


async def asked() -> Behaviour:
    """How to behave at this moment."""
    return _GOOD if _ask is _good else await asyncio.to_thread(_asked)


async def outage_begins(stop: asyncio.Event) -> None:
    """Wait until the charge processor is to be down, or to stop."""
    await _while(False, stop)


async def outage_ends(stop: asyncio.Event) -> None:
    """Wait until it is to be up again, or to stop."""
    await _while(True, stop)


async def _while(down: bool, stop: asyncio.Event) -> None:
    while not stop.is_set() and (await asked()).is_down is down:
        try:
            async with asyncio.timeout(LOOK):
                await stop.wait()
        except TimeoutError:
            continue


def _asked() -> Behaviour:
    try:
        return _ask()
    finally:
        connections.close_all()  # this thread's own
