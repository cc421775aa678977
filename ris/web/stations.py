"""The stations of the hospital."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ris import clock, queries
from ris.models import Station, StationPool
from ris.permissions import requires
from ris.transitions import BEGUN, FINAL, WAITING
from ris.web.access import page


@page
@requires("stations.view")
def listing(request: HttpRequest) -> HttpResponse:
    """Stations with what is on them today, and pools."""
    site = queries.default_site()
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
