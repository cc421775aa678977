"""What is done on the pages of Connect a modality: begin, end, let in, make a test exam. Each takes POST and goes back to the checklist."""

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from ris.actions import connecting, renaming, sandbox
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound
from ris.models import ConnectionCheck, Site, Station
from ris.permissions import requires
from ris.validation import whole_number
from ris.web.access import page, site_of
from ris.web.forms import seen_number
from stepwise.connecting import evidence, lines
from stepwise.connecting.line import PASS, kept, proved

Act = Callable[[HttpRequest, Site, str, Actor], str]
"""Does it, and says in words what was done."""


def _begin(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    check = connecting.begin(site, ae_title, actor)
    return f"From now on everything that {check.ae_title} says counts."


def _end(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    check = _check(request, site, ae_title)
    station = Station.objects.prefetch_related("modalities").get(site=site, ae_title=ae_title)
    found = lines.lines(evidence.gather(check, station))
    missing = ", ".join(line.title for line in found if line.look != PASS)
    summary = f"{proved(found)} of {len(found)} seen{f'; not: {missing}' if missing else ''}"
    connecting.end(check.pk, actor, proved(found), summary, list(map(kept, found)))
    return f"Ended: {summary}."


def _make(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    order = sandbox.make(_check(request, site, ae_title).pk, actor)
    return f"Test exam {order.accession_number} is on the list of {ae_title}, and on no other. It is never charged."


def _remove(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    return sandbox.remove(_check(request, site, ae_title), actor)


def _accept(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    called = request.POST.get("value", "")
    connecting.accept_called(site, called, actor)
    return f"{site.name} lets itself be called {called} too, beside {site.ae_title}."


def _allow(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    address = request.POST.get("value", "")
    connecting.allow_address(site, ae_title, address, seen_number(request), actor)
    return f"{ae_title} may call from {address} too."


def _accept_again(request: HttpRequest, site: Site, ae_title: str, actor: Actor) -> str:
    former = request.POST.get("value", "")
    renaming.accept_again(site, ae_title, former, actor, seen_number(request))
    return f"What calls as {former} is {ae_title} again, and may report as that, until {former} is unticked on its form."


ACTS: Final[dict[str, Act]] = {
    "begin": _begin,
    "end": _end,
    "test": _make,
    "remove-test": _remove,
    "accept": _accept,
    "allow": _allow,
    "accept-again": _accept_again,
}


def _check(request: HttpRequest, site: Site, ae_title: str) -> ConnectionCheck:
    """The check that the page was about, which may have been ended since."""
    checks = ConnectionCheck.objects.select_related("site", "order").filter(site=site, ae_title=ae_title)
    check = checks.filter(pk=whole_number(request.POST.get("check", "")) or 0).first()
    if check is None:
        raise ChangedMeanwhile("There is no such check of this station; look at the page again.")
    return check


@page
@requires("stations.edit")
@require_POST
def act(request: HttpRequest, ae_title: str, verb: str) -> HttpResponse:
    """One of `ACTS`; a refusal of the domain is told on the page."""
    site = site_of(request)
    if not Station.objects.filter(site=site, ae_title=ae_title).exists() or verb not in ACTS:
        raise NotFound(f"There is no station {ae_title!r} here.")
    try:
        messages.success(request, ACTS[verb](request, site, ae_title, Actor.user(request.user)))
    except InvalidInput as error:
        messages.error(request, f"Not done. {'; '.join(f'{name.capitalize()} {why}' for name, why in error.errors.items())}.")
    except (Conflict, NotFound) as error:
        messages.error(request, f"Not done. {error}")
    return redirect("connect-station", ae_title)


@page
@requires("stations.edit")
@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Be called by another AE title no more."""
    called = request.POST.get("called", "")
    try:
        connecting.forget_called(site_of(request), called, Actor.user(request.user))
    except NotFound as error:
        messages.error(request, f"Nothing was changed. {error}")
    else:
        messages.success(request, f"Who calls {called} is rejected from now on.")
    return redirect("connect")
