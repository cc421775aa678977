"""One message of a console: the request beside what was answered."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from mpps.models import PerformedProcedureStep
from ris import audit
from ris.errors import NotFound
from ris.peers import Journal
from ris.permissions import requires
from ris.validation import whole_number
from ris.web import datasets
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from training import auditing
from training.consoles.performing import ANSWERS_KEPT
from training.consoles.screen import ShownMessage
from training.models import ConsoleMessage
from worklist import captured
from worklist.captured import Captured
from worklist.query import BadKey


@page
@requires("consoles.use")
def show(request: HttpRequest, ae_title: str, pk: int) -> HttpResponse:
    """A message with its data sets as table, dump or JSON; of several answers the one that `answer` of the address counts, from 1."""
    message = _message(request, ae_title, pk)
    disclose(request, audit.LIST, *auditing.of_message(message), asked={"console": ae_title, "message": pk})
    number = _number(request.GET.get("answer", ""), len(message.answers))
    form = request.GET.get("as", "")
    form = form if form in dict(datasets.FORMS) else "table"
    answer = message.answers[number - 1] if message.answers else None
    context = {
        "console": message.console,
        "shown": ShownMessage.of(message),
        "performed": _performed(message),
        "message": message,
        "forms": datasets.FORMS,
        "form": form,
        "number": number,
        "numbers": range(1, len(message.answers) + 1),
        "is_cut": (message.answer_count or 0) > ANSWERS_KEPT,
        "request_data": datasets.shown_json(message.request, "request", form) if message.request else None,
        "response_data": datasets.shown_json(answer, "response", form) if answer else None,
        "offending": [f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".strip() for tag in message.offending],
    }
    return render(request, "training/console_message.html", context)


@page
@requires("worklist.explain")
@require_GET
def explain(request: HttpRequest, ae_title: str, pk: int) -> HttpResponse:
    """To the page that explains what a query got, as the journal has it: else to that of the station's last query."""
    message = _message(request, ae_title, pk)
    address = reverse("station-queries", args=[message.calling])
    asked = _asked(message)
    return redirect(f"{address}?message={asked.message.pk}" if asked else address)


def _asked(message: ConsoleMessage) -> Captured | None:
    if not message.request:
        return None
    try:
        return captured.last_like(message.calling, Dataset.from_json(message.request), Journal(message.console.site))
    except BadKey:
        return None


def _message(request: HttpRequest, ae_title: str, pk: int) -> ConsoleMessage:
    """Raises NotFound."""
    found = ConsoleMessage.objects.filter(pk=pk, console__ae_title=ae_title, console__site=site_of(request))
    message = found.select_related("console__site", "act").first()
    if message is None:
        raise NotFound(f"There is no such message of {ae_title} any more; the oldest ones are removed after a while.")
    return message


def _performed(message: ConsoleMessage) -> PerformedProcedureStep | None:
    """What was stored here of the exam that the message is about; nothing of one that was told to another system."""
    uid = message.sop_instance_uid
    return PerformedProcedureStep.objects.filter(site=message.console.site, sop_instance_uid=uid).first() if uid else None


def _number(text: str, count: int) -> int:
    return whole_number(text, count) or 1
