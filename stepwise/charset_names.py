"""Names of charsets that are none of texts, taken out of requests before Django reads them."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.utils.http import parse_header_parameters

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*("[^"]*"|[^;]*)', re.IGNORECASE)


def without_odd_charsets(application: Application) -> Application:
    """A `Content-Type` may name what Python knows and no text is written in (`hex`). Django takes it for the charset of the address, too,
    and fails at it before any page of ours could answer; a name that nobody knows it passes over, and so is this one."""

    def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        said = environ.get("CONTENT_TYPE", "")
        if not _is_of_texts(parse_header_parameters(said)[1].get("charset", "utf-8")):
            environ["CONTENT_TYPE"] = _CHARSET.sub("", said)
        return application(environ, start_response)

    return answering


def _is_of_texts(charset: str) -> bool:
    try:
        "a".encode(charset)
    except (LookupError, ValueError):
        return False
    return True
