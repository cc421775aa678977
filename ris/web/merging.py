"""Making two records of one patient into one: finding the other, both side by side, what contradicts, and the way back."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ris import audit, queries
from ris.actions import merging
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import Patient, ScheduledProcedureStep, Site
from ris.permissions import requires
from ris.transitions import BEGUN, WAITING
from ris.validation import whole_number
from ris.web import times
from ris.web.access import one_of, page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import PageForm, SeenNumber
from ris.web.names import shown_name
from ris.web.patients import matching
from ris.web.searching import searchable, text_of
from ris.web.steps import ReasonForm

UNDO_REASONS = ("Two people after all", "Merged the wrong record")


class MergeForm(PageForm):
    """Why, and what contradicts and has been seen; the versions are those that were compared."""

    reason = forms.CharField(label="Why they are one person", required=False, help_text="Kept in the history of both records")
    confirm = forms.MultipleChoiceField(
        label="It is one person all the same", required=False, widget=forms.CheckboxSelectMultiple, help_text="Tick what you have checked"
    )
    survivor_version = SeenNumber()
    merged_version = SeenNumber()

    def __init__(self, doubts: list[merging.Doubt], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["confirm"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(doubt.name, doubt.text) for doubt in doubts]


@dataclass(frozen=True)
class Compared:
    """A fact of both records; `differs` when both have one and it is not the same."""

    label: str
    stays: str
    goes: str
    differs: bool


def compared(survivor: Patient, merged: Patient) -> list[Compared]:
    """Both records, fact by fact."""
    facts = zip(_facts(survivor), _facts(merged), strict=True)
    return [Compared(label, mine, other, bool(mine and other and mine != other)) for (label, mine), (_, other) in facts]


def _facts(patient: Patient) -> list[tuple[str, str]]:
    return [
        ("Name", str(shown_name(patient.name))),
        ("Patient ID", patient.patient_id),
        ("Issuer of ID", patient.issuer_of_patient_id),
        ("Birth date", times.day(patient.birth_date) if patient.birth_date else ""),
        ("Sex", patient.get_sex_display() if patient.sex else ""),
        ("Weight", f"{patient.weight_kg} kg" if patient.weight_kg else ""),
        ("Height", f"{patient.size_m} m" if patient.size_m else ""),
        ("Allergies", ", ".join(patient.allergies)),
        ("Medical alerts", ", ".join(patient.medical_alerts)),
    ]


def _sums(patient: Patient) -> list[tuple[str, int]]:
    """What belongs to a record."""
    exams = ScheduledProcedureStep.objects.filter(requested_procedure__order__patient=patient)
    return [
        ("Orders", patient.orders.count()),
        ("Exams waiting", exams.filter(status__in=WAITING).count()),
        ("Exams in progress", exams.filter(status__in=BEGUN).count()),
        ("Visits", patient.visits.count()),
    ]


@page
@requires("patients.merge")
@searchable()
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """First the other record, then both side by side; the patient of the address stays."""
    site = site_of(request)
    survivor = one_of(Patient.objects.all(), site=site, pk=pk)
    other = whole_number(request.GET.get("with", ""))
    if other is None:
        return _choose(request, site, survivor)
    merged = one_of(Patient.objects.all(), site=site, pk=other)
    doubts = merging.doubts(survivor, merged)
    form = MergeForm(doubts, request.POST or None, initial={"survivor_version": survivor.version, "merged_version": merged.version})
    if request.method == "POST" and form.is_valid() and _merge(request, form, survivor, merged):
        return redirect("patient", survivor.pk)
    disclose(request, audit.PATIENT, survivor, merged)
    sums = [(label, mine, theirs) for (label, mine), (_, theirs) in zip(_sums(survivor), _sums(merged), strict=True)]
    context = {
        "form": form,
        "survivor": survivor,
        "merged": merged,
        "rows": compared(survivor, merged),
        "sums": sums,
        "orders": sums[0][2],
        "doubts": doubts,
        "is_possible": survivor != merged and not survivor.merged_into_id and not merged.merged_into_id,
    }
    return render(request, "ris/merge.html", context, status=422 if form.errors else 200)


def _choose(request: HttpRequest, site: Site, survivor: Patient) -> HttpResponse:
    found = queries.patients(site, text_of(request)).exclude(pk=survivor.pk)
    disclose(request, audit.PATIENT, survivor)
    context = matching(request, found) | {"any_exist": True, "merge_into": survivor}
    part = request.headers.get("HX-Request") == "true"
    return render(request, "ris/patients_found.html" if part else "ris/merge_choose.html", context)


def _merge(request: HttpRequest, form: MergeForm, survivor: Patient, merged: Patient) -> bool:
    given = form.cleaned_data
    try:
        merging.merge_patients(
            survivor,
            merged,
            Actor.user(request.user),
            given["reason"],
            confirmed=given["confirm"],
            expected_versions=(given["survivor_version"], given["merged_version"]),
        )
    except InvalidInput as error:
        form.take(error)
    except merging.Doubted as error:
        for doubt in error.doubts:
            form.add_error("confirm", f"{doubt.text} Tick it when you have checked that it is one person.")
    except Conflict as error:
        form.refuse(error)
    else:
        messages.success(request, "The other record is merged into this patient; the worklists follow at once.")
        return True
    return False


@page
@requires("patients.merge")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a merged record a patient of its own again."""
    merged = one_of(Patient.objects.select_related("merged_into"), site=site_of(request), pk=pk)
    form = ReasonForm(UNDO_REASONS, request.POST or None, initial={"version": merged.version})
    if request.method == "POST" and form.is_valid() and form.has_reason():
        try:
            merging.undo_merge(merged, Actor.user(request.user), form.reason, expected_version=form.cleaned_data["version"])
        except InvalidInput as error:
            form.take(error, {"reason": "note"})
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, "This record is a patient of its own again; the worklists follow at once.")
            return redirect("patient", merged.pk)
    disclose(request, audit.PATIENT, *filter(None, (merged, merged.merged_into)))
    context = {
        "form": form,
        "patient": merged,
        "title": "Undo the merge",
        "button": "Undo the merge",
        "refused": "" if merged.merged_into_id else "This record is not merged into another one.",
        "means": "Orders and visits that came from this record go back to it, with what was performed for them. What was ordered since the "
        "merge stays with the other record.",
        "back": reverse("patient", args=[pk]),
    }
    return render(request, "ris/reason.html", context, status=422 if form.errors else 200)
