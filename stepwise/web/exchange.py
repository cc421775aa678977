"""The message inspector: one request beside its response, what it changed, as files, beside another message."""

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from dimse.models import Message
from ris import audit
from ris.errors import NotFound
from ris.models import Site
from ris.peers import Journal
from ris.permissions import allowed, requires
from ris.validation import whole_number
from ris.web import datasets, times
from ris.web.access import page, site_of
from ris.web.datasets import Shown
from ris.web.disclosure import disclose
from ris.web.exchanges import Said as Answered
from stepwise.connecting.facts import ACCEPTED
from stepwise.inspector import bundle, changed, said
from stepwise.inspector.comparing import State, compare
from stepwise.inspector.deidentify import Choice
from stepwise.inspector.said import Data, Said
from stepwise.web import choosing

_LIKELY = 12
"""Messages that are offered to be compared with."""
_MOST_LINES = 500
"""Of a comparison that are shown; what comes behind them is counted."""


@page
@requires("journal.view")
@require_GET
def show(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """One exchange. `as` is the form of its data sets, `answer` which of the first answers is shown."""
    site = site_of(request)
    journal = Journal(site)
    found = said.exchange(journal, pk, number)
    disclose(request, audit.PROCEDURE, *_whom(site, found), asked={"message": found.first.pk})
    form = request.GET.get("as", "")
    asked = next((one for one in found.data if one.name == "request"), None)
    answers = [one for one in found.data if one.name.startswith("answer")]
    place = _place(request.GET.get("answer", ""), len(answers))
    answer = answers[place - 1] if answers else next((one for one in found.data if one.name == "response"), None)
    context = heading(found) | {
        "answered": Answered.of(found.response) if found.response else None,
        "request_data": _shown(asked, "request", form),
        "response_data": _shown(answer, "response", form),
        "request_command": said.command(found.request) if found.request else [],
        "response_command": said.command(found.response) if found.response else [],
        "not_kept": said.NOT_KEPT,
        "place": place,
        "places": range(1, len(answers) + 1),
        "forms": datasets.FORMS,
        "form": form if form in dict(datasets.FORMS) else "table",
        "context": _context(found),
        "effects": changed.effects(found, site),
        "likely": _likely(journal, found),
        "may_explain": found.is_query and found.request is not None and found.calling and allowed(request.user, "worklist.explain"),
        "may_export": allowed(request.user, "journal.export"),
    }
    return render(request, "stepwise/exchange.html", context)


def _whom(site: Site, *exchanges: Said) -> list[object]:
    """Whom they show: those whom their data sets name, and the patient of the performed step they are about."""
    numbers = dict.fromkeys(number for one in exchanges for number in one.numbers)
    about = (changed.performed_step(one, site) for one in exchanges)
    return [*audit.of_numbers(site, numbers), *filter(None, about)]


def heading(found: Said) -> dict[str, object]:
    """What every page about an exchange says of it."""
    return {"said": found, "first": found.first, "association": found.association, "url": _url(found.first), "search": _search(found.first)}


def _url(message: Message, name: str = "exchange") -> str:
    return reverse(name, args=[message.association_id, message.pk])


def _search(message: Message) -> str:
    """The association log, where the message to compare this one with is looked for."""
    return f"{reverse('associations')}?{choosing.PARAMETER}={message.pk}"


def _place(text: str, last: int) -> int:
    """Which answer, counted from 1; the first for what is none."""
    return whole_number(text, last) or 1


def _shown(data: Data | None, key: str, form: str) -> Shown | None:
    if data is None:
        return None
    if data.dataset is None:
        return datasets.shown_bytes(data.raw, key, data.problem)
    return datasets.shown(data.dataset, key, form, data.lengths)


def _context(found: Said) -> str:
    """The result of the presentation context that it came in: of several of its abstract syntax the one of its transfer syntax, else one
    that was accepted."""
    contexts = found.association.contexts if found.association else []
    its = [one for one in contexts if one.get("abstract_syntax") == found.first.sop_class_uid]
    its.sort(key=lambda one: (one.get("transfer_syntax") != found.first.transfer_syntax, one.get("result") != ACCEPTED))
    return its[0].get("result", "") if its else ""


# --- As files -----------------------------------------------------------------------------------------------------


@page
@requires("journal.export")
@require_POST
def files(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """The exchange as a ZIP of DICOM files: as it travelled, or with `without=identities` as the form says."""
    site = site_of(request)
    found = said.exchange(Journal(site), pk, number)
    wanted = request.POST.get("without", "")
    if wanted not in ("", "identities"):
        raise BadRequest("“without” is “identities”, or left out")  # never taken for a file with identities
    without = wanted == "identities"
    about = {"message": found.first.pk, "without identities": without}
    disclose(request, audit.EXPORT, *_whom(site, found), asked=about)
    if without:
        choice = Choice(
            keep_dates="keep_dates" in request.POST, keep_text="keep_text" in request.POST, keep_ae_titles="keep_ae_titles" in request.POST
        )
        made = bundle.without_identities(found, choice)
    else:
        made = bundle.as_it_travelled(found)
    response = HttpResponse(made.zipped(), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return response


# --- Beside another message ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Other:
    """A message that may be compared with this one, and why it is offered."""

    message: Message
    why: str


def _likely(journal: Journal, found: Said) -> list[Other]:
    """Its response, the messages about its instance, the same message of the same caller before and after."""
    first = found.first
    offered: dict[int, Other] = {}
    if found.request and found.response and found.response.size:
        offered[found.response.pk] = Other(found.response, "its response")
    about = journal.messages().filter(direction=Message.Direction.IN).exclude(pk=first.pk).defer("data", "first_answers")
    if first.sop_instance_uid:
        for one in about.filter(sop_instance_uid=first.sop_instance_uid).order_by("-time")[:_LIKELY]:
            offered.setdefault(one.pk, Other(one, "about the same performed step"))
    alike = about.filter(service=first.service, association__calling=found.calling)
    before, after = alike.filter(time__lt=first.time).order_by("-time"), alike.filter(time__gt=first.time).order_by("time")
    for one in (*before[:_LIKELY], *after[:2]):
        offered.setdefault(one.pk, Other(one, f"{first.service} of {found.calling}"))
    return list(offered.values())[: 2 * _LIKELY]


def _with(other: Message, exchange: Said, offered: list[Other]) -> list[Other]:
    """What is offered, and the one that was found in the log."""
    return offered if any(one.message.pk == other.pk for one in offered) else [Other(other, f"of {exchange.calling}"), *offered]


@page
@requires("journal.view")
@require_GET
def beside(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """The message beside another one, attribute by attribute; `with` is the number of the other one, which the exchange's page offers.

    `exchange` is the number of a message in the other one's place: its request is compared, as of this one.
    """
    site = site_of(request)
    journal = Journal(site)
    found = said.exchange(journal, pk, number)
    wanted, of_exchange = request.GET.get("with", ""), request.GET.get("exchange", "")
    if not wanted and not of_exchange:
        return redirect(_url(found.first))
    number_of_other = whole_number(of_exchange or wanted)
    other = journal.messages().filter(pk=number_of_other).first() if number_of_other is not None else None
    if other is None:
        raise NotFound("There is no message with this number to compare with; choose one on the page of the exchange.")
    second = said.beside(other, journal)
    if of_exchange:
        return redirect(f"{_url(found.first, 'exchange-beside')}?with={second.first.pk}")
    disclose(request, audit.PROCEDURE, *_whom(site, found, second), asked={"message": found.first.pk, "beside": other.pk})
    one, two = _data_of(found, found.first), _data_of(second, other)
    whole = request.GET.get("all") == "1"
    compared = compare(one.dataset, two.dataset)
    lines = [line for line in compared.lines if whole or line.state is not State.SAME]
    context = heading(found) | {
        "other": other,
        "second": second,
        "other_url": _url(other),
        "problems": [f"{_name(message)}: {data.problem}" for message, data in ((found.first, one), (other, two)) if data.problem],
        "lines": lines[:_MOST_LINES],
        "more": max(len(lines) - _MOST_LINES, 0),
        "compared": compared,
        "counts": compared.counts,
        "whole": whole,
        "likely": _with(other, second, _likely(journal, found)),
    }
    return render(request, "stepwise/exchange_beside.html", context)


def _data_of(exchange: Said, message: Message) -> Data:
    name = "request" if message.direction == Message.Direction.IN else "response"
    return next((one for one in exchange.data if one.name == name), Data(name, b"", message.transfer_syntax, None))


def _name(message: Message) -> str:
    return f"{message.service} of {times.moment_seconds(message.time)}"
