"""Changing what staff set of an exam: the step, its procedure, its order and the visit, on one page."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ris import audit, queries
from ris.actions import edits, orders, visits
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import Order, ScheduledProcedureStep, Visit
from ris.permissions import requires
from ris.web.access import one_of, page, site_of
from ris.web.attributes import AttributesForm, Part
from ris.web.disclosure import disclose
from ris.web.forms import SeenNumber, SeenText
from ris.web.meanwhile import SeenValues


class ExamForm(AttributesForm):
    """The attributes of the exam's records, and why they change."""

    reason = forms.CharField(label="Why it changes", required=False, help_text="Kept in the history")
    step_version = SeenNumber()
    order_version = SeenNumber()
    visit_seen = SeenText()
    opened = SeenValues()

    def __init__(self, records: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_records(records)

    @property
    def versions(self) -> tuple[int, int]:
        return self.cleaned_data["step_version"], self.cleaned_data["order_version"]


@page
@requires("orders.change")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an exam's attributes; refused when somebody else changed one of its records since the form was opened."""
    step = one_of(queries.steps(site_of(request)), pk=pk)
    procedure = step.requested_procedure
    order = procedure.order
    records = {"step": step, "procedure": procedure, "order": order, "visit": order.visit or Visit()}
    seen = {"step_version": step.version, "order_version": order.version, "visit_seen": visits.mark(order.visit)}
    form = ExamForm(records, request.POST or None, initial=seen)
    if request.method == "POST" and form.is_valid() and _save(request, form, step):
        return redirect("step", step.pk)
    disclose(request, audit.PROCEDURE, step)
    context = {"step": step, "form": form, "parts": _parts(form, order)}
    return render(request, "ris/step_edit.html", context, status=422 if form.errors else 200)


def _save(request: HttpRequest, form: ExamForm, step: ScheduledProcedureStep) -> bool:
    typed: dict[str, dict[str, Any]] = {name: form.typed(name) for name in edits.RECORDS}
    expected = {"expected_versions": form.versions, "expected_visit": form.cleaned_data["visit_seen"]}
    try:
        edits.edit_exam(step.pk, typed, Actor.user(request.user), reason=form.cleaned_data["reason"], **expected)
    except InvalidInput as error:
        form.take(error)
        return False
    except Conflict as error:
        form.refuse(error)
        return False
    exam = orders.named(step.requested_procedure.order)
    if any(typed.values()):
        messages.success(request, f"The exam {exam} is changed; the worklists follow at once.")
    else:
        messages.info(request, f"Nothing of the exam {exam} was changed.")
    return True


def _parts(form: ExamForm, order: Order) -> list[Part]:
    exams = ScheduledProcedureStep.objects.filter(requested_procedure__order=order).count()
    shared = f"for all {exams} exams of the order" if exams > 1 else ""
    return [
        form.part("step", "Exam"),
        form.part("procedure", "Procedure"),
        form.part("order", "Order", shared),
        form.part("visit", "Visit", "" if order.visit else "none yet; it is made when something of it is said"),
    ]
