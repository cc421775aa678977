"""What a person decides about a charge."""

from django.db.models import Q
from django.db.models.functions import Now

from billing import queries
from billing.actions import correcting
from billing.actions.history import record_change, sent_soon
from billing.actions.writing import AFRESH
from billing.models import Charge, ChargeChange
from billing.transitions import CAPTURE, FAILED, PENDING, POSTED, RELEASE, RETRY, VOID, WRITE_OFF
from ris import clock
from ris.actor import Actor
from ris.crossing import LOOK_AGAIN, crossed
from ris.db import action, locking
from ris.errors import IllegalTransition, InvalidInput

_lock = locking(lambda procedure: Charge.objects.filter(requested_procedure=procedure), "procedure")


@action
def release_hold(charge: Charge, actor: Actor, reason: str = "", seen: str = "") -> Charge:
    """Let a held charge be sent, and with it the credit before it that waits for the same; IllegalTransition when it is not held.

    `seen` is `Charge.mark` as it was seen, here and below: ChangedMeanwhile when it is another one.
    """
    _lock(charge.requested_procedure_id)
    _expect(charge, seen)
    held = Charge.objects.filter(pk=charge.pk, status=RELEASE.source, on_hold=charge.on_hold).exclude(on_hold="")
    if not held.update(on_hold="", released=charge.on_hold, next_attempt_at=Now(), **AFRESH):
        raise IllegalTransition(f"Charge {charge} is not on hold for that any more; look at it again.")
    record_change(charge, RELEASE, actor, reason or f"Released: {charge.on_hold}")
    for other in Charge.objects.filter(Q(corrects=charge) | Q(corrections=charge), status=PENDING, on_hold=charge.on_hold).order_by("pk"):
        release_hold(other, actor, reason)
    return sent_soon(charge)


@action
def retry_failed(charge: Charge, actor: Actor, reason: str = "", seen: str = "") -> Charge:
    """Send a refused charge, or a dead letter, again under its control ID; IllegalTransition unless FAILED.

    It is written anew from what is stored now, but for one that an earlier try may have delivered: that stays the same to the byte.
    """
    _lock(charge.requested_procedure_id)
    _expect(charge, seen)
    charge.refresh_from_db()
    message = "" if queries.is_untold(charge) else charge.message
    failed = Charge.objects.filter(pk=charge.pk, status=RETRY.source)
    again = {"is_dead_letter": False, "written_off_at": None, "next_attempt_at": Now()}
    if not failed.update(status=RETRY.target, error="", message=message, lease_until=None, **again, **AFRESH):
        raise IllegalTransition(f"Charge {charge} is {charge.status}; only a failed one is sent again.")
    record_change(charge, RETRY, actor, reason or f"After: {charge.error}")
    return sent_soon(charge)


@action
def void_charge(charge: Charge, actor: Actor, reason: str, seen: str = "") -> Charge:
    """Take a charge off the books before anybody has it. With a credit, also what was to follow it: the charge it was for stands. With a
    charge that is being replaced, also its credit, which has nothing to take back: what replaces it is sent.

    InvalidInput without a reason; IllegalTransition when it has been sent: what the receiver may have is credited. IllegalTransition, too,
    for a credit when what follows it has been sent: then two charges would stand.
    """
    _require(reason, "voided")
    _lock(charge.requested_procedure_id)
    _expect(charge, seen)
    charge.refresh_from_db()
    if charge.status not in (PENDING, FAILED) or not queries.is_untold(charge):
        raise IllegalTransition(f"{_named(charge)} is {_whereabouts(charge)}; only one that nobody can have is voided. {_instead(charge)}")
    if charge.is_credit:
        for following in charge.corrections.exclude(status=VOID):
            _require_waiting(charge, following)
            void_charge(following, actor, reason)
    elif credit := correcting.credit_of(charge):
        correcting.replaced(charge, credit, actor, reason)
        return charge
    correcting.void(charge, reason, actor, by_hand=True)
    return charge


def _require_waiting(credit: Charge, following: Charge) -> None:
    if following.status != PENDING or not queries.is_untold(following):
        where = f"{following}, which follows {_named(credit).lower()}, is {_whereabouts(following)}"
        raise IllegalTransition(f"{where}: without the credit two charges would stand.")


@action
def credit_charge(charge: Charge, actor: Actor, reason: str, seen: str = "") -> Charge:
    """Take back a charge that the receiver has; return its credit. The same work is not charged again.

    InvalidInput without a reason; IllegalTransition when it is not posted, is a credit, or is taken back already.
    """
    _require(reason, "credited")
    _lock(charge.requested_procedure_id)
    _expect(charge, seen)
    charge.refresh_from_db()
    if charge.is_credit or charge.status != POSTED:
        raise IllegalTransition(f"{_named(charge)} is {_whereabouts(charge)}; only a posted charge is credited.")
    if (credit := correcting.credit_of(charge)) is not None:
        raise IllegalTransition(f"{_named(charge)} is taken back by {credit} already.")
    return correcting.take_back(charge, reason, actor, by_hand=True)


@action
def write_off(charge: Charge, actor: Actor, reason: str, seen: str = "") -> Charge:
    """Close a failed charge, or a credit, that the receiver may have: it is neither sent nor taken back, and what follows it goes.

    A late acknowledgement posts it all the same, and then the credit that waits for it goes; a person may send it again. InvalidInput
    without a reason; IllegalTransition unless it has failed and may have arrived: what cannot have arrived is voided.
    """
    _require(reason, "written off")
    _lock(charge.requested_procedure_id)
    _expect(charge, seen)
    charge.refresh_from_db()
    if charge.status != WRITE_OFF.source or charge.written_off_at or queries.is_untold(charge):
        where = "written off already" if charge.written_off_at else _whereabouts(charge)
        instead = " Void it instead." if charge.status == WRITE_OFF.source and not charge.written_off_at else ""
        raise IllegalTransition(f"{_named(charge)} is {where}; only one that has failed and may have arrived is written off.{instead}")
    Charge.objects.filter(pk=charge.pk).update(written_off_at=clock.now(charge.site))
    record_change(charge, WRITE_OFF, actor, reason)
    correcting.settled(charge)
    charge.refresh_from_db()
    return charge


def _expect(charge: Charge, seen: str) -> None:
    present = Charge.objects.select_related("site").get(pk=charge.pk)
    if seen not in ("", present.mark):
        changes = list(ChargeChange.objects.filter(Q(charge=present) | Q(charge__corrects=present)).order_by("-pk")[:1])
        for change in changes:
            if (change.verb, change.charge_id == present.pk) == (CAPTURE.verb, False):
                change.verb = "credit"  # for the sentence: the row is the capture of the credit
        what = f"{present.get_transaction_type_display().lower()} {present}"
        raise crossed(what, present.site, changes, f"It is {_state(present)} now. {LOOK_AGAIN}")


def _state(charge: Charge) -> str:
    credit = correcting.credit_of(charge)
    if credit is not None:
        return f"taken back by {credit}"
    return "on hold" if charge.status == PENDING and charge.on_hold else charge.status


def _require(reason: str, done: str) -> None:
    if not reason.strip():
        raise InvalidInput({"reason": f"Say why: a charge is {done} with a reason, which stays in its history."})


def _named(charge: Charge) -> str:
    return f"{charge.get_transaction_type_display()} {charge}"


def _whereabouts(charge: Charge) -> str:
    return "on its way" if charge.status == PENDING else charge.status


def _instead(charge: Charge) -> str:
    """What to do with a charge that cannot be voided any more."""
    if charge.status == PENDING:
        return "It may have arrived: it is sent again until it is acknowledged, refused or set aside; then you can decide."
    return "Write it off instead." if charge.status == FAILED else "Credit it instead."
