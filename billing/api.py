"""REST of charges."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from billing import presenters, queries
from billing.transitions import STATUSES
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Day, Instant, Line, ListQuery, Page, refusals

router = Router(tags=["charges"])


class ChargeLineOut(Schema):
    """`kind` is PROCEDURE, SUPPLY or FILM; `unit` of UCUM, empty for pieces."""

    kind: str
    code: str
    scheme: str
    meaning: str
    modifier: str
    quantity: int | float
    unit: str


class ChargeOut(Schema):
    """`reason` is why it is charged, `error` what the last delivery met, `on_hold` why it waits for a person.

    A charge of work that no order is known for has empty order numbers. `transaction_type` CD is a credit: its amount is taken back.
    `dead_letter` is true of a FAILED one that nobody acknowledged, however often it was sent; `written_off` when a person gave it up.
    `corrects` is the control ID of the charge that a credit takes back, or of the credit that a charge follows; empty for others.
    """

    id: int
    control_id: str | None
    kind: str
    transaction_type: str
    revision: int
    corrects: str
    status: str
    dead_letter: bool
    written_off: bool
    on_hold: str
    lines: list[ChargeLineOut]
    accession_number: str
    requested_procedure_id: str
    amount: float
    currency: str
    reason: str
    service_at: Instant
    posted_at: Instant | None
    attempts: int
    error: str


class ChargeQuery(ListQuery):
    accession_number: Line = ""
    status: Line = ""
    date: Day | None = None


@router.get("/charges", auth=Bearer("charges.view"), response={200: Page[ChargeOut], **refusals(422)})
def list_charges(request: HttpRequest, query: Query[ChargeQuery]) -> dict[str, Any]:
    """Charges, the latest first. `date` is the hospital's local date of the service."""
    status = base.one_of("status", query.status, STATUSES) or ""
    found = queries.filtered(base.site_of(request), accession_number=query.accession_number, status=status, day=query.date)
    return base.page(request, query, found, presenters.as_row, discloses=True)
