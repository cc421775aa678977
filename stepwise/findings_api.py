"""REST of findings: what is wrong with a worklist item, and what was odd about what a station asked, was answered and reported."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from ris import audit, queries, titles
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, ListQuery, Page, refusals
from ris.errors import NotFound
from ris.models import Site
from ris.web.disclosure import disclose
from stepwise.web import findings
from stepwise.web.findings import Noted, Shown
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
    """`about` is QUERY, ANSWER, PERFORMED (an N-CREATE or N-SET that was taken) or REFUSED (one that was not).

    `status`, in hexadecimal, is that of the answer to what was refused: an N-CREATE, an N-SET or a query.

    `step` is the exam of an answer, `performed_step` the SOP Instance UID of what was performed; each is null for everything else.
    `paragraph` is of the standard or of IHE. `is_past`: the exam was put right since.
    """

    about: str
    code: str
    attribute: str
    text: str
    advice: str
    paragraph: str
    step: int | None
    scheduled_procedure_step_id: str | None
    performed_step: str | None
    status: str | None
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


@router.get("/stations/{path:ae_title}/findings", auth=Bearer("worklist.explain"), response={200: StationFindings, **refusals(404, 422)})
def of_station(request: HttpRequest, ae_title: base.Line, query: Query[ListQuery]) -> dict[str, Any]:
    """What was odd about what an AE title asked, was answered and reported, the latest first: what its page of findings shows."""
    base.known_parameters(request, query)
    site = base.site_of(request)
    if moved := titles.moved(site, ae_title):
        raise NotFound(moved)
    found, count = findings.noted(site, ae_title, query.offset, query.offset + query.limit)
    disclose(request, audit.LIST, *filter(None, (exam for one in found for exam in (one.step, one.performed))), asked={"station": ae_title})
    behind = backlog.of(site, ae_title)
    items = [_of_station(one, site) for one in found]
    return {"items": items, "count": count, "waiting": behind.waiting, "left": behind.left}


def _of_item(one: Shown) -> dict[str, Any]:
    found, rule = one.finding, one.finding.rule
    said = {"code": found.code, "attribute": found.attribute, "text": found.text}
    return {**said, "paragraph": rule.paragraph, "advice": rule.advice, "station_ae_title": one.ae_title or None}


def _of_station(one: Noted, site: Site) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("code", "attribute", "text", "is_past")},
        "about": one.about.name,
        "advice": one.tell,
        "paragraph": one.rule,
        "step": one.step.pk if one.step else None,
        "scheduled_procedure_step_id": one.step.scheduled_procedure_step_id if one.step else None,
        "performed_step": one.performed.sop_instance_uid if one.performed else None,
        "status": None if one.status is None else f"{one.status:04X}",
        "count": one.times,
        "first_seen": base.written(one.first, site),
        "last_seen": base.written(one.at, site),
    }
