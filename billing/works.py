"""Services of some days, each with all that the books say of it: its steps, its charges, and that it was decided to be worth nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Max, QuerySet

from billing.models import Charge, ChargeChange, NoCharge
from billing.queries import standing
from mpps.models import PerformedProcedureStep, StepLink
from ris.actor import Actor
from ris.models import RequestedProcedure, ScheduledProcedureStep, Site
from ris.transitions import COMPLETED, DISCONTINUED

CAPTURER: Final = Actor.system("charge capture")
"""Who captures charges, and judges them again."""
_AT_ONCE: Final = 500


@dataclass
class Work:
    """What was performed for a requested procedure, or, in charges of work without order, by a performed step.

    `steps` are those that ended; `charges` all of them in order, void ones too; `judged_at` when the latest was judged by the rules.
    """

    procedure: RequestedProcedure | None
    steps: list[ScheduledProcedureStep] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    no_charge: NoCharge | None = None
    judged_at: datetime | None = None
    state: list[tuple[object, ...]] = field(default_factory=list)
    """What its worth follows from, so that it need not be reckoned again while this is the same."""

    @property
    def standing(self) -> Charge | None:
        """The charge that is neither void nor taken back."""
        return standing(self.charges)

    @property
    def ended_at(self) -> datetime | None:
        """When the last of its steps ended, by the rules of which moment a person captures what was forgotten."""
        return self.steps[-1].status_at if self.steps else None

    @property
    def is_decided_by_hand(self) -> bool:
        """Whether the latest of its charges is what a person voided or credited."""
        return bool(self.charges) and self.charges[-1].by_hand

    @property
    def performed_step(self) -> PerformedProcedureStep | None:
        """The first performed step of the work, as far as its charges or its decision name one."""
        named = next((one.performed_step for one in reversed(self.charges) if one.performed_step is not None), None)
        return named or (self.no_charge.performed_step if self.no_charge else None)


def works(site: Site, begin: datetime, end: datetime) -> Iterator[Work]:
    """The services that are charged or decided for this time, or that ended in it and are not charged at all."""
    in_time = {"site": site, "service_at__gte": begin, "service_at__lt": end}
    ended = ScheduledProcedureStep.objects.filter(
        site=site, status__in=(COMPLETED, DISCONTINUED), status_at__gte=begin, status_at__lt=end
    ).order_by()
    numbers: set[int] = set(ended.values_list("requested_procedure_id", flat=True))
    decided = NoCharge.objects.filter(**in_time, requested_procedure__isnull=False).order_by()
    numbers.update(number for number in decided.values_list("requested_procedure_id", flat=True) if number is not None)
    charged = Charge.objects.filter(**in_time, requested_procedure__isnull=False).order_by()
    numbers.update(number for number in charged.values_list("requested_procedure_id", flat=True) if number is not None)
    wanted = sorted(numbers)
    for at in range(0, len(wanted), _AT_ONCE):
        yield from _of_procedures(wanted[at : at + _AT_ONCE])
    without_order: dict[int | None, Work] = {}
    for charge in _charges(Charge.objects.filter(**in_time, requested_procedure__isnull=True)):
        without_order.setdefault(charge.performed_step_id, Work(None)).charges.append(charge)
    for decision in NoCharge.objects.filter(**in_time, requested_procedure=None).select_related("performed_step"):
        without_order.setdefault(decision.performed_step_id, Work(None)).no_charge = decision
    yield from without_order.values()


def _of_procedures(numbers: Sequence[int]) -> Iterable[Work]:
    procedures = RequestedProcedure.objects.filter(pk__in=numbers).select_related("order", "site")
    found = {one.pk: Work(one) for one in procedures}
    steps = ScheduledProcedureStep.objects.filter(requested_procedure__in=numbers)
    for step in steps.prefetch_related("stations").order_by("status_at", "pk"):
        found[step.requested_procedure_id].state.append((step.pk, step.status, step.status_at))
        if step.status in (COMPLETED, DISCONTINUED):
            found[step.requested_procedure_id].steps.append(step)
    _add_performed(found)
    for charge in _charges(Charge.objects.filter(requested_procedure__in=numbers)):
        found[_number(charge)].charges.append(charge)
    decisions = NoCharge.objects.filter(requested_procedure__in=numbers).select_related("performed_step")
    for decision in decisions.defer("performed_step__attributes").order_by("pk"):
        found[decision.requested_procedure_id or 0].no_charge = decision
    judged = ChargeChange.objects.filter(
        charge__requested_procedure__in=numbers, actor_kind=CAPTURER.kind, actor=CAPTURER.name, charge__kind=Charge.Kind.TECHNICAL
    ).order_by()
    for number, moment in judged.values_list("charge__requested_procedure").annotate(Max("at")):
        found[number].judged_at = moment
    return found.values()


def _add_performed(found: dict[int, Work]) -> None:
    """To the state of each work its performed steps as they were written last, with all exams that these are about."""
    own = StepLink.objects.filter(step__requested_procedure__in=list(found)).order_by("performed_step", "pk")
    pairs: Iterable[tuple[Any, ...]] = own.values_list("performed_step_id", "step__requested_procedure_id")
    by_performed: dict[int, set[int]] = {}
    for performed, number in pairs:
        by_performed.setdefault(performed, set()).add(number)
    every = StepLink.objects.filter(performed_step__in=list(by_performed)).order_by("performed_step", "pk")
    columns = ("performed_step_id", "performed_step__updated_at", "performed_step__started_at", "step_id", "step__status")
    facts: Iterable[tuple[Any, ...]] = every.values_list(*columns)
    for fact in facts:
        for number in by_performed[fact[0]]:
            found[number].state.append(fact)


def _charges(rows: "QuerySet[Charge, Any]") -> Iterable[Charge]:
    return (
        rows.select_related("site", "requested_procedure", "performed_step", "corrects")
        .defer("performed_step__attributes", "message", "corrects__message")
        .order_by("revision", "pk")
    )


def _number(charge: Charge) -> int:
    return charge.requested_procedure_id or 0
