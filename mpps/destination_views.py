"""The pages of destinations: who is told what modalities report, what waits for them, and what to do about it."""

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from mpps import destination_presenters, destination_queries, destinations, outbox
from mpps.destination_forms import LABELS, DestinationForm, initial
from mpps.destinations import NEW, DestinationData, data_of
from mpps.models import Delivery, Destination
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput
from ris.permissions import allowed, requires
from ris.web import live, station_words
from ris.web.access import page, site_of
from ris.web.forms import seen_number, seen_text

MAX_ROWS: Final = 200
_DECISIONS: Final[dict[str, tuple[Callable[[Delivery, Actor, str], None], str]]] = {
    "send-again": (outbox.send_again, "is sent again"),
    "leave-out": (outbox.leave_out, "is left out; those behind it go on"),
}


@page
@requires("stations.view")
def listing(request: HttpRequest) -> HttpResponse:
    """Destinations with what waits for them."""
    rows = list(destination_queries.destinations(site_of(request)))
    loads = destination_queries.loads(rows)
    context = {"shown": [destination_presenters.shown(row, loads.get(row.pk)) for row in rows]}
    return live.live_page(request, "mpps/destinations.html", "mpps/destinations_live.html", context)


@page
@requires("stations.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One destination: its settings, what waits for it in order, what was changed."""
    row = destinations.get(site_of(request), pk)
    undone = destination_queries.undone(row)
    context = {
        "one": destination_presenters.shown(row, destination_queries.loads([row]).get(row.pk)),
        "deliveries": undone[:MAX_ROWS],
        "is_capped": undone.count() > MAX_ROWS,
        "most": MAX_ROWS,
        "sees_steps": allowed(request.user, "performed.view"),
        "moments": station_words.history("destination", row.pk, LABELS),
    }
    return live.live_page(request, "mpps/destination.html", "mpps/destination_live.html", context)


@page
@requires("stations.edit")
def register(request: HttpRequest) -> HttpResponse:
    """Tell one more."""
    form = DestinationForm(request.POST or None, initial=initial(DestinationData(""), NEW))
    return _saved(request, form, None) or _form(request, form, None)


@page
@requires("stations.edit")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a destination; refused when somebody else did so since the form was opened."""
    known = destinations.get(site_of(request), pk)
    form = DestinationForm(request.POST or None, initial=initial(data_of(known), known.version))
    return _saved(request, form, known) or _form(request, form, known)


def _saved(request: HttpRequest, form: DestinationForm, known: Destination | None) -> HttpResponse | None:
    """Where to go on when it is saved; None when there is nothing to save, or it was refused, which the form then says."""
    if request.method != "POST" or not form.is_valid():
        return None
    version = form.cleaned_data["version"] if known else None
    try:
        saved = destinations.save_destination(
            site_of(request), form.typed(), Actor.user(request.user), known=known, expected_version=version
        )
    except InvalidInput as error:
        form.take(error)
    except Conflict as error:
        form.refuse(error)
    else:
        messages.success(request, destination_presenters.saved(saved, destination_queries.loads([saved]).get(saved.pk)))
        return redirect("destination", saved.pk)
    return None


def _form(request: HttpRequest, form: DestinationForm, known: Destination | None) -> HttpResponse:
    back = reverse("destination", args=[known.pk]) if known else reverse("destinations")
    context = {"form": form, "known": known, "back": back}
    return render(request, "mpps/destination_form.html", context, status=422 if form.errors else 200)


@page
@requires("stations.edit")
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what is lost, then take it out."""
    known = destinations.get(site_of(request), pk)
    if request.method == "POST":
        lost = destinations.remove_destination(known, Actor.user(request.user), seen_number(request))
        with_them = f" with {lost} waiting message{'' if lost == 1 else 's'}" if lost else ""
        messages.success(request, f"{known.name} is removed{with_them}.")
        return redirect("destinations")
    context = {"one": destination_presenters.shown(known, destination_queries.loads([known]).get(known.pk))}
    return render(request, "mpps/destination_remove.html", context)


@page
@requires("stations.edit")
@require_POST
def try_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Do not wait for the next attempt."""
    known = destinations.get(site_of(request), pk)
    outbox.try_now(known, Actor.user(request.user))
    messages.success(request, f"{known.name} is tried now.")
    return redirect("destination", pk)


@page
@requires("stations.edit")
@require_POST
def decide(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Send a parked message again, or leave it out; then back to where the button was."""
    row = destination_queries.delivery(site_of(request), pk)
    act, done = _DECISIONS[verb]
    try:
        act(row, Actor.user(request.user), seen_text(request))
    except ChangedMeanwhile:
        raise
    except Conflict as error:
        messages.error(request, f"Not changed. {error}")
    else:
        messages.success(request, f"The {row.message.verb} {done}.")
    if request.POST.get("from") == "step":
        return redirect("performed-step", row.performed_step_id)
    return redirect("destination", row.destination_id)
