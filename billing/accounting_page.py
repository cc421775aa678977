"""The page of the books, and the same figures as CSV (RFC 4180)."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from billing import accounting, queries, reckoning, web
from billing.accounting import COLUMNS, TITLES, Books, Difference, Figure
from billing.models import ChargeChange, DeliveryAttempt, NoCharge
from ris import audit, clock
from ris.permissions import requires
from ris.web import csv_files, live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.filters import Filters, misread

PERIODS: Final = (1, 7, 31)
_PERIOD_NAMES: Final = {1: "Day", 7: "7 days", 31: "31 days"}
MAX_LINES: Final = 500
MAX_DIFFERENCES: Final = 20
_HISTORIES: Final[live.Histories] = (*live.RIS_HISTORIES, ChargeChange, DeliveryAttempt, NoCharge)


@page
@requires("charges.view")
def show(request: HttpRequest) -> HttpResponse:
    """Performed → captured → posted of a day, a week or a month, and whether it adds up."""
    present = live.state(request, _HISTORIES)
    if same := live.unchanged(request, present):
        return same
    site = site_of(request)
    filters, period = Filters.of(request, clock.today(site)), _period(request)
    reckoned = reckoning.kept.books(site, *accounting.days(filters.day, period))
    found = reckoned.books
    lines = found.ordered()
    context = {
        "tabs": [(count, _PERIOD_NAMES[count], "", _address(filters.day, count)) for count in PERIODS],
        "tab": period,
        "titles": [TITLES[name] for name in COLUMNS],
        "lines": [(key, _cells(figures)) for key, figures in lines[:MAX_LINES]],
        "is_capped": len(lines) > MAX_LINES,
        "count": len(lines),
        "total": _cells(found.total),
        "unpriced": queries.unpriced_lines(site, *accounting.days(filters.day, period)),
        "adds_up": found.adds_up,
        "reckoned_at": reckoned.at,
        "is_kept": reckoned.took >= reckoning.LONG,
        "differences": [(one.what, _link(one)) for one in found.differences[:MAX_DIFFERENCES]],
        "more": max(len(found.differences) - MAX_DIFFERENCES, 0),
        "csv": reverse("accounting-csv") + f"?{urlencode([('day', filters.day.isoformat()), ('days', str(period))])}",
        "filters": filters,
    }
    url, status = _address(filters.day, period), 422 if misread(request) else 200
    parts = ("billing/accounting.html", "billing/accounting_live.html")
    return live.live_page(request, *parts, context, url=url, present=present, status=status)


@page
@requires("charges.view")
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The lines of the page as CSV in UTF-8; their sums, and whether they add up, are a file of their own (`part=sums`).

    422 for a day that cannot be read: a file of another day than was asked for would be taken for the right one.
    """
    if fault := misread(request):
        return HttpResponse(f"{fault}. No file is made.", status=422, content_type="text/plain; charset=utf-8")
    site = site_of(request)
    first, last = accounting.days(Filters.of(request, clock.today(site)).day, _period(request))
    disclose(request, audit.EXPORT, asked={"what": "accounting", "as": "CSV", "first": first.isoformat(), "last": last.isoformat()})
    found = accounting.books(site, first, last)
    if request.GET.get("part") == "sums":
        written_at = clock.local(clock.now(site), site).isoformat(timespec="seconds")
        rows = _sums(found, queries.unpriced_lines(site, first, last), written_at)
        return csv_files.download(rows, f"accounting-sums-{first}-{last}.csv")
    return csv_files.download(_rows(found), f"accounting-{first}-{last}.csv")


def _rows(found: Books) -> Iterator[list[str]]:
    titles = [f"{TITLES[name]} {what}" for name in COLUMNS for what in ("count", "amount")]
    yield ["Day", "Station", "Procedure", *titles]
    for key, figures in found.ordered():
        yield [key.day.isoformat(), csv_files.safe(key.station), csv_files.safe(key.procedure), *_figures(figures)]


def _sums(found: Books, unpriced: int, written_at: str) -> Iterator[list[str]]:
    yield ["What", "Count", "Amount", "Remark"]
    for name in COLUMNS:
        yield [TITLES[name], str(found.total[name].count), f"{found.total[name].amount:.2f}", ""]
    yield ["Lines without a price", str(unpriced), "", "the receiver prices them"]
    yield ["Differences", str(len(found.differences)), "", "" if found.differences else "the books add up"]
    for one in found.differences:
        yield ["Difference", "", "", csv_files.safe(one.what)]
    yield ["Written", "", "", written_at]


def _figures(figures: dict[str, Figure]) -> list[str]:
    return [text for name in COLUMNS for text in (str(figures[name].count), f"{figures[name].amount:.2f}")]


def _cells(figures: dict[str, Figure]) -> list[tuple[str, int, str]]:
    """Title, count and amount of each column; no amount where there is neither."""
    return [
        (TITLES[name], one.count, web.money(one.amount) if one.count or one.amount else "")
        for name, one in ((name, figures[name]) for name in COLUMNS)
    ]


def _period(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return next((count for count in PERIODS if str(count) == asked), 1)


def _address(day: date, period: int) -> str:
    asked = [("day", day.isoformat())] if day != clock.today() else []
    asked += [("days", str(period))] if period != 1 else []
    return reverse("accounting") + (f"?{urlencode(asked)}" if asked else "")


def _link(difference: Difference) -> str:
    if difference.pk:
        return reverse(difference.url_name, args=[difference.pk])
    return reverse(difference.url_name) + (f"?day={difference.day.isoformat()}" if difference.day else "")
