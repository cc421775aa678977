"""Gathering what was seen of a station since its check was begun: the journal, performed steps, charges, our own C-ECHO."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.db.models import Count, Max, Q

from dimse.models import AssociationQuerySet
from mpps.models import PerformedProcedureStep
from ris.models import CalledAlias, ConnectionCheck, FormerTitle, Site, Station
from ris.peers import Journal
from ris.web import echoes, given_up
from stepwise.connecting import card, charged, performed, queries
from stepwise.connecting.facts import Call, Evidence
from stepwise.connecting.heard import Heard, call_of

MOST: Final = 200
"""Unknown callers of whom a checklist knows: those that called last."""
MOST_COUNTED: Final = 10_000
"""Their calls that are looked at: the latest."""
_ALIKE: Final = ("calling", "address", "rejection", "note")
"""Calls that are one line of the list."""


def gather(check: ConnectionCheck, station: Station, listens: str = "") -> Evidence:
    """Everything about the station since the check was begun, until it was ended.

    `listens` is where the DICOM server is reached, as far as the page knows it."""
    site, heard = check.site, Heard(check)
    done = performed.seen(heard)
    charges = charged.seen(check, done.ended)
    unknown = strangers(site, check.begun_at, check.ended_at)
    return Evidence(
        ae_title=check.ae_title,
        titles=titles_of(site),
        host=station.host,
        port=station.port,
        addresses=tuple(station.addresses),
        strict=station.strict,
        reports=station.reports_performed_steps,
        only_local=card.is_local(settings.DICOM_BIND),
        listens=listens or card.listens(),
        tls_port=settings.DICOM_TLS_PORT,
        plain_port=settings.DICOM_PORT,
        journal=settings.JOURNAL,
        calls=heard.calls(station.host),
        strangers=unknown,
        given_up=given_up.of(site, [call.calling for call in unknown]),
        echo=echoes.latest(site, check.ae_title, check.begun_at, check.ended_at),
        queries=queries.seen(heard, check.order),
        creates=done.creates,
        sets=done.sets,
        charges=charges.charges,
        uncharged=charges.why_not,
        test=check.order.accession_number if check.order else "",
    )


def disclosed(check: ConnectionCheck, seen: Evidence) -> list[PerformedProcedureStep]:
    """The performed steps that the lines may tell of, those of a check that is over too, for the audit trail."""
    told = (*(one.performed for one in (*seen.creates, *seen.sets)), *(one["performed"] for one in check.lines))
    return list(PerformedProcedureStep.objects.filter(pk__in={pk for pk in told if pk is not None}))


def titles_of(site: Site) -> tuple[str, ...]:
    """The AE titles that the site lets itself be called by, its own first."""
    return (site.ae_title, *CalledAlias.objects.filter(site=site, forgotten_at=None).values_list("ae_title", flat=True))


def strangers(site: Site, since: datetime, until: datetime | None = None) -> tuple[Call, ...]:
    """Who called under an AE title that no station here has, or spoke no DICOM: the last call of each as `callers` has it."""
    return tuple(call for call, _ in callers(site, since, MOST, until))


def callers(site: Site, since: datetime, most: int, until: datetime | None = None) -> list[tuple[Call, int]]:
    """Each stranger once for everything that became of it, with its last call and how often, the latest first.

    Nobody hides behind another who calls without end, and no fault behind what was met later from the same address. The latest
    `MOST_COUNTED` calls are looked at.
    """
    unknown = _unknown(site, since, until)
    counted = unknown.filter(pk__in=unknown.order_by("-started").values("pk")[:MOST_COUNTED]).order_by()
    groups = counted.values_list(*_ALIKE).annotate(last=Max("started"), times=Count("pk"))
    times = {group[:-1]: group[-1] for group in groups.order_by("-last")[:most]}
    latest = {
        (*(getattr(one, name) for name in _ALIKE), one.started): one for one in unknown.filter(started__in=[last for *_, last in times])
    }
    return [(call_of(latest[alike]), number) for alike, number in times.items() if alike in latest]


def _unknown(site: Site, since: datetime, until: datetime | None = None) -> AssociationQuerySet:
    known = list(Station.objects.filter(site=site).values_list("ae_title", flat=True))
    found = Journal(site).associations().between(since, until)
    for title, until_then in FormerTitle.objects.filter(site=site).values_list("ae_title", "until"):
        if until_then is None:
            known.append(title)
        else:
            found = found.exclude(calling=title, started__lt=until_then)
    return found.exclude(calling__in=known).filter(~Q(calling="") | ~Q(note=""))
