"""From what was performed for a requested procedure to the charge it is worth. Reads only; `billing.actions` writes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from billing import ruling
from billing.apportioning import codes_of, used_for
from billing.hl7 import MAX_LINES
from billing.lines import lines_of, quantity_doubts
from billing.models import MAX_TEXT, Charge, ChargeLine, NoCharge
from billing.rules import Decision, Outcome, Performed, StepWork, decide, of_performed
from billing.ruling import Own
from mpps import reading
from mpps.models import Finding, PerformedProcedureStep, StepLink
from mpps.transitions import COMPLETED
from ris import transitions
from ris.models import RequestedProcedure, ScheduledProcedureStep, Site, StepChange
from ris.prepared import Prepared

OTHER_PATIENT = "PATIENT_ID_DIFFERS"
"""Code of the finding that holds a charge."""


_steps = Prepared(
    lambda procedure: (
        ScheduledProcedureStep.objects.only("requested_procedure", "position", "status", "status_at")
        .filter(
            ~Q(status=transitions.CANCELED) | Q(pk__in=StepLink.objects.filter(step__requested_procedure=procedure).values("step")),
            requested_procedure=procedure,
        )
        .order_by("position", "pk")
    ),
    "procedure",
)
_links = Prepared(
    lambda procedure: StepLink.objects.only("step", "performed_step").filter(step__requested_procedure=procedure), "procedure"
)
_performed_step = Prepared(lambda pk: PerformedProcedureStep.objects.select_related("station").filter(pk=pk), "pk")
_doubts = Prepared(lambda performed: Finding.objects.filter(performed_step=performed, code=OTHER_PATIENT), "performed")
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
    """A charge before it is a row. `performed` are the performed steps that are charged, in order of their start; all when none is."""

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

    def no_charge(self, site: Site, requested_procedure_id: int, at: datetime) -> NoCharge:
        """That the work is worth nothing, not yet written."""
        return NoCharge(
            site=site,
            requested_procedure_id=requested_procedure_id,
            performed_step=self.performed[0] if self.performed else None,
            reason=self.decision.reason[:MAX_TEXT],
            service_at=self.service_at,
            decided_at=at,
        )

    @property
    def amount(self) -> Decimal:
        """The sum of the lines, each rounded as its FT1-11 is."""
        priced = (line.quantity * line.unit_amount for line in self.lines if line.unit_amount is not None)
        return sum((round(amount, 2) for amount in priced), Decimal(0))


def draft(procedure: RequestedProcedure, *at_hand: PerformedProcedureStep, by: Own | None = None) -> Draft | None:
    """The charge of the procedure, without lines when it is worth nothing; None while a step or a performed step of it is open.

    `at_hand` are performed steps as they are stored now, which need not be read; `by` are the hospital's own rules, without it those
    of now. A procedure all of whose steps were canceled is worth what was performed for it before.
    """
    steps = _steps(procedure.pk)
    if not steps or any(step.status not in transitions.FINAL for step in steps):
        return None
    performed = _performed(procedure, steps, at_hand)
    if any(not one.is_final for ones in performed.values() for one in ones):
        return None
    own = ruling.own(procedure.site_id) if by is None else by
    steps = [step for step in steps if step.status != transitions.CANCELED or _charged(performed[step.pk], own)] or steps
    decision, ended = _decision(steps, performed, own), _ended(performed)
    if decision.outcome is Outcome.NONE:
        return _nothing(procedure, steps, ended, decision, own)
    charged = _charged(ended, own)
    codes, used = codes_of(procedure, charged), used_for(procedure, charged)
    lines = lines_of(procedure, decision.modifier, codes.codes, used)
    decision = replace(decision, hold=" ".join(filter(None, (decision.hold, *codes.doubts, *quantity_doubts(used)))))
    if len(lines) > MAX_LINES:
        decision = replace(decision, hold=f"{decision.hold} More than {MAX_LINES} codes were reported; charge the rest by hand.".strip())
    return Draft(decision, _service_at(steps, charged), lines[:MAX_LINES], charged)


def _nothing(
    procedure: RequestedProcedure,
    steps: Sequence[ScheduledProcedureStep],
    ended: tuple[PerformedProcedureStep, ...],
    decision: Decision,
    own: Own,
) -> Draft:
    """Work that is worth nothing, of which a person has to say whether what it used up is charged: contrast for an exam without images.

    What belongs to another entry is charged there.
    """
    made = [one for one in ended if of_performed(_fact(one, own, made=True)) is not Outcome.NONE]
    used = [one for one in used_for(procedure, made) if one.code.value]
    if not used:
        return Draft(decision, _service_at(steps, ended), (), ended)
    what = f"{', '.join(one.code.value for one in used)} {'was' if len(used) == 1 else 'were'} used up"
    doubt = f"Nothing is charged for the work, but {what}; check whether that is charged."
    holds = (decision.hold, doubt, *quantity_doubts(used))
    looked_at = Decision(Outcome.CHECK, f"{decision.reason}; {what}", " ".join(filter(None, holds)))
    return Draft(looked_at, _service_at(steps, made), lines_of(procedure, "", (), used)[:MAX_LINES], tuple(made))


def of_procedure(procedure: RequestedProcedure) -> tuple[PerformedProcedureStep, ...]:
    """The performed steps that a charge of the procedure is about, in order of their start."""
    ended = _ended(_performed(procedure, procedure.steps.all()))
    return _charged(ended, ruling.own(procedure.site_id)) or ended  # a rule that was changed since takes nothing from a charge


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


def _fact(performed: PerformedProcedureStep, own: Own, *, made: bool = False) -> Performed:
    """What a rule judges; `made` as if something had been made."""
    fact = Performed(
        id=performed.pk,
        completed=performed.status == COMPLETED,
        instances=reading.instances(performed.attributes) or int(made),
        reason_code=performed.discontinuation_reason_code,
        reason_scheme=performed.discontinuation_reason_scheme,
        reason_meaning=performed.discontinuation_reason_meaning,
    )
    return ruling.judged(fact, own)


def _decision(steps: Sequence[ScheduledProcedureStep], performed: dict[int, list[PerformedProcedureStep]], own: Own) -> Decision:
    by_hand = ruling.by_hand(own)
    decision = decide(
        [StepWork(step.status == transitions.COMPLETED, tuple(_fact(one, own) for one in performed[step.pk]), by_hand) for step in steps]
    )
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


def _charged(ended: Iterable[PerformedProcedureStep], own: Own) -> tuple[PerformedProcedureStep, ...]:
    """Those that are worth something."""
    return tuple(one for one in ended if of_performed(_fact(one, own)) is not Outcome.NONE)


def _ended(performed: dict[int, list[PerformedProcedureStep]]) -> tuple[PerformedProcedureStep, ...]:
    """Each once, in order of their start."""
    distinct = {one.pk: one for ones in performed.values() for one in ones}
    return tuple(sorted(distinct.values(), key=lambda one: (one.began_at, one.pk)))


def _service_at(steps: Sequence[ScheduledProcedureStep], charged: Sequence[PerformedProcedureStep]) -> datetime:
    """The start of the first performed step; of work recorded by hand the start of the step, else the moment it was recorded."""
    if charged:
        return charged[0].began_at
    begun = [change.at for step in steps for change in step.changes.filter(to_status=transitions.STARTED)]
    return min(begun, default=steps[0].status_at)
