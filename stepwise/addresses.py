"""Every address of the product with the permission that it needs, read from the URLs and the REST operations themselves.

The page of roles shows it, and the tests walk it with every role: an address that declares nothing fails them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.urls import URLPattern, URLResolver, get_resolver

from ris.api.auth import Bearer
from ris.permissions import Needs, needs_of
from stepwise.api import api

OPERATIONS: Final = "ninja.operation"
"""Module of the views of REST operations."""
PUBLIC: Final = {
    "sign-in": "is where people say who they are",
    "sign-out": "ends the session of whoever asks, by POST alone",
    "healthz": "answers monitors, without anything of a patient",
    "api:openapi-json": "describes the calls and holds nothing of a hospital",
    "api:openapi-view": "shows the same as a page",
    "api:api-root": "names the root for links; the call at / stands before it",
}
"""What strangers may open, by the names of the URLs, and why."""


@dataclass(frozen=True)
class PageAddress:
    """`name` is that of the URL, `route` what it is made of: `steps/<int:pk>/`. `needs` is None for one that declares nothing."""

    name: str
    route: str
    needs: Needs | None

    @property
    def is_public(self) -> bool:
        return self.name in PUBLIC


@dataclass(frozen=True)
class Call:
    """An operation of the REST interface. `route` is below `/api/v1`. `bearers` is what it asks of a token, one of them at best."""

    methods: tuple[str, ...]
    route: str
    bearers: tuple[Bearer, ...]
    is_hidden: bool
    """Whether it is left out of the description: it answers for addresses that other calls would take wrongly."""


def pages() -> Iterator[PageAddress]:
    """All URLs but the operations of the REST interface, which are views of django-ninja's."""
    yield from _below(get_resolver().url_patterns, "", "")


def _below(patterns: list[URLPattern | URLResolver], before: str, space: str) -> Iterator[PageAddress]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, route, f"{pattern.namespace}:" if pattern.namespace else space)
        elif pattern.callback.__module__ != OPERATIONS:
            yield PageAddress(f"{space}{pattern.name or route}", route, needs_of(pattern.callback))


def calls() -> Iterator[Call]:
    """All operations of the REST interface."""
    for router in api._get_bound_routers():
        for path, operations in router.path_operations.items():
            for operation in operations.operations:
                yield Call(
                    tuple(operation.methods),
                    f"{router.prefix}{path}",
                    tuple(one for one in operation.auth_callbacks if isinstance(one, Bearer)),
                    not operation.include_in_schema,
                )
