"""Pages about a station at addresses that hold a title which it has no more: bookmarks, and links of what was said under it."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from ris import titles
from ris.web.access import site_of
from ris.web.filters import asked

View = Callable[..., HttpResponse]


def with_station_at_its_title(view: View) -> View:
    """Lead to the same page with the title as which the `station` of its address is known now."""

    @wraps(view)
    def led(request: HttpRequest, *args: object, **named: object) -> HttpResponse:
        title = asked(request, "station")
        station = titles.named(site_of(request), title) if title and request.method == "GET" else None
        if station is None or station.ae_title == title:
            return view(request, *args, **named)
        query = request.GET.copy()
        query["station"] = station.ae_title
        return redirect(f"{request.path}?{query.urlencode()}")

    return led


def at_its_title(view: View) -> View:
    """Lead to the same page of the station as it is called now. A title that is a station's again is that station's."""

    @wraps(view)
    def led(request: HttpRequest, ae_title: str = "") -> HttpResponse:
        station = titles.named(site_of(request), ae_title) if request.method == "GET" else None
        if station is None or station.ae_title == ae_title or request.resolver_match is None:
            return view(request, ae_title)
        address = reverse(request.resolver_match.view_name, args=[station.ae_title])
        return redirect(f"{address}?{request.GET.urlencode()}" if request.GET else address)

    return led
