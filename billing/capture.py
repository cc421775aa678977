"""From what was performed for a requested procedure to the charge it is worth. Reads only; `billing.actions` writes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from billing import codes as reporting
from billing import ruling, supplies
from billing.codes import Code
from billing.hl7 import MAX_LINES
from billing.models import MAX_TEXT, Charge, ChargeLine
from billing.rules import Decision, Outcome, Performed, StepWork, decide, of_performed
from billing.supplies import Used
from mpps import reading
from mpps.models import Finding, PerformedProcedureStep, StepLink
from mpps.transitions import COMPLETED
from ris import transitions
from ris.models import Procedure, RequestedProcedure, ScheduledProcedureStep, Site, StepChange
from ris.prepared import Prepared

OTHER_PATIENT = "PATIENT_ID_DIFFERS"
"""Code of the finding that holds a charge."""


_steps = Prepared(
    lambda procedure: (
        ScheduledProcedureStep.objects.only("requested_procedure", "position", "status", "status_at")
        .filter(requested_procedure=procedure)
        .exclude(status=transitions.CANCELED)
        .order_by("position", "pk")
    ),
    "procedure",
)
_links = Prepared(
    lambda procedure: StepLink.objects.only("step", "performed_step").filter(step__requested_procedure=procedure), "procedure"
)
_performed_step = Prepared(lambda pk: PerformedProcedureStep.objects.select_related("station").filter(pk=pk), "pk")
_doubts = Prepared(lambda performed: Finding.objects.filter(performed_step=performed, code=OTHER_PATIENT), "performed")
_group = Prepared(
    lambda performed: (
        RequestedProcedure.objects.only("code", "scheme")
        .filter(pk__in=StepLink.objects.filter(performed_step=performed).values("step__requested_procedure"))
        .order_by("pk")
    ),
    "performed",
)
_started_although_canceled = Prepared(
    lambda procedure: (
        StepChange.objects.filter(step__requested_procedure=procedure, verb="start", from_status=transitions.CANCELED)
        .select_related("step")
        .order_by("at", "pk")
    ),
    "procedure",
)


@dataclass(frozen=True)
class Draft:
    """A charge before it is a row. `performed` are the performed steps that are charged, in order of their start."""

    decision: Decision
    service_at: datetime
    lines: tuple[ChargeLine, ...]
    performed: tuple[PerformedProcedureStep, ...]

    @property
    def is_nothing(self) -> bool:
        """Whether the work is worth no charge."""
        return self.decision.outcome is Outcome.NONE

    def charge(self, site: Site, requested_procedure_id: int | None, at: datetime) -> Charge:
        """A charge of the procedure as this draft has it, not yet written; its lines are `lines`."""
        return Charge(
            site=site,
            requested_procedure_id=requested_procedure_id,
            performed_step=self.performed[0] if self.performed else None,
            amount=self.amount,
            reason=self.decision.reason[:MAX_TEXT],
            on_hold=self.decision.hold[:MAX_TEXT],
            service_at=self.service_at,
            created_at=at,
        )

    @property
    def amount(self) -> Decimal:
        """The sum of the lines, each rounded as its FT1-11 is."""
        priced = (line.quantity * line.unit_amount for line in self.lines if line.unit_amount is not None)
        return sum((round(amount, 2) for amount in priced), Decimal(0))


def draft(procedure: RequestedProcedure, *at_hand: PerformedProcedureStep) -> Draft | None:
    """The charge of the procedure, without lines when it is worth nothing; None while a step or a performed step of it is open.

    `at_hand` are performed steps as they are stored now, which need not be read.
    """
    steps = _steps(procedure.pk)
    if not steps or any(step.status not in transitions.FINAL for step in steps):
        return None
    performed = _performed(procedure, steps, at_hand)
    if any(not one.is_final for ones in performed.values() for one in ones):
        return None
    decision = _decision(steps, performed)
    if decision.outcome is Outcome.NONE:
        return Draft(decision, steps[0].status_at, (), ())
    charged = _charged(performed)
    used = supplies.together(
        one for performed in charged if _has_the_supplies(procedure, performed) for one in supplies.used(performed.attributes)
    )
    lines = _lines(procedure, decision, charged, used)
    decision = replace(decision, hold=" ".join(filter(None, (decision.hold, *_quantity_doubts(used)))))
    if len(lines) > MAX_LINES:
        decision = replace(decision, hold=f"{decision.hold} More than {MAX_LINES} codes were reported; charge the rest by hand.".strip())
    return Draft(decision, _service_at(steps, charged), lines[:MAX_LINES], charged)


def of_procedure(procedure: RequestedProcedure) -> tuple[PerformedProcedureStep, ...]:
    """The performed steps that a charge of the procedure is about, in order of their start."""
    performed = _performed(procedure, procedure.steps.all())
    return _charged(performed) or _ended(performed)  # a rule that was changed since takes nothing from a charge


def _performed(
    procedure: RequestedProcedure, steps: Iterable[ScheduledProcedureStep], at_hand: Iterable[PerformedProcedureStep] = ()
) -> dict[int, list[PerformedProcedureStep]]:
    """Performed steps by the id of the scheduled step they are linked to."""
    known = {one.pk: one for one in at_hand}
    found: dict[int, list[PerformedProcedureStep]] = {step.pk: [] for step in steps}
    for link in _links(procedure.pk):
        if link.step_id in found:
            pk = link.performed_step_id
            known[pk] = known.get(pk) or _performed_step(pk)[0]
            found[link.step_id].append(known[pk])
    return found


def _fact(performed: PerformedProcedureStep) -> Performed:
    fact = Performed(
        id=performed.pk,
        completed=performed.status == COMPLETED,
        instances=reading.instances(performed.attributes),
        reason_code=performed.discontinuation_reason_code,
        reason_scheme=performed.discontinuation_reason_scheme,
        reason_meaning=performed.discontinuation_reason_meaning,
    )
    return ruling.judged(fact, performed.site_id)


def _decision(steps: Sequence[ScheduledProcedureStep], performed: dict[int, list[PerformedProcedureStep]]) -> Decision:
    decision = decide([StepWork(step.status == transitions.COMPLETED, tuple(_fact(one) for one in performed[step.pk])) for step in steps])
    holds = [decision.hold, *_identity_doubts(performed), *_revivals(steps)]
    return replace(decision, hold=" ".join(filter(None, holds)))


def _identity_doubts(performed: dict[int, list[PerformedProcedureStep]]) -> Iterator[str]:
    """Whether the patient at the modality may have been another one than the order's."""
    doubts = [doubt for pk in {one.pk for ones in performed.values() for one in ones} for doubt in _doubts(pk)]
    if doubts:
        yield min(doubts, key=lambda finding: (finding.at, finding.pk)).text


def _revivals(steps: Sequence[ScheduledProcedureStep]) -> Iterator[str]:
    """Whether a step had been canceled before it was performed all the same."""
    started = [change for change in _started_although_canceled(steps[0].requested_procedure_id) if change.step in steps]
    revived = sorted(started, key=lambda change: steps.index(change.step))
    for change in revived[:1]:
        canceled = change.step.changes.filter(verb="cancel", pk__lt=change.pk).order_by("pk").last()
        why = f" ({canceled.reason})" if canceled and canceled.reason else ""
        yield f"The exam had been canceled{why} when it was started; check before it is charged."


def _charged(performed: dict[int, list[PerformedProcedureStep]]) -> tuple[PerformedProcedureStep, ...]:
    """Those that are worth something, each once."""
    return tuple(one for one in _ended(performed) if of_performed(_fact(one)) is not Outcome.NONE)


def _ended(performed: dict[int, list[PerformedProcedureStep]]) -> tuple[PerformedProcedureStep, ...]:
    distinct = {one.pk: one for ones in performed.values() for one in ones}
    return tuple(sorted(distinct.values(), key=lambda one: (one.began_at, one.pk)))


def _service_at(steps: Sequence[ScheduledProcedureStep], charged: Sequence[PerformedProcedureStep]) -> datetime:
    """The start of the first performed step; of work recorded by hand the start of the step, else the moment it was recorded."""
    if charged:
        return charged[0].began_at
    begun = [change.at for step in steps for change in step.changes.filter(to_status=transitions.STARTED)]
    return min(begun, default=steps[0].status_at)


def _lines(
    procedure: RequestedProcedure, decision: Decision, charged: Sequence[PerformedProcedureStep], used: Sequence[Used]
) -> tuple[ChargeLine, ...]:
    """A line for each code, then one for each thing used up, which no modifier reduces.

    The price of the order is that of its own code, else of the first code unless the catalogue prices it.
    """
    codes = list(dict.fromkeys(code for one in charged for code in _reported(one, procedure))) or [_ordered(procedure)]
    prices = _catalogue_prices(procedure, [*codes, *(one.code for one in used)])
    own = next((code for code in codes if _is_own(code, procedure)), None) or next((code for code in codes[:1] if code not in prices), None)
    done = [
        ChargeLine(
            code=code.value,
            scheme=code.scheme,
            meaning=code.meaning or (procedure.meaning if _is_own(code, procedure) else ""),
            modifier=decision.modifier,
            unit_amount=procedure.price if code is own else prices.get(code),
        )
        for code in codes
    ]
    lines = [*done, *(_line_of(one, prices) for one in used)]
    for position, line in enumerate(lines, 1):
        line.position = position
    return tuple(lines)


def _line_of(used: Used, prices: Mapping[Code, Decimal]) -> ChargeLine:
    """What costs more than anybody believes is left to the receiver to price."""
    code, price = used.code, prices.get(used.code)
    return ChargeLine(
        kind=used.kind,
        code=code.value,
        scheme=code.scheme,
        meaning=code.meaning,
        quantity=used.quantity,
        unit=used.unit,
        unit_amount=price if price is not None and price * used.quantity <= supplies.MOST_WORTH else None,
    )


def _quantity_doubts(used: Sequence[Used]) -> Iterator[str]:
    for one in used:
        if one.doubt:
            yield f"The quantity {one.doubt!r} of {one.code.value} cannot be right; 1 is charged."
            return


def _reported(performed: PerformedProcedureStep, procedure: RequestedProcedure) -> list[Code]:
    """Codes that the performed step gives for this procedure.

    Of a performed step that covers several requested procedures nobody says which code belongs to which: there each procedure
    is charged by its own, and what is of none of them by the first.
    """
    codes = reporting.reported(performed.attributes, procedure.site_id, Code(procedure.code, procedure.scheme, procedure.meaning))
    group = _group(performed.pk) if codes else []
    if len(group) < 2:
        return codes
    own = [code for code in codes if _is_own(code, procedure)] or [_ordered(procedure)]
    if group[0].pk != procedure.pk:
        return own
    return own + [code for code in codes if not any(_is_own(code, one) for one in group)]


def _has_the_supplies(procedure: RequestedProcedure, performed: PerformedProcedureStep) -> bool:
    """Whether what the performed step used up is charged with this procedure: with the first of a group, so that it is charged once."""
    if next(supplies.used(performed.attributes), None) is None:
        return False
    group = _group(performed.pk)
    return not group or group[0].pk == procedure.pk


def _ordered(procedure: RequestedProcedure) -> Code:
    """The code of the order; an order without one is charged by its Requested Procedure ID, so that the receiver can price it."""
    if procedure.code:
        return Code(procedure.code, procedure.scheme, procedure.meaning)
    name = procedure.requested_procedure_id or procedure.order.accession_number or str(procedure.pk)
    return Code(name, "", procedure.meaning or procedure.description or "Procedure without a code")


def _is_own(code: Code, procedure: RequestedProcedure) -> bool:
    return code == Code(procedure.code, procedure.scheme, "")


def _catalogue_prices(procedure: RequestedProcedure, codes: Iterable[Code]) -> dict[Code, Decimal]:
    others = [code.value for code in codes if not _is_own(code, procedure)]  # what is the order's own has the order's price
    known = Procedure.objects.filter(site=procedure.site_id, code__in=others) if others else ()
    return {Code(one.code, one.scheme, one.meaning): one.price for one in known}
