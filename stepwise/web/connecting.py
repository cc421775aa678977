"""Connect a modality: who is being connected and who called unknown, the live checklist of one station, and the card to print."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from billing.models import ChargeChange
from dimse.models import Message
from ris import audit, clock
from ris.models import CalledAlias, ConnectionCheck, EchoTest, Site, Station
from ris.peers import Journal
from ris.permissions import requires
from ris.transitions import BEGUN, WAITING
from ris.web import given_up, live
from ris.web.access import one_of, page, site_of
from ris.web.disclosure import disclose
from ris.web.given_up import GivenUp
from ris.web.renamed import at_its_title
from stepwise.connecting import card, evidence, lines, words
from stepwise.connecting.facts import Call, Evidence
from stepwise.connecting.line import Line, proved, read

HEARD_WITHIN: Final = timedelta(days=1)
MOST_STRANGERS: Final = 20
MOST_CHECKS: Final = 10
HEARD: Final = 8
"""Associations that are shown beside the checklist."""


@dataclass(frozen=True)
class Stranger:
    """Calls of one AE title that nobody here has, from one address, of which the same became; `latest` is the last of them. `given_up`
    where the title was a station's."""

    latest: Call
    times: int
    given_up: GivenUp | None = None

    @property
    def became(self) -> str:
        if not self.latest.calling:
            return self.latest.note
        return f"Rejected: {self.latest.rejection}" if self.latest.rejection else "Accepted as unknown"

    @property
    def next(self) -> str:
        """What to do about one that spoke no DICOM; empty for an association."""
        if self.latest.calling:
            return ""
        return words.no_dicom(self.latest.taken_for, settings.DICOM_PORT, settings.DICOM_TLS_PORT)

    @property
    def log(self) -> str:
        """The log of the associations from there."""
        return f"{reverse('associations')}?{urlencode({'q': self.latest.calling or self.latest.address})}"

    @property
    def look(self) -> str:
        return "ERROR" if self.latest.rejection or not self.latest.calling else "WARNING"


@page
@requires("journal.view")
def listing(request: HttpRequest) -> HttpResponse:
    """What is being connected, who called and is no station here, and the stations to begin with."""
    site = site_of(request)
    checks = ConnectionCheck.objects.filter(site=site)
    context = {
        "open": checks.filter(ended_at=None),
        "ended": checks.exclude(ended_at=None).order_by("-ended_at")[:MOST_CHECKS],
        "strangers": _strangers(site),
        "stations": Station.objects.filter(site=site).prefetch_related("modalities"),
        "last": dict(checks.exclude(ended_at=None).order_by().values_list("ae_title").annotate(Max("ended_at"))),
        "also_called": CalledAlias.objects.filter(site=site, forgotten_at=None),
        "unknown_callers": settings.UNKNOWN_CALLERS,
        "listens": card.listens(request),
        "is_local": card.is_local(settings.DICOM_BIND),
        "our_title": site.ae_title,
        "today": clock.today(site),
    }
    return live.live_page(request, "stepwise/connect.html", "stepwise/connect_live.html", context)


def _strangers(site: Site) -> list[Stranger]:
    called = evidence.callers(site, clock.wall() - HEARD_WITHIN, MOST_STRANGERS)
    formers = given_up.of(site, [latest.calling for latest, _ in called])
    return [Stranger(latest, times, formers.get(latest.calling)) for latest, times in called]


@page
@requires("journal.view")
@at_its_title
def station(request: HttpRequest, ae_title: str) -> HttpResponse:
    """The live checklist of a station: of the check that is open, else of the one that ended last."""
    site = site_of(request)
    found = one_of(Station.objects.prefetch_related("modalities"), site=site, ae_title=ae_title)
    check = _check(site, ae_title)
    present = _state(request, site, ae_title)
    if same := live.unchanged(request, present):
        return same
    context = {"station": found, "ae_title": ae_title, "check": check, "today": clock.today(site), "parts": _card(request, site, found)}
    if check is not None:
        seen = evidence.gather(check, found, card.listens(request))
        disclose(request, audit.LIST, *evidence.disclosed(check, seen), *filter(None, [check.order]), asked={"station": ae_title})
        context |= _seen(check, seen)
    return live.live_page(request, "stepwise/connect_station.html", "stepwise/connect_station_live.html", context, present=present)


def _state(request: HttpRequest, site: Site, ae_title: str) -> str:
    """Changes when anything is heard, or anything of the RIS changes: gathering the evidence compares whole lists."""
    heard = Journal(site).associations().order_by("-started").values_list("started", "ended").first()
    echoed = EchoTest.objects.filter(site=site, ae_title=ae_title).values_list("pk", "ended_at").first()
    checked = ConnectionCheck.objects.filter(site=site, ae_title=ae_title).values_list("pk", "ended_at", "order").first()
    return f"{live.state(request, (*live.RIS_HISTORIES, Message, ChargeChange))} {heard} {echoed} {checked}"


def _check(site: Site, ae_title: str) -> ConnectionCheck | None:
    checks = ConnectionCheck.objects.filter(site=site, ae_title=ae_title).select_related("site", "order")
    return checks.filter(ended_at=None).first() or checks.order_by("-ended_at").first()


def _seen(check: ConnectionCheck, seen: Evidence) -> dict[str, object]:
    checklist = _checklist(check, seen)
    return {
        "lines": checklist,
        "proved": proved(checklist),
        "heard": sorted((*seen.calls, *(call for call in seen.strangers if not call.calling)), key=lambda call: call.at, reverse=True)[
            :HEARD
        ],
        "empty": {one.call: one.explain for one in seen.queries if one.got == 0},
        "test": check.order,
        "test_step": check.order and check.order.requested_procedures.values_list("steps", flat=True).first(),
        "test_waits": check.order and check.order.requested_procedures.filter(steps__status__in=(*WAITING, *BEGUN)).exists(),
    }


def _checklist(check: ConnectionCheck, seen: Evidence) -> list[Line]:
    """As it is now; of a check that is over as it was when it ended. One of old kept no more than its summary, and has none: the journal
    may not have any more what would prove its lines."""
    return lines.lines(seen) if check.ended_at is None else list(map(read, check.lines))


def _card(request: HttpRequest, site: Site, found: Station | None) -> list[card.Part]:
    return card.parts(site, found, evidence.titles_of(site), request)


@page
@requires("stations.view")
@at_its_title
def print_card(request: HttpRequest, ae_title: str = "") -> HttpResponse:
    """One page for the service engineer: of a station, or in general."""
    site = site_of(request)
    found = one_of(Station.objects.prefetch_related("modalities"), site=site, ae_title=ae_title) if ae_title else None
    context = {
        "station": found,
        "ae_title": ae_title,
        "parts": _card(request, site, found),
        "expected": card.EXPECTED,
        "is_local": card.is_local(settings.DICOM_BIND),
        "site": site,
    }
    return render(request, "stepwise/connect_card.html", context)
