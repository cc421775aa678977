"""REST of findings: what is wrong with a worklist item, and what was odd about a station's queries and answers."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from ris import audit, queries
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, ListQuery, Page, refusals
from ris.models import Site
from ris.web.disclosure import disclose
from stepwise.web import findings
from stepwise.web.findings import Line, Shown
from worklist import backlog

router = Router(tags=["findings"])


class ItemFindingOut(Schema):
    """`attribute` is a path of keywords; `station_ae_title` is null for what holds for every station."""

    code: str
    attribute: str
    text: str
    paragraph: str
    advice: str
    station_ae_title: str | None


class StationFindingOut(Schema):
    """`step` is null for what concerns the query. `is_past`: the exam was put right since."""

    code: str
    attribute: str
    text: str
    advice: str
    step: int | None
    scheduled_procedure_step_id: str | None
    first_seen: Instant
    last_seen: Instant
    count: int
    is_past: bool


class StationFindings(Page[StationFindingOut]):
    """`waiting` answers to the station are not linted yet; `left` more are not before it asks again: the server stopped meanwhile, or they
    were too many."""

    waiting: int
    left: int


@router.get(
    "/scheduled-steps/{int:step_id}/findings",
    auth=Bearer("worklist.explain"),
    response={200: Page[ItemFindingOut], **refusals(404)},
)
def of_step(request: HttpRequest, step_id: int) -> dict[str, Any]:
    """What modalities would stumble over in the item of a step as it is now."""
    step = queries.step(base.site_of(request), step_id)
    disclose(request, audit.PROCEDURE, step)
    found = findings.of_step(step)
    return {"items": [_of_item(one) for one in found], "count": len(found)}


@router.get("/stations/{path:ae_title}/findings", auth=Bearer("worklist.explain"), response={200: StationFindings, **refusals(422)})
def of_station(request: HttpRequest, ae_title: base.Line, query: Query[ListQuery]) -> dict[str, Any]:
    """What was odd about the queries of an AE title and about the answers to it, the latest first."""
    site = base.site_of(request)
    rows, count = base.cut(request, query, findings.recorded(site, ae_title).select_related("step"))
    behind = backlog.of(site, ae_title)
    items = [_of_station(line, site) for line in findings.lines(rows)]
    return {"items": items, "count": count, "waiting": behind.waiting, "left": behind.left}


def _of_item(one: Shown) -> dict[str, Any]:
    found, rule = one.finding, one.finding.rule
    said = {"code": found.code, "attribute": found.attribute, "text": found.text}
    return {**said, "paragraph": rule.paragraph, "advice": rule.advice, "station_ae_title": one.ae_title or None}


def _of_station(line: Line, site: Site) -> dict[str, Any]:
    row = line.finding
    return {
        **{name: getattr(row, name) for name in ("code", "attribute", "text", "count")},
        "advice": line.advice,
        "step": row.step_id,
        "scheduled_procedure_step_id": row.step.scheduled_procedure_step_id if row.step else None,
        "first_seen": base.written(row.first_seen, site),
        "last_seen": base.written(row.last_seen, site),
        "is_past": line.is_past,
    }
