"""Rejected associations as security alerts in the audit trail, out of the message journal: the DICOM server is not slowed by them.

What modalities are answered stays in the journal, whose entries name the exam; the trail names who was not let in.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from dimse.models import Association
from ris import audit, clock, peers
from ris.actions import auditing
from ris.actions.auditing import Claimant, Place
from ris.models import AuditRecord

_LATEST: Final = timedelta(seconds=10)
"""The journal is written behind the answering: what is younger may still lack its row."""
_EARLIEST: Final = timedelta(days=1)
"""What was rejected longer ago, while no worker ran, stays in the journal alone."""
_MOST: Final = 50
"""Kinds of rejections of one run that are told apart; a scan that calls itself by many names is one for each address."""


def enter() -> int:
    """Enter what was rejected since the last time, one record for each peer, title and reason; how many. Run twice, it finds nothing."""
    now = clock.wall()
    since = max(_entered_up_to() or now - _EARLIEST, now - _EARLIEST)
    found = Association.objects.filter(started__gt=since, started__lte=now - _LATEST, end=Association.End.REJECTED)
    rows = list(found.order_by("started").values_list("address", "calling", "called", "rejection", "started", "pk"))
    alike: dict[tuple[str, ...], list[tuple[datetime, str]]] = {}
    several = len({row[:4] for row in rows}) > _MOST
    for address, calling, called, rejection, started, pk in rows:
        key = (address, "several names", "", "several reasons") if several else (address, calling, called, rejection)
        alike.setdefault(key, []).append((started, str(pk)))
    for (address, calling, called, reason), some in alike.items():
        _enter(address, calling, called, reason, some)
    return len(alike)


def _entered_up_to() -> datetime | None:
    latest = AuditRecord.objects.filter(event=audit.NODE).order_by("-at", "-pk")[:_MOST]
    return max((datetime.fromisoformat(row.detail["last"]) for row in latest), default=None)


def _enter(address: str, calling: str, called: str, reason: str, some: Iterable[tuple[datetime, str]]) -> None:
    times = list(some)
    last, association = times[-1]
    who = Claimant(address, f"calling itself {calling}" if calling else "without an AE title")
    detail = {"asked": f"association with {called}" if called else "associations", "reason": reason, "times": len(times)}
    detail |= {"association": association, "last": last.isoformat()}
    site, place = peers.site_then(called, calling, last), Place(address, "DICOM")
    auditing.record(who, audit.NODE, audit.EXECUTE, site=site, place=place, outcome=audit.SERIOUS, detail=detail, happened=last)
