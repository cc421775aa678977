"""Doses and the like on a console's screen: what the series hold, added up, in the units of the machine."""

from collections.abc import Sequence

from training.memory import Series


def readings(kind: str, series: Sequence[Series]) -> list[tuple[str, str]]:
    """(value, what it is) of all series together."""
    return []


def of_series(kind: str, series: Series) -> str:
    """The most telling value of one series; empty when it has none."""
    return ""
