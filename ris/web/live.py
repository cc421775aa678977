"""Live parts of pages: the browser asks again every few seconds and gets 204 when nothing changed."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.safestring import mark_safe

from ris import clock
from ris.web.times import local

SEEN = "X-Seen"
NOW = "X-Now"
_CSRF_FIELD = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*')


def live_page(
    request: HttpRequest, page: str, part: str, context: Mapping[str, Any], *, url: str | None = None, beside: str | None = None
) -> HttpResponse:
    """The template `page` with the live template `part` as `{{ live }}`; to the part asking for itself, the part alone or 204.

    `url` is the canonical address of what is shown, which the part asks again and the address bar shows after a filter changed.
    `beside` is a second template that lives with it in another place of the page, there as `{{ beside }}`.
    """
    asked_by_part = request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"
    address = url or request.get_full_path()
    shown = {
        "address": address,
        "swapping": asked_by_part,
        "body": mark_safe(render_to_string(part, dict(context), request)),
        "beside": mark_safe(render_to_string(beside, dict(context), request) if beside else ""),
    }
    shown["mark"] = _mark(f"{shown['body']}{shown['beside']}")
    if asked_by_part and request.headers.get(SEEN) == shown["mark"]:
        return stamped(HttpResponse(status=204))
    if not asked_by_part:
        live = mark_safe(render_to_string("parts/live.html", shown))
        return stamped(HttpResponse(render_to_string(page, {**context, "live": live, "beside": shown["beside"]}, request)))
    response = HttpResponse(render_to_string("parts/live.html", shown))
    if SEEN not in request.headers:
        response["HX-Replace-Url"] = address
    return stamped(response)


def stamped(response: HttpResponse) -> HttpResponse:
    """With the hospital's time, by which the page says when it was updated."""
    response[NOW] = local(clock.now()).isoformat(timespec="seconds")
    patch_vary_headers(response, ["HX-Request"])
    return response


def _mark(body: str) -> str:
    """Of what is read: the CSRF token is masked anew each time and does not count."""
    return sha256(_CSRF_FIELD.sub(r"\1", body).encode()).hexdigest()[:20]
