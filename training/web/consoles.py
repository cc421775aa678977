"""The consoles of virtual modalities: a list, and what each of them is set to. Their screens are in `training.web.console_screens`."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ris import audit
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import Site, Station
from ris.permissions import allowed, check, requires
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import seen_number
from training import auditing, queries
from training.actions.consoles import NEW, ConsoleData, data_of, delete_console, save_console
from training.consoles.looks import LOOKS
from training.consoles.screen import Screen
from training.models import Console
from training.web.console_forms import ConsoleForm, initial


@page
@requires("consoles.use")
def listing(request: HttpRequest) -> HttpResponse:
    """All consoles: what each is, whom it talks to, and what lies on its table."""
    site = site_of(request)
    screens = [Screen(console) for console in queries.consoles(site).defer("items", "rows")]
    exams = [screen.open_exam for screen in screens if screen.open_exam]
    disclose(request, audit.LIST, *auditing.of_exams(site, exams))
    taken = {screen.console.ae_title for screen in screens}
    stations = [one for one in Station.objects.filter(site=site, enabled=True) if one.ae_title not in taken]
    return render(request, "training/consoles.html", {"screens": screens, "stations": stations})


@page
@requires("consoles.use")
def set_up(request: HttpRequest) -> HttpResponse:
    """Set up a console; `station` of the address gives AE title and kind."""
    known = _proposed(site_of(request), request.GET.get("station", ""))
    form = ConsoleForm(request.POST or None, initial=initial(known, NEW), may_point=allowed(request.user, "consoles.edit"))
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, NEW)
        if saved is not None:
            return redirect("console", saved.ae_title)
    context = {"form": form, "back": reverse("consoles")}
    return render(request, "training/console_form.html", context, status=422 if form.errors else 200)


def _proposed(site: Site, ae_title: str) -> ConsoleData:
    """A console for a station, as it is when nobody says otherwise."""
    station = Station.objects.filter(site=site, ae_title=ae_title).prefetch_related("modalities").first()
    kinds = [row.modality for row in station.modalities.all()] if station else []
    return ConsoleData(ae_title if station else "", next((kind for kind in kinds if kind in LOOKS), "CT"))


@page
@requires("consoles.use")
def edit(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Change what a console is set to; refused when somebody else did so since the form was opened."""
    console = queries.console(site_of(request), ae_title)
    known, may_point = data_of(console), allowed(request.user, "consoles.edit")
    form = ConsoleForm(request.POST or None, initial=initial(known, console.version), known=known, may_point=may_point)
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, form.cleaned_data["version"])
        if saved is not None:
            return redirect("console", ae_title)
    context = {"form": form, "console": console, "back": reverse("console", args=[ae_title])}
    return render(request, "training/console_form.html", context, status=422 if form.errors else 200)


def _save(request: HttpRequest, form: ConsoleForm, version: Any) -> Console | None:
    """The console as saved; None when it was refused, which the form then says."""
    try:
        return save_console(site_of(request), form.typed(), Actor.user(request.user), version)
    except InvalidInput as error:
        form.take(error)
    except Conflict as error:
        form.refuse(error)
    return None


@page
@requires("consoles.use")
def remove(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Remove a console, once it was asked whether that is meant. One that was pointed elsewhere is for who may do that."""
    console = queries.console(site_of(request), ae_title)
    if console.is_elsewhere:
        check(request.user, "consoles.edit")
    refusal = ""
    if request.method == "POST":
        try:
            delete_console(console.site, ae_title, Actor.user(request.user), seen_number(request))
            messages.success(request, f"The console {ae_title} is removed. What it reported stays where it was reported.")
            return redirect("consoles")
        except Conflict as error:
            refusal = str(error)
    return render(request, "training/console_remove.html", {"console": console, "refusal": refusal}, status=409 if refusal else 200)
