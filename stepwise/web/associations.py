"""The association log: who asked, what was said, how it was answered, and which exams it is about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse

from dimse.interference import INJECTED, injected
from dimse.models import Association, Message
from dimse.statuses import CANCELED, DONE
from mpps.models import PerformedProcedureStep
from ris import audit, clock, whom
from ris.errors import NotFound
from ris.models import Site
from ris.peers import Journal
from ris.permissions import requires
from ris.templatetags.ris_web import uid_name
from ris.web import datasets
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.exchanges import Pair, Said, exchange
from ris.web.live import live_page
from ris.web.searching import searchable
from stepwise.connecting import words
from stepwise.web import choosing
from stepwise.web.association_pages import first_of_each, of_association
from stepwise.web.log_filters import ABORTED, FIELDS, RESULTS, SERVICES, TRANSPORTS, Filters, page_of

PAGE = 100
MOST_TOLD = 20
FIRST = 40
"""Messages of each association that its row in the log is made of; a longer one tells of some of the others."""
LISTED = 4


@dataclass(frozen=True)
class Row:
    """An association, the performed steps that its messages name, and what was done on purpose. `said` are its answers, of a long one those
    that are told of, out of `answers`."""

    association: Association
    said: list[Said]
    answers: int
    exams: list[PerformedProcedureStep]
    took: str
    ending: str
    look: str
    injected: list[str]

    @property
    def first(self) -> list[Said]:
        """Those that the log has room for."""
        return self.said[:LISTED]

    @property
    def more(self) -> int:
        return max(0, self.answers - LISTED)

    @property
    def empty_behind(self) -> Said | None:
        """The last query that got nothing among those that the log has no room for."""
        return next((one for one in reversed(self.said[LISTED:]) if one.message.answer_count == 0), None)


@page
@requires("journal.view")
@searchable("accession")
def listing(request: HttpRequest) -> HttpResponse:
    """The latest associations that the filters let through, or those before a moment; 422 when one of them cannot be read."""
    site = site_of(request)
    journal = Journal(site)
    filters = Filters.of(request)
    before = filters.values.get("before", "")
    associations, older = page_of(filters.narrow(journal.associations(), site), before, PAGE)
    latest, chosen = filters.without("before"), choosing.chosen(request, journal)
    rows = _rows(site, associations)
    disclose(request, audit.LIST, *(exam for row in rows for exam in row.exams))
    context = {
        "filters": filters,
        "asked": filters.asked,
        "chosen": chosen,
        "without": filters.without(choosing.PARAMETER).url(),
        "faults": [(f"f-{name}" if name in FIELDS else "", text) for name, text in filters.errors.items()],
        "rows": rows,
        "older": latest.url(before=older) if older else "",
        "latest": latest.url() if before else "",
        "cleared": Filters({choosing.PARAMETER: chosen.number} if chosen else {}).url(),
        "services": SERVICES,
        "results": RESULTS,
        "transports": TRANSPORTS,
        "any_exist": journal.associations().exists(),
        "today": clock.today(site),
    }
    status = 422 if filters.errors else 200
    return live_page(request, "stepwise/associations.html", "stepwise/associations_live.html", context, url=filters.url(), status=status)


def _rows(site: Site, associations: list[Association]) -> list[Row]:
    messages: dict[UUID, list[Message]] = {association.pk: [] for association in associations}
    answers = Message.objects.filter(association__in=messages, direction=Message.Direction.OUT).order_by()
    counts = dict(answers.values_list("association").annotate(Count("pk")))
    for message in first_of_each(messages, FIRST):
        messages[message.association_id].append(message)
    for association in associations:
        if counts.get(association.pk, 0) > FIRST // 2:
            messages[association.pk] = _of_a_long_one(association, messages[association.pk])
    exams = _exams(site, (message for found in messages.values() for message in found))
    return [_row(one, messages[one.pk], exams, counts.get(one.pk, 0)) for one in associations]


def _of_a_long_one(association: Association, first: list[Message]) -> list[Message]:
    """What its row tells of: the first messages, what went wrong or was done on purpose, and the last query that got nothing."""
    empty = association.messages.filter(direction=Message.Direction.OUT, answer_count=0).defer("data", "first_answers")
    found = {message.pk: message for message in (*first, *_told(association), *empty.order_by("-time", "-id")[:1])}
    return sorted(found.values(), key=lambda message: (message.time, message.pk))


def _exams(site: Site, messages: Iterable[Message]) -> dict[str, PerformedProcedureStep]:
    """The performed steps that the messages are about, by SOP Instance UID."""
    uids = {message.sop_instance_uid for message in messages if message.sop_instance_uid}
    return {found.sop_instance_uid: found for found in PerformedProcedureStep.objects.filter(site=site, sop_instance_uid__in=uids)}


def _row(association: Association, messages: list[Message], exams: dict[str, PerformedProcedureStep], answers: int = 0) -> Row:
    said = [Said.of(message) for message in messages if message.direction == Message.Direction.OUT]
    named = dict.fromkeys(message.sop_instance_uid for message in messages)
    is_bad = association.end in (*ABORTED, Association.End.REJECTED) or association.note or any(one.look == "ERROR" for one in said)
    on_purpose = injected(association.rejection, association.note, *(message.remark for message in messages))
    return Row(
        association=association,
        said=said,
        answers=answers,
        exams=[exams[uid] for uid in named if uid in exams],
        took=_took(association.ended - association.started) if association.ended else "",
        ending=association.rejection or association.note or association.end or "open",
        look="" if not is_bad else "WARNING" if on_purpose else "ERROR",
        injected=on_purpose,
    )


def _took(span: timedelta) -> str:
    milliseconds = span / timedelta(milliseconds=1)
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


@page
@requires("journal.view")
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One association: what was negotiated, and each request beside its response."""
    site = site_of(request)
    journal = Journal(site)
    association = journal.associations().filter(pk=pk).first()
    if association is None:
        raise NotFound("There is no such association in the log; old ones are removed after a while.")
    part = of_association(association, request.GET.get("page", ""))
    exams = _exams(site, part.messages)
    named = whom.of_messages(site, part.messages, with_answers=True)
    disclose(request, audit.LIST, *exams.values(), *named, asked={"association": str(pk)})
    form = request.GET.get("as", "")
    told = _told(association)
    context = {
        "chosen": choosing.chosen(request, journal),
        "without": request.path,
        "row": _row(association, told, exams),
        "next": _next(association),
        "failures": [one for message in told if (one := Said.of(message)).look == "ERROR"],
        "contexts": [_context(one) for one in association.contexts],
        "exchanges": [exchange(number, pair, form) for number, pair in enumerate(_pairs(part.messages), start=part.first)],
        "part": part,
        "forms": datasets.FORMS,
        "form": form if form in dict(datasets.FORMS) else "table",
    }
    return live_page(request, "stepwise/association.html", "stepwise/association_live.html", context)


def _next(association: Association) -> str:
    """What to do about a connection that made no association; empty for one that did, or that said nothing odd."""
    if association.calling or not association.note:
        return ""
    return words.no_dicom(association.taken_for, settings.DICOM_PORT, settings.DICOM_TLS_PORT)


def _told(association: Association) -> list[Message]:
    """The messages that the head of its page may tell of: what was no success, or done on purpose. The first of them."""
    failed = Q(direction=Message.Direction.OUT) & ~Q(status__in=(*DONE, CANCELED))
    found = association.messages.filter(failed | Q(remark__contains=INJECTED))
    return list(found.defer("data", "first_answers").order_by("time", "id")[:MOST_TOLD])


def _context(context: dict[str, Any]) -> dict[str, str]:
    """A negotiated presentation context with UIDs followed by their names."""
    shown = {name: uid_name(context.get(name, "")) if name != "result" else context.get(name, "") for name in _CONTEXT}
    extended = context.get("extended")
    return shown | {"result": f"{shown['result']}, extended negotiation {extended}"} if extended else shown


_CONTEXT = ("abstract_syntax", "transfer_syntax", "result")


def _pairs(messages: list[Message]) -> list[Pair]:
    """Each request with the response of the same message ID that came after it."""
    pairs: list[Pair] = []
    for message in messages:
        if message.direction == Message.Direction.IN:
            pairs.append((message, None))
            continue
        waiting = [i for i, (asked, answer) in enumerate(pairs) if answer is None and asked and asked.message_id == message.message_id]
        if waiting:
            pairs[waiting[-1]] = (pairs[waiting[-1]][0], message)
        else:
            pairs.append((None, message))
    return pairs
