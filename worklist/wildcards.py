"""Wildcard matching of text (PS3.4 C.2.2.2.4)."""

import re
from collections.abc import Callable


def wildcard(asked: str) -> Callable[[str], bool]:
    """The test of a wildcard key: `*` is any run of characters, `?` exactly one; there is no escape (PS3.4 C.2.2.2.4).

    The pieces between the stars are looked for one after the other, each at the first place where it stands, and none is ever
    taken back: whatever a peer asks, the work grows with the length of the value times that of the longest piece.
    """
    first, *rest = re.split(r"\*+", asked)
    begins = _piece(first)
    if not rest:
        return lambda text: begins.fullmatch(text) is not None
    middle, last = [_piece(piece) for piece in rest[:-1]], _piece(rest[-1])
    length = len(rest[-1])

    def test(text: str) -> bool:
        found = begins.match(text)
        end = len(text) - length
        for piece in middle:
            if found is None:
                return False
            found = piece.search(text, found.end(), max(end, 0))
        return found is not None and found.end() <= end and last.match(text, end) is not None

    return test


def _piece(text: str) -> re.Pattern[str]:
    """A part of a wildcard key without `*`, which has the length of what it finds."""
    return re.compile("".join("." if char == "?" else re.escape(char) for char in text), re.DOTALL)
