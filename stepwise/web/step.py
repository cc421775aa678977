"""The page of one exam: where it is, its history, what its modality sees, what was performed, what is charged."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from ris import queries
from ris.models import ScheduledProcedureStep
from ris.permissions import requires
from ris.web import stair
from ris.web.access import page
from ris.web.live import live_page
from ris.web.steps import may_be_scheduled, offered


@page
@requires("steps.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One exam; it follows what happens to it by itself."""
    site = queries.default_site()
    step = get_object_or_404(queries.steps(site), pk=pk)
    treads, moments = stair.present(step)
    context = {
        "step": step,
        "procedure": step.requested_procedure,
        "order": step.requested_procedure.order,
        "patient": step.requested_procedure.order.patient,
        "siblings": _siblings(step),
        "treads": treads,
        "moments": sorted(moments, key=lambda moment: moment.at, reverse=True),
        "verbs": offered(step, request.user),
        "may_be_scheduled": may_be_scheduled(step, request.user),
    }
    return live_page(request, "stepwise/step.html", "stepwise/step_live.html", context)


def _siblings(step: ScheduledProcedureStep) -> list[ScheduledProcedureStep]:
    """All steps of the order, when it has more than this one."""
    steps = list(queries.steps(step.site).filter(requested_procedure__order=step.requested_procedure.order))
    return steps if len(steps) > 1 else []
