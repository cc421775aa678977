"""What was done, or should have been, and is not billed: one table of kinds, each with how it is found and what is at risk.

Work that a rule decided to be free is not at risk and is no row here. Charges are looked for however old; every other search is
bounded by `LOOK_BACK`. All go by an index, so that the cost does not grow with the years.

Measured on SQLite with 40,000 exams of 31 days (CPU time): 0.2 s with 600 rows found, 0.9 s with 3,600, of which 3,000 are charges that
nobody acknowledges. An open page asks only after something changed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing import late, ruling
from billing.causes import Facts
from billing.codes import Code, reported
from billing.models import Charge, NoCharge
from billing.queries import GIVEN_UP
from billing.transitions import FAILED, PENDING, VOID
from mpps import datasets, reading
from mpps.models import PerformedProcedureStep, StepLink
from mpps.transitions import DISCONTINUED as PERFORMED_DISCONTINUED
from ris import clock
from ris.models import Procedure, ScheduledProcedureStep, Site, Station
from ris.transitions import BEGUN, COMPLETED, DISCONTINUED, FINAL, WAITING

LOOK_BACK: Final = timedelta(days=31)
POSTED_WITHIN: Final = timedelta(seconds=60)
"""A charge that waits longer than this is not on its way."""
OVERDUE_AFTER: Final = timedelta(minutes=60)
OVER_DURATION: Final = timedelta(minutes=60)
"""An exam may take this much longer than was planned."""
SEND_AGAIN: Final = "Send again"
CAPTURE_NOW: Final = "Capture the charge"
_CHUNK: Final = 500
"""Rows that are held at once while all are looked at: what is dropped behind the query must not hide what comes after it."""


@dataclass(frozen=True)
class Row:
    """One thing unbilled. `amount` is None when nobody knows the price. `url_name` with `pk` is the page where it is mended.

    `decide` is the page, of the same `pk`, on which a person says that nothing is charged; `mark` what is seen of work to be captured.
    """

    kind: str
    since: datetime
    station: str
    patient_name: str
    patient_id: str
    accession_number: str
    what: str
    amount: Decimal | None
    causes: tuple[str, ...]
    action: str
    url_name: str
    pk: int
    decide: str = ""
    mark: str = ""

    def age_minutes(self, now: datetime) -> int:
        """Whole minutes; none while it is still to come."""
        return max(int((now - self.since).total_seconds() // 60), 0)


@dataclass(frozen=True)
class Kind:
    """`find` gives the rows of it at a moment, in whatever order an index has."""

    key: str
    title: str
    checked: str
    find: Callable[[Site, datetime, Facts], Iterator[Row]]


def _steps(site: Site, statuses: tuple[str, ...]) -> QuerySet[ScheduledProcedureStep]:
    return (
        ScheduledProcedureStep.objects.filter(site=site, status__in=statuses, requested_procedure__is_test=False)
        .select_related("requested_procedure__site", "requested_procedure__order__patient")
        .prefetch_related("stations")
        .order_by("start", "pk")
    )


def _of_step(kind: str, step: ScheduledProcedureStep, since: datetime, amount: Decimal, causes: tuple[str, ...], action: str) -> Row:
    procedure = step.requested_procedure
    patient = procedure.order.patient
    return Row(
        kind=kind,
        since=since,
        station=_station(step),
        patient_name=patient.name,
        patient_id=patient.patient_id,
        accession_number=procedure.order.accession_number,
        what=procedure.meaning or procedure.description or step.description,
        amount=amount,
        causes=causes,
        action=action,
        url_name="step",
        pk=step.pk,
    )


def _station(step: ScheduledProcedureStep) -> str:
    return next((station.ae_title for station in step.stations.all()), "")


def _not_captured(site: Site, now: datetime, facts: Facts) -> Iterator[Row]:
    """All steps ended, something was worth a charge by the rules of then, and there is none. When it was planned for does not matter."""
    open_ones = ScheduledProcedureStep.objects.filter(requested_procedure=OuterRef("requested_procedure")).exclude(status__in=FINAL)
    ended = _steps(site, (COMPLETED, DISCONTINUED)).filter(
        ~Exists(Charge.objects.filter(requested_procedure=OuterRef("requested_procedure"))),
        ~Exists(NoCharge.objects.filter(requested_procedure=OuterRef("requested_procedure"))),
        ~Exists(open_ones),
        Q(status=COMPLETED) | Exists(StepLink.objects.filter(step=OuterRef("pk"))),
        status_at__gte=now - LOOK_BACK,
    )
    seen: set[int] = set()
    rulebook = ruling.Rulebook(site)
    for step in ended.order_by("status_at", "pk").iterator(_CHUNK):
        procedure = step.requested_procedure
        found = late.of_procedure(procedure, rulebook) if procedure.pk not in seen else None
        seen.add(procedure.pk)
        if found is None:
            continue
        if found.draft is None:
            causes = ("A performed step of it is still in progress: the modality has not said that it ended.",)
            row = _of_step("NOT_CAPTURED", step, step.status_at, procedure.price, causes, "Open the exam")
        else:
            causes = ("No charge was captured when it ended: it was imported or stored as ended.",)
            row = _of_step("NOT_CAPTURED", step, step.status_at, found.draft.amount, causes, CAPTURE_NOW)
        yield replace(row, decide="unbilled-nothing", mark=found.mark)


def _not_posted(site: Site, now: datetime, facts: Facts) -> Iterator[Row]:
    """A charge that the receiver has not acknowledged. A credit, and a charge that one takes back, put nothing at risk.

    What was written off is closed, and so is its credit, as long as nobody hears that it was booked.
    """
    waiting = (
        Charge.objects.filter(~GIVEN_UP, site=site, status__in=(PENDING, FAILED))
        .filter(Q(created_at__lt=now - POSTED_WITHIN) | ~Q(on_hold="") | Q(status=FAILED))
        .select_related("requested_procedure__order__patient", "performed_step", "corrects__corrects")
        .defer("message", "performed_step__attributes")
        .prefetch_related("corrections")
        .order_by(
            "status", "created_at", "pk"
        )  # the order of an index: by that of `created_at` SQLite would look at all that was ever posted
    )
    for charge in waiting.iterator(_CHUNK):
        procedure, performed = charge.requested_procedure, charge.performed_step
        patient = procedure.order.patient if procedure else None
        yield Row(
            kind="NOT_POSTED",
            since=charge.created_at,
            station=performed.station_ae_title if performed else "",
            patient_name=patient.name if patient else performed.patient_name if performed else "",
            patient_id=patient.patient_id if patient else performed.patient_id if performed else "",
            accession_number=procedure.order.accession_number if procedure else "",
            what=f"{'Credit' if charge.is_credit else 'Charge'} {charge}",
            amount=Decimal(0) if charge.is_credit or any(one.status != VOID for one in charge.corrections.all()) else charge.amount,
            causes=facts.not_posted(charge),
            action=_action(charge),
            url_name="charge",
            pk=charge.pk,
        )


def _action(charge: Charge) -> str:
    if charge.status == FAILED:
        return SEND_AGAIN
    return "Check and release" if charge.on_hold else "Open the charge"


def _without_order(site: Site, now: datetime, facts: Facts) -> Iterator[Row]:
    """A modality performed what no order is known for. Broken off with nothing made is worth nothing."""
    performed = PerformedProcedureStep.objects.filter(
        ~Exists(Charge.objects.filter(performed_step=OuterRef("pk"))),
        ~Exists(NoCharge.objects.filter(performed_step=OuterRef("pk"), requested_procedure=None)),
        site=site,
        unscheduled=True,
        received_at__gte=now - LOOK_BACK,
    ).order_by("received_at", "pk")
    for one in performed.iterator(_CHUNK):
        if one.status == PERFORMED_DISCONTINUED and not reading.instances(one.attributes):
            continue
        yield Row(
            kind="WITHOUT_ORDER",
            since=one.received_at,
            station=one.station_ae_title,
            patient_name=one.patient_name,
            patient_id=one.patient_id,
            accession_number=_accession_sent(one),
            what=one.description or one.modality,
            amount=_catalogue_price(site, one),
            causes=("The modality named no order that is known here: typed by hand at the console, or ordered elsewhere.",),
            action="Look at what was done",
            url_name="performed-step",
            pk=one.pk,
            decide="unbilled-performed-nothing" if one.is_final else "",
        )


def _catalogue_price(site: Site, performed: PerformedProcedureStep) -> Decimal | None:
    """Of all that the modality reported and the catalogue knows, as a capture reads it; None when it knows nothing of that."""
    codes = reported(performed.attributes, site.pk, Code("", "", "")).codes
    known = Procedure.objects.filter(site=site, code__in=[one.value for one in codes]) if codes else ()
    prices = {Code(one.code, one.scheme, ""): one.price for one in known}
    found = [prices[one] for one in codes if one in prices]
    return sum(found, Decimal(0)) if found else None


def _accession_sent(performed: PerformedProcedureStep) -> str:
    """The first Accession Number that the modality sent, of an order that is not known here."""
    items = datasets.items(performed.attributes, "ScheduledStepAttributesSequence")
    return next(filter(None, (datasets.text(item, "AccessionNumber", 64) for item in items)), "")


def _overdue(site: Site, now: datetime, facts: Facts) -> Iterator[Row]:
    """Its time is past and no MPPS has come: not performed, or performed and not told."""
    late = _steps(site, WAITING).filter(
        ~Exists(StepLink.objects.filter(step=OuterRef("pk"))), start__gte=now - LOOK_BACK, start__lte=now - OVERDUE_AFTER
    )
    seen: set[int] = set()
    for step in late.iterator(_CHUNK):
        price = Decimal(0) if step.requested_procedure_id in seen else step.requested_procedure.price
        seen.add(step.requested_procedure_id)
        if step.start is not None:
            yield _of_step("OVERDUE", step, step.start, price, facts.overdue(step, _station(step)), "Open the exam")


def _too_long(site: Site, now: datetime, facts: Facts) -> Iterator[Row]:
    """Begun, and long past the time that was planned for it."""
    begun = _steps(site, BEGUN).filter(status_at__gte=now - LOOK_BACK, status_at__lte=now - OVER_DURATION)
    seen: set[int] = set()
    for step in begun.order_by("status_at", "pk").iterator(_CHUNK):  # by `start` SQLite would look at all steps there ever were
        if step.status_at + timedelta(minutes=step.duration_minutes) + OVER_DURATION > now:
            continue
        price = Decimal(0) if step.requested_procedure_id in seen else step.requested_procedure.price
        seen.add(step.requested_procedure_id)
        yield _of_step("TOO_LONG", step, step.status_at, price, facts.too_long(step.status_at, _station(step)), "Open the exam")


KINDS: Final = {
    kind.key: kind
    for kind in (
        Kind(
            "NOT_CAPTURED",
            "Completed and not charged",
            "Every exam that ended has its charge, or a rule that it has none",
            _not_captured,
        ),
        Kind("NOT_POSTED", "Charged and not posted", "Every charge was acknowledged within a minute", _not_posted),
        Kind("WITHOUT_ORDER", "Performed without order", "Everything that modalities performed has its order", _without_order),
        Kind("OVERDUE", "Ordered and overdue, no MPPS", "No exam is more than an hour past its time without an MPPS", _overdue),
        Kind("TOO_LONG", "In progress too long", "No exam takes more than an hour longer than planned", _too_long),
    )
}


def rows(site: Site, kind: str = "", first: date | None = None, last: date | None = None) -> list[Row]:
    """All that is unbilled now, the oldest first; of one kind, or since local days `first` to `last` where these are given."""
    now, facts = clock.now(site), Facts(site)
    after = clock.day_bounds(first, site)[0] if first else None
    before = clock.day_bounds(last, site)[1] if last else None
    chosen = [KINDS[kind]] if kind else KINDS.values()
    found = [
        row
        for one in chosen
        for row in one.find(site, now, facts)
        if (after is None or row.since >= after) and (before is None or row.since < before)
    ]
    return sorted(found, key=lambda row: (row.since, row.kind, row.pk))


def stations(site: Site, found: Iterable[Row]) -> tuple[str, ...]:
    """AE titles that unbilled work can be of: of all stations, and of those that performed something and are none here."""
    known = Station.objects.filter(site=site).values_list("ae_title", flat=True)
    return tuple(sorted({*known, *(row.station for row in found if row.station)}))


def unknown_station(ae_title: str, known: Iterable[str]) -> list[str]:
    """What is wrong with asking for a station, in words; empty when it is known, or none is asked for."""
    if ae_title in ("", *known):
        return []
    return [f"“{ae_title}” is no station here, and nothing unbilled is of it; letter case counts."]


def at_risk(found: Iterable[Row]) -> tuple[Decimal, int]:
    """The sum of what is known, and of how many nobody knows the price."""
    amounts = [row.amount for row in found]
    return sum((amount for amount in amounts if amount is not None), Decimal(0)), amounts.count(None)
