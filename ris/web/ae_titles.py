"""AE titles in addresses: every legal one is one part of a path that no browser takes apart."""

import re
from typing import Final

from django.urls import register_converter

_MARK: Final = "~"
_MARKED: Final = re.compile(rf"{_MARK}([0-9A-F]{{2}})")


class AeTitleConverter:
    """`CT01` as it is; a slash, and the dots of `.` and `..`, which browsers resolve, as `~2F` and `~2E`."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return _MARKED.sub(lambda found: chr(int(found[1], 16)), value)

    def to_url(self, value: str) -> str:
        unsafe = f"/.{_MARK}" if value in (".", "..") else f"/{_MARK}"
        return "".join(f"{_MARK}{ord(one):02X}" if one in unsafe else one for one in value)


register_converter(AeTitleConverter, "aet")
