"""The page of the rules by which work that ended is charged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDictKeyError

from billing import codes, ruling
from billing.actions.deciding_rules import change_rules
from billing.rules import Outcome
from billing.ruling import Rule
from ris import permissions
from ris.actor import Actor
from ris.errors import ChangedMeanwhile
from ris.models import Site
from ris.permissions import requires
from ris.validation import whole_number
from ris.web.access import page, site_of

_WORDS = {
    Outcome.FULL: "Full",
    Outcome.CHECK: "Full, after a look",
    Outcome.NONE: "Nothing",
    Outcome.REDUCED: "Reduced, 52",
    Outcome.REVIEW: "Review",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a rule: its field, what it is the rule for, the value in words, and what may be chosen (value, words, chosen).

    `made` is the column it stands in.

    `value` is what holds; `now` the same in words, where it was changed since the page was opened and something else is chosen.
    """

    field: str
    made: str
    label: str
    words: str
    choices: list[tuple[str, str, bool]]
    value: str
    now: str


@page
@requires("charges.view", post="charges.rules")
def show(request: HttpRequest) -> HttpResponse:
    """The rules with their history; an administrator changes them here."""
    site = site_of(request)
    faults: list[tuple[str, str]] = []
    if request.method == "POST":
        wanted, seen = _wanted(request.POST, faults), whole_number(request.POST.get("seen", ""))
        if seen is None:
            faults.append(("", "The form did not come whole; open the page again and repeat the change."))
        elif not faults and (saved := _saved(request, site, wanted, seen, faults)):
            return saved
    return render(request, "billing/rules.html", _context(request, site, faults), status=422 if faults else 200)


def _wanted(posted: Mapping[str, str], faults: list[tuple[str, str]]) -> dict[str, tuple[Outcome, Outcome]]:
    """The rules that the form has; what is none goes to `faults` with the id of its field."""
    wanted = {}
    for code, rule in ruling.built_in().items():
        values = [_outcome(posted, field, choices, faults) for field, choices in zip(_fields(rule), rule.choices, strict=True) if choices]
        if all(values):
            wanted[code] = (values[0] or rule.with_images, values[-1] or rule.without_images)  # one value stands for both
    return wanted


def _fields(rule: Rule) -> tuple[str, str]:
    name = rule.code.replace(" ", "-") or "other"
    return f"with-{name}", f"without-{name}"


def _outcome(posted: Mapping[str, str], field: str, choices: Sequence[Outcome], faults: list[tuple[str, str]]) -> Outcome | None:
    try:
        found = Outcome(posted[field])
    except (MultiValueDictKeyError, ValueError):
        found = None
    if found not in choices:
        others = ", ".join(choice.value for choice in choices[:-1])
        faults.append((field, f"The rule {field} must be {others} or {choices[-1].value}; nothing was saved."))
        return None
    return found


def _saved(
    request: HttpRequest, site: Site, wanted: dict[str, tuple[Outcome, Outcome]], seen: int, faults: list[tuple[str, str]]
) -> HttpResponse | None:
    """None when somebody was faster, which `faults` then says: what was chosen stays, with what holds now beside it."""
    try:
        changed = change_rules(site, wanted, seen, Actor.user(request.user))
    except ChangedMeanwhile as error:
        faults.append(("", str(error)))
        return None
    rules = "rule" if changed == 1 else "rules"
    messages.success(request, f"{changed} {rules} changed, for what is captured from now on." if changed else "Nothing was changed.")
    return redirect("charge-rules")


def _context(request: HttpRequest, site: Site, faults: list[tuple[str, str]]) -> dict[str, Any]:
    rows = [(rule, _cells(rule, request.POST)) for rule in ruling.rules(site).values()]
    ended = (ruling.COMPLETED, ruling.BY_HAND)
    return {
        "form": {"faults": faults},
        "tables": [
            ("Completed work", False, [row for row in rows if row[0].code in ended]),
            ("Discontinued work", True, [row for row in rows if row[0].code not in ended]),
        ],
        "protocols": codes.protocols(site.pk).items(),
        "seen": ruling.version(site),
        "history": [
            (change, [f"{name}: {before} → {after}" for name, (before, after) in change.detail.items()]) for change in ruling.history(site)
        ],
        "may_edit": permissions.allowed(request.user, "charges.rules"),
    }


def _cells(rule: Rule, posted: Mapping[str, str]) -> list[Cell]:
    """With images and without; what a person completed has no images that anybody knows of. A choice that was not saved is kept; what was
    left as it was when the page was opened follows what holds now."""
    values = (rule.with_images, rule.without_images)
    columns = ("With images", "Without images")
    return [
        _cell(rule, column, field, value, choices, posted)
        for field, column, value, choices in zip(_fields(rule), columns, values, rule.choices, strict=True)
    ]


def _cell(rule: Rule, made: str, field: str, value: Outcome, choices: Sequence[Outcome], posted: Mapping[str, str]) -> Cell:
    was, chosen = posted.get(f"was-{field}"), posted.get(field, value.value)
    if chosen == was:
        chosen = value.value
    offered = [(one.value, _WORDS[one], one.value == chosen) for one in choices]
    label = f"{rule.meaning}, {made.lower()}"
    return Cell(field, made, label, _WORDS[value], offered, value.value, "" if value.value in (chosen, was) else _WORDS[value])
