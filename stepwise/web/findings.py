"""What is odd about a worklist item and about a station's queries and answers: on the exam's page, and on the station's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from mpps.models import PerformedProcedureStep
from ris import audit, clock
from ris.models import ScheduledProcedureStep, Site, Station
from ris.permissions import requires
from ris.web import live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.renamed import at_its_title
from stepwise import station_mpps
from stepwise.station_mpps import Told
from worklist import backlog, lint, lint_rules
from worklist import queries as worklist_queries
from worklist.lint import Finding
from worklist.models import WorklistEntry, WorklistFinding

MAX_ROWS = 200


@dataclass(frozen=True)
class Shown:
    """A finding of the lint of an exam, and the station that it is about when it is not about all."""

    finding: Finding
    ae_title: str = ""


def of_step(step: ScheduledProcedureStep) -> list[Shown]:
    """What is wrong with the item as it is now, and what the character sets of its stations cannot show of it."""
    encoded = worklist_queries.encoded_item_for(step)
    sets = {row.station.ae_title: row.station.character_set for row in step.stations.all() if row.station is not None}
    found = [Shown(one) for one in lint.lint(encoded)]
    return found + [Shown(one, title) for title, declared in sets.items() for one in lint.lint_for(encoded, declared)]


@dataclass(frozen=True)
class Line:
    """A finding of a station's. `is_past`: the exam was put right since, so that the lint does not find it any more. `status` is that of
    the answer to a query that was refused."""

    finding: WorklistFinding
    look: str
    advice: str
    is_past: bool
    paragraph: str = ""
    status: int | None = None


class About(StrEnum):
    """What a row of a station's list is about, in words."""

    QUERY = "Worklist query"
    ANSWER = "Worklist answer"
    PERFORMED = "Performed step"
    REFUSED = "MPPS message, refused"


@dataclass(frozen=True)
class Noted:
    """A row of a station's list: about a query, an answer or what it reported. `step` or `performed` is the exam."""

    at: datetime
    code: str
    look: str
    text: str
    attribute: str
    rule: str
    tell: str
    about: About
    step: ScheduledProcedureStep | None = None
    performed: PerformedProcedureStep | None = None
    first: datetime | None = None
    times: int = 1
    is_past: bool = False
    status: int | None = None
    """Of a refusal."""


@page
@requires("worklist.explain")
@at_its_title
def of_station(request: HttpRequest, ae_title: str) -> HttpResponse:
    """What was odd about what an AE title asked, was answered and reported, the latest first."""
    site = site_of(request)
    shown, count = noted(site, ae_title, 0, MAX_ROWS)
    disclose(request, audit.LIST, *filter(None, (exam for one in shown for exam in (one.step, one.performed))), asked={"station": ae_title})
    context = {
        "ae_title": ae_title,
        "station": Station.objects.filter(site=site, ae_title=ae_title).first(),
        "noted": shown,
        "is_capped": count > MAX_ROWS,
        "most": MAX_ROWS,
        "behind": backlog.of(site, ae_title),
        "today": clock.today(site),
    }
    return live.live_page(request, "stepwise/station_findings.html", "stepwise/station_findings_live.html", context)


def noted(site: Site, ae_title: str, start: int, stop: int) -> tuple[list[Noted], int]:
    """What was odd about the worklist and about performed steps in one list, the latest first: a part of it, and the number of all."""
    asked, performed, refused = recorded(site, ae_title), station_mpps.odd(site, ae_title), station_mpps.refused(site, ae_title)
    count = asked.count() + performed.count() + len(refused)
    if start >= count:
        return [], count
    keys = [
        *((at, _ASKED, pk) for at, pk in asked.values_list("last_seen", "pk")[:stop]),
        *((at, _PERFORMED, pk) for at, pk in performed.values_list("at", "pk")[:stop]),
        *((one.at, _REFUSED, number) for number, one in enumerate(refused)),
    ]
    part = sorted(keys, reverse=True)[start:stop]
    lined = lines(list(asked.filter(pk__in=_of(part, _ASKED)).select_related("step__requested_procedure__order__patient")))
    told = [*station_mpps.of_findings(performed.filter(pk__in=_of(part, _PERFORMED))), *(refused[number] for number in _of(part, _REFUSED))]
    return sorted([*map(_of_line, lined), *map(_of_told, told)], key=lambda one: one.at, reverse=True), count


_ASKED, _PERFORMED, _REFUSED = range(3)
_Key = tuple[datetime, int, int]


def _of(keys: list[_Key], table: int) -> list[int]:
    return [pk for _, its, pk in keys if its == table]


def _of_line(line: Line) -> Noted:
    one = line.finding
    about = About.ANSWER if one.step else About.QUERY
    look = "PASS" if line.is_past else line.look
    seen = one.last_seen, one.code, look, one.text, one.attribute, line.paragraph, line.advice, about
    return Noted(*seen, step=one.step, first=one.first_seen, times=one.count, is_past=line.is_past, status=line.status)


def _of_told(one: Told) -> Noted:
    about = About.PERFORMED if one.performed else About.REFUSED
    seen = one.at, one.code, one.look, one.text, one.attribute, one.paragraph, one.tell, about
    return Noted(*seen, performed=one.performed, first=one.first, times=one.times, status=one.status)


def recorded(site: Site, ae_title: str) -> QuerySet[WorklistFinding]:
    return WorklistFinding.objects.filter(site=site, station_ae_title=ae_title).order_by("-last_seen", "-pk")


def lines(found: list[WorklistFinding]) -> Iterator[Line]:
    """With what the rules say of each, and whether it still holds."""
    entries = WorklistEntry.objects.filter(pk__in={one.step_id for one in found if one.step_id})
    present = {(pk, one.code, one.attribute) for pk, item in entries.values_list("pk", "item") for one in lint.lint(bytes(item))}
    for one in found:
        rule = lint_rules.BY_CODE.get(one.code)
        is_lint = rule is not None and one.step_id is not None and rule.code != lint_rules.NOT_IN_CHARACTER_SET
        is_past = is_lint and (one.step_id, one.code, one.attribute) not in present
        of_query = None if rule else lint_rules.OF_QUERIES.get(one.code)
        said = rule or of_query
        look, advice, paragraph = (said.look, said.advice, said.paragraph) if said else (lint_rules.WARNING, "", "")
        yield Line(one, look, advice, is_past, paragraph, of_query.status if of_query else None)
