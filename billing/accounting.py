"""The books of some days: performed → captured → posted, by day, station and procedure, and whether they add up.

What was performed is counted from the steps, what was captured and posted from the charges: each side by itself, so that a charge
without work, work without a charge, and work that is charged twice show as a difference, by name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import QuerySet

from billing import capture
from billing.models import Charge
from billing.transitions import FAILED, POSTED, VOID
from mpps.models import StepLink
from ris import clock
from ris.models import RequestedProcedure, ScheduledProcedureStep, Site
from ris.transitions import COMPLETED, DISCONTINUED, FINAL

COLUMNS: Final = ("performed", "nothing", "missing", "captured", "posted", "pending", "held", "refused")
TITLES: Final = {
    "performed": "Performed",
    "nothing": "Nothing to charge",
    "missing": "Not captured",
    "captured": "Captured",
    "posted": "Posted",
    "pending": "Waiting",
    "held": "On hold",
    "refused": "Refused",
}
"""Nothing to charge: by a rule, or because a person voided or credited it. Refused: dead letters too."""
_STAGES: Final = COLUMNS[4:]
_AT_ONCE: Final = 500


@dataclass(slots=True)
class Figure:
    count: int = 0
    amount: Decimal = Decimal(0)

    def add(self, count: int, amount: Decimal) -> None:
        self.count += count
        self.amount += amount


@dataclass(frozen=True, slots=True)
class Key:
    """What a line of the books is about; empty texts where nobody knows."""

    day: date
    station: str
    procedure: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Why the books do not add up, in words, with the page where it is seen."""

    what: str
    url_name: str
    pk: int


def _figures() -> dict[str, Figure]:
    return {name: Figure() for name in COLUMNS}


@dataclass
class Books:
    """`lines` by what they are about, the sums of all in `total`."""

    lines: dict[Key, dict[str, Figure]] = field(default_factory=dict)
    total: dict[str, Figure] = field(default_factory=_figures)
    differences: list[Difference] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        return not self.differences

    def add(self, key: Key, column: str, count: int, amount: Decimal) -> None:
        self.lines.setdefault(key, _figures())[column].add(count, amount)
        self.total[column].add(count, amount)

    def ordered(self) -> list[tuple[Key, dict[str, Figure]]]:
        return sorted(self.lines.items(), key=lambda line: (line[0].day, line[0].station, line[0].procedure))


def books(site: Site, first: date, last: date) -> Books:
    """Of the services from the first day to the last. A service is of the day of its charges, else of that of its steps."""
    found = Books()
    charges = _charges_by_work(site, first, last)
    steps = _ended_steps(site, first, last, (key[1] for key in charges if key[0] == "procedure"))
    for work, ones in charges.items():
        _charged(found, site, ones, steps.pop(work[1], []) if work[0] == "procedure" else [])
    _without_charge(found, site, first, last, steps)
    for column, one in (("count", _unequal_counts(found)), ("amount", _unequal_amounts(found))):
        if one:
            found.differences.append(Difference(f"The {column}s do not add up: {one}.", "charges", 0))
    return found


def _charges_by_work(site: Site, first: date, last: date) -> dict[tuple[str, int], list[Charge]]:
    """Charges and credits by the requested procedure, or by the performed step of which no order is known. Voided ones, too."""
    begin, end = clock.day_bounds(first, site)[0], clock.day_bounds(last, site)[1]
    rows = (
        Charge.objects.filter(site=site, service_at__gte=begin, service_at__lt=end)
        .select_related("requested_procedure__order", "performed_step")
        .defer("performed_step__attributes", "message")
        .order_by("service_at", "revision", "pk")
    )
    found: dict[tuple[str, int], list[Charge]] = {}
    for one in rows:
        key = ("procedure", one.requested_procedure_id) if one.requested_procedure_id else ("performed", one.performed_step_id or 0)
        found.setdefault(key, []).append(one)
    return found


def _ended_steps(site: Site, first: date, last: date, charged: Iterable[int]) -> dict[int, list[ScheduledProcedureStep]]:
    """Steps that ended, by requested procedure: of what is charged in these days, and what was planned for them."""
    begin, end = clock.day_bounds(first, site)[0], clock.day_bounds(last, site)[1]
    ended = ScheduledProcedureStep.objects.filter(site=site, status__in=(COMPLETED, DISCONTINUED))
    found: dict[int, dict[int, ScheduledProcedureStep]] = {}
    numbers = list(charged)
    chunks = (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))
    for rows in (ended.filter(start__gte=begin, start__lt=end), *(ended.filter(requested_procedure__in=chunk) for chunk in chunks)):
        for step in _with_facts(rows):
            found.setdefault(step.requested_procedure_id, {})[step.pk] = step
    return {pk: list(steps.values()) for pk, steps in found.items()}


def _with_facts(rows: QuerySet[ScheduledProcedureStep]) -> Iterator[ScheduledProcedureStep]:
    yield from rows.select_related("requested_procedure__order", "requested_procedure__site").prefetch_related("stations").order_by("pk")


def _charged(found: Books, site: Site, charges: list[Charge], steps: list[ScheduledProcedureStep]) -> None:
    """One service with charges: worth what the charge says that stands, and nothing when all were voided or taken back."""
    key = _key_of_charge(site, charges[0], steps)
    counted = [one for one in charges if one.status != VOID]
    count, amount = 0, Decimal(0)
    for one in counted:
        sign = -1 if one.is_credit else 1
        count, amount = count + sign, amount + sign * one.amount
        found.add(key, "captured", sign, sign * one.amount)
        found.add(key, _stage(one), sign, sign * one.amount)
    # A step that was begun again after its charge is no ended step now; what was performed before stays performed.
    performed = bool(steps) or any(one.performed_step is not None and one.performed_step.is_final for one in charges)
    if performed:
        found.add(key, "performed", 1, amount)
    if count == 0 and performed:
        found.add(key, "nothing", 1, amount)
    elif count not in (0, 1):
        found.differences.append(Difference(f"{charges[-1]}: {count} charges stand for one service", "charge", charges[-1].pk))
    if count and not performed:
        found.differences.append(Difference(f"{charges[-1]}: charged, and nothing of it has ended", "charge", charges[-1].pk))


def _stage(charge: Charge) -> str:
    if charge.status == POSTED:
        return "posted"
    if charge.status == FAILED:
        return "refused"
    return "held" if charge.on_hold else "pending"


def _without_charge(found: Books, site: Site, first: date, last: date, steps: dict[int, list[ScheduledProcedureStep]]) -> None:
    """Services whose charges are of other days are counted there; the rest is worth nothing by a rule, or was not captured."""
    elsewhere = _of_those(Charge.objects.all(), "requested_procedure", list(steps))
    linked = _of_those(StepLink.objects.all(), "step__requested_procedure", list(steps))
    for pk, ended in steps.items():
        procedure = ended[0].requested_procedure
        if pk in elsewhere or procedure.steps.exclude(status__in=FINAL).exists():
            continue
        if pk not in linked and all(step.status == DISCONTINUED for step in ended):
            worth = Decimal(0)
            is_nothing = True
        else:
            draft = capture.draft(procedure)
            is_nothing = draft is not None and draft.is_nothing
            worth = draft.amount if draft is not None else procedure.price
        key = _key_of_step(site, ended[0], first)
        found.add(key, "performed", 1, worth)
        found.add(key, "nothing" if is_nothing else "missing", 1, worth)
        if not is_nothing:
            name = procedure.order.accession_number or procedure.requested_procedure_id
            found.differences.append(Difference(f"{name}: performed and not captured", "step", ended[0].pk))


def _of_those(rows: QuerySet[Any], lookup: str, wanted: list[int]) -> set[int]:
    """Which of these requested procedures the rows are about; asked for in parts, since databases limit what one query names."""
    parts = (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE))
    return {pk for part in parts for pk in rows.filter(**{f"{lookup}__in": part}).order_by().values_list(lookup, flat=True)}


def _key_of_charge(site: Site, charge: Charge, steps: list[ScheduledProcedureStep]) -> Key:
    station = charge.performed_step.station_ae_title if charge.performed_step else _station(steps)
    return Key(clock.local(charge.service_at, site).date(), station, _name(charge.requested_procedure))


def _key_of_step(site: Site, step: ScheduledProcedureStep, first: date) -> Key:
    day = clock.local(step.start, site).date() if step.start else first
    return Key(day, _station([step]), _name(step.requested_procedure))


def _station(steps: list[ScheduledProcedureStep]) -> str:
    return next((station.ae_title for step in steps for station in step.stations.all()), "")


def _name(procedure: RequestedProcedure | None) -> str:
    return (procedure.code or procedure.meaning or procedure.description) if procedure else ""


def _unequal_counts(found: Books) -> str:
    total = found.total
    got = {name: figure.count for name, figure in total.items()}
    if got["performed"] != got["nothing"] + got["missing"] + got["captured"]:
        parts = (f"{got[name]} {TITLES[name].lower()}" for name in ("performed", "nothing", "missing", "captured"))
        return ", ".join(parts)
    return "" if got["captured"] == sum(got[name] for name in _STAGES) else f"{got['captured']} captured, the stages hold others"


def _unequal_amounts(found: Books) -> str:
    got = {name: figure.amount for name, figure in found.total.items()}
    if got["performed"] != got["missing"] + got["captured"]:
        return f"{got['performed']} performed, {got['missing']} not captured, {got['captured']} captured"
    return "" if got["captured"] == sum(got[name] for name in _STAGES) else f"{got['captured']} captured, the stages hold others"


def days(last: date, count: int) -> tuple[date, date]:
    """The first and last of so many days that end with this one."""
    return last - timedelta(days=count - 1), last
