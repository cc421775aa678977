"""The pages of "why is this exam not on that scanner?": of one exam key by key, and of the queries of one station."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from dimse.models import Message
from ris import audit, clock, queries, titles
from ris.errors import InvalidInput, NotFound
from ris.models import ScheduledProcedureStep, Site, Station
from ris.peers import Journal
from ris.permissions import requires
from ris.validation import whole_number
from ris.web import live
from ris.web.access import one_of, page, site_of
from ris.web.disclosure import disclose
from ris.web.renamed import at_its_title
from ris.web.searching import searchable, text_of
from stepwise import explaining
from stepwise.named import disclose_queries, named_by
from worklist import captured, explanation, outcome
from worklist.captured import Captured
from worklist.explanation import Explanation
from worklist.outcome import Outcome

SHOWN = 20
"""Queries of a station that its page lists, and of which one can be chosen to be explained."""
_MOST_STATIONS = 8
_EXAMPLE = "PatientName=DOE*"


@dataclass(frozen=True)
class Seen:
    """What a station would make of an exam: whether it is shown it, its last query, and where it is explained."""

    ae_title: str
    station: Station | None
    explained: Explanation
    asked_at: datetime | None
    url: str

    @property
    def would_be(self) -> bool:
        """Whether nothing but that it has not asked keeps the exam from it."""
        return self.explained.asking.supposed and [verdict.key for verdict in self.explained.excluding] == ["query"]


def seen_by(step: ScheduledProcedureStep) -> list[Seen]:
    """On which scanners the exam is, and why not on others: its own stations, then those that do the same kind of exam."""
    own = [row.ae_title for row in step.stations.all()]
    stations = {one.ae_title: one for one in Station.objects.filter(site=step.site)}
    alike = Station.objects.filter(site=step.site, enabled=True, modalities__modality=step.modality).values_list("ae_title", flat=True)
    titles = list(dict.fromkeys((*own, *alike)))[:_MOST_STATIONS]
    journal = Journal(step.site)
    return [_seen(step, title, stations.get(title), journal) for title in titles]


def _seen(step: ScheduledProcedureStep, ae_title: str, station: Station | None, journal: Journal) -> Seen:
    asking = explanation.of_station(ae_title, step, journal)
    asked_at = asking.captured.message.time if asking.captured else None
    return Seen(ae_title, station, explaining.explain(step, asking), asked_at, explain_url(step.pk, ae_title))


def explain_url(step_id: int, ae_title: str, message: int | None = None) -> str:
    """The page that explains an exam against the last query of a station, or against a message."""
    query = {"station": ae_title, **({"message": message} if message else {})}
    return f"{reverse('step-explanation', args=[step_id])}?{urlencode(query)}"


@page
@requires("worklist.explain")
@searchable("keys", lines=True)
def of_step(request: HttpRequest, pk: int) -> HttpResponse:
    """One exam against one query: the last one of a station, another one of the journal, or one that is typed here."""
    step = one_of(queries.steps(site_of(request)), pk=pk)
    journal = Journal(step.site)
    disclose(request, audit.PROCEDURE, step)
    stations = list(Station.objects.filter(site=step.site).values_list("ae_title", flat=True))
    first = next((row.ae_title for row in step.stations.all()), stations[0] if stations else "")
    station = request.GET.get("station", "").strip() or first
    typed = text_of(request)
    faults: list[tuple[str, str]] = []
    explained = None
    try:
        explained = explaining.explain(step, explaining.asking(step, station, _number(request), _keys(typed), journal))
        disclose_queries(request, step.site, [explained.asking], step.pk)
    except InvalidInput as error:
        faults = [("f-keys" if typed else "f-message", f"{name} {why}") for name, why in error.errors.items()]
    except NotFound as error:
        faults = [("f-message", str(error))]
    context = {
        "step": step,
        "patient": step.requested_procedure.order.patient,
        "station": station,
        "stations": list(dict.fromkeys((*stations, station))),
        "queries": captured.latest(station, SHOWN, journal),
        "chosen": explained.asking.captured.message.pk if explained and explained.asking.captured else None,
        "typed": typed,
        "example": _EXAMPLE,
        "explained": explained,
        "given_up": next((one.given_up for one in explained.excluding if one.given_up), None) if explained else None,
        "form": {"faults": faults},
        "today": clock.today(step.site),
    }
    return render(request, "stepwise/explanation.html", context, status=422 if faults else 200)


def _number(request: HttpRequest) -> int | None:
    """The chosen query; typed keys go before it."""
    text = request.GET.get("message", "").strip()
    if not text or text_of(request):
        return None
    chosen = whole_number(text)
    if chosen is None:
        raise InvalidInput({"message": f"{text[:32]!r} is no number of a message"})
    return chosen


def _keys(typed: str) -> dict[str, str]:
    """`KEYWORD=VALUE` a line. Raises InvalidInput."""
    pairs = [line.partition("=") for line in typed.splitlines() if line.strip()]
    wrong = {keyword.strip()[:64]: f"has no value; write {_EXAMPLE}, one key a line" for keyword, equals, _ in pairs if not equals}
    if wrong:
        raise InvalidInput(wrong)
    return {keyword.strip(): value.strip() for keyword, _, value in pairs}


@dataclass(frozen=True)
class Line:
    """One query of a station in the list: `look` is that of its row."""

    outcome: Outcome
    url: str
    chosen: bool

    @property
    def is_past(self) -> bool:
        """Whether it got less than it would get now, and no key is to blame: exams, titles or settings were changed since."""
        got = self.outcome.got
        return got is not None and self.outcome.main is None and got < self.outcome.now

    @property
    def look(self) -> str:
        message = self.outcome.asking.captured
        failed = bool(self.outcome.asking.problem or (message and message.failure))
        if failed or self.outcome.is_empty:
            return "ERROR"
        return "WARNING" if self.is_past or (message and message.stopped) else "PASS"


@page
@requires("worklist.explain")
@at_its_title
def of_station(request: HttpRequest, ae_title: str) -> HttpResponse:
    """The last queries of an AE title: what each got of what was to be expected, and which key kept how many from it."""
    present = live.state(request, (*live.RIS_HISTORIES, Message))
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    journal = Journal(site)
    messages = captured.latest(ae_title, SHOWN, journal)
    chosen = _chosen(request, site, ae_title, messages, journal)
    asked = messages if chosen is None or chosen in messages else [chosen, *messages]
    outcomes = outcome.of_each([explanation.of_message(one, ae_title, journal) for one in asked])
    lines = [Line(one, _query_url(ae_title, one), _message(one) == chosen) for one in outcomes]
    shown = next((line for line in lines if line.chosen), None)
    exams = _exams(site, shown.outcome, ae_title) if shown else []
    named = named_by(site, (one.asking for one in outcomes))
    disclose(request, audit.LIST, *(one.step for one in exams), *named, asked={"station": ae_title})
    context = {
        "ae_title": ae_title,
        "station": Station.objects.filter(site=site, ae_title=ae_title).first(),
        "lines": lines,
        "shown": shown,
        "before": _before(shown.outcome, outcomes) if shown else "",
        "exams": exams,
        "rejected": captured.last_rejected(ae_title, messages[0].message.time if messages else None, journal),
        "kept_since": captured.kept_since(journal),
        "today": clock.today(site),
    }
    return live.live_page(request, "stepwise/station_queries.html", "stepwise/station_queries_live.html", context, present=present)


def _chosen(request: HttpRequest, site: Site, ae_title: str, messages: Sequence[Captured], journal: Journal) -> Captured | None:
    """The query of the address, else the latest. Raises NotFound."""
    try:
        number = _number(request)
    except InvalidInput as error:
        raise NotFound(str(error)) from error
    if number is None:
        return messages[0] if messages else None
    found = next((one for one in messages if one.message.pk == number), None) or captured.by_id(number, journal)
    if found is None or found.calling not in ("", *(claim.ae_title for claim in titles.of(site, ae_title))):
        raise NotFound(f"{ae_title} sent no query with this number that the journal still has.")
    return found


def _message(one: Outcome) -> Captured | None:
    return one.asking.captured


def _query_url(ae_title: str, one: Outcome) -> str:
    message = _message(one)
    return f"{reverse('station-queries', args=[ae_title])}?message={message.message.pk if message else ''}"


def _before(shown: Outcome, outcomes: Sequence[Outcome]) -> str:
    """When the station asked otherwise for the key that now keeps most from it: `Until 10:12:33 it asked for CT1 and got 8`."""
    main, message = shown.main, _message(shown)
    if main is None or message is None or not shown.is_empty:
        return ""
    for one in outcomes:
        if one.asking.calling != shown.asking.calling:
            continue  # its calling AE title was changed since, which is told elsewhere
        earlier = _message(one)
        key = one.asking.query.asked(main.verdict.key) if one.asking.query else None
        if earlier and key and one.got and earlier.message.time < message.message.time and "\\".join(key.values) != main.verdict.asked:
            asked = "\\".join(key.values)
            return f"Until {explanation.said_at(earlier.message.time, one.asking.site)} it asked for {asked} and got {one.got}."
    return ""


@dataclass(frozen=True)
class Missing:
    """An exam that a query did not find, the keys that are against it, and where it is explained."""

    step: ScheduledProcedureStep
    against: str
    url: str


def _exams(site: Site, shown: Outcome, ae_title: str) -> list[Missing]:
    steps = queries.steps(site).in_bulk([one.step_id for one in shown.exams])
    message = _message(shown)
    number = message.message.pk if message else None
    return [
        Missing(steps[one.step_id], ", ".join(one.against), explain_url(one.step_id, ae_title, number))
        for one in reversed(shown.exams)
        if one.step_id in steps
    ]
