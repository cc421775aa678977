"""Error pages in words."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ris.errors import NotFound


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 with the reason that a view of ours gave (`ris.web.access.page`); those of Django and of its parts are no words for people."""
    reason = exception.__cause__
    return render(request, "404.html", {"reason": str(reason) if isinstance(reason, NotFound) else ""}, status=404)
