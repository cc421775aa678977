"""Reads of charges that pages and REST share."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from billing.models import Charge, DeliveryAttempt
from billing.transitions import FAILED, PENDING, POSTED, VOID
from ris import clock
from ris.errors import NotFound
from ris.models import Site


def charges(site: Site) -> QuerySet[Charge]:
    """Charges with all that a list shows, the latest first."""
    return (
        Charge.objects.filter(site=site)
        .select_related("site", "requested_procedure__order__patient", "performed_step", "corrects")
        .defer("performed_step__attributes")  # the data set of the MPPS, which is large
        .prefetch_related("lines", "corrections")
        .order_by("-created_at", "-pk")
    )


def filtered(site: Site, *, accession_number: str = "", status: str = "", day: date | None = None) -> QuerySet[Charge]:
    """Charges of an accession number, in a status, of a local day of service; an empty filter does not narrow."""
    found = charges(site)
    if accession_number:
        found = found.filter(requested_procedure__order__accession_number=accession_number)
    if status:
        found = found.filter(status=status.upper())
    if day is not None:
        first, after = clock.day_bounds(day, site)
        found = found.filter(service_at__gte=first, service_at__lt=after)
    return found


def charge(site: Site, charge_id: int) -> Charge:
    """The charge of our own id with its attempts and history; NotFound otherwise."""
    found = charges(site).prefetch_related("delivery_attempts", "changes").filter(pk=charge_id).first()
    if found is None:
        raise NotFound(f"There is no charge with id {charge_id}.")
    return found


def of_procedures(site: Site, requested_procedure_ids: Iterable[int]) -> dict[int, list[Charge]]:
    """Charges by the id of their requested procedure, the latest first."""
    found: dict[int, list[Charge]] = {}
    for one in charges(site).filter(requested_procedure__in=list(requested_procedure_ids)):
        if one.requested_procedure_id is not None:
            found.setdefault(one.requested_procedure_id, []).append(one)
    return found


def dead_letters(site: Site) -> QuerySet[Charge]:
    """Charges that were set aside because nobody acknowledged them."""
    return Charge.objects.filter(site=site, status=FAILED, is_dead_letter=True)


def newest_attempt(site: Site, result: DeliveryAttempt.Result) -> DeliveryAttempt | None:
    """The latest try to deliver that came to this result, with its charge."""
    return DeliveryAttempt.objects.filter(charge__site=site, result=result).select_related("charge").order_by("-pk").first()


def due() -> QuerySet[Charge]:
    """What is to be sent now, unless somebody is at it: not on hold, and what it corrects, if anything, posted or void."""
    unsettled = Charge.objects.filter(pk=OuterRef("corrects")).exclude(status__in=(POSTED, VOID))
    return Charge.objects.filter(~Exists(unsettled), status=PENDING, on_hold="", next_attempt_at__lte=Now())


def standing(charges: Iterable[Charge]) -> Charge | None:
    """Of the charges of a requested procedure the one that is neither void nor taken back; None when nothing of the work is charged."""
    charges = [charge for charge in charges if charge.status != VOID]
    taken_back = {charge.corrects_id for charge in charges if charge.is_credit}
    return next((charge for charge in charges if not charge.is_credit and charge.pk not in taken_back), None)
