"""The pages of the biller: the charges of a day, and one charge."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing import messages as messages_of
from billing import queries, sending, web
from billing.actions import deciding
from billing.models import Charge, ChargeChange, DeliveryAttempt, NoCharge
from billing.transitions import FAILED, PENDING, POSTED, VOID
from ris import audit, clock
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict
from ris.permissions import allowed, requires
from ris.web import live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.filters import Filters, misread
from ris.web.forms import seen_text

MAX_ROWS = 500
_HISTORIES = (ChargeChange, DeliveryAttempt, NoCharge)
_TABS: dict[str, tuple[str, Callable[[QuerySet[Charge]], QuerySet[Charge]]]] = {
    "": ("All", lambda found: found),
    "waiting": ("Waiting", lambda found: found.filter(~queries.GIVEN_UP, status=PENDING, on_hold="")),
    "held": ("On hold", lambda found: found.filter(~queries.GIVEN_UP, status=PENDING).exclude(on_hold="")),
    "refused": ("Refused", lambda found: found.filter(~queries.GIVEN_UP, status=FAILED, is_dead_letter=False)),
    "undelivered": ("Not delivered", lambda found: found.filter(~queries.GIVEN_UP, status=FAILED, is_dead_letter=True)),
    "posted": ("Posted", lambda found: found.filter(status=POSTED)),
    "written-off": ("Written off", lambda found: found.filter(queries.GIVEN_UP).exclude(status__in=(POSTED, VOID))),
}
_NOTHING = "nothing"
"""The tab of what was decided to be worth nothing, which is no charge."""


@page
@requires("charges.view")
def listing(request: HttpRequest) -> HttpResponse:
    """The charges for a day's work, and the sums of each stage on their way."""
    present = live.state(request, _HISTORIES)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    filters = Filters.of(request, clock.today(site))
    on_day = queries.filtered(site, day=filters.day)
    nothing, tab = queries.no_charges(site, day=filters.day), request.GET.get("show", "")
    tab = tab if tab in (*_TABS, _NOTHING) else ""
    found = on_day.none() if tab == _NOTHING else _TABS[tab][1](on_day)
    tabs = [(key, label, narrow(on_day).count(), _address(filters, key)) for key, (label, narrow) in _TABS.items()]
    decided = nothing.count()
    total = decided if tab == _NOTHING else found.count()
    context: dict[str, Any] = {
        "tabs": [*tabs, (_NOTHING, "Nothing to charge", decided, _address(filters, _NOTHING))],
        "decisions": nothing[:MAX_ROWS] if tab == _NOTHING else (),
        "tab": tab,
        "books": _books(on_day),
        "charges": [web.shown(charge) for charge in found[:MAX_ROWS]],
        "total": total,
        "is_capped": total > MAX_ROWS,
        "filters": filters,
        "sending": sending.sending(site),
        "may_edit": allowed(request.user, "charges.edit"),
    }
    shown = [*(one.charge for one in context["charges"]), *context["decisions"]]
    disclose(request, audit.LIST, *shown, total=total, asked={"day": filters.day.isoformat(), "show": tab})
    url, status = _address(filters, tab), 422 if misread(request) else 200
    return live.live_page(request, "billing/charges.html", "billing/charges_live.html", context, url=url, present=present, status=status)


def _address(filters: Filters, tab: str) -> str:
    joint = "&" if filters.query else "?"
    return reverse("charges") + filters.query + (f"{joint}show={tab}" if tab else "")


def _books(on_day: QuerySet[Charge]) -> list[dict[str, Any]]:
    """Captured = posted + waiting + on hold + refused + not delivered + written off, each as a count of services and an amount.

    As in the accounting a credit counts as one less, and a voided charge nowhere.
    """
    counted = on_day.exclude(status=VOID)
    parts = (("Captured", counted), *((label, narrow(counted)) for key, (label, narrow) in _TABS.items() if key))
    order = {"Captured": 0, "Posted": 1, "Waiting": 2, "On hold": 3, "Refused": 4, "Not delivered": 5, "Written off": 6}
    return [_sum(label, found) for label, found in sorted(parts, key=lambda part: order[part[0]])]


def _sum(label: str, found: QuerySet[Charge]) -> dict[str, Any]:
    """Credits take from the count and from the amount."""
    rows = found.order_by().values_list("transaction_type").annotate(Count("pk"), Sum("amount"))
    signed = [(1 if kind == Charge.TransactionType.CHARGE else -1, count, total) for kind, count, total in rows]
    amount = sum((sign * total for sign, _, total in signed), Decimal(0))
    return {"label": label, "count": sum(sign * count for sign, count, _ in signed), "amount": web.money(amount)}


@page
@requires("charges.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One charge: what it says, how it was delivered, its history."""
    charge = queries.charge(site_of(request), pk)
    disclose(request, audit.PROCEDURE, charge)
    context = {
        "one": web.shown(charge),
        **_message(charge),
        "attempts": [(attempt, web.ATTEMPT_LOOKS.get(attempt.result, "WARNING")) for attempt in charge.delivery_attempts.all()],
        "moments": list(reversed(web.moments(charge))),
        "may_edit": allowed(request.user, "charges.edit"),
    }
    return live.live_page(request, "billing/charge.html", "billing/charge_live.html", context)


def _message(charge: Charge) -> dict[str, Any]:
    """The message by segments; of a charge on hold what it would be if it was released now, which is not stored."""
    text, is_preview, fault = charge.message, False, ""
    if not text and charge.status == PENDING and charge.on_hold:
        try:
            text, is_preview = messages_of.build(charge), True
        except ValueError as error:
            fault = str(error)
    return {"segments": [line for line in text.split("\r") if line], "is_preview": is_preview, "no_message": fault}


@page
@requires("charges.edit")
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a held charge go."""
    return _change(request, pk, deciding.release_hold, "is released and will be sent")


@page
@requires("charges.edit")
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a refused charge once more."""
    return _change(request, pk, deciding.retry_failed, "will be sent again")


def _change(request: HttpRequest, pk: int, verb: Callable[..., Charge], done: str) -> HttpResponse:
    charge = queries.charge(site_of(request), pk)
    try:
        verb(charge, Actor.user(request.user), seen=seen_text(request))
    except ChangedMeanwhile:
        raise
    except Conflict as error:
        messages.error(request, f"Not changed. {error}")
    else:
        messages.success(request, f"Charge {charge.control_id} {done}.")
    if request.headers.get("HX-Request") == "true":
        response = render(request, "parts/messages.html")
        response["HX-Trigger"] = "changed"
        return response
    return redirect("charge", pk)
