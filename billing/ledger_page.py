"""The page of the demo charge processor's ledger: what another system has booked, and whether that is what was posted."""

import sqlite3
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from billing import books, presenters, targets, web
from billing.charge_processor.statement import Message, Statement
from billing.models import Charge, ChargeChange, DeliveryAttempt
from ris import audit, clock
from ris.permissions import requires
from ris.web import live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.searching import key_of, query_of, searchable, text_of

MAX_ROWS: Final = 100
MAX_REFUSALS: Final = 20
MAX_DIFFERENCES: Final = 20
_HISTORIES = (ChargeChange, DeliveryAttempt)


@page
@requires("charges.view")
@searchable()
def show(request: HttpRequest) -> HttpResponse:
    """What is booked, the latest first, the sums, and the comparison with what was posted."""
    present = live.state(request, _HISTORIES)
    if same := live.unchanged(request, present):
        return same
    asked = text_of(request)
    context: dict[str, Any] = {"q": asked, "is_demo": targets.is_demo(), "target": targets.in_words(), "today": clock.today()}
    try:
        context |= _read(Statement(targets.ledger_file()), asked)
    except sqlite3.Error as error:
        context["trouble"] = f"The ledger {targets.ledger_file()} cannot be read: {error}."
    shown = audit.of_numbers(site_of(request), ((one["message"].patient_id, one["accession_number"]) for one in context.get("rows", ())))
    disclose(request, audit.LIST, *shown, asked={"q": asked})
    url = reverse("charge-ledger") + (f"?{query_of(key_of(request))}" if asked else "")
    return live.live_page(request, "billing/ledger.html", "billing/ledger_live.html", context, url=url, present=present)


def _read(ledger: Statement, asked: str) -> dict[str, Any]:
    sums, found = ledger.sums(), ledger.messages(MAX_ROWS + 1, asked, _of_accession(asked))
    charges = Charge.objects.select_related("requested_procedure__order").in_bulk(
        [one.control_id for one in found[:MAX_ROWS]], field_name="control_id"
    )
    context: dict[str, Any] = {
        "sums": sums,
        "parts": [
            ("", "Charges", sums.charges, web.money(sums.charged)),
            ("−", "Credits", sums.credits, web.money(sums.credited)),
            ("=", "Booked", sums.charges - sums.credits, web.money(sums.amount)),
        ],
        "rows": [_row(one, charges.get(one.control_id)) for one in found[:MAX_ROWS]],
        "is_capped": len(found) > MAX_ROWS,
        "refusals": ledger.refusals(MAX_REFUSALS),
    }
    if targets.is_demo():
        balance = books.balance(ledger)
        context |= {
            "balance": balance,
            "posted": web.money(balance.amount),
            "differences": (*balance.wrong, *balance.unheard)[:MAX_DIFFERENCES],
        }
    return context


def _of_accession(text: str) -> list[str]:
    """Control IDs of the charges of an accession number, which the ledger does not know."""
    if not text:
        return []
    return [
        str(one) for one in Charge.objects.filter(requested_procedure__order__accession_number=text).values_list("control_id", flat=True)
    ]


def _row(message: Message, charge: Charge | None) -> dict[str, Any]:
    """`name` is the family and given name of XPN, as a PN. `charge` is ours of that control ID."""
    return {
        "message": message,
        "name": "^".join(message.patient_name.split("^")[:2]),
        "amount": web.money(message.amount),
        "charge": charge,
        "accession_number": presenters.accession_number(charge) if charge else "",
    }
