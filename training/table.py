"""Tables in a terminal, with names of all scripts in their columns."""

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Columns that the text takes: East Asian wide characters take two, combining marks none."""
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def lines(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Headers, a rule, and the rows, columns two spaces apart; no line ends in spaces."""
    widths = [max(width(row[column]) for row in (headers, *rows)) for column in range(len(headers))]
    return [_line(headers, widths), "  ".join("-" * size for size in widths), *(_line(row, widths) for row in rows)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)).rstrip()
