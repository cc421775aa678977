"""Profiles: what a kind of machine is like, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Profile:
    """`title` is what stands on the machine, `kind` the DICOM modality it is ("" for any).

    Minutes are those of the modality's own clock: how long it keeps a list before it asks again (0: never), and how often it
    reports while an exam is in progress (0: not at all; whoever plays it calls `report`).
    """

    name: str
    title: str
    kind: str = ""
    list_kept_minutes: int = 0
    report_minutes: int = 0
    clock_skew_seconds: int = 0


PLAIN = Profile("plain", "Plain modality")
"""Does all as the standard has it."""


@cache
def all_profiles() -> Mapping[str, Profile]:
    """By name, the plain one first."""
    return {PLAIN.name: PLAIN}
