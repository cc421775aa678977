"""What was tried in vain, counted before the result is known: a hundred tries at one moment are a hundred tries."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Q

from ris import clock
from ris.db import action
from ris.deeds import aside
from ris.models import Attempts
from ris.throttling import RULES, Counter


def begin(*counters: Counter) -> int:
    """Seconds to wait before anything may be tried; 0 when it may be now, which counts as a failure until `succeeded` says otherwise."""
    return max(map(waiting, counters)) or _count(*counters)  # who waits writes nothing


@aside
@action
def _count(*counters: Counter) -> int:
    now = clock.wall()
    rows = _locked(counters, now)
    wait = max(counter.rule.left(rows[counter.key].failures, rows[counter.key].last_at, now) for counter in counters)
    if wait:
        return wait
    for row in rows.values():
        row.failures += 1
        row.last_at = now
    Attempts.objects.bulk_update(rows.values(), ["failures", "last_at"])
    return 0


def _locked(counters: Sequence[Counter], now: datetime) -> dict[str, Attempts]:
    """The rows by key, made where there are none; one whose failures are forgotten begins anew."""
    keys = sorted(counter.key for counter in counters)
    Attempts.objects.bulk_create([Attempts(key=key, last_at=now) for key in keys], ignore_conflicts=True)
    rows = {row.key: row for row in Attempts.objects.select_for_update().filter(key__in=keys).order_by("key")}
    for counter in counters:
        row = rows[counter.key]
        if now - row.last_at > counter.rule.forgotten:
            row.failures = 0
    return rows


@aside
@action
def succeeded(*counters: Counter) -> None:
    """It was right. What is counted for the account, its browser or its own page is forgotten; for an address this one try is taken
    back, no more: one right password does not wash away what else came from there."""
    for counter in counters:
        rows = Attempts.objects.filter(key=counter.key)
        if counter.rule.kind in ("account", "browser", "own"):
            rows.delete()
        else:
            rows.filter(failures__gt=0).update(failures=F("failures") - 1)


def waiting(counter: Counter) -> int:
    """Seconds that are still to be waited, without counting anything."""
    row = Attempts.objects.filter(key=counter.key).first()
    return counter.rule.left(row.failures, row.last_at, clock.wall()) if row else 0


@action
def forget_old() -> int:
    """Remove what would begin anew anyway; how many rows that were."""
    now = clock.wall()
    old = Q()
    for kind, rule in RULES.items():
        old |= Q(key__startswith=f"{kind}:", last_at__lt=now - rule.forgotten)
    return Attempts.objects.filter(old).delete()[0]
