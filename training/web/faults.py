"""The page of faults: what is on, what can be injected, what was; and the banner on every page while something is on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from ris import clock
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import Site, Station
from ris.permissions import requires
from ris.web import live
from ris.web.access import page, site_of
from ris.web.renamed import with_station_at_its_title
from training import queries
from training.actions import faults
from training.faults import active
from training.faults.kinds import KINDS, SERVICES, Kind
from training.models import Fault, FaultChange
from training.web.fault_forms import FaultForm

MAX_ROWS: Final = 50
_IN_BANNER: Final = 3


@dataclass(frozen=True)
class Line:
    """A fault in words: `CT01, MPPS` · `answered 10 s late` · `14:30`. `over` says how it ended."""

    fault: Fault
    title: str
    where: str
    what: str
    until: str
    over: str = ""


def line(fault: Fault) -> Line:
    kind = KINDS[fault.kind]
    over = "" if active.is_on(fault) else faults.over(fault)
    return Line(fault, kind.title, where(fault), active.in_words(fault), active.ends(fault), over)


def where(fault: Fault) -> str:
    """Whom it is about: `CT01`, `all stations, Worklist`; empty for a process that all share."""
    if not KINDS[fault.kind].of_station:
        return ""
    station = fault.station_ae_title or "all stations"
    return f"{station}, {SERVICES[fault.service]}" if fault.service else station


@dataclass(frozen=True)
class Banner:
    """What every page says while faults are on: the first of them, and how many more there are."""

    lines: list[Line]
    more: int


def banner(site: Callable[[], Site | None]) -> Banner | None:
    """What is on at the hospital, or in a process that all hospitals share; None while nothing is, which costs next to nothing."""
    on = active.current()
    own = site() if on else None
    found = [fault for fault in on if fault.site == own or not KINDS[fault.kind].of_station]
    if not found:
        return None
    return Banner([line(fault) for fault in found[-_IN_BANNER:][::-1]], max(len(found) - _IN_BANNER, 0))


@page
@requires("journal.view")
@with_station_at_its_title
def listing(request: HttpRequest) -> HttpResponse:
    """Everything that is on, with who set it and until when; for one station what holds for it."""
    site = site_of(request)
    station = request.GET.get("station", "").strip()
    on = list(queries.faults(site, station, is_on=True))
    past = list(queries.faults(site, station, is_on=False)[: MAX_ROWS + 1])
    context = {
        "ae_title": station,
        "station": Station.objects.filter(site=site, ae_title=station).first() if station else None,
        "on": _lines(on),
        "past": _lines(past[:MAX_ROWS]),
        "is_capped": len(past) > MAX_ROWS,
        "kinds": [(kind, _address(kind, station)) for kind in KINDS.values() if kind.of_station or not station],
        "today": clock.today(site),
    }
    present = live.state(request, (FaultChange,))
    return live.live_page(request, "training/faults.html", "training/faults_live.html", context, present=present)


def _lines(found: Iterable[Fault]) -> list[Line]:
    return [line(fault) for fault in found]


def _address(kind: Kind, station: str) -> str:
    query = f"?{urlencode({'station': station})}" if station else ""
    return f"{reverse('fault-on', args=[kind.name])}{query}"


@page
@requires("faults.set")
@with_station_at_its_title
def switch_on(request: HttpRequest, name: str) -> HttpResponse:
    """Inject a fault of one kind."""
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound(f"There is no fault {name!r}; the page of faults lists those there are.")
    site = site_of(request)
    asked = request.GET.get("station", "").strip()
    form = FaultForm(request.POST or None, site=site, kind=kind, initial={"station": asked})
    if request.method == "POST" and form.is_valid():
        try:
            fault = faults.switch_on(site, form.typed(), Actor.user(request.user))
        except InvalidInput as error:
            form.take(error, form.errors_of())
        except Conflict as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{kind.title}: on until {active.ends(fault)}, then it ends by itself.")
            return redirect(_back(fault.station_ae_title if asked else ""))
    context = {"form": form, "kind": kind, "back": _back(asked)}
    return render(request, "training/fault_form.html", context, status=422 if form.errors else 200)


@page
@requires("faults.set")
@require_POST
def switch_off(request: HttpRequest, pk: int) -> HttpResponse:
    """End a fault before its time."""
    try:
        fault = faults.switch_off(site_of(request), pk, Actor.user(request.user))
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{KINDS[fault.kind].title}: switched off.")
    return redirect(_back(request.GET.get("station", "").strip()))


def _back(station: str) -> str:
    return reverse("faults") + (f"?{urlencode({'station': station})}" if station else "")
