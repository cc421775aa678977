"""Which role may do what: the table of permissions as a page, with the pages and REST calls that ask for each."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ris.permissions import PERMISSIONS, ROLE_NAMES, for_everybody
from ris.web.access import page
from stepwise.addresses import calls, pages


@dataclass(frozen=True)
class Line:
    """A permission: whether each role has it, in the order of the roles, and what asks for it."""

    name: str
    words: str
    has: tuple[tuple[str, bool], ...]
    pages: tuple[str, ...]
    calls: tuple[str, ...]


@page
@for_everybody("says who may do what, which is no secret, and holds nothing of a hospital")
def show(request: HttpRequest) -> HttpResponse:
    """The table itself, so that it is true."""
    return render(request, "stepwise/roles.html", {"roles": ROLE_NAMES.values(), "lines": _lines()})


@cache
def _lines() -> list[Line]:
    of_pages: dict[str, list[str]] = defaultdict(list)
    for address in pages():
        for permission in address.needs.everything() if address.needs else ():
            of_pages[permission].append(f"/{address.route}")
    of_calls: dict[str, list[str]] = defaultdict(list)
    for call in calls():
        if call.bearers[0].permission is not None and not call.is_hidden:
            of_calls[call.bearers[0].permission].append(f"{' '.join(call.methods)} {call.route}")
    return [
        Line(
            name,
            permission.words,
            tuple((words, role in permission.roles) for role, words in ROLE_NAMES.items()),
            tuple(of_pages[name]),
            tuple(of_calls[name]),
        )
        for name, permission in PERMISSIONS.items()
    ]
