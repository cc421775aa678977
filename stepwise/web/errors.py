"""Error pages in words."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 with the reason that the view gave; a path that no page has gives none worth reading."""
    reason = exception.args[0] if isinstance(exception, Http404) and exception.args else ""
    return render(request, "404.html", {"reason": reason if isinstance(reason, str) else ""}, status=404)
