"""The conformance report of a station: as a page, and as a file to send to its vendor."""

from datetime import date, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_POST

from mpps import datasets
from ris import audit, clock
from ris.models import Site, Station
from ris.permissions import allowed, requires
from ris.web.access import page, site_of
from ris.web.disclosure import disclose
from ris.web.forms import read_day
from ris.web.renamed import at_its_title
from stepwise.modality_report import report
from stepwise.modality_report.checks import BY_CODE
from stepwise.modality_report.report import Report

_LONGEST = 31
"""Days of one report."""
_KINDS = {"html": "text/html", "csv": "text/csv", "json": "application/json"}


class _Span:
    """The days that are asked for, today when none are; `faults` say what is wrong with them."""

    def __init__(self, request: HttpRequest, site: Site) -> None:
        given = request.POST if request.method == "POST" else request.GET
        self.typed = {name: given.get(name, "").strip() for name in ("from", "to")}
        self.faults: list[tuple[str, str]] = []
        today = clock.today(site)
        first = self._day("from", today)
        self.first, self.last = first, self._day("to", first if self.typed["from"] else today)
        if self.last < self.first:
            self.faults.append(("f-to", "To: the last day is before the first"))
        elif self.last - self.first >= timedelta(_LONGEST):
            self.faults.append(("f-to", f"To: at most {_LONGEST} days make one report"))

    def _day(self, name: str, otherwise: date) -> date:
        if not self.typed[name]:
            return otherwise
        try:
            return read_day(self.typed[name])
        except ValueError as error:
            self.faults.append((f"f-{name}", f"{name.capitalize()}: {error}"))
            return otherwise

    def bounds(self, site: Site) -> tuple[datetime, datetime]:
        return clock.day_bounds(self.first, site)[0], clock.day_bounds(self.last, site)[1]


@page
@requires("journal.view")
@require_GET
@at_its_title
def show(request: HttpRequest, ae_title: str) -> HttpResponse:
    """What the station sent from one day to another, check by check."""
    site = site_of(request)
    span = _Span(request, site)
    found = None if span.faults else report.of(site, ae_title, *span.bounds(site))
    if found is not None:
        _disclose(request, audit.LIST, found, span, {})
    context = {
        "ae_title": ae_title,
        "station": Station.objects.filter(site=site, ae_title=ae_title).first(),
        "report": found,
        "form": span,
        "first": span.first,
        "last": span.last,
        "from_": span.typed["from"],
        "may_export": allowed(request.user, "journal.export"),
        "all_checks": len(BY_CODE),
    }
    return render(request, "stepwise/modality_report.html", context, status=422 if span.faults else 200)


@page
@requires("journal.export")
@require_POST
def file(request: HttpRequest, ae_title: str) -> HttpResponse:
    """The report as a file: `kind` is html, csv or json; with `mask` without the values that were sent."""
    site = site_of(request)
    span = _Span(request, site)
    kind = request.POST.get("kind", "html")
    if span.faults or kind not in _KINDS:
        return render(request, "400.html", status=400)
    found = report.of(site, ae_title, *span.bounds(site))
    is_masked = "mask" in request.POST
    _disclose(request, audit.EXPORT, found, span, {"kind": kind, "masked": is_masked})
    shown = found.masked() if is_masked else found
    response = HttpResponse(_written(shown, kind, span, is_masked), content_type=f"{_KINDS[kind]}; charset=utf-8")
    name = "".join(character if character.isascii() and character.isalnum() else "_" for character in ae_title)
    response["Content-Disposition"] = f'attachment; filename="conformance-{name}-{span.first:%Y%m%d}.{kind}"'
    return response


def _written(shown: Report, kind: str, span: _Span, is_masked: bool) -> str:
    if kind == "csv":
        return report.as_csv(shown)
    if kind == "json":
        return report.as_json(shown)
    context = {
        "report": shown,
        "first": span.first,
        "last": span.last,
        "masked": is_masked,
        "hospital": shown.heard.site,
        "now": clock.wall(),
    }
    return render_to_string("stepwise/modality_report_file.html", context)


def _disclose(request: HttpRequest, event: str, found: Report, span: _Span, more: dict[str, object]) -> None:
    """Whom the MPPS messages name, and whose exams they were taken for: an example shows both where they differ."""
    told = [one.data for instance in found.heard.instances for one in instance.told if one.data is not None]
    numbers = dict.fromkeys(
        (datasets.text(data, "PatientID"), datasets.text(item, "AccessionNumber"))
        for data in told
        for item in datasets.items(data, "ScheduledStepAttributesSequence")
    )
    asked = {"station": found.heard.ae_title, "from": span.first.isoformat(), "to": span.last.isoformat(), **more}
    steps = [link.step for instance in found.heard.instances for link in instance.links if link.step is not None]
    disclose(request, event, *audit.of_numbers(found.heard.site, numbers), *steps, asked=asked)
