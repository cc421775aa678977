"""REST of the explainer: why an exam is, or is not, on a scanner, and what a station's queries got."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from ris import audit, queries
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, Line, ListQuery, Page, refusals
from ris.errors import InvalidInput
from ris.models import Site
from ris.peers import Journal
from ris.web.disclosure import disclose
from stepwise import explaining
from stepwise.named import disclose_queries, named_by
from worklist import captured, explanation, outcome, typed
from worklist.captured import Captured, Ending
from worklist.explanation import Asking
from worklist.outcome import Exclusion, Outcome
from worklist.verdicts import Verdict

router = Router(tags=["explanations"])


class ExplanationQuery(Schema):
    """`station` is the AE title that asks. `message` is the id of a C-FIND in `/messages`; without it the station's last query is
    taken. A query of your own is typed as parameters named by keyword: `PatientName=DOE*`, `ScheduledStationAETitle=CT01`,
    `RequestedProcedureCodeSequence.CodeValue=CTCHEST`."""

    station: Line
    message: int | None = Field(None, ge=1, le=2**63 - 1)


class VerdictOut(Schema):
    """`tag` is empty for a rule that comes before the keys; `asked` and `has` are values as they travel."""

    key: str
    tag: str
    name: str
    asked: str
    has: str
    matches: bool
    why: str


class AskedOut(Schema):
    """A query: `message` is null when it was typed, or only supposed of a station that has not asked. `problem` says why it could not
    be read. `ending` is how its answers ended: `complete`, `canceled` by the modality, at the `limit` of the station, `failure`, `lost`
    with the association; null while they have not."""

    calling: str
    message: int | None
    association: str | None
    time: Instant | None
    status: str | None
    status_name: str
    comment: str
    answer_count: int | None
    ending: Ending | None
    problem: str
    notes: list[str]


class ExplanationOut(Schema):
    """`summary` is the whole in a sentence; `excluded_by` are the keys and rules that are against it."""

    step: int
    scheduled_procedure_step_id: str
    station: str
    shown: bool
    summary: str
    query: AskedOut
    excluded_by: list[str]
    verdicts: list[VerdictOut]


class ExclusionOut(Schema):
    """`excludes` exams of those compared; `alone` of them would be answers without this key."""

    key: str
    tag: str
    name: str
    asked: str
    excludes: int
    alone: int


class MissedOut(Schema):
    """An exam that does not match: the id of its step, and the names of the keys and rules that exclude it."""

    step: int
    excluded_by: list[str]


class OutcomeOut(Schema):
    """`got` is what was answered then. `of` exams were compared as they are now (`compared` says which, `cut` that there are more), and
    `now` of them match; `hidden` more are of a status that is not shown. `missed` are the first of those that do not match."""

    query: AskedOut
    summary: str
    got: int | None
    of: int
    now: int
    hidden: int
    compared: str
    cut: bool
    excluded_by: list[ExclusionOut]
    missed: list[MissedOut]


@router.get(
    "/scheduled-steps/{int:step_id}/explanation",
    auth=Bearer("worklist.explain"),
    response={200: ExplanationOut, **refusals(404, 422)},
)
def explain_step(request: HttpRequest, step_id: int, query: Query[ExplanationQuery]) -> dict[str, Any]:
    """Why the step is, or is not, an answer to a query: key by key."""
    if not query.station:
        raise InvalidInput({"station": "is missing; it is the AE title that asks"})
    site = base.site_of(request)
    step = queries.step(site, step_id)
    disclose(request, audit.PROCEDURE, step)
    explained = explaining.explain(step, explaining.asking(step, query.station, query.message, _typed(request), Journal(site)))
    disclose_queries(request, site, [explained.asking], step.pk)
    return {
        "step": step.pk,
        "scheduled_procedure_step_id": step.scheduled_procedure_step_id,
        "station": query.station,
        "shown": explained.is_shown,
        "summary": explained.summary,
        "query": _asked(explained.asking, step.site),
        "excluded_by": [verdict.key for verdict in explained.excluding],
        "verdicts": [_verdict(verdict) for verdict in explained.verdicts],
    }


@router.get("/stations/{path:ae_title}/queries", auth=Bearer("worklist.explain"), response={200: Page[OutcomeOut], **refusals(422)})
def list_queries(request: HttpRequest, ae_title: Line, query: Query[ListQuery]) -> dict[str, Any]:
    """The worklist queries of an AE title, the latest first, with what each key keeps from the answer. An AE title that never asked has
    none; it need not be that of a station."""
    base.known_parameters(request, query)
    site = base.site_of(request)
    journal = Journal(site)
    messages, count = captured.page(ae_title, query.offset, query.limit, journal)
    found = [outcome.of(explanation.of_message(one, ae_title, journal)) for one in messages]
    disclose(request, audit.LIST, *named_by(site, (one.asking for one in found)), asked={"station": ae_title})
    return {"items": [_outcome(one, site) for one in found], "count": count}


def _typed(request: HttpRequest) -> dict[str, str]:
    """The keys of a typed query; InvalidInput for a parameter that is neither one nor a parameter of the call."""
    keys = {name: str(value) for name, value in request.GET.items() if name not in ExplanationQuery.model_fields}
    unknown = [name for name in keys if not typed.is_keyword(name)]
    if unknown:
        raise InvalidInput(
            dict.fromkeys(unknown, "is neither a parameter here (station, message) nor a keyword of DICOM's data dictionary")
        )
    return keys


def _asked(asking: Asking, site: Site) -> dict[str, Any]:
    message = asking.captured
    return {
        "calling": asking.calling,
        "message": message.message.pk if message else None,
        "association": str(message.message.association_id) if message else None,
        "time": base.written(message.message.time, site, "milliseconds") if message else None,
        "ending": message.ending if message else None,
        "problem": asking.problem,
        "notes": list(asking.notes),
        **_answer(message),
    }


def _answer(message: Captured | None) -> dict[str, Any]:
    answer = message.response if message else None
    if answer is None or answer.status is None:
        return {"status": None, "status_name": "", "comment": "", "answer_count": None}
    return {
        "status": f"{answer.status:04X}",
        "status_name": answer.status_name,
        "comment": answer.comment,
        "answer_count": answer.answer_count,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {name: getattr(verdict, name) for name in VerdictOut.model_fields}


def _exclusion(one: Exclusion) -> dict[str, Any]:
    said = {name: getattr(one.verdict, name) for name in ("key", "tag", "name", "asked")}
    return {**said, "excludes": one.excludes, "alone": one.alone}


def _outcome(found: Outcome, site: Site) -> dict[str, Any]:
    return {
        "query": _asked(found.asking, site),
        "summary": found.summary,
        "got": found.got,
        "of": found.of,
        "now": found.now,
        "hidden": found.hidden,
        "compared": found.what,
        "cut": found.is_cut,
        "excluded_by": [_exclusion(one) for one in found.exclusions],
        "missed": [{"step": one.step_id, "excluded_by": list(one.against)} for one in found.exams],
    }
