"""A query of the journal asked again now, beside what it was answered then."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from pydicom import Dataset

from dimse.policy import Reject
from dimse.services import Verb
from ris import audit, clock
from ris.errors import NotFound
from ris.peers import Journal
from ris.permissions import allowed, requires
from ris.web import times
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from stepwise.associations import decide_as_served
from stepwise.inspector import said
from stepwise.inspector.comparing import Comparison, State, compare
from stepwise.web.exchange import heading
from worklist import captured, replay
from worklist.captured import Captured
from worklist.replay import Replayed


@dataclass(frozen=True)
class Answer:
    """An answer in a line: which exam it is, and how it differs from the one of then."""

    step_id: str
    patient: str
    accession: str
    start: str
    changes: Comparison | None = None


@page
@requires("journal.view")
@require_GET
def again(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """A query of the journal, answered now, beside what was answered then."""
    site = site_of(request)
    journal = Journal(site)
    found = said.exchange(journal, pk, number)
    query = captured.by_id(found.first.pk, journal) if found.first.service == Verb.C_FIND.value else None
    if query is None or not query.message.data:
        raise NotFound("Only a worklist query that the journal still has can be asked again.")
    may_explain = found.request is not None and bool(found.calling) and allowed(request.user, "worklist.explain")
    context = heading(found) | {"query": query, "problem": replay.why_not(query), "now": clock.now(site), "may_explain": may_explain}
    if not context["problem"]:
        replayed = replay.again(query)
        about = [(_told(one, "PatientID"), _told(one, "AccessionNumber")) for one in (*replayed.then, *replayed.now)]
        disclose(request, audit.LIST, *audit.of_numbers(site, about), total=len(replayed.now), asked={"message": found.first.pk})
        context |= _difference(replayed) | {"rejected": _rejected(query)}
    return render(request, "stepwise/exchange_again.html", context)


def _rejected(query: Captured) -> str:
    """Why its association would not be accepted now; empty when it would."""
    one = query.association
    verdict = decide_as_served(one.calling, one.called, one.address) if one else None
    return verdict.why if isinstance(verdict, Reject) else ""


def _difference(replayed: Replayed) -> dict[str, object]:
    changed_answers = [(then, now, compare(then, now)) for then, now in replayed.stayed]
    different = [
        _answer(now, compared) for _, now, compared in changed_answers if any(line.state is not State.SAME for line in compared.lines)
    ]
    return {
        "replayed": replayed,
        "groups": [
            ("Added", "INFO", "Answers now, and was no answer then", list(map(_answer, replayed.added))),
            ("Gone", "WARNING", "Was an answer then, and is none now", list(map(_answer, replayed.gone))),
            ("Changed", "IN PROGRESS", "Answered differently", different),
        ],
        "same": len(replayed.stayed) - len(different),
    }


def _answer(dataset: Dataset, changes: Comparison | None = None) -> Answer:
    items = dataset.get("ScheduledProcedureStepSequence") or []
    step = items[0] if items else Dataset()
    day, time = (
        times.dicom_date(_told(step, "ScheduledProcedureStepStartDate")),
        times.dicom_time(_told(step, "ScheduledProcedureStepStartTime")),
    )
    lines = tuple(line for line in changes.lines if line.state is not State.SAME) if changes else ()
    return Answer(
        _told(step, "ScheduledProcedureStepID"),
        _told(dataset, "PatientName"),
        _told(dataset, "AccessionNumber"),
        f"{day} {time}".strip(),
        Comparison(lines) if lines else None,
    )


def _told(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword, "") or "")
