"""Which address a request had, without what stands in it."""

from django.http import HttpRequest
from django.urls import Resolver404, resolve

NO_ROUTE = "(no such address)"


def route_of(request: HttpRequest) -> str:
    """The pattern of the address, `/api/v1/orders/{accession_number}`: for logs, which never hold the values of an address."""
    match = request.resolver_match
    if match is None:
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return NO_ROUTE
    return "/" + match.route.replace("<", "{").replace(">", "}")
