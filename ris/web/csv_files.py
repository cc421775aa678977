"""CSV (RFC 4180) that is written while it is sent, and that no spreadsheet takes for anything but text."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from django.http import StreamingHttpResponse

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""
_AT_ONCE: Final = 500
"""Lines that are sent together: one at a time costs a packet each."""


class _Echo:
    """A file for `csv.writer` that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula; a full-width sign (U+FF1D and others) is one to those of East Asia."""
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]).startswith(_FORMULA) else text


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Each row as a line, in portions."""
    writer, waiting = csv.writer(_Echo()), []
    for row in rows:
        waiting.append(writer.writerow(row))
        if len(waiting) == _AT_ONCE:
            yield "".join(waiting)
            waiting.clear()
    yield "".join(waiting)


def download(rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    """The rows as a file of that name, in UTF-8."""
    response = StreamingHttpResponse(lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
