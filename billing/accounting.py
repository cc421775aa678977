"""The books of some days: performed → captured → posted, by day, station and procedure, and whether they add up.

What was performed is reckoned from the steps by the rules of when it was judged, what was captured and posted read from the charges:
each side by itself, so that a charge without work, work without a charge, work that is charged twice, and a wrong amount or day show
as a difference, by name.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from billing.capture import Draft
from billing.models import Charge
from billing.queries import is_given_up
from billing.ruling import Rulebook
from billing.transitions import FAILED, POSTED, VOID
from billing.works import Work, works
from billing.worth import drafted, worth_of
from ris import clock
from ris.models import RequestedProcedure, ScheduledProcedureStep, Site
from ris.transitions import FINAL

COLUMNS: Final = ("performed", "nothing", "missing", "captured", "posted", "pending", "held", "refused", "undelivered", "written_off")
TITLES: Final = {
    "performed": "Performed",
    "nothing": "Nothing to charge",
    "missing": "Not captured",
    "captured": "Captured",
    "posted": "Posted",
    "pending": "Waiting",
    "held": "On hold",
    "refused": "Refused",
    "undelivered": "Not delivered",
    "written_off": "Written off",
}
"""Nothing to charge: by a rule, or because a person voided or credited it."""
_STAGES: Final = COLUMNS[4:]


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
    """Why the books do not add up, in words, with the page where it is seen; of a whole day its charges."""

    what: str
    url_name: str
    pk: int = 0
    day: date | None = None


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
    """Of the services from the first day to the last. A service is of the day of its charge, without one of the day it ended."""
    found, rulebook = Books(), Rulebook(site)
    begin, end = clock.day_bounds(first, site)[0], clock.day_bounds(last, site)[1]
    for work in works(site, begin, end):
        for charge in work.charges:
            if begin <= charge.service_at < end and charge.status != VOID:
                _captured(found, site, work, charge)
        entry = _performed(work, rulebook)
        if entry is not None and begin <= entry.at < end:
            _entered(found, site, work, entry)
    for column, one in (("count", _unequal_counts(found)), ("amount", _unequal_amounts(found))):
        if one:
            found.differences.append(Difference(f"The {column}s do not add up: {one}.", "charges", day=last))
    return found


@dataclass(frozen=True, slots=True)
class _Entry:
    """A service as it is counted: when it was, what it was worth, the column that it ends in without a charge, what is wrong with it."""

    at: datetime
    worth: Decimal
    column: str = ""
    wrong: tuple[Difference, ...] = ()
    is_performed: bool = True


def _captured(found: Books, site: Site, work: Work, charge: Charge) -> None:
    """A charge counts on its own day, a credit there as one less."""
    sign, key = -1 if charge.is_credit else 1, _key(site, work, charge.service_at)
    found.add(key, "captured", sign, sign * charge.amount)
    found.add(key, _stage(charge), sign, sign * charge.amount)


def _entered(found: Books, site: Site, work: Work, entry: _Entry) -> None:
    key = _key(site, work, entry.at)
    if entry.is_performed:
        found.add(key, "performed", 1, entry.worth)
    if entry.column:
        found.add(key, entry.column, 1, entry.worth)
    found.differences += entry.wrong


def _performed(work: Work, rulebook: Rulebook) -> _Entry | None:
    """What was performed, reckoned from its steps; None while nothing of it has ended."""
    if work.standing is not None:
        return _charged(work, work.standing, rulebook)
    if work.charges:
        return _taken_back(work, rulebook)
    if work.no_charge is not None:
        return _Entry(work.no_charge.service_at, Decimal(0), "nothing")
    return _without_charge(work, rulebook)


def _charged(work: Work, charge: Charge, rulebook: Rulebook) -> _Entry:
    """A service with a charge that stands: the charge has to say what the steps do, unless a person decided that it stands."""
    counted = [one for one in work.charges if one.status != VOID]
    wrong = []
    if (count := sum(-1 if one.is_credit else 1 for one in counted)) != 1:
        wrong.append(Difference(f"{charge}: {count} charges stand for one service", "charge", charge.pk))
    draft = drafted(work, rulebook, work.ended_at or charge.created_at)
    if draft is None:
        # A step that was begun again after its charge is no ended step now; what was performed before stays performed.
        if work.steps or (work.performed_step is not None and work.performed_step.is_final):
            return _Entry(charge.service_at, charge.amount, wrong=tuple(wrong))
        wrong.append(Difference(f"{charge}: charged, and nothing of it has ended", "charge", charge.pk))
        return _Entry(charge.service_at, Decimal(0), wrong=tuple(wrong), is_performed=False)
    if work.is_decided_by_hand:
        return _Entry(charge.service_at, charge.amount, wrong=tuple(wrong))
    worth = worth_of(draft, charge, work.judged_at or charge.created_at)
    return _Entry(charge.service_at, worth, wrong=(*wrong, *_differing(charge, draft, worth)))


def _differing(charge: Charge, draft: Draft, worth: Decimal) -> list[Difference]:
    """What of a charge is not as it was performed, in words."""
    found, site = [], charge.site
    if worth != charge.amount:
        what = f"{charge}: {charge.amount} charged, {worth} performed ({draft.decision.reason})"
        found.append(Difference(what, "charge", charge.pk))
    told, day = (clock.local(at, site).date() for at in (charge.service_at, draft.service_at))
    if told != day and not draft.is_nothing:
        found.append(Difference(f"{charge}: charged for {told}, performed on {day}", "charge", charge.pk))
    return found


def _taken_back(work: Work, rulebook: Rulebook) -> _Entry | None:
    """A service all of whose charges are void or taken back: decided by a person, or because the work turned out worth nothing."""
    last = next(one for one in reversed(work.charges) if not one.is_credit)
    draft = drafted(work, rulebook, work.ended_at or last.created_at)
    if draft is None and not work.steps and not (work.performed_step is not None and work.performed_step.is_final):
        return None
    worth = draft.amount if draft is not None else Decimal(0)
    if work.is_decided_by_hand or draft is None or draft.is_nothing:
        return _Entry(last.service_at, worth, "nothing")
    what = f"{last}: taken back, and the work is worth {worth} ({draft.decision.reason})"
    return _Entry(last.service_at, worth, "missing", (Difference(what, "charge", last.pk),))


def _without_charge(work: Work, rulebook: Rulebook) -> _Entry | None:
    """Nothing was captured: it is worth nothing by the rules of when it ended, or it was forgotten."""
    procedure = work.procedure
    if procedure is None or not work.steps or procedure.steps.exclude(status__in=FINAL).exists():
        return None
    ended = work.steps[-1]
    draft = drafted(work, rulebook, ended.status_at)
    if draft is not None and draft.is_nothing:
        return _Entry(ended.status_at, Decimal(0), "nothing")
    name = procedure.order.accession_number or procedure.requested_procedure_id
    missing = Difference(f"{name}: performed and not captured", "step", ended.pk)
    return _Entry(ended.status_at, procedure.price if draft is None else draft.amount, "missing", (missing,))


def _stage(charge: Charge) -> str:
    if charge.status == POSTED:
        return "posted"
    if is_given_up(charge):
        return "written_off"
    if charge.status == FAILED:
        return "undelivered" if charge.is_dead_letter else "refused"
    return "held" if charge.on_hold else "pending"


def _key(site: Site, work: Work, at: datetime) -> Key:
    performed = work.performed_step
    station = performed.station_ae_title if performed else _station(work.steps)
    return Key(clock.local(at, site).date(), station, _name(work.procedure))


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
    if got["performed"] != got["nothing"] + got["missing"] + got["captured"]:
        return ", ".join(f"{got[name]} {TITLES[name].lower()}" for name in ("performed", "nothing", "missing", "captured"))
    return "" if got["captured"] == sum(got[name] for name in _STAGES) else f"{got['captured']} captured, the stages hold others"


def days(last: date, count: int) -> tuple[date, date]:
    """The first and last of so many days that end with this one."""
    return last - timedelta(days=count - 1), last
