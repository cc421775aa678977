"""Ordering an exam: the patient, the procedure of the catalogue, the station and the time, or a place in the tray."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from ris import audit, queries
from ris.actions import orders
from ris.actions.booking import find_place, in_a_row
from ris.actor import Actor
from ris.attributes import TRANSPORT
from ris.errors import NotFound, RisError
from ris.models import Order, Patient, Procedure, ScheduledProcedureStep, Site, Visit
from ris.permissions import requires
from ris.validation import printable
from ris.web import booking, times
from ris.web.access import page, site_of
from ris.web.attributes import AttributesForm, Part
from ris.web.disclosure import disclose
from ris.web.filters import asked
from ris.web.forms import read_moment, read_name
from ris.web.patients import chosen_patient, matching
from ris.web.searching import searchable, text_of

RECORDS = ("step", "procedure", "order", "visit")


class OrderForm(booking.BookingForm, AttributesForm):
    """What is ordered, and where and when; `tray` (a button) leaves the latter open."""

    field_order = (
        "procedure",
        "priority",
        "place",
        "start",
        "referring_physician",
        "requesting_service",
        "transport",
        "reason",
        "comments",
    )

    procedure = forms.ChoiceField(
        label="Procedure",
        error_messages={
            "required": "Procedure: choose one",
            "invalid_choice": "Procedure: %(value)s is not in the catalogue; choose another",
        },
    )
    priority = forms.ChoiceField(label="Priority", choices=Order.Priority.choices)
    referring_physician = forms.CharField(label="Ordered by", required=False, help_text="For example Haddad, Rania")
    requesting_service = forms.CharField(label="From", required=False, help_text="Ward or service")
    reason = forms.CharField(label="Reason for the exam", required=False, help_text="As the radiologist should read it")
    transport = forms.ChoiceField(label="Transport", required=False, choices=[("", "Not known"), *((text, text) for text in TRANSPORT)])
    comments = forms.CharField(label="Comments", required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        catalogue = Procedure.objects.filter(site=site, active=True).prefetch_related("steps")
        self.catalogue = {procedure.code: procedure for procedure in catalogue}
        field = self.fields["procedure"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = grouped(self.catalogue.values())
        self.chosen = self.catalogue.get(str(self["procedure"].value() or ""))
        self.set_places(site, first_modality(self.chosen))
        if "tray" in self.data:
            for name in ("place", "start"):
                self.fields[name].required = False
        self.set_records({name: Visit() if name == "visit" else None for name in RECORDS})

    @property
    def parts(self) -> list[Part]:
        """What few orders need."""
        found = {name: self.part(name, name, without=_ELSEWHERE) for name in RECORDS}
        fields = {name: [*part.usual, *part.rare] for name, part in found.items()}
        return [
            Part("Preparation and results", "", [], [*fields["step"], *fields["procedure"]]),
            Part("More of the order", "", [], fields["order"]),
            Part("Visit", "", [], fields["visit"]),
        ]

    def request(self) -> orders.OrderRequest:
        given = self.cleaned_data
        in_tray = "tray" in self.data
        return orders.OrderRequest(
            procedure_codes=[given["procedure"]],
            priority=given["priority"],
            station_ae_title="" if in_tray else given["place"],
            start=None if in_tray else given["start"],
            referring_physician_name=read_name(given["referring_physician"]),
            requesting_service=given["requesting_service"],
            reason=given["reason"],
            comments=given["comments"],
            patient_transport_arrangements=given["transport"],
            attributes={name: self.typed(name) for name in RECORDS},
        )


_ELSEWHERE = (
    *("ScheduledProcedureStepDescription", "ScheduledProcedureStepLocation", "RequestedProcedureDescription"),  # of catalogue and station
    *("RequestedProcedurePriority", "ReferringPhysicianName", "RequestingService", "PatientTransportArrangements"),
    *("ReasonForTheRequestedProcedure", "ImagingServiceRequestComments", "FillerOrderNumberImagingServiceRequest"),
)
"""Attributes that are given otherwise, or have fields of their own."""
_FIELDS = {
    "procedure_code": "procedure",
    "station_ae_title": "place",
    "referring_physician_name": "referring_physician",
    "patient_transport_arrangements": "transport",
}


def grouped(catalogue: Iterable[Procedure]) -> list[Any]:
    """Choices of procedures, which come in the order of their modalities, by modality."""
    groups = groupby(catalogue, key=lambda procedure: procedure.modality)
    return [("", "Choose a procedure"), *((modality, [(one.code, one.meaning) for one in found]) for modality, found in groups)]


def first_modality(procedure: Procedure | None) -> str:
    """Modality of the step that is booked first."""
    steps = list(procedure.steps.all()) if procedure else []
    return steps[0].modality if steps else procedure.modality if procedure else ""


def booked_minutes(site: Site, place_name: str, procedure: Procedure | None) -> int:
    """Minutes that the steps that are booked at the place take, one after the other; 0 while either is not chosen or not known."""
    try:
        place = find_place(site, place_name)
    except NotFound:
        return 0
    return sum(step.duration_minutes for step in in_a_row(place, procedure.steps.all() if procedure else ()))


@page
@requires("orders.place")
@searchable()
def new(request: HttpRequest) -> HttpResponse:
    """First the patient, then the exam."""
    site = site_of(request)
    patient = chosen_patient(site, request.GET)
    if patient is None:
        return _choose_patient(request, site)
    form = OrderForm(site, request.POST or None, initial={"priority": Order.Priority.ROUTINE})
    if request.method == "POST" and form.is_valid():
        step = _place(request, form, site, patient)
        if step is not None:
            return redirect("step", step.pk)
    found = offer_for(form, site, form.chosen)
    disclose(request, audit.PATIENT, patient, *found.exams)
    context = {"form": form, "patient": patient, "offer": found, "chosen": form.chosen}
    return render(request, "ris/order.html", context, status=422 if form.errors else 200)


def _choose_patient(request: HttpRequest, site: Site) -> HttpResponse:
    found = queries.patients(site, text_of(request))
    context = matching(request, found) | {"any_exist": Patient.objects.filter(site=site).exists(), "to_order": True}
    part = request.headers.get("HX-Request") == "true"
    return render(request, "ris/patients_found.html" if part else "ris/order_patient.html", context)


def _place(request: HttpRequest, form: OrderForm, site: Site, patient: Patient) -> ScheduledProcedureStep | None:
    """Order it; None with the errors in the form when it is refused."""
    try:
        order = orders.place_order(site, patient, form.request(), Actor.user(request.user))
    except RisError as error:
        form.not_booked(error, _FIELDS)
        return None
    step = ScheduledProcedureStep.objects.filter(requested_procedure__order=order).order_by("pk")[0]
    when = f"{form.cleaned_data['place']}, {times.moment_text(step.start)}" if step.start else "waits for a time"
    messages.success(request, f"Ordered: {step.requested_procedure.description}, {when}, accession {order.accession_number}.")
    return step


def offer_for(form: booking.BookingForm, site: Site, chosen: Procedure | None) -> booking.Offer:
    """What is free at the form's place for the steps of the procedure that are booked there."""
    start = form["start"].value()
    try:
        wanted = read_moment(start) if isinstance(start, str) and start else start
    except ValueError:
        wanted = None
    place = printable(str(form["place"].value() or ""))
    return booking.offer(site, place, first_modality(chosen), booked_minutes(site, place, chosen), wanted or None)


@page
@requires("stations.view")
@require_GET
def places(request: HttpRequest) -> HttpResponse:
    """The part of the form that follows the procedure and the station."""
    site = site_of(request)
    form = OrderForm(site, initial={name: asked(request, name) for name in ("procedure", "place", "start")})
    found = offer_for(form, site, form.chosen)
    disclose(request, audit.LIST, *found.exams, asked={"place": found.place})
    return render(request, "ris/order_swap.html", {"form": form, "offer": found, "chosen": form.chosen})
