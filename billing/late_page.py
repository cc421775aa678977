"""What a biller does about work that ended and was not captured: charge it now, or say that nothing is charged for it, and why."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing import late
from billing.actions import late as actions
from billing.withdrawing import SeenReasonForm
from mpps import queries as mpps_queries
from ris import audit, queries
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict
from ris.permissions import requires
from ris.web.access import one_of, page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import seen_text

_OF_EXAM = ("Imported, and charged elsewhere", "Not performed", "Free of charge")
_WITHOUT_ORDER = ("Test of the modality", "Charged elsewhere", "Repeated for technical reasons", "Free of charge")


@page
@requires("charges.edit")
@require_POST
def capture(request: HttpRequest, pk: int) -> HttpResponse:
    """Charge what ended without a charge, of the exam's procedure."""
    step = one_of(queries.steps(site_of(request)), pk=pk)
    try:
        charge = actions.capture_now(step.requested_procedure, Actor.user(request.user), seen_text(request))
    except ChangedMeanwhile:
        raise
    except Conflict as error:
        messages.error(request, f"Nothing is charged. {error}")
        return redirect("step", pk)
    what = f"is on hold: {charge.on_hold}" if charge.on_hold else "will be sent"
    messages.success(request, f"Charge {charge.control_id} is captured and {what}")
    return redirect("charge", charge.pk)


@page
@requires("charges.edit")
def nothing_for_exam(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that nothing is charged for the procedure of an exam that ended without a charge."""
    step = one_of(queries.steps(site_of(request)), pk=pk)
    procedure = step.requested_procedure
    disclose(request, audit.PROCEDURE, step)
    context = {
        "patient_name": procedure.order.patient.name,
        "number": procedure.order.accession_number,
        "what": procedure.meaning or procedure.description or step.description,
        "means": "It leaves Unbilled work and stands under Nothing to charge. What is performed for it later is captured, and held.",
        "back": reverse("step", args=[pk]),
    }
    seen = late.mark_of(procedure)
    return _decide(request, _OF_EXAM, seen, context, lambda *said: actions.charge_nothing(procedure, *said))


@page
@requires("charges.edit")
def nothing_for_performed(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that nothing is charged for what was performed without an order."""
    performed = one_of(mpps_queries.performed_steps(site_of(request)), pk=pk)
    disclose(request, audit.PROCEDURE, performed)
    context = {
        "patient_name": performed.patient_name,
        "number": performed.performed_procedure_step_id,
        "what": performed.description or performed.modality,
        "means": "It leaves Unbilled work and stands under Nothing to charge. That stays; only a later charge for it takes its place.",
        "back": reverse("performed-step", args=[pk]),
    }
    seen = late.mark_of_performed(performed)
    return _decide(request, _WITHOUT_ORDER, seen, context, lambda *said: actions.charge_nothing_for(performed, *said))


def _decide(
    request: HttpRequest, reasons: tuple[str, ...], seen: str, context: dict[str, Any], verb: Callable[[Actor, str, str], object]
) -> HttpResponse:
    form = SeenReasonForm(reasons, request.POST if request.method == "POST" else None, initial={"seen": seen})
    if request.method == "POST" and form.is_valid() and form.has_reason():
        try:
            verb(Actor.user(request.user), form.reason, form.cleaned_data["seen"])
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, "Nothing is charged for it, as its history says.")
            return redirect(context["back"])
    return render(request, "billing/nothing_reason.html", {**context, "form": form}, status=422 if form.errors else 200)
