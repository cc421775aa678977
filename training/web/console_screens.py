"""The screen of a console and its keys. Nothing here talks to the network: keys are left to a worker, the screen follows."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ris import audit, clock, titles
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput, NotFound, Unavailable
from ris.models import Site
from ris.permissions import requires
from ris.web import live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from training import queries
from training.actions import console_acts
from training.consoles import keys
from training.consoles.arguments import ALL_DAYS, TODAY
from training.consoles.keys import Key
from training.consoles.pressing import press as press_key
from training.consoles.screen import Screen
from training.models import Console, ConsoleAct
from training.web.console_forms import DiscontinueForm, GroupForm, HandForm

FORMS = {keys.DISCONTINUE: DiscontinueForm, keys.GROUP: GroupForm, keys.HAND: HandForm}
"""What keys ask for before they do something."""


@page
@requires("consoles.use")
def show(request: HttpRequest, ae_title: str) -> HttpResponse:
    """The console's screen. Of a station without a console it is proposed to set one up."""
    site = site_of(request)
    known = queries.consoles(site).filter(ae_title=ae_title).values_list("pk", flat=True).first()
    if known is None:
        return _propose(request, site, ae_title)
    console_acts.settle(known)
    changes = queries.consoles(site).filter(pk=known).values_list("changes", flat=True).first()
    present = f"{live.state(request, ())} {changes}"
    if same := live.unchanged(request, present):
        return same
    screen = Screen(queries.console(site, ae_title), request.GET.get("pick", ""))
    disclose(request, audit.LIST, screen.console, asked={"console": ae_title})
    context = {"screen": screen, "console": screen.console, "asked": _asked(screen.console), "days": _days(screen.console)}
    return live.live_page(
        request, "training/console.html", "training/console_live.html", context, beside="training/console_list.html", present=present
    )


def _propose(request: HttpRequest, site: Site, ae_title: str) -> HttpResponse:
    """To the console that has another title of the same station, which was renamed; else to the form that sets up the station's console.
    NotFound when there is no such station either."""
    station = titles.named(site, ae_title)
    if station is None:
        raise NotFound(f"There is no console and no station {ae_title!r}; set one up under Consoles.")
    its = {station.ae_title, *station.former_titles.values_list("ae_title", flat=True)}
    other = queries.consoles(site).filter(ae_title__in=its).values_list("ae_title", flat=True).first()
    if other is None:
        return redirect(f"{reverse('console-new')}?{urlencode({'station': station.ae_title})}")
    messages.info(request, f"{ae_title} has no console; this is that of the same station, which calls itself {other}.")
    return redirect("console", other)


def _asked(console: Console) -> dict[str, Any]:
    """The query form: what was asked last, else today's list of this machine."""
    return {"days": TODAY, "modality": console.kind, "any_station": False, **console.asked}


def _days(console: Console) -> list[tuple[str, str]]:
    asked = console.asked.get("days", TODAY)
    return [(TODAY, "Today"), (ALL_DAYS, "All days"), *([(asked, asked)] if asked not in (TODAY, ALL_DAYS) else [])]


@page
@requires("consoles.use")
def press(request: HttpRequest, ae_title: str, key: str) -> HttpResponse:
    """Press a key. One that asks for something shows its form first, and again when something is wrong with what was typed."""
    console, wanted = queries.console(site_of(request), ae_title), keys.named(key)
    form_of = FORMS.get(wanted.name)
    if form_of is None:
        return _press(request, console, wanted, _given(request, wanted)) if request.method == "POST" else redirect("console", ae_title)
    form = form_of(request.POST or None, console=console)
    if request.method == "POST" and form.is_valid():
        try:
            return _press(request, console, wanted, form.cleaned_data)
        except InvalidInput as error:
            form.take(error)
    screen = Screen(console)
    disclose(request, audit.LIST, console, asked={"console": ae_title})
    context = {"screen": screen, "console": console, "key": wanted, "form": form, "why_not": keys.why_not(wanted, screen.exams)}
    return render(request, "training/console_asks.html", context, status=422 if form.errors else 200)


def _given(request: HttpRequest, key: Key) -> dict[str, Any]:
    """What the screen sends along with a key that has no form of its own."""
    return {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken" and (value or name != "pick")}


def _press(request: HttpRequest, console: Console, key: Key, given: dict[str, Any]) -> HttpResponse:
    """Back to the screen, which shows what comes of it; what was refused is told there, too. InvalidInput for a key with a form."""
    try:
        press_key(console, key.name, given, Actor.user(request.user))
    except InvalidInput as error:
        if key.asks:
            raise
        messages.error(request, f"{key.plain_label}: {error}")
    except (Conflict, Unavailable) as error:
        messages.error(request, f"{key.plain_label}: {error}")
    return redirect("console", console.ae_title)


@page
@requires("consoles.use")
@require_POST
def withdraw(request: HttpRequest, ae_title: str, pk: int) -> HttpResponse:
    """Take back a key that no worker has taken yet."""
    console = queries.console(site_of(request), ae_title)
    act = ConsoleAct.objects.filter(pk=pk, console=console).first()
    who = Actor.user(request.user).name
    if act is None or not console_acts.withdraw(act.pk, f"{who} took it back before a worker took it; nothing was sent."):
        messages.error(request, f"It could not be taken back: {_past(console, pk)}")
    return redirect("console", ae_title)


def _past(console: Console, pk: int) -> str:
    """What became of a key instead, and when."""
    act = ConsoleAct.objects.filter(pk=pk, console=console).first()
    if act is None:
        return "it is over, and the console has forgotten it."
    if act.ended_at is None:
        return "a worker has taken it, and does it now."
    return f"it is over since {clock.local(act.ended_at, console.site):%H:%M:%S}. {act.text}"
