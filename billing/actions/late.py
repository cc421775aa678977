"""What a person decides about work that ended and was not captured: it is charged now, or nothing is charged for it."""

from collections.abc import Iterable

from billing import late
from billing.actions import capturing
from billing.models import MAX_TEXT, Charge, ChargeChange, NoCharge, NoChargeChange
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actor import Actor
from ris.crossing import crossed
from ris.db import action, locking
from ris.errors import IllegalTransition, InvalidInput
from ris.models import Change, RequestedProcedure, Site

DECIDE = "nothing to charge"
"""Verb of the history."""

_lock_procedure = locking(lambda pk: RequestedProcedure.objects.filter(pk=pk), "pk")
_lock_performed = locking(lambda pk: PerformedProcedureStep.objects.filter(pk=pk), "pk")


@action
def capture_now(procedure: RequestedProcedure, actor: Actor, seen: str = "") -> Charge:
    """Charge a procedure that ended without a charge, by the rules of when it ended; return the charge.

    `seen` is `late.mark_of` as it was seen, here and below: ChangedMeanwhile when it is another one. IllegalTransition when nothing is
    left to charge, or the modality has not said that the work ended.
    """
    _lock_procedure(procedure.pk)
    found = late.of_procedure(procedure)
    _expect(seen, found.mark if found else late.SETTLED, procedure.site, _done_to(procedure))
    if found is None:
        raise IllegalTransition(f"{_name(procedure)} is charged, or decided to be free, or has not ended.")
    if found.draft is None:
        raise IllegalTransition(f"A performed step of {_name(procedure)} is still in progress: it is charged when the modality ends it.")
    return capturing.begin(procedure, found.draft, actor)


@action
def charge_nothing(procedure: RequestedProcedure, actor: Actor, reason: str, seen: str = "") -> NoCharge:
    """Decide that nothing is charged for a procedure that ended without a charge. What is performed for it later is charged, after a look.

    InvalidInput without a reason; IllegalTransition when nothing is left to decide.
    """
    _require(reason)
    _lock_procedure(procedure.pk)
    found = late.of_procedure(procedure)
    _expect(seen, found.mark if found else late.SETTLED, procedure.site, _done_to(procedure))
    if found is None:
        raise IllegalTransition(f"{_name(procedure)} is charged, or decided to be free, or has not ended.")
    first = found.draft.performed[0] if found.draft and found.draft.performed else None
    at = found.draft.service_at if found.draft else found.ended_at
    return _decide(NoCharge(site=procedure.site, requested_procedure=procedure, performed_step=first, service_at=at), actor, reason)


@action
def charge_nothing_for(performed: PerformedProcedureStep, actor: Actor, reason: str, seen: str = "") -> NoCharge:
    """Decide that nothing is charged for what was performed without an order. `seen` is `late.mark_of_performed`.

    InvalidInput without a reason; IllegalTransition when it is still in progress, has an order, is charged or decided already.
    """
    _require(reason)
    _lock_performed(performed.pk)
    performed.refresh_from_db()
    _expect(seen, late.mark_of_performed(performed), performed.site, NoChargeChange.objects.filter(no_charge__performed_step=performed))
    if not late.is_undecided(performed):
        raise IllegalTransition("This performed step has an order, is charged, or was decided to be free already.")
    if not performed.is_final:
        raise IllegalTransition("It is still in progress: what it is worth is decided when the modality has ended it.")
    return _decide(NoCharge(site=performed.site, performed_step=performed, service_at=performed.began_at), actor, reason)


def _decide(no_charge: NoCharge, actor: Actor, reason: str) -> NoCharge:
    no_charge.reason, no_charge.by_hand, no_charge.decided_at = reason[:MAX_TEXT], True, clock.now(no_charge.site)
    no_charge.save(force_insert=True)
    NoChargeChange.by(actor, no_charge=no_charge, at=no_charge.decided_at, verb=DECIDE, reason=no_charge.reason)
    return no_charge


def _done_to(procedure: RequestedProcedure) -> Iterable[Change]:
    charged = ChargeChange.objects.filter(charge__requested_procedure=procedure).order_by("pk")[:1]
    return [*charged, *NoChargeChange.objects.filter(no_charge__requested_procedure=procedure)]


def _expect(seen: str, present: str, site: Site, changes: Iterable[Change]) -> None:
    if seen not in ("", present):
        raise crossed("this work", site, changes)


def _require(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput({"reason": "Say why: that nothing is charged is decided with a reason, which stays in its history."})


def _name(procedure: RequestedProcedure) -> str:
    return f"Procedure {procedure.requested_procedure_id}"
