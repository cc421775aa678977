"""The page of one exam: where it is, its history, what its modality sees, what was performed, what is charged."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from billing import late
from billing import queries as billing_queries
from billing import web as billing_web
from mpps import presenters as mpps_presenters
from mpps import queries as mpps_queries
from ris import audit, queries
from ris.models import ScheduledProcedureStep
from ris.permissions import allowed, requires
from ris.web import attributes, datasets, live, stair
from ris.web.access import one_of, page, site_of
from ris.web.attributes import Line
from ris.web.disclosure import disclose
from ris.web.stair import Moment
from ris.web.steps import may_be_scheduled, offered
from stepwise.named import disclose_queries
from stepwise.web import explanations, findings, histories
from worklist import queries as worklist_queries

SERVED = "what a modality that asks is shown"
NOT_SERVED = "on no worklist now; this is what it would say"


@page
@requires("steps.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One exam; it follows what happens to it by itself."""
    present = live.state(request, histories.ALL)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    step = one_of(queries.steps(site), pk=pk)
    treads, moments = stair.present(step)
    performed = list(mpps_queries.performed_for(step))
    disclose(request, audit.PROCEDURE, step, *performed)
    moments += [moment for one in performed for moment in mpps_presenters.moments(mpps_presenters.messages(one))]
    context = {
        "step": step,
        "procedure": step.requested_procedure,
        "order": step.requested_procedure.order,
        "patient": step.requested_procedure.order.patient,
        "siblings": _siblings(step),
        "lines": _lines(step),
        "performed": [mpps_presenters.shown(one) for one in performed],
        "item": datasets.shown(worklist_queries.item_for(step), "item", request.GET.get("item", "")),
        "item_note": SERVED if worklist_queries.is_served(step) else NOT_SERVED,
        "verbs": offered(step, request.user),
        "may_be_scheduled": may_be_scheduled(step, request.user),
    }
    if allowed(request.user, "worklist.explain"):
        context["seen_by"] = seen = explanations.seen_by(step)
        disclose_queries(request, site, (one.explained.asking for one in seen), pk)
        context["item_findings"] = findings.of_step(step)
    if allowed(request.user, "charges.view"):
        charges = billing_queries.of_procedures(site, [step.requested_procedure_id]).get(step.requested_procedure_id, [])
        context["charges"] = [billing_web.shown(charge) for charge in charges]
        no_charge = billing_queries.no_charges_of(site, [step.requested_procedure_id]).get(step.requested_procedure_id)
        context["no_charge"] = no_charge
        context |= _uncharged(request, step) if not charges and not no_charge else {}
        treads.append(billing_web.tread(charges, no_charge))
        moments += [moment for charge in charges for moment in billing_web.moments(charge)]
        moments += [billing_web.decided(one) for one in step.requested_procedure.no_charges.all()]
    context |= {"treads": treads, "moments": _latest_first(moments)}
    return live.live_page(request, "stepwise/step.html", "stepwise/step_live.html", context, present=present)


def _uncharged(request: HttpRequest, step: ScheduledProcedureStep) -> dict[str, Any]:
    """That it ended without a charge, if it did."""
    found = late.of_procedure(step.requested_procedure)
    worth = found.draft.amount if found and found.draft else None
    return {
        "late": found,
        "late_amount": "" if worth is None else billing_web.money(worth),
        "may_charge": allowed(request.user, "charges.edit"),
    }


_SHOWN = {
    "ScheduledProcedureStepDescription",
    "RequestedProcedureDescription",
    "RequestedProcedurePriority",
    "ReferringPhysicianName",
    "RequestingService",
    "ReasonForTheRequestedProcedure",
}
"""Attributes that the page shows at places of their own."""


def _lines(step: ScheduledProcedureStep) -> list[Line]:
    """What staff set of the exam, its order, its procedure and the visit."""
    procedure = step.requested_procedure
    records = {"step": step, "order": procedure.order, "procedure": procedure, "visit": procedure.order.visit}
    return [line for name, record in records.items() for line in attributes.lines(record, name, without=_SHOWN)]


def _latest_first(moments: list[Moment]) -> list[Moment]:
    """Of what happened at the same moment the later recorded one first."""
    return sorted(moments, key=lambda moment: moment.at)[::-1]


def _siblings(step: ScheduledProcedureStep) -> list[ScheduledProcedureStep]:
    """All steps of the order, when it has more than this one."""
    steps = list(queries.steps(step.site).filter(requested_procedure__order=step.requested_procedure.order))
    return steps if len(steps) > 1 else []
