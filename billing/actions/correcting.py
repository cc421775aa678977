"""What becomes of a charge when the work it is for has changed, and of what waits for it.

A charge that the receiver cannot have is written anew, or voided. One that it may have is never touched: a credit takes it back, and a
new charge follows the credit. Each of them is sent when what it corrects is settled, so that the receiver never has two charges for
the same work, nor a credit for a charge it does not know.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Now

from billing import capture
from billing.actions.history import nudge_when_committed, record_change
from billing.actions.writing import AFRESH, write, write_lines
from billing.models import MAX_TEXT, Charge, ChargeLine
from billing.queries import is_untold, standing
from billing.transitions import CAPTURE, FORGO, PENDING, VOID, VOID_PENDING, held, judged_again, redraft, released
from ris import clock
from ris.actor import Actor
from ris.db import locking
from ris.models import Site

_lock = locking(lambda procedure: Charge.objects.filter(requested_procedure=procedure), "procedure")


def follow(made: Charge, draft: capture.Draft, actor: Actor) -> Charge:
    """Make what stands of the charges of a procedure, of which `made` is one, what the draft says; return the latest of them.

    The same lines of the same day change no charge, also when a person voided or credited them: that was decided about this work. Of
    other lines a person has to say what that decision means for them. Only a doubt that came or went since holds what was not sent, or
    lets it go. The row of the procedure is locked.
    """
    _lock(made.requested_procedure_id)
    charges = list(Charge.objects.filter(requested_procedure=made.requested_procedure_id, kind=made.kind).order_by("revision"))
    latest, charge, hold = charges[-1], standing(charges), _hold(draft, charges)
    known, wanted = latest if latest.by_hand else charge, _facts(draft.lines, draft.service_at, made.site)
    if any((_facts(one.lines.all(), one.service_at, one.site) if one else []) == wanted for one in (known, charge)):
        record_change(latest, judged_again(latest.status), actor, draft.decision.reason)
        return _doubted(latest, hold, actor) if latest == charge and is_untold(latest) else latest
    if charge and is_untold(charge):
        return _rewrite(charge, draft, hold, actor)
    credit = take_back(charge, draft.decision.reason, actor, hold) if charge else _last_credit(charges)
    if draft.is_nothing:
        return credit or latest
    return _replace(latest, credit, draft, hold, actor)


def _hold(draft: capture.Draft, before: Iterable[Charge]) -> str:
    """What a person has to check of a charge after these."""
    decided = [one for one in before if one.by_hand or one.written_off_at]
    doubts = [f"A person decided about {one} already, as its history says; check what is charged besides." for one in decided[-1:]]
    return " ".join(filter(None, (draft.decision.hold, *doubts)))[:MAX_TEXT]


def take_back(charge: Charge, reason: str, actor: Actor, hold: str = "", *, by_hand: bool = False) -> Charge:
    """Write the credit of a charge that the receiver may have; it waits until the charge is posted."""
    credit = write(
        Charge(
            site=charge.site,
            requested_procedure_id=charge.requested_procedure_id,
            performed_step_id=charge.performed_step_id,
            kind=charge.kind,
            revision=_next_revision(charge),
            transaction_type=Charge.TransactionType.CREDIT,
            corrects=charge,
            by_hand=by_hand,
            amount=charge.amount,
            currency=charge.currency,
            reason=f"Takes back {charge}. {reason}"[:MAX_TEXT],
            on_hold=hold[:MAX_TEXT],
            service_at=charge.service_at,
            created_at=clock.now(charge.site),
        ),
        (_copy(line) for line in charge.lines.all()),
    )
    _begun(credit, actor)
    return credit


def credit_of(charge: Charge) -> Charge | None:
    """The credit that takes the charge back, or is to."""
    return charge.corrections.filter(transaction_type=Charge.TransactionType.CREDIT).exclude(status=VOID).first()


def void(charge: Charge, reason: str, actor: Actor, *, by_hand: bool = False) -> None:
    """Void a charge, or a credit, that the receiver cannot have; what waits for it is due."""
    change = VOID_PENDING if charge.status == PENDING else FORGO
    Charge.objects.filter(pk=charge.pk, status=change.source).update(status=VOID, on_hold="", by_hand=by_hand, lease_until=None)
    record_change(charge, change, actor, reason)
    charge.refresh_from_db()
    _hold_alike(charge, "", actor)
    settled(charge)


def settled(charge: Charge) -> None:
    """The charge is posted, void or written off: what corrects it may go, and what follows the credit of one that was written off."""
    waiting = Q(corrects=charge) | Q(corrects__corrects=charge)
    for one in Charge.objects.filter(waiting, status=PENDING, on_hold="").order_by("pk"):
        Charge.objects.filter(pk=one.pk).update(next_attempt_at=Now())
        nudge_when_committed(one)


def refused(charge: Charge, actor: Actor) -> None:
    """The receiver refused a charge that a credit is to take back: neither is needed. What replaces it is due.

    Unless the charge may have been booked by a try without an answer: then a person has to find out, and sends it again.
    """
    credit = credit_of(charge)
    if credit is None or not is_untold(charge):
        return
    replaced(charge, credit, actor, f"Refused; {credit} was to take it back.")


def replaced(charge: Charge, credit: Charge, actor: Actor, reason: str) -> None:
    """Void a charge that nobody has, with the credit that was to take it back: what replaces it is due."""
    void(credit, f"Nobody has {charge}: there is nothing to take back.", actor)
    void(charge, reason, actor)


def _rewrite(charge: Charge, draft: capture.Draft, hold: str, actor: Actor) -> Charge:
    reason = draft.decision.reason[:MAX_TEXT]
    if draft.is_nothing:
        void(charge, reason, actor)
        return charge
    first = draft.performed[0] if draft.performed else None
    said = {"amount": draft.amount, "reason": reason, "service_at": draft.service_at, "performed_step": first}
    Charge.objects.filter(pk=charge.pk).update(**said, on_hold=hold, released="", message="", **AFRESH)
    charge.lines.all().delete()
    write_lines(charge, draft.lines)
    charge.refresh_from_db()
    record_change(charge, redraft(charge.status), actor, reason)
    _hold_alike(charge, hold, actor)
    if charge.status == PENDING and not hold:
        nudge_when_committed(charge)
    return charge


def _doubted(charge: Charge, hold: str, actor: Actor) -> Charge:
    """Hold a charge that was not sent for a doubt that came up since, or let it go when that is gone; a person's release stays."""
    if hold == charge.on_hold or (hold and hold == charge.released):
        return charge
    _hold_or_let_go(charge, hold, actor)
    _hold_alike(charge, hold, actor)
    return charge


def _hold_alike(charge: Charge, hold: str, actor: Actor) -> None:
    """What a person has to check holds the credit before the charge too, as long as that was not sent. Without the charge nothing does."""
    credit = charge.corrects
    if credit and credit.is_credit and credit.status == PENDING and is_untold(credit) and credit.on_hold != hold:
        _hold_or_let_go(credit, hold, actor)


def _hold_or_let_go(charge: Charge, hold: str, actor: Actor) -> None:
    Charge.objects.filter(pk=charge.pk).update(on_hold=hold, next_attempt_at=Now(), **AFRESH)
    record_change(charge, held(charge.status) if hold else released(charge.status), actor, hold or f"No doubt is left: {charge.on_hold}")
    charge.refresh_from_db()
    if charge.status == PENDING and not hold:
        nudge_when_committed(charge)


def _replace(latest: Charge, credit: Charge | None, draft: capture.Draft, hold: str, actor: Actor) -> Charge:
    charge = draft.charge(latest.site, latest.requested_procedure_id, clock.now(latest.site))
    charge.revision, charge.corrects, charge.on_hold = _next_revision(latest), credit, hold
    if credit and credit.corrects:
        charge.reason = f"{charge.reason}; instead of {credit.corrects}"[:MAX_TEXT]
    charge = write(charge, draft.lines)
    _begun(charge, actor)
    return charge


def _begun(charge: Charge, actor: Actor) -> None:
    record_change(charge, CAPTURE, actor, charge.reason)
    if not charge.on_hold:
        nudge_when_committed(charge)


def _last_credit(charges: list[Charge]) -> Charge | None:
    return next((charge for charge in reversed(charges) if charge.is_credit and charge.status != VOID), None)


def _next_revision(charge: Charge) -> int:
    made = Charge.objects.filter(requested_procedure=charge.requested_procedure_id, kind=charge.kind).order_by("-revision")
    return made.values_list("revision", flat=True)[0] + 1


def _copy(line: ChargeLine) -> ChargeLine:
    return ChargeLine(
        position=line.position,
        kind=line.kind,
        code=line.code,
        scheme=line.scheme,
        meaning=line.meaning,
        modifier=line.modifier,
        quantity=line.quantity,
        unit=line.unit,
        unit_amount=line.unit_amount,
    )


def _facts(lines: Iterable[ChargeLine], service_at: datetime, site: Site) -> list[tuple[object, ...]]:
    """What the receiver is told of work: its day, and of each line what it counts by; empty of work that is worth nothing."""
    day = clock.local(service_at, site).date()
    return [(day, line.code, line.scheme, line.modifier, line.quantity, line.unit_amount) for line in lines]
