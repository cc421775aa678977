"""The conformance statement as a page, to read and to print."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dimse.server import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from ris.permissions import requires
from ris.web.access import page, site_of
from stepwise.documents import Table
from stepwise.statement.sections import statement


@page
@requires("stations.view")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The statement (PS3.2) with this installation's settings."""
    site = site_of(request)
    sections = statement(site)
    context = {
        "site": site,
        "sections": [(one, [(block, isinstance(block, Table)) for block in one.blocks]) for section in sections for one in section.walk()],
        "contents": [one for section in sections for one in section.walk() if one.depth <= 3],
        "implementation": (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME),
    }
    return render(request, "stepwise/statement.html", context)
