"""Items that need no second look, remembered by a mark of 64 bits in a table of a fixed size."""

from array import array


class Looked:
    """One place for each mark; of two marks of one place the later one stays, so that what is forgotten is looked at once more.

    It takes eight bytes a place, however many are remembered. Two items of one mark, of which the second would never be looked at, are to
    be expected once in 2**64 pairs.
    """

    def __init__(self, places: int = 1 << 20) -> None:
        """`places` is a power of two."""
        self._marks = array("q", bytes(8 * places))
        self._mask = places - 1

    def __contains__(self, mark: int) -> bool:
        return self._marks[mark & self._mask] == mark

    def add(self, mark: int) -> None:
        self._marks[mark & self._mask] = mark
