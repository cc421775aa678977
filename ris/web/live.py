"""Live parts of pages: the browser asks again every few seconds and gets 204 when nothing changed."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db.models import Max, Model
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.safestring import mark_safe

from ris import clock
from ris.models import RecordChange, StepChange
from ris.web.times import local

SEEN = "X-Seen"
NOW = "X-Now"
SPEED = "X-Speed"
_CSRF_FIELD = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*')


Histories = tuple[type[Model], ...]
RIS_HISTORIES: Histories = (StepChange, RecordChange)
"""Append-only tables that tell whether anything of the RIS changed."""
_FRESH = 15
"""Seconds after which a part is rendered anew though no history grew: what the clock alone changes, and rows that were
committed out of order."""


def state(request: HttpRequest, histories: Histories = RIS_HISTORIES) -> str:
    """Changes when a history grows: cheap to ask for, so that a part that did not change costs next to nothing."""
    newest = [history._default_manager.aggregate(newest=Max("pk"))["newest"] or 0 for history in histories]
    return f"{request.get_full_path()} {newest} {int(clock.now().timestamp()) // _FRESH}"


def unchanged(request: HttpRequest, present: str) -> HttpResponse | None:
    """204 for a part that shows the present `state` already, else None: go on and render."""
    if request.headers.get("HX-Request") == "true" and _seen(request)[0] == _mark(present):
        return stamped(HttpResponse(status=204))
    return None


def live_page(
    request: HttpRequest,
    page: str,
    part: str,
    context: Mapping[str, Any],
    *,
    url: str | None = None,
    beside: str | None = None,
    present: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The template `page` with the live template `part` as `{{ live }}`; to the part asking for itself, the part alone or 204.

    `url` is the canonical address of what is shown, which the part asks again and the address bar shows after a filter changed.
    `beside` is a second template that lives with it in another place of the page, there as `{{ beside }}`.
    `present` is the state for `unchanged`. A part whose text is the same in spite of another state is answered 204 with the new mark.
    `status` is that of the whole page.
    """
    asked_by_part = request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"
    address = url or request.get_full_path()
    shown = {
        "address": address,
        "swapping": asked_by_part,
        "body": mark_safe(render_to_string(part, dict(context), request)),
        "beside": mark_safe(render_to_string(beside, dict(context), request) if beside else ""),
    }
    text = _mark(f"{shown['body']}{shown['beside']}")
    shown["mark"] = f"{_mark(present or '')}.{text}"
    if asked_by_part and _seen(request)[1] == text:
        return stamped(HttpResponse(status=204, headers={SEEN: shown["mark"]}))
    if not asked_by_part:
        live = mark_safe(render_to_string("parts/live.html", shown))
        whole = {**context, "live": live, "beside": shown["beside"]}
        return stamped(HttpResponse(render_to_string(page, whole, request), status=status))
    response = HttpResponse(render_to_string("parts/live.html", shown))
    if SEEN not in request.headers:
        response["HX-Replace-Url"] = address
    return stamped(response)


def stamped(response: HttpResponse) -> HttpResponse:
    """With the hospital's time, by which the page says when it was updated, and how fast that runs."""
    response[NOW] = local(clock.now()).isoformat(timespec="seconds")
    simulation = clock.simulation()
    response[SPEED] = f"{simulation.speed:g}" if simulation else "1"
    patch_vary_headers(response, ["HX-Request"])
    return response


def _seen(request: HttpRequest) -> tuple[str, str]:
    """Marks of the state and of the text that the part shows."""
    state_mark, _, text_mark = request.headers.get(SEEN, "").partition(".")
    return state_mark, text_mark


def _mark(body: str) -> str:
    """Of what is read: the CSRF token is masked anew each time and does not count."""
    return sha256(_CSRF_FIELD.sub(r"\1", body).encode()).hexdigest()[:20]
