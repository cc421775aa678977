"""The stations of the hospital: a list, and for each of them what it is set to."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from ris import clock
from ris.actions.stations import NEW, StationData, data_of, save_station
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import Site, Station, StationPool
from ris.permissions import requires
from ris.transitions import BEGUN, FINAL, WAITING
from ris.web import station_words
from ris.web.access import page, site_of
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
    }
    return render(request, "ris/station.html", context)


@page
@requires("stations.edit")
def register(request: HttpRequest) -> HttpResponse:
    """Register a new station."""
    form = StationForm(request.POST or None, initial=initial(StationData("", ()), NEW))
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, NEW)
        if saved is not None:
            messages.success(request, f"{saved.ae_title} is registered; exams can be booked on it.")
            return redirect("station", saved.ae_title)
    context = {"form": form, "back": reverse("stations")}
    return render(request, "ris/station_form.html", context, status=422 if form.errors else 200)


@page
@requires("stations.edit")
def edit(request: HttpRequest, ae_title: str) -> HttpResponse:
    """Change what a station is set to; refused when somebody else did so since the form was opened."""
    station = _station(site_of(request), ae_title)
    known = data_of(station)
    form = StationForm(request.POST or None, initial=initial(known, station.version), known=known)
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, form.cleaned_data["version"])
        if saved is not None:
            messages.success(request, f"{ae_title} is changed; its next query is answered by these settings.")
            return redirect("station", ae_title)
    context = {"form": form, "station": station, "ae_title": ae_title, "back": reverse("station", args=[ae_title])}
    return render(request, "ris/station_form.html", context, status=422 if form.errors else 200)


def _station(site: Site, ae_title: str) -> Station:
    stations = Station.objects.prefetch_related("modalities", "aliases", "pools")
    found: Station = get_object_or_404(stations, site=site, ae_title=ae_title)
    return found


def _save(request: HttpRequest, form: StationForm, version: Any) -> Station | None:
    """The station as saved; None when it was refused, which the form then says."""
    try:
        return save_station(site_of(request), form.typed(), Actor.user(request.user), version)
    except InvalidInput as error:
        form.take(error)
    except Conflict as error:
        form.refuse(error)
    return None
