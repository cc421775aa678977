"""What work is worth: by the rules of when it was judged, and beside the charge that was made of it."""

from copy import copy
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from billing import capture
from billing.capture import Draft
from billing.models import Charge
from billing.ruling import Rulebook
from billing.works import Work
from ris.models import Procedure, RecordChange

_MAX_RECKONED: Final = 20_000
_reckoned: dict[tuple[object, ...], Draft] = {}
"""What services are worth, by all that this follows from (`works.Work.state`)."""


def drafted(work: Work, rulebook: Rulebook, moment: datetime) -> Draft | None:
    """What the steps are worth by the rules of when they were judged; None while one of them is open.

    Reckoned once, without the performed steps themselves: pages ask for a month of services again and again.
    """
    if work.procedure is None:
        return None
    judged_at = work.judged_at or moment
    key = (work.procedure.pk, work.procedure.price, work.procedure.code, judged_at, *work.state)
    known = _reckoned.get(key)
    if known is not None:
        return known
    draft = capture.draft(work.procedure, by=rulebook.at(judged_at))
    if draft is not None:
        if len(_reckoned) >= _MAX_RECKONED:
            _reckoned.clear()
        _reckoned[key] = draft = replace(draft, performed=())
    return draft


def worth_of(draft: Draft, charge: Charge, judged_at: datetime) -> Decimal:
    """What was performed is worth. What the catalogue said then and says no more, prices and protocols, is taken from the charge."""
    if draft.amount == charge.amount:
        return draft.amount
    booked = {(line.code, line.scheme, line.unit): line.unit_amount for line in charge.lines.all()}
    if {(line.code, line.scheme, line.unit) for line in draft.lines} != set(booked) and _catalogue_changed(charge, judged_at):
        return charge.amount
    lines = [copy(line) for line in draft.lines]
    for line in lines:
        said = booked.get((line.code, line.scheme, line.unit), line.unit_amount)
        if said != line.unit_amount and _repriced(charge, line.code, line.scheme, judged_at):
            line.unit_amount = said
    return replace(draft, lines=tuple(lines)).amount


def _repriced(charge: Charge, code: str, scheme: str, judged_at: datetime) -> bool:
    """Whether the catalogue's entry was changed since; the code of the order has the order's price, which stays."""
    ordered = charge.requested_procedure
    if ordered is not None and (ordered.code, ordered.scheme) == (code, scheme):
        return False
    return _catalogue_changed(charge, judged_at, code=code, scheme=scheme)


def _catalogue_changed(charge: Charge, judged_at: datetime, **which: str) -> bool:
    entries = Procedure.objects.filter(site=charge.site_id, **which).values("pk")
    return RecordChange.objects.filter(subject="procedure", subject_id__in=entries, at__gt=judged_at).exists()
