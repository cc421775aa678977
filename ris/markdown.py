"""Parts of the documents that are written from the tables that the code goes by."""

from collections.abc import Iterable, Iterator


class NoPlace(Exception):
    """The document does not have the two marks that a text belongs between."""


def table(*columns: str, lines: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table, an empty one behind it."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"
    yield ""


def put_between(document: str, begin: str, end: str, text: str) -> str:
    """The document with the text between its marks; NoPlace when it has none."""
    before, found, rest = document.partition(f"{begin}\n")
    _, closed, after = rest.partition(f"{end}\n")
    if not found or not closed:
        raise NoPlace(f"The lines {begin!r} and {end!r} must stand in the file, in this order.")
    return f"{before}{begin}\n{text}\n{end}\n{after}"
