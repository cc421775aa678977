"""Error pages in words."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from ris.errors import NotFound
from ris.web.failing import FAULT, failure
from stepwise.context_processors import theme_of


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 with the reason that a view of ours gave (`ris.web.access.page`); those of Django and of its parts are no words for people."""
    reason = exception.__cause__
    return render(request, "404.html", {"reason": str(reason) if isinstance(reason, NotFound) else ""}, status=404)


def not_understood(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400. It looks for no token of a form, as Django's own does: a form that cannot be read has none."""
    return render(request, "400.html", status=400)


def failed(request: HttpRequest) -> HttpResponse:
    """The last resort, wherever it failed: in a page or in what lies around all of them, as the session does. 503 for want of the
    database, else 500; neither asks the database or the session for anything.

    Django calls it while the exception is handled, once for the innermost middleware that let it pass.
    """
    error = sys.exception()
    said = failure(error) if error else None
    status = 503 if said else 500
    if request.path.startswith(reverse("api:api-root")):
        return JsonResponse({"detail": said.reason if said else FAULT}, status=status)
    words = {"heading": said.heading, "reason": said.reason} if said else {}
    return HttpResponse(render_to_string(f"{status}.html", {"theme": theme_of(request), **words}), status=status)
