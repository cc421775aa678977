"""Pools of stations that stand in for each other."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ris.actions.pools import save_pool
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import StationPool
from ris.permissions import requires
from ris.web import station_words
from ris.web.access import one_of, page, site_of
from ris.web.station_forms import PoolForm


@page
@requires("stations.edit")
def register(request: HttpRequest) -> HttpResponse:
    """Make a new pool."""
    form = PoolForm(request.POST or None, site=site_of(request))
    return _answer(request, form, None)


@page
@requires("stations.edit")
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change a pool's name and stations; exams that wait on it follow at once."""
    site = site_of(request)
    pool = one_of(StationPool.objects.prefetch_related("stations"), site=site, code=code)
    has = [station.ae_title for station in pool.stations.all()]
    known = {"name": pool.name, "stations": has, "before": ",".join(has), "name_before": pool.name}
    return _answer(request, PoolForm(request.POST or None, site=site, pool=pool, initial=known), pool)


def _answer(request: HttpRequest, form: PoolForm, pool: StationPool | None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        seen = [ae_title for ae_title in given["before"].split(",") if ae_title]
        code, named = (pool.code, given["name_before"] or None) if pool else (given["code"], None)
        try:
            saved = save_pool(site_of(request), code, given["name"], given["stations"], Actor.user(request.user), seen, named)
        except InvalidInput as error:
            form.take(error)
        except Conflict as error:
            form.refuse(error)
        except NotFound as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{saved.code} is saved; exams that wait on it are on the lists of its stations.")
            return redirect("stations")
    context = {
        "form": form,
        "pool": pool,
        "back": reverse("stations"),
        "moments": station_words.history("pool", pool.pk) if pool else [],
    }
    return render(request, "ris/pool_form.html", context, status=422 if form.errors else 200)
