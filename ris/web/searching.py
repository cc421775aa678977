"""Searching without saying in an address for what: addresses are in histories, bookmarks, logs of proxies and on screens.

A search is a POST. Its text is kept under a key, and the answer is the page's own address with `search=KEY`, so that reloading, going
back, updating by itself and a bookmark work as with a text there, for the person who searched and without a script too. What names no
patient (day, station, modality, status) stays readable in the address.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from ris.actions import searches
from ris.kept import kept
from ris.models import KeptSearch
from ris.validation import printable

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

PARAMETER: Final = "search"
LONGEST: Final = 4000
"""Characters of a text that is kept."""
_LOST = "This search is over, or somebody else's. Type it again."
_CSRF: Final = "csrfmiddlewaretoken"


def searchable(field: str = "q", *, lines: bool = False) -> Callable[[View[P]], View[P]]:
    """For views, under `requires`: a POST of the `field` is a search and is sent on to the address of what it finds.

    With `lines` the text keeps its ends of lines. Every other POST goes to the view.
    """

    def guard(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def searched(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST" and field in request.POST:
                return HttpResponseRedirect(_address(request, field, lines), status=303)
            if PARAMETER in request.GET and _kept(request) is None and request.headers.get("HX-Request") != "true":
                messages.warning(request, _LOST)
            return view(request, *args, **kwargs)

        return searched

    return guard


def text_of(request: HttpRequest) -> str:
    """What the address searches for; empty when it does not, and when the key is nobody's or somebody else's."""
    return _kept(request) or ""


def key_of(request: HttpRequest) -> str:
    """The key of the search, when there is one."""
    return request.GET.get(PARAMETER, "") if _kept(request) is not None else ""


def query_of(key: str) -> str:
    """`search=KEY` for an address; empty without a key."""
    return urlencode({PARAMETER: key}) if key else ""


def _kept(request: HttpRequest) -> str | None:
    """Read once for each request."""
    return kept(request, "_search", lambda: _text_of(printable(request.GET.get(PARAMETER, "")), request))


def _text_of(key: str, request: HttpRequest) -> str | None:
    rows = KeptSearch.objects.filter(key=key, user_id=_user_id(request)).values_list("text", flat=True)
    return rows.first() if key else None


def _user_id(request: HttpRequest) -> int:
    assert request.user.pk is not None  # the pages that search are for people who are signed in
    return request.user.pk


def _address(request: HttpRequest, field: str, lines: bool) -> str:
    """The page's own address with the other fields of the form that are filled in, and the key of the text."""
    typed = request.POST[field]
    text = "\n".join(map(printable, typed.splitlines())).strip() if lines else printable(typed)
    values = [(name, value) for name, value in request.POST.items() if name not in (_CSRF, field, PARAMETER) and value]
    if len(text) > LONGEST:
        messages.error(request, f"That are {len(text)} characters; at most {LONGEST} are searched for. Nothing was searched.")
    elif text:
        values.append((PARAMETER, searches.keep(_user_id(request), text)))
    return request.path + (f"?{urlencode(values)}" if values else "")
