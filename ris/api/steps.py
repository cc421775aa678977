"""Scheduled procedure steps: finding them, and the verbs of the front desk."""

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from ris import audit, clock, queries
from ris.actions import steps as verbs
from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Day, Instant, Line, ListQuery, Moment, Page, refusals
from ris.models import ScheduledProcedureStep, Site
from ris.transitions import STATUSES
from ris.web.disclosure import disclose

router = Router(tags=["scheduled steps"])


class StepOut(Schema):
    """A scheduled procedure step; station, start and end are null while it waits in the tray."""

    id: int
    scheduled_procedure_step_id: str
    status: str
    station_ae_title: str | None
    station_ae_titles: list[str]
    modality: str
    description: str
    start: Instant | None
    end: Instant | None
    accession_number: str
    patient_id: str
    patient_name: str
    study_instance_uid: str
    requested_procedure_id: str


class StepQuery(ListQuery):
    accession_number: Line = ""
    patient_id: Line = ""
    status: Line = ""
    station_ae_title: Line = ""
    date: Day | None = None


class Cancellation(Body):
    reason: str


class Booking(Body):
    """`station_ae_title` may be the code of a pool. Without `end` the step keeps its length."""

    station_ae_title: Line
    start: Moment
    end: Moment | None = None


_STEP = {200: StepOut, **refusals(404, 409, 422)}


@router.get("/scheduled-steps", auth=Bearer("steps.view"), response={200: Page[StepOut], **refusals(422)})
def list_scheduled_steps(request: HttpRequest, query: Query[StepQuery]) -> dict[str, Any]:
    """Steps in order of start, those in the tray last. `date` is the hospital's local date of the start."""
    return base.page(request, query, _found(base.site_of(request), query), show_step, discloses=True)


@router.post("/scheduled-steps/{step_id}/arrive", auth=Bearer("steps.arrive"), response=_STEP)
def arrive(request: HttpRequest, step_id: int) -> dict[str, Any]:
    """The patient is here."""
    site = base.site_of(request)
    verbs.arrive(_id(site, step_id), caller(request).actor)
    return _again(request, site, step_id)


@router.post("/scheduled-steps/{step_id}/cancel", auth=Bearer("steps.cancel"), response=_STEP)
def cancel(request: HttpRequest, step_id: int, body: Cancellation) -> dict[str, Any]:
    """Take an exam that has not begun off the worklist."""
    site = base.site_of(request)
    verbs.cancel(_id(site, step_id), caller(request).actor, body.reason)
    return _again(request, site, step_id)


@router.post("/scheduled-steps/{step_id}/reschedule", auth=Bearer("steps.schedule"), response=_STEP)
def reschedule(request: HttpRequest, step_id: int, body: Booking) -> dict[str, Any]:
    """Book a step that has not begun on a station and time, or move it there."""
    site = base.site_of(request)
    verbs.schedule(_id(site, step_id), body.station_ae_title, body.start, caller(request).actor, end=body.end)
    return _again(request, site, step_id)


def _found(site: Site, query: StepQuery) -> QuerySet[ScheduledProcedureStep]:
    found = queries.steps(site).order_by(F("start").asc(nulls_last=True), "pk")
    status = base.one_of("status", query.status, STATUSES)
    if status is not None:
        found = found.filter(status=status)
    if query.accession_number or query.patient_id:
        found = found.filter(pk__in=queries.step_ids(site, query.accession_number, query.patient_id))
    if query.station_ae_title:
        found = queries.on_list(found, site, base.station_title("station_ae_title", site, query.station_ae_title))
    if query.date is not None:
        first, after = clock.day_bounds(query.date, site)
        found = found.filter(start__gte=first, start__lt=after)
    return found


def _id(site: Site, step_id: int) -> int:
    """The id, when a step of this site has it; NotFound otherwise."""
    return queries.step(site, step_id).pk


def _again(request: HttpRequest, site: Site, step_id: int) -> dict[str, Any]:
    """The step as a GET shows it now."""
    step = queries.step(site, step_id)
    disclose(request, audit.PROCEDURE, step)
    return show_step(step)


def show_step(step: ScheduledProcedureStep) -> dict[str, Any]:
    """A step of `queries.steps`, as StepOut."""
    procedure = step.requested_procedure
    titles = [row.ae_title for row in step.stations.all()]
    return {
        "id": step.pk,
        "scheduled_procedure_step_id": step.scheduled_procedure_step_id,
        "status": step.status,
        "station_ae_title": titles[0] if titles else None,
        "station_ae_titles": titles,
        "modality": step.modality,
        "description": step.description,
        "start": base.written(step.start, step.site),
        "end": base.written(step.end, step.site),
        "accession_number": procedure.order.accession_number,
        "patient_id": procedure.order.patient.patient_id,
        "patient_name": procedure.order.patient.name,
        "study_instance_uid": procedure.study_instance_uid,
        "requested_procedure_id": procedure.requested_procedure_id,
    }
