"""Reads of charges that pages and REST share."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from billing.models import Charge, ChargeChange, ChargeLine, DeliveryAttempt, NoCharge
from billing.transitions import FAILED, PENDING, POSTED, RETRY, VOID
from ris import clock
from ris.errors import NotFound
from ris.models import ScheduledProcedureStep, Site

_LATEST_CHANGES: Final = 500
GIVEN_UP: Final = Q(written_off_at__isnull=False) | Q(
    transaction_type=Charge.TransactionType.CREDIT, corrects__written_off_at__isnull=False
)
"""Written off, or the credit that waits for what was, which is closed with it. Of a charge that is at hand `is_given_up` says it."""


def is_given_up(charge: Charge) -> bool:
    """As `GIVEN_UP`."""
    of = charge.corrects if charge.is_credit else None
    return charge.written_off_at is not None or (of is not None and of.written_off_at is not None)


def charges(site: Site) -> QuerySet[Charge]:
    """Charges with all that a list shows, the latest first."""
    return (
        Charge.objects.filter(site=site)
        .select_related("site", "requested_procedure__order__patient", "performed_step", "corrects__corrects")
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
    """Charges that were set aside because nobody acknowledged them, and that nobody wrote off."""
    return Charge.objects.filter(site=site, status=FAILED, is_dead_letter=True, written_off_at=None)


def refused(site: Site) -> QuerySet[Charge]:
    """Charges that the receiver refused, or that could not be sent, and that nobody wrote off."""
    return Charge.objects.filter(site=site, status=FAILED, is_dead_letter=False, written_off_at=None)


def sent_again_last(site: Site) -> ChargeChange | None:
    """Who sent a failed charge again last, if that is among the latest changes of charges."""
    latest = ChargeChange.objects.select_related("charge").order_by("-pk")[:_LATEST_CHANGES]
    return next((change for change in latest if change.verb == RETRY.verb and change.charge.site_id == site.pk), None)


def newest_attempt(site: Site, result: DeliveryAttempt.Result) -> DeliveryAttempt | None:
    """The latest try to deliver that came to this result, with its charge."""
    return DeliveryAttempt.objects.filter(charge__site=site, result=result).select_related("charge").order_by("-pk").first()


def due() -> QuerySet[Charge]:
    """What is to be sent now, unless somebody is at it: not on hold, and what it corrects, if anything, settled (`waits_for`)."""
    unsettled = (
        Charge.objects.filter(pk=OuterRef("corrects"))
        .exclude(status__in=(POSTED, VOID))
        .exclude(GIVEN_UP, transaction_type=Charge.TransactionType.CREDIT)
    )
    return Charge.objects.filter(~Exists(unsettled), status=PENDING, on_hold="", next_attempt_at__lte=Now())


def waits_for(charge: Charge) -> Charge | None:
    """What has to be settled before this one is sent: posted or void.

    A credit that was written off, or that is to take back a charge that was, holds nothing up; of a charge that was written off the
    credit waits until somebody hears that it is booked after all.
    """
    before = charge.corrects
    if before is None or before.status in (POSTED, VOID):
        return None
    return None if before.is_credit and is_given_up(before) else before


def is_untold(charge: Charge) -> bool:
    """Whether the receiver cannot have booked it: it was never sent, or each try was refused or did not reach anybody."""
    return not charge.message or charge.attempts == charge.unbooked().count()


def unpriced_lines(site: Site, first: date, last: date) -> int:
    """Lines of charges for services of these local days that the receiver has to price; as in the books a credit takes its lines off."""
    begin, end = clock.day_bounds(first, site)[0], clock.day_bounds(last, site)[1]
    found = ChargeLine.objects.filter(charge__site=site, charge__service_at__gte=begin, charge__service_at__lt=end, unit_amount=None)
    of = found.exclude(charge__status=VOID).values_list("charge__transaction_type").annotate(Count("pk")).order_by()
    return sum(count if kind == Charge.TransactionType.CHARGE else -count for kind, count in of)


def no_charges(site: Site, *, day: date | None = None) -> QuerySet[NoCharge]:
    """What was decided to be worth nothing and still is, the latest first; of a local day of service. `first_step` is its exam's page."""
    charged = Charge.objects.filter(requested_procedure=OuterRef("requested_procedure"))
    without_order = Charge.objects.filter(requested_procedure=None, performed_step=OuterRef("performed_step"))
    later = NoCharge.objects.filter(requested_procedure=OuterRef("requested_procedure"), pk__gt=OuterRef("pk"))
    found = NoCharge.objects.filter(~Exists(charged), ~Exists(later), site=site)
    found = found.exclude(Exists(without_order), requested_procedure=None)
    if day is not None:
        first, after = clock.day_bounds(day, site)
        found = found.filter(service_at__gte=first, service_at__lt=after)
    first_step = ScheduledProcedureStep.objects.filter(requested_procedure=OuterRef("requested_procedure")).order_by("position", "pk")
    found = found.annotate(first_step=Subquery(first_step.values("pk")[:1]))
    related = found.select_related("site", "requested_procedure__order__patient", "performed_step").defer("performed_step__attributes")
    return related.prefetch_related("changes").order_by("-decided_at", "-pk")


def no_charges_of(site: Site, requested_procedure_ids: Iterable[int]) -> dict[int, NoCharge]:
    """Of these requested procedures those that were decided to be worth nothing."""
    decided = no_charges(site).filter(requested_procedure__in=list(requested_procedure_ids))
    return {one.requested_procedure_id: one for one in decided if one.requested_procedure_id is not None}


def no_charge_of_performed(site: Site, performed_step_id: int) -> NoCharge | None:
    """That nothing is charged for what was performed without an order, if that was decided."""
    return no_charges(site).filter(performed_step=performed_step_id, requested_procedure=None).first()


def standing(charges: Iterable[Charge]) -> Charge | None:
    """Of the charges of a requested procedure the one that is neither void nor taken back; None when nothing of the work is charged."""
    charges = [charge for charge in charges if charge.status != VOID]
    taken_back = {charge.corrects_id for charge in charges if charge.is_credit}
    return next((charge for charge in charges if not charge.is_credit and charge.pk not in taken_back), None)
