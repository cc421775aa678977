"""The stations of the hospital: a list, and for each of them what it is set to."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ris import clock, titles
from ris.actions import echoes as echo_actions
from ris.actions.pools import save_station_and_pools
from ris.actions.stations import NEW, StationData, data_of, save_station
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import EchoTest, ScheduledProcedureStep, Site, Station, StationPool
from ris.permissions import requires
from ris.transitions import BEGUN, FINAL, WAITING
from ris.web import echoes, live, mistakable, station_words
from ris.web.access import one_of, page, site_of
from ris.web.forms import seen_number
from ris.web.renamed import at_its_title
from ris.web.station_forms import StationForm, initial
from ris.web.station_words import IDENTITY, PERFORMED, WORKLIST


@page
@requires("stations.view")
def listing(request: HttpRequest) -> HttpResponse:
    """Stations with what is on them today, and pools."""
    site = site_of(request)
    first, after = clock.day_bounds(clock.today(site), site)
    today = Q(step_stations__step__start__gte=first, step_stations__step__start__lt=after)
    stations = (
        Station.objects.filter(site=site)
        .prefetch_related("modalities", "pools")
        .annotate(
            waiting=Count("step_stations", filter=today & Q(step_stations__step__status__in=WAITING)),
            begun=Count("step_stations", filter=today & Q(step_stations__step__status__in=BEGUN)),
            ended=Count("step_stations", filter=today & Q(step_stations__step__status__in=FINAL)),
        )
    )
    pools = StationPool.objects.filter(site=site).prefetch_related("stations")
    return render(request, "ris/stations.html", {"stations": stations, "pools": pools})


@page
@requires("stations.view")
@at_its_title
def show(request: HttpRequest, ae_title: str) -> HttpResponse:
    """What a station is set to, each setting in words, and who changed it when."""
    station = _station(site_of(request), ae_title)
    context = {
        "station": station,
        "ae_title": ae_title,
        "identity": station_words.said(station, IDENTITY),
        "worklist": station_words.said(station, WORKLIST),
        "performed": station_words.said(station, PERFORMED),
        "moments": station_words.history("station", station.pk),
        "echo": echoes.latest(station.site, ae_title),
        "mistakable": mistakable.warnings(station.site, ae_title),
        "today": clock.today(station.site),
    }
    return live.live_page(request, "ris/station.html", "ris/station_reach.html", context)


@page
@requires("stations.edit")
def register(request: HttpRequest) -> HttpResponse:
    """Register a new station. The address may name what is known of it: `ae_title`, `host`; and `then=connect` to connect it at once."""
    known = StationData(request.GET.get("ae_title", "")[:16], (), host=request.GET.get("host", "")[:253])
    return _new(request, initial(known, NEW) | {"then": request.GET.get("then", "")}, None)


@page
@requires("stations.edit")
def copy(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Register a new station that is set as this one is, under another AE title, at another address and in the same pools."""
    like = _station(site_of(request), ae_title)
    known = replace(data_of(like), ae_title="", enabled=True, name="", room="", addresses=(), host="", port=None)
    return _new(request, initial(known, NEW), like)


def _new(request: HttpRequest, known: dict[str, Any], like: Station | None) -> HttpResponse:
    form = StationForm(request.POST or None, initial=known, site=site_of(request), like=like)
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, NEW)
        if saved is not None:
            messages.success(request, f"{saved.ae_title} is registered; exams can be booked on it.")
            if form.cleaned_data["then"] == "connect":  # else its page says it
                for said in mistakable.warnings(saved.site, saved.ae_title):
                    messages.warning(request, said)
            return redirect("connect-station" if form.cleaned_data["then"] == "connect" else "station", saved.ae_title)
    context = {"form": form, "back": reverse("station", args=[like.ae_title]) if like else reverse("stations"), "like": like}
    return render(request, "ris/station_form.html", context, status=422 if form.errors else 200)


@page
@requires("stations.edit")
def edit(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Change what a station is set to, its AE title among it; refused when somebody else did so since the form was opened."""
    station = _station(site_of(request), ae_title)
    known = data_of(station)
    form = StationForm(request.POST or None, initial=initial(known, station.version), site=station.site, known=known, like=station)
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, form.cleaned_data["version"])
        if saved is not None:
            messages.success(request, f"{saved.ae_title} is changed; its next query is answered by these settings.")
            if saved.ae_title != station.ae_title:
                messages.warning(request, _still_to_do(station.ae_title, saved.ae_title, form.cleaned_data["keeps_title"]))
            return redirect("station", saved.ae_title)
    context = {"form": form, "station": station, "ae_title": station.ae_title, "back": reverse("station", args=[station.ae_title])}
    return render(request, "ris/station_form.html", context, status=422 if form.errors else 200)


@page
@requires("stations.edit")
def switch(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Disable a station, having said what becomes of what is booked on it, or enable it again; refused when it was changed meanwhile."""
    station = _station(site_of(request), ae_title)
    if request.method == "POST":
        data = replace(data_of(station), enabled=not station.enabled)
        try:
            save_station(station.site, data, Actor.user(request.user), seen_number(request))
        except InvalidInput as error:
            messages.error(request, f"Not changed. {error}")
        else:
            now = "can be booked again" if data.enabled else "is disabled: nothing new is booked on it"
            messages.success(request, f"{ae_title} {now}.")
        return redirect("station", ae_title)
    waiting = ScheduledProcedureStep.objects.filter(stations__station=station, status__in=WAITING)
    context = {"station": station, "ae_title": ae_title, "waiting": waiting.count(), "alone": waiting.filter(pool=None).count()}
    return render(request, "ris/station_switch.html", context)


@page
@requires("stations.edit")
@require_POST
def echo(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Have a worker send a C-ECHO to the station, and go back to where the button was; the result shows there by itself."""
    station = _station(site_of(request), ae_title)
    try:
        test = echo_actions.ask(station, Actor.user(request.user))
    except InvalidInput as error:
        messages.error(request, f"Not sent. The host {error.errors['host']}.")
    except Conflict as error:
        messages.error(request, f"Not sent. {error}")
    else:
        if test.result == EchoTest.Result.NO_WORKER:
            messages.error(request, test.text)
    return redirect("connect-station" if request.POST.get("from") == "connect" else "station", ae_title)


def _station(site: Site, ae_title: str) -> Station:
    """The station that is called so, or was: a form that somebody opened before it was renamed is about that one still."""
    known = titles.named(site, ae_title)
    stations = Station.objects.prefetch_related("modalities", "aliases", "pools", "former_titles")
    found: Station = one_of(stations, site=site, ae_title=known.ae_title if known else ae_title)
    return found


def _still_to_do(before: str, after: str, keeps: bool) -> str:
    """What has to be done at the modality."""
    if not keeps:
        return f"What calls as {before} is unknown from now on: change the modality to {after} now."
    return (
        f"Now change the modality itself to {after}. Until then it gets its list and may report under {before}, too; a console whose list "
        f"is empty now drops answers that name {after} and not {before}. When it calls as {after}, untick {before} under “Still accepted "
        f"as” on its form."
    )


def _save(request: HttpRequest, form: StationForm, version: Any) -> Station | None:
    """The station as saved; None when it was refused, which the form then says."""
    try:
        data, actor = form.typed(), Actor.user(request.user)
        return save_station_and_pools(site_of(request), data, actor, version, *form.chosen_pools(), form.renaming())
    except InvalidInput as error:
        form.take(error)
    except Conflict as error:
        form.refuse(error)
    return None
