"""One order: its procedures with their steps, what can be added to it or canceled, and its history."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ris import audit, clock, queries
from ris.actions import additions, orders
from ris.actions.catalogue import StepData
from ris.actions.orders import Booking
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput, RisError
from ris.models import Order, RequestedProcedure, ScheduledProcedureStep, Site, Station, StationPool
from ris.permissions import requires
from ris.transitions import FINAL, WAITING
from ris.web import history
from ris.web.access import one_of, page, site_of
from ris.web.booking import BookingForm
from ris.web.disclosure import disclose
from ris.web.forms import SeenNumber
from ris.web.orders import first_modality, grouped, offer_for
from ris.web.rows import rows
from ris.web.steps import VERBS, ReasonForm

_CANCEL = next(verb for verb in VERBS if verb.key == "cancel")


def _order(site: Site, pk: int) -> Order:
    """The site's order with procedures and steps, or 404."""
    procedures = RequestedProcedure.objects.prefetch_related(Prefetch("steps", queryset=queries.steps(site)))
    found = Order.objects.select_related("site", "patient", "visit").prefetch_related(Prefetch("requested_procedures", queryset=procedures))
    return one_of(found, site=site, pk=pk)


def _is_open(steps: list[ScheduledProcedureStep]) -> bool:
    return any(step.status not in FINAL for step in steps)


@page
@requires("orders.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The order with all that belongs to it."""
    order = _order(site_of(request), pk)
    disclose(request, audit.ORDER, order)
    now, today = clock.now(order.site), clock.today(order.site)
    procedures = []
    for procedure in order.requested_procedures.all():
        steps = list(procedure.steps.all())
        waits = any(step.status in WAITING for step in steps)
        procedures.append({"procedure": procedure, "rows": rows(steps, now, today), "is_open": _is_open(steps), "waits": waits})
    moments = [*history.of_record("order", order.pk), history.ordered(order.ordered_at, order.ordered_by)]
    context = {
        "order": order,
        "patient": order.patient,
        "procedures": procedures,
        "is_open": any(one["is_open"] for one in procedures),
        "waits": any(one["waits"] for one in procedures),
        "moments": moments,
    }
    return render(request, "ris/order_page.html", context)


class AdditionForm(BookingForm):
    """What is added may be booked at once; place and start stay empty for the tray."""

    why = forms.CharField(label="Why it is added", required=False, help_text="Kept in the history of the order")
    version = SeenNumber()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("place", "start"):
            self.fields[name].required = False
        self.fields["start"].help_text = "Leave station and start empty to schedule it later"

    def booking(self) -> Booking:
        return Booking(station_ae_title=self.cleaned_data["place"], start=self.cleaned_data["start"])


class ProcedureForm(AdditionForm):
    procedure = forms.ChoiceField(label="Procedure", error_messages={"required": "Procedure: choose one"})
    field_order = ("procedure", "place", "start", "why")

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        catalogue = queries.catalogue(site)
        field = self.fields["procedure"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = grouped(catalogue)
        chosen = str(self["procedure"].value() or "")
        self.chosen = next((one for one in catalogue if one.code == chosen), None)
        self.set_places(site, first_modality(self.chosen))


class StepForm(AdditionForm):
    description = forms.CharField(label="What is done", error_messages={"required": "What is done: write it"})
    modality = forms.CharField(label="Modality", error_messages={"required": "Modality: name one, for example CT"})
    duration_minutes = forms.IntegerField(label="Minutes", error_messages={"required": "Minutes: say how long it takes"})
    field_order = ("description", "modality", "duration_minutes", "place", "start", "why")

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["place"]
        assert isinstance(field, forms.ChoiceField)
        stations = Station.objects.filter(site=site, enabled=True).prefetch_related("modalities").order_by("ae_title")
        able = [(one.ae_title, f"{one.ae_title} ({', '.join(row.modality for row in one.modalities.all())})") for one in stations]
        pools = [(pool.code, pool.name) for pool in StationPool.objects.filter(site=site)]
        field.choices = [("", "Later"), *able, *pools]

    def step_data(self) -> StepData:
        given = self.cleaned_data
        return StepData(given["description"], given["modality"], given["duration_minutes"])


_FIELDS = {"procedure_code": "procedure", "station_ae_title": "place", "reason": "why"}


def _add(request: HttpRequest, form: AdditionForm, add: Any, done: str) -> bool:
    """Add it; False with the errors in the form when it is refused."""
    try:
        add()
    except RisError as error:
        form.not_booked(error, _FIELDS)
        return False
    messages.success(request, done)
    return True


@page
@requires("orders.change")
def add_procedure(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a procedure of the catalogue to the order."""
    order = _order(site_of(request), pk)
    form = ProcedureForm(order.site, request.POST or None, initial={"version": order.version})
    if request.method == "POST" and form.is_valid():
        given, actor = form.cleaned_data, Actor.user(request.user)
        if _add(
            request,
            form,
            lambda: additions.add_procedure(
                order, given["procedure"], actor, form.booking(), reason=given["why"], expected_version=given["version"]
            ),
            f"{form.chosen} is added under accession {orders.named(order)}.",
        ):
            return redirect("order", order.pk)
    steps = [step for procedure in order.requested_procedures.all() for step in procedure.steps.all()]
    context: dict[str, Any] = {"form": form, "order": order, "patient": order.patient, "is_open": _is_open(steps)}
    context |= {"chosen": form.chosen, "offer": offer_for(form, order.site, form.chosen)}
    disclose(request, audit.ORDER, order, *context["offer"].exams)
    return render(request, "ris/order_add_procedure.html", context, status=422 if form.errors else 200)


@page
@requires("orders.change")
def add_step(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a step to a procedure."""
    procedure = one_of(RequestedProcedure.objects.select_related("site"), site=site_of(request), pk=pk)
    order, steps = _order(procedure.site, procedure.order_id), list(procedure.steps.all())
    initial = {"version": order.version, "modality": steps[-1].modality if steps else "", "duration_minutes": 15}
    form = StepForm(order.site, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given, actor = form.cleaned_data, Actor.user(request.user)
        if _add(
            request,
            form,
            lambda: additions.add_step(
                procedure, form.step_data(), actor, form.booking(), reason=given["why"], expected_version=given["version"]
            ),
            f"{given['description']} is added to {procedure.description or procedure.requested_procedure_id}.",
        ):
            return redirect("order", order.pk)
    disclose(request, audit.ORDER, order)
    context = {"form": form, "order": order, "patient": order.patient, "procedure": procedure, "is_open": _is_open(steps)}
    return render(request, "ris/order_add_step.html", context, status=422 if form.errors else 200)


@page
@requires("steps.cancel")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel what has not begun of the order."""
    order = _order(site_of(request), pk)
    steps = [step for procedure in order.requested_procedures.all() for step in procedure.steps.all()]
    return _cancel(request, order, steps, "order", lambda *given: orders.cancel_order(order, *given))


@page
@requires("steps.cancel")
def cancel_procedure(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel what has not begun of one procedure."""
    procedure = one_of(RequestedProcedure.objects.select_related("site"), site=site_of(request), pk=pk)
    order, steps = _order(procedure.site, procedure.order_id), list(procedure.steps.all())
    return _cancel(request, order, steps, "procedure", lambda *given: orders.cancel_procedure(procedure, *given))


def _cancel(request: HttpRequest, order: Order, steps: list[ScheduledProcedureStep], what: str, act: Any) -> HttpResponse:
    waiting = [step for step in steps if step.status in WAITING]
    form = ReasonForm(_CANCEL.reasons, request.POST or None, initial={"version": order.version})
    if request.method == "POST" and form.is_valid() and form.has_reason():
        try:
            canceled = act(Actor.user(request.user), form.reason, form.cleaned_data["version"])
        except InvalidInput as error:
            form.take(error, {"reason": "note"})
        except Conflict as error:
            form.refuse(error)
        else:
            count = len(canceled)
            messages.success(request, f"{count} exam{'s' if count > 1 else ''} of accession {orders.named(order)} canceled.")
            return redirect("order", order.pk)
    disclose(request, audit.ORDER, order)
    begun = len(steps) - len(waiting)
    stays = f" {begun} that {'have' if begun > 1 else 'has'} begun or ended stay{'' if begun > 1 else 's'} as it is." if begun else ""
    exams = "1 exam" if len(waiting) == 1 else f"{len(waiting)} exams"
    context = {
        "form": form,
        "order": order,
        "patient": order.patient,
        "title": f"Cancel this {what}",
        "button": f"Cancel {exams}",
        "stops": True,
        "refused": "" if waiting else f"Nothing of this {what} waits any more; what has begun ends at its modality.",
        "means": f"{exams} will be off the worklists at the next query, the time becomes free, nothing is charged for it.{stays}",
        "back": reverse("order", args=[order.pk]),
    }
    return render(request, "ris/reason.html", context, status=422 if form.errors else 200)
