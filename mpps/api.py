"""REST of performed procedure steps."""

from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from ninja import Query, Router, Schema

from mpps import destination_queries, queries
from mpps.destination_api import DeliveryOut
from mpps.destination_api import shown as show_delivery
from mpps.models import PerformedProcedureStep
from mpps.transitions import STATUSES
from ris import audit
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Day, Instant, Line, ListQuery, Page, refusals
from ris.web.disclosure import disclose

router = Router(tags=["performed steps"])


class RelatedStep(Schema):
    """A scheduled step by our own id, and how it was found: STEP_ID, ACCESSION, STUDY_UID or HAND."""

    id: int
    how: str


class SeriesOut(Schema):
    """Names of several people are separated by a backslash."""

    series_instance_uid: str
    description: str
    protocol_name: str
    operators_name: str
    performing_physician_name: str
    retrieve_ae_title: str
    image_count: int
    non_image_count: int


class FindingOut(Schema):
    """Something odd that was tolerated; `attribute` is the keyword path of what it is about."""

    code: str
    text: str
    attribute: str
    at: Instant


class DiscontinuationReason(Schema):
    code: str
    scheme: str
    meaning: str


class PerformedStepOut(Schema):
    """A performed step; `started_at` and `ended_at` are null when the modality sent none that can be read."""

    sop_instance_uid: str
    performed_procedure_step_id: str
    status: str
    station_ae_title: str
    modality: str
    started_at: Instant | None
    ended_at: Instant | None
    patient_id: str
    patient_name: str
    accession_numbers: list[str]
    scheduled_steps: list[RelatedStep]
    unscheduled: bool
    discontinuation_reason: DiscontinuationReason | None
    series: list[SeriesOut]
    findings: list[FindingOut]
    deliveries: list[DeliveryOut]


class PerformedStepQuery(ListQuery):
    accession_number: Line = ""
    status: Line = ""
    station_ae_title: Line = ""
    date: Day | None = None


@router.get("/performed-steps", auth=Bearer("performed.view"), response={200: Page[PerformedStepOut], **refusals(422)})
def list_performed_steps(request: HttpRequest, query: Query[PerformedStepQuery]) -> dict[str, Any]:
    """Performed steps, the latest first. `date` is the hospital's local date on which the step began."""
    site = base.site_of(request)
    found = queries.filtered(
        site,
        accession_number=query.accession_number,
        status=base.one_of("status", query.status, STATUSES) or "",
        station_ae_title=base.station_title("station_ae_title", site, query.station_ae_title),
        day=query.date,
    )
    return base.page(request, query, found.prefetch_related(destination_queries.beside()), _show, discloses=True)


@router.get("/performed-steps/{sop_instance_uid}", auth=Bearer("performed.view"), response={200: PerformedStepOut, **refusals(404)})
def get_performed_step(request: HttpRequest, sop_instance_uid: Line) -> dict[str, Any]:
    """The performed step of a SOP Instance UID."""
    performed = queries.performed_step(base.site_of(request), sop_instance_uid)
    disclose(request, audit.PROCEDURE, performed)
    prefetch_related_objects([performed], destination_queries.beside())
    return _show(performed)


def _show(performed: PerformedProcedureStep) -> dict[str, Any]:
    site = performed.site
    return {
        "sop_instance_uid": performed.sop_instance_uid,
        "performed_procedure_step_id": performed.performed_procedure_step_id,
        "status": performed.status,
        "station_ae_title": performed.station_ae_title,
        "modality": performed.modality,
        "started_at": base.written(performed.started_at, site),
        "ended_at": base.written(performed.ended_at, site),
        "patient_id": performed.patient_id,
        "patient_name": performed.patient_name,
        "accession_numbers": queries.accession_numbers(performed),
        "scheduled_steps": [{"id": link.step_id, "how": link.how} for link in performed.links.all() if link.step_id],
        "unscheduled": performed.unscheduled,
        "discontinuation_reason": _reason(performed),
        "series": [{name: getattr(series, name) for name in SeriesOut.model_fields} for series in performed.series.all()],
        "findings": [
            {"code": finding.code, "text": finding.text, "attribute": finding.attribute, "at": base.written(finding.at, site)}
            for finding in performed.findings.all()
        ],
        "deliveries": [show_delivery(row) for row in performed.deliveries.all()],
    }


def _reason(performed: PerformedProcedureStep) -> dict[str, str] | None:
    if not performed.discontinuation_reason_code:
        return None
    return {
        "code": performed.discontinuation_reason_code,
        "scheme": performed.discontinuation_reason_scheme,
        "meaning": performed.discontinuation_reason_meaning,
    }
