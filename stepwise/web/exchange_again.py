"""A query of the journal asked again now, beside what it was answered then."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from pydicom import Dataset

from dimse.policy import Reject
from dimse.services import Verb
from ris import audit, clock, queries
from ris.errors import NotFound
from ris.models import ScheduledProcedureStep, Site
from ris.peers import Journal
from ris.permissions import allowed, requires
from ris.web import times
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from stepwise import explaining
from stepwise.associations import decide_as_served
from stepwise.inspector import said
from stepwise.inspector.comparing import Comparison, State, compare
from stepwise.web.exchange import heading
from stepwise.web.explanations import explain_url
from worklist import captured, explanation, replay
from worklist.captured import Captured
from worklist.replay import Replayed

EXPLAINED: Final = 20
"""Exams that are gone of which it is said what keeps them from the query; the page of each says it, too."""


@dataclass(frozen=True)
class Answer:
    """An answer in a line: which exam it is, and how it differs from the one of then.

    `exam` is None for one that is not known, `why` says what keeps it from the query now, and `explained` is the page about that.
    """

    step_id: str
    patient: str
    accession: str
    start: str
    changes: Comparison | None = None
    exam: ScheduledProcedureStep | None = None
    why: str = ""
    explained: str = ""


class Reasons:
    """Of the exams that answers are about: which they are, and what keeps them from a query now."""

    def __init__(self, site: Site, query: Captured, answers: Iterable[Dataset], journal: Journal, *, may_explain: bool) -> None:
        """`may_explain`: whoever asks may read it."""
        uids = {_told(one, "StudyInstanceUID") for one in answers} - {""}
        self._exams = [*queries.steps(site).filter(requested_procedure__study_instance_uid__in=uids)] if uids else []
        self._query, self._number = query, query.message.pk
        self._asking = explanation.of_message(query, journal=journal) if may_explain else None

    def exam(self, dataset: Dataset) -> ScheduledProcedureStep | None:
        """By its study and, where that was asked for, the ID of its step; None where that leaves several."""
        uid, step_id = _told(dataset, "StudyInstanceUID"), _told(_step(dataset), "ScheduledProcedureStepID")
        of_study = [one for one in self._exams if one.requested_procedure.study_instance_uid == uid]
        found = [one for one in of_study if step_id in ("", one.scheduled_procedure_step_id)]
        return found[0] if len(found) == 1 else None

    def told(self, answer: Answer) -> Answer:
        """With what keeps its exam from the query, where that is known and may be read."""
        if answer.exam is None or self._asking is None:
            return answer
        against = explaining.explain(answer.exam, self._asking).excluding
        why = "; ".join(one.in_short for one in against)
        return replace(answer, why=why, explained=explain_url(answer.exam.pk, self._query.calling, self._number))


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
        reasons = Reasons(site, query, (*replayed.then, *replayed.now), journal, may_explain=may_explain)
        context |= _difference(replayed, reasons) | {"rejected": _rejected(query)}
    return render(request, "stepwise/exchange_again.html", context)


def _rejected(query: Captured) -> str:
    """Why its association would not be accepted now; empty when it would."""
    one = query.association
    verdict = decide_as_served(one.calling, one.called, one.address) if one else None
    return verdict.why if isinstance(verdict, Reject) else ""


def _difference(replayed: Replayed, reasons: Reasons) -> dict[str, object]:
    changed_answers = [(then, now, compare(then, now)) for then, now in replayed.stayed]
    different = [
        _answer(reasons, now, compared)
        for _, now, compared in changed_answers
        if any(line.state is not State.SAME for line in compared.lines)
    ]
    gone = [_answer(reasons, one) for one in replayed.gone]
    gone = [*map(reasons.told, gone[:EXPLAINED]), *gone[EXPLAINED:]]
    return {
        "replayed": replayed,
        "groups": [
            ("Added", "INFO", "Answers now, and was no answer then", [_answer(reasons, one) for one in replayed.added]),
            ("Gone", "WARNING", "Was an answer then, and is none now", gone),
            ("Changed", "IN PROGRESS", "Answered differently", different),
        ],
        "same": len(replayed.stayed) - len(different),
    }


def _step(dataset: Dataset) -> Dataset:
    items = dataset.get("ScheduledProcedureStepSequence") or []
    return items[0] if items else Dataset()


def _answer(reasons: Reasons, dataset: Dataset, changes: Comparison | None = None) -> Answer:
    step = _step(dataset)
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
        reasons.exam(dataset),
    )


def _told(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword, "") or "")
