"""Doses and the like on a console's screen: what the series hold, added up, in the units of the machine."""

from collections.abc import Sequence

from training import dose
from training.memory import Series


def readings(series: Sequence[Series]) -> list[tuple[str, str]]:
    """(value, what it is) of all series together."""
    values = dose.total(series)
    return [
        (format(values[name], written), f"{what}, {unit}" if unit else what) for name, what, unit, written in dose.SHOWN if name in values
    ]


def of_series(series: Series) -> str:
    """The most telling value of one series; empty when it has none."""
    return next((value for value, _ in readings([series])), "")
