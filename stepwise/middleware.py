"""What all requests and answers have in common, whichever view made them."""

import codecs
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django_structlog.middlewares import RequestMiddleware

from ris import clock, db, deeds, networks, queries
from ris.errors import NotFound
from ris.models import Site
from ris.web import asking
from ris.web.routes import route_of
from stepwise.web import errors

PERMISSIONS_POLICY: Final = (
    "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()"
)
"""What no page needs is not there for a script either."""
PATIENCE: Final = 8.0
"""Seconds that the changes of a request may wait for others; the last one may wait as long as its connection does, besides."""
RETRY_AFTER: Final = 5
"""Seconds after which what is not to be had for a while may be asked for again."""
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
Answering = Callable[[HttpRequest], HttpResponseBase]


def clock_of_the_site(answer: Answering) -> Answering:
    """Times are read and shown on the clock of the hospital of who asks."""

    def answering(request: HttpRequest) -> HttpResponseBase:
        with clock.answering_for(lambda: _site(request)):
            return answer(request)

    return answering


def _site(request: HttpRequest) -> Site | None:
    """None for nobody, who is shown the default one's, and before the first start has made a hospital."""
    person = asking.person_of(request)
    try:
        return queries.site_of(person) if person is not None else None
    except NotFound:
        return None


def deeds_of_requests(answer: Answering) -> Answering:
    """What a request has changed is known until it is answered, however that fails, which takes nobody's patience."""

    def watching(request: HttpRequest) -> HttpResponseBase:
        with deeds.watched(), db.within(PATIENCE):
            return answer(request)

    return watching


def schemes(answer: Answering) -> Answering:
    """A request is secure when a proxy of `RIS_TRUSTED_PROXIES` says that it came by HTTPS; of others X-Forwarded-Proto is not read."""

    def telling(request: HttpRequest) -> HttpResponseBase:
        by_https = request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https"
        if by_https and networks.hold(settings.TRUSTED_PROXIES, str(request.META.get("REMOTE_ADDR", ""))):
            request.META["wsgi.url_scheme"] = "https"
        return answer(request)

    return telling


def policies(answer: Answering) -> Answering:
    """What a browser is told about every answer, files too, beyond what Django and django-csp say. No cache keeps what does not say
    itself, as static files do, how long it may be kept."""

    def telling(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.status_code == 503:
            response.headers.setdefault("Retry-After", str(RETRY_AFTER))
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return telling


def body_limits(answer: Answering) -> Answering:
    """A form that is larger than DATA_UPLOAD_MAX_MEMORY_SIZE is refused before anything of it is read. REST calls say so themselves."""

    def refusing(request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_too_big = length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if not is_too_big or request.path.startswith(reverse("api:api-root")):
            return answer(request)
        return render(request, "413.html", {"most": settings.DATA_UPLOAD_MAX_MEMORY_SIZE}, status=413)

    return refusing


def charsets(answer: Answering) -> Answering:
    """Everything is read as UTF-8, whatever `Content-Type` says of it: a form in another charset is refused before anything of it is read,
    for Django reads it nowhere, not even to look for its token. JSON has no other charset (RFC 8259 8.1)."""

    def refusing(request: HttpRequest) -> HttpResponseBase:
        other = request.encoding is not None and codecs.lookup(request.encoding).name != "utf-8"
        request.encoding = "utf-8"
        if not other or request.content_type not in FORMS or request.path.startswith(reverse("api:api-root")):
            return answer(request)
        return errors.not_understood(request)

    return refusing


def lengths(answer: Answering) -> Answering:
    """411 (RFC 9110 15.5.12) for the body of a REST call that does not say how long it is, of which Django reads nothing."""

    def refusing(request: HttpRequest) -> HttpResponseBase:
        if "HTTP_TRANSFER_ENCODING" not in request.META or not request.path.startswith(reverse("api:api-root")):
            return answer(request)
        detail = "The body came in chunks (Transfer-Encoding), and none of it was read: send it with a Content-Length."
        return JsonResponse({"detail": detail}, status=411)

    return refusing


def method_refusals(answer: Answering) -> Answering:
    """A method that a REST call does not take is refused as everything else there: 405 with `{"detail": sentence}`."""

    def refusing(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        if not isinstance(response, HttpResponseNotAllowed) or not request.path.startswith(reverse("api:api-root")):
            return response
        allowed = ", ".join(sorted(response["Allow"].split(", ")))
        refusal = {"detail": f"{request.path} does not take {request.method}; it takes {allowed}."}
        return JsonResponse(refusal, status=405, headers={"Allow": allowed})

    return refusing


class Requests(RequestMiddleware):
    """Tells requests by the pattern of their address."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {route_of(request)}"
