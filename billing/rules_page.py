"""The page of the rules by which discontinued work is charged."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDictKeyError

from billing import ruling
from billing.actions.deciding_rules import change_rules
from billing.rules import Outcome
from ris import permissions
from ris.actor import Actor
from ris.errors import ChangedMeanwhile
from ris.models import Site
from ris.permissions import requires
from ris.web.access import page, site_of

_NAMES = ("with", "without")


@page
@requires("charges.view", post="charges.rules")
def show(request: HttpRequest) -> HttpResponse:
    """The rules with their history; an administrator changes them here."""
    site = site_of(request)
    faults: list[tuple[str, str]] = []
    if request.method == "POST":
        wanted, seen = _wanted(request.POST, faults), request.POST.get("seen", "")
        if not (seen.isascii() and seen.isdigit()):
            faults.append(("", "The form did not come whole; open the page again and repeat the change."))
        if not faults:
            return _save(request, site, wanted, int(seen[:9]))
    return render(request, "billing/rules.html", _context(request, site, faults), status=422 if faults else 200)


def _wanted(posted: Mapping[str, str], faults: list[tuple[str, str]]) -> dict[str, tuple[Outcome, Outcome]]:
    """The rules that the form has; what is none goes to `faults` with the id of its field."""
    wanted = {}
    for code in ruling.built_in():
        values = [_outcome(posted, f"{name}-{code or 'other'}", faults) for name in _NAMES]
        if values[0] and values[1]:
            wanted[code] = (values[0], values[1])
    return wanted


def _outcome(posted: Mapping[str, str], field: str, faults: list[tuple[str, str]]) -> Outcome | None:
    try:
        found = Outcome(posted[field])
    except (MultiValueDictKeyError, ValueError):
        found = None
    if found not in ruling.CHOICES:
        choices = ", ".join(choice.value for choice in ruling.CHOICES[:-1])
        faults.append((field, f"The rule {field} must be {choices} or {ruling.CHOICES[-1].value}; nothing was saved."))
        return None
    return found


def _save(request: HttpRequest, site: Site, wanted: dict[str, tuple[Outcome, Outcome]], seen: int) -> HttpResponse:
    try:
        changed = change_rules(site, wanted, seen, Actor.user(request.user))
    except ChangedMeanwhile as error:
        messages.error(request, f"Not changed. {error}")
    else:
        rules = "rule" if changed == 1 else "rules"
        messages.success(request, f"{changed} {rules} changed, for what is captured from now on." if changed else "Nothing was changed.")
    return redirect("charge-rules")


def _context(request: HttpRequest, site: Site, faults: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "form": {"faults": faults},
        "rules": [(rule, rule.code or "other") for rule in ruling.rules(site).values()],
        "choices": [(choice, _words(choice)) for choice in ruling.CHOICES],
        "seen": ruling.version(site),
        "history": [
            (change, [f"{name}: {before} → {after}" for name, (before, after) in change.detail.items()]) for change in ruling.history(site)
        ],
        "may_edit": permissions.allowed(request.user, "charges.rules"),
    }


def _words(outcome: Outcome) -> str:
    return {Outcome.NONE: "Nothing", Outcome.REDUCED: "Reduced, 52", Outcome.REVIEW: "Review"}[outcome]
