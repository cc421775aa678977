"""Finding, registering and keeping patients."""

from dataclasses import asdict, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from ris import audit, clock, queries
from ris.actions import patients
from ris.actions.patients import PatientData
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import Patient, ScheduledProcedureStep, Site
from ris.permissions import requires
from ris.validation import whole_number
from ris.web import history
from ris.web.access import one_of, page, site_of
from ris.web.attributes import AttributesForm, Part, lines
from ris.web.disclosure import disclose
from ris.web.filters import MIN_SEARCH
from ris.web.forms import DayField, SeenNumber
from ris.web.meanwhile import SeenValues
from ris.web.rows import rows
from ris.web.searching import key_of, searchable, text_of

MAX_FOUND = 50


class PatientForm(AttributesForm):
    """Demographics. The names are typed part by part; what the form does not show is kept as it was."""

    family = forms.CharField(label="Family name", required=False)
    given = forms.CharField(label="Given name", required=False)
    middle = forms.CharField(label="Middle name", required=False)
    name_prefix = forms.CharField(label="Prefix", required=False, help_text="For example Dr")
    name_suffix = forms.CharField(label="Suffix", required=False, help_text="For example Jr")
    own_script = forms.CharField(label="Name in its own script", required=False, help_text="Family name first, for example 山田 太郎")
    phonetic = forms.CharField(label="Name as it sounds", required=False, help_text="Family name first, for example やまだ たろう")
    patient_id = forms.CharField(label="Patient ID", required=False, help_text="Leave empty to get the next one")
    birth_date = DayField(label="Birth date", required=False, help_text="For example 25-May-1959 or 1959-05-25")
    sex = forms.ChoiceField(label="Sex", required=False, choices=Patient.Sex.choices[-1:] + Patient.Sex.choices[:-1])
    weight_kg = forms.DecimalField(label="Weight in kg", required=False)
    size_m = forms.DecimalField(label="Height in m", required=False)
    pregnancy_status = forms.TypedChoiceField(
        label="Pregnancy", required=False, coerce=int, empty_value=None, choices=[("", "Not asked"), *Patient.Pregnancy.choices]
    )
    allergies = forms.CharField(label="Allergies", required=False, help_text="Separate several by semicolons; travels to the console")
    medical_alerts = forms.CharField(
        label="Medical alerts", required=False, help_text="Separate several by semicolons; travels to the console"
    )
    special_needs = forms.CharField(label="Special needs", required=False, help_text="For example interpreter, wheelchair")
    patient_state = forms.CharField(label="State of the patient", required=False, help_text="For example comatose, infectious")
    confidentiality = forms.CharField(label="Confidentiality", required=False, help_text="Who may know of this patient")
    issuer_of_patient_id = forms.CharField(label="Issuer of the ID", required=False, help_text="Leave empty for this hospital")
    version = SeenNumber()
    opened = SeenValues()

    def __init__(self, patient: Patient | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_records({"patient": patient})

    def data_over(self, known: PatientData) -> PatientData:
        """The known demographics with what was typed here."""
        given = self.cleaned_data
        alphabetic = "^".join(given[part] for part in _PARTS)
        groups = [alphabetic, _group(given["own_script"]), _group(given["phonetic"])]
        return replace(
            known,
            name="=".join(groups),
            allergies=_texts(given["allergies"]),
            medical_alerts=_texts(given["medical_alerts"]),
            details={**known.details, **self.typed("patient")},
            **{name: given[name] for name in _AS_TYPED},
        )

    @property
    def parts(self) -> list[Part]:
        """What is not seen by everybody who registers somebody."""
        medical = ("SmokingStatus", "LastMenstrualDate", "AdditionalPatientHistory", "PatientComments")
        person = self.part("patient", "Person", without=medical)
        state = [self[name] for name in ("special_needs", "patient_state", "confidentiality")]
        further = self.part("patient", "Health", only=medical)
        names = [self[name] for name in ("name_prefix", "name_suffix", "phonetic", "issuer_of_patient_id")]
        return [Part("Health and care", "", [], [*state, *further.usual]), Part("Person", "", [], [*person.usual, *names, *person.rare])]


_PARTS = ("family", "given", "middle", "name_prefix", "name_suffix")
_AS_TYPED = (
    "patient_id",
    "issuer_of_patient_id",
    "birth_date",
    "sex",
    "weight_kg",
    "size_m",
    "pregnancy_status",
    "special_needs",
    "patient_state",
    "confidentiality",
)


def _group(typed: str) -> str:
    """A component group of a name that is typed as people write it, family name first."""
    stripped = typed.strip()
    return stripped if "^" in stripped else "^".join(stripped.split(None, 1))


_NAMES = {"name": "family"}


def _texts(typed: str) -> list[str]:
    return [part.strip() for part in typed.split(";") if part.strip()]


def _initial(patient: Patient) -> dict[str, Any]:
    groups = [*patient.name.split("="), "", "", ""][:3]
    shown = {
        **dict(zip(_PARTS, [*groups[0].split("^"), *[""] * 5], strict=False)),
        "own_script": groups[1].replace("^", " ").strip(),
        "phonetic": groups[2].replace("^", " ").strip(),
        "allergies": "; ".join(patient.allergies),
        "medical_alerts": "; ".join(patient.medical_alerts),
        "version": patient.version,
    }
    return asdict(patients.data_of(patient)) | shown


def matching(request: HttpRequest, found: QuerySet[Patient]) -> dict[str, Any]:
    """What a list of the patients that a search finds shows."""
    shown, total, q = list(found[:MAX_FOUND]), found.count(), text_of(request)
    disclose(request, audit.LIST, *(record for one in shown for record in (one, *one.merged.all())), total=total, asked={"q": q})
    return {"q": q, "search": key_of(request), "patients": shown, "total": total}


@page
@requires("patients.view")
@searchable()
def listing(request: HttpRequest) -> HttpResponse:
    """Patients by name or ID; all of them, in order of name, when nothing is asked for."""
    site = site_of(request)
    context = matching(request, queries.patients(site, text_of(request))) | {"any_exist": Patient.objects.filter(site=site).exists()}
    part = request.headers.get("HX-Request") == "true"
    return render(request, "ris/patients_found.html" if part else "ris/patients.html", context)


@page
@requires("patients.view")
@searchable()
def find(request: HttpRequest) -> HttpResponse:
    """The search of the frame: patients and exams of any day; an accession number with one exam opens it."""
    site = site_of(request)
    q = text_of(request)
    exact = list(ScheduledProcedureStep.objects.filter(site=site, requested_procedure__order__accession_number=q)[:2]) if q else []
    if len(exact) == 1:
        return redirect("step", exact[0].pk)
    long_enough = len(q) >= MIN_SEARCH
    people = queries.patients(site, q) if long_enough else Patient.objects.none()
    exams = queries.search(queries.steps(site), q).order_by("-start", "-pk") if long_enough else ScheduledProcedureStep.objects.none()
    context: dict[str, Any] = {
        "q": q,
        "search": key_of(request),
        "long_enough": long_enough,
        "patients": list(people[:MAX_FOUND]),
        "patients_total": people.count(),
        "rows": rows(exams[:MAX_FOUND], clock.now(site), clock.today(site)),
        "exams_total": exams.count(),
    }
    found = [record for one in context["patients"] for record in (one, *one.merged.all())]
    shown = [*found, *(row.step for row in context["rows"])]
    disclose(request, audit.LIST, *shown, total=context["patients_total"] + context["exams_total"], asked={"q": q})
    return render(request, "ris/find.html", context)


@page
@requires("patients.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """A patient with the exams, latest first."""
    site = site_of(request)
    patient = one_of(Patient.objects.all(), site=site, pk=pk)
    exams = queries.steps(site).filter(requested_procedure__order__patient=patient).order_by("-start", "-pk")
    disclose(request, audit.PATIENT, patient, *patient.merged.all())
    context = {
        "patient": patient,
        "merged": patient.merged.order_by("pk"),
        "lines": lines(patient, "patient"),
        "rows": rows(exams, clock.now(site), clock.today(site)),
        "moments": history.of_record("patient", pk),
    }
    return render(request, "ris/patient.html", context)


@page
@requires("patients.edit")
def register(request: HttpRequest) -> HttpResponse:
    """Register a new patient; with `for=order` the order form follows."""
    to_order = request.GET.get("for") == "order"
    q = text_of(request)
    form = PatientForm(None, request.POST or None, initial={"family": q if not q.isdigit() else "", "patient_id": q if q.isdigit() else ""})
    if request.method == "POST" and form.is_valid():
        try:
            patient = patients.register_patient(site_of(request), form.data_over(PatientData(name="")), Actor.user(request.user))
        except InvalidInput as error:
            form.take(error, _NAMES)
        except Conflict as error:
            form.add_error("patient_id", str(error))
        else:
            messages.success(request, "The patient is registered.")
            return redirect(f"{reverse('order-new')}?patient={patient.pk}") if to_order else redirect("patient", patient.pk)
    back = reverse("order-new") if to_order else reverse("patients")
    context = {"form": form, "back": back, "to_order": to_order}
    return render(request, "ris/patient_form.html", context, status=422 if form.errors else 200)


@page
@requires("patients.edit")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a patient's demographics; refused when somebody else did so since the form was opened."""
    patient = one_of(Patient.objects.all(), site=site_of(request), pk=pk)
    form = PatientForm(patient, request.POST or None, initial=_initial(patient))
    if request.method == "POST" and form.is_valid():
        try:
            patients.update_patient(
                patient, form.data_over(patients.data_of(patient)), Actor.user(request.user), form.cleaned_data["version"]
            )
        except InvalidInput as error:
            form.take(error, _NAMES)
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, "The patient is changed; the worklists follow at once.")
            return redirect("patient", patient.pk)
    disclose(request, audit.PATIENT, patient)
    context = {"form": form, "patient": patient, "back": reverse("patient", args=[pk])}
    return render(request, "ris/patient_form.html", context, status=422 if form.errors else 200)


def chosen_patient(site: Site, query: QueryDict) -> Patient | None:
    """The site's patient that an address names by `patient=`."""
    pk = whole_number(query.get("patient", ""))
    return None if pk is None else Patient.objects.filter(site=site, pk=pk).first()
