"""Which faults hold at this moment: read from the table at most once a second, so that each message may ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from dimse.entries import now
from ris import clock
from training.faults.kinds import KINDS, SKEW
from training.models import Fault

KEPT: Final = 1.0
"""Seconds within which every process knows that a fault was switched on or off."""


def wall() -> datetime:
    """Wall time: a fault ends at its time, whatever the clock of its site shows."""
    return now()


@dataclass(frozen=True, slots=True)
class _Read:
    faults: tuple[Fault, ...] = ()
    at: float = float("-inf")


_read = _Read()


def current() -> Sequence[Fault]:
    """Those that hold, the latest last, each with its site. No fault costs a look at the clock."""
    global _read
    if monotonic() - _read.at >= KEPT:
        _read = _Read(tuple(Fault.objects.active(wall()).select_related("site").order_by("begun", "pk")), monotonic())
    if not _read.faults:
        return ()
    moment = wall()
    return [fault for fault in _read.faults if fault.until > moment]


def forget() -> None:
    """Read again at the next question: this process changed something."""
    global _read
    _read = _Read()


def of_kind(name: str) -> Fault | None:
    """A fault of a process that all share, while it holds."""
    return next((fault for fault in reversed(current()) if fault.kind == name), None)


def skew_of(ae_title: str) -> timedelta:
    """By how much the clock of the virtual modalities of a station is fast (negative: slow); none unless that was switched on."""
    found = [fault for fault in current() if fault.kind == SKEW and fault.station_ae_title == ae_title]
    return timedelta(seconds=found[-1].parameters["seconds"]) if found else timedelta(0)


def in_words(fault: Fault) -> str:
    """What a fault does: `answered 10 s late`."""
    return KINDS[fault.kind].in_words(fault.parameters)


def told(fault: Fault) -> str:
    """What the journal says beside what the fault did: `injected by integrator until 14:30: answered 10 s late`."""
    until = clock.local(fault.until, fault.site)
    return f"injected by {fault.set_by} until {until:%H:%M}: {in_words(fault)}"
