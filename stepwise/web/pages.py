"""Pages of the frame: where everybody starts, help, and the sign of life at the foot of the navigation."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString

from ris import clock
from ris.permissions import allowed, for_everybody, roles_of
from ris.web.access import page
from stepwise import documents, health
from stepwise.documents import Part, Table

START_PAGES = {"technologist": "performed", "biller": "charges", "integrator": "associations"}
"""Where a role starts; everybody else starts on the worklist."""


@page
@for_everybody("sends on to a page that asks for its own permission")
def home(request: HttpRequest) -> HttpResponse:
    """Each lands on the page of their own work."""
    roles = roles_of(request.user)
    if not roles:
        return redirect("account")  # which says that there is no role yet
    own = set(request.user.groups.values_list("name", flat=True))
    return redirect(next((name for role, name in START_PAGES.items() if role in own), "worklist"))


@page
@for_everybody("explains the pages and holds nothing of a hospital")
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "stepwise/help.html")


@page
@for_everybody("says what is protected and how, and holds nothing of a hospital")
def threat_model(request: HttpRequest) -> HttpResponse:
    (document,) = documents.read(settings.BASE_DIR / "docs" / "threat-model.md").parts
    about, *sections = [(part.title, _blocks(part)) for part in document.walk()]
    return render(request, "stepwise/document.html", {"title": document.title, "about": about[1], "sections": sections})


def _blocks(part: Part) -> list[tuple[SafeString | Table, bool]]:
    """Each with whether it is a table."""
    shown = (documents.shown(block, {}) for block in part.blocks)
    return [(block, isinstance(block, Table)) for block in shown]


@page
@for_everybody("stands at the foot of every page and says whether the system answers")
def pulse(request: HttpRequest) -> HttpResponse:
    """Whether the DICOM port answers, and what else does not, for the foot of the navigation."""
    found = health.findings()
    exactly = allowed(request.user, "journal.view")
    bad = {name: finding for name, finding in found.items() if name != "dicom" and not finding.ok}
    others = [f"{name.capitalize()}: {finding.told(exactly)}" for name, finding in bad.items()]
    return render(request, "parts/pulse.html", {"dicom": found["dicom"], "others": others, "asked_at": clock.wall()})
