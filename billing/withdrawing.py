"""The pages on which a person takes a charge back, or gives it up, with the reason."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from billing import queries, web
from billing.actions import deciding
from billing.models import Charge
from ris import audit
from ris.actor import Actor
from ris.errors import Conflict
from ris.permissions import requires
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import SeenText
from ris.web.steps import ReasonForm


class SeenReasonForm(ReasonForm):
    """`seen` is the mark of what it is about, e.g. `Charge.mark`."""

    seen = SeenText()


@dataclass(frozen=True)
class _Way:
    """One way to take a charge back or to give it up: what it is called, what it means, and the verb."""

    title: str
    button: str
    means: str
    done: str
    reasons: tuple[str, ...]
    verb: Callable[[Charge, Actor, str, str], Charge]


_VOID = _Way(
    "Void this charge",
    "Void the charge",
    "The receiver does not have it: it was never sent, or each try was refused or reached nobody. "
    "The same work is not charged again; work that is added later is.",
    "is void",
    ("Not performed", "Charged to the wrong patient", "Free of charge", "The charge before it stands"),
    deciding.void_charge,
)
_CREDIT = _Way(
    "Credit this charge",
    "Credit the charge",
    "The receiver has the charge: a credit of the same codes and amount is sent. "
    "The same work is not charged again; work that is added later is.",
    "is taken back by a credit",
    ("Not performed", "Charged to the wrong patient", "Free of charge", "Charged twice"),
    deciding.credit_charge,
)


_WRITE_OFF = _Way(
    "Write off this charge",
    "Write the charge off",
    "Nobody said whether the receiver has it. It is closed: not sent any more, not taken back, and under Written off in the books; "
    "what follows it is sent. If an acknowledgement is heard after all it is posted, and a credit that waits for it is sent.",
    "is written off",
    ("Booked there by hand", "The receiver does not have it, and nobody pays", "Not worth the work"),
    deciding.write_off,
)


@page
@requires("charges.edit")
def void(request: HttpRequest, pk: int) -> HttpResponse:
    """Void a charge that was not sent."""
    return _take_back(request, pk, _VOID)


@page
@requires("charges.edit")
def credit(request: HttpRequest, pk: int) -> HttpResponse:
    """Credit a charge that is posted."""
    return _take_back(request, pk, _CREDIT)


@page
@requires("charges.edit")
def write_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up a charge that failed and that the receiver may have."""
    return _take_back(request, pk, _WRITE_OFF)


def _take_back(request: HttpRequest, pk: int, way: _Way) -> HttpResponse:
    charge = queries.charge(site_of(request), pk)
    form = SeenReasonForm(way.reasons, request.POST if request.method == "POST" else None, initial={"seen": charge.mark})
    if request.method == "POST" and form.is_valid() and form.has_reason():
        try:
            way.verb(charge, Actor.user(request.user), form.reason, form.cleaned_data["seen"])
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, f"Charge {charge.control_id} {way.done}.")
            return redirect("charge", pk)
    disclose(request, audit.PROCEDURE, charge)
    context = {
        "one": web.shown(charge),
        "form": form,
        "title": way.title,
        "button": way.button,
        "means": way.means,
        "back": reverse("charge", args=[pk]),
    }
    return render(request, "billing/charge_reason.html", context, status=422 if form.errors else 200)
