"""Reads of performed steps for pages and REST."""

from datetime import date
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Prefetch, Q, QuerySet, TextField
from django.db.models.sql.compiler import SQLCompiler

from mpps import datasets
from mpps.models import MppsMessage, PerformedProcedureStep, PerformedSeries, StepLink
from mpps.transitions import IN_PROGRESS
from ris import clock
from ris.errors import NotFound
from ris.models import ScheduledProcedureStep, Site


def performed_steps(site: Site) -> QuerySet[PerformedProcedureStep]:
    """All of a site with what a list shows of them (links with their orders, series, findings), the latest first."""
    links = StepLink.objects.select_related("step__requested_procedure__order__patient")
    return (
        PerformedProcedureStep.objects.filter(site=site)
        .select_related("site", "station")
        .prefetch_related(Prefetch("links", queryset=links), "series", "findings")
        .order_by("-received_at", "-pk")
    )


DOSES = (
    ("ImageAndFluoroscopyAreaDoseProduct", "dGy·cm²"),
    ("EntranceDoseInmGy", "mGy entrance"),
    ("EntranceDose", "dGy entrance"),
    ("CommentsOnRadiationDose", ""),  # where a CT has its DLP and a gamma camera its activity
)
"""Keyword and unit of what is shown as the dose (PS3.3 C.4.16), the most telling first."""


class FirstValue(Func):
    """First value of the element with this tag in `attributes`, as text; NULL without one.

    Django's own path of keys makes of a tag that is all digits the index of an array on SQLite.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(F("attributes"), output_field=TextField())
        self.extra["tag"] = tag

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="""JSON_EXTRACT(%(expressions)s, '$."%(tag)s".Value[0]')""", **more)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="(%(expressions)s #>> '{%(tag)s,Value,0}')", **more)


def listed(found: QuerySet[PerformedProcedureStep]) -> QuerySet[PerformedProcedureStep]:
    """For long lists: without the data sets, which are large; the doses are read out of them as `dose_…` by keyword."""
    links = StepLink.objects.select_related("step__requested_procedure__order__patient")
    doses = {f"dose_{keyword}": FirstValue(datasets.tag(keyword)) for keyword, _ in DOSES}
    return (
        found.defer("attributes")
        .annotate(**doses)
        .prefetch_related(None)
        .prefetch_related(Prefetch("links", queryset=links), Prefetch("series", PerformedSeries.objects.defer("attributes")), "findings")
    )


def filtered(
    site: Site, *, accession_number: str = "", status: str = "", station_ae_title: str = "", day: date | None = None
) -> QuerySet[PerformedProcedureStep]:
    """Narrowed by what is not empty. The accession number is that of an order or what the modality sent; the day is the local one
    on which the step began."""
    found = performed_steps(site)
    if accession_number:
        by_number = Q(accession_number=accession_number) | Q(step__requested_procedure__order__accession_number=accession_number)
        found = found.filter(pk__in=StepLink.objects.filter(by_number).values("performed_step"))
    if status:
        found = found.filter(status=status)
    if station_ae_title:
        found = found.filter(station_ae_title=station_ae_title)
    if day is not None:
        found = found.filter(_began_on(site, day))
    return found


def _began_on(site: Site, day: date) -> Q:
    """The modality's start decides; the receipt where it cannot be read."""
    first, after = clock.day_bounds(day, site)
    return Q(started_at__gte=first, started_at__lt=after) | Q(started_at=None, received_at__gte=first, received_at__lt=after)


def live(site: Site, day: date) -> QuerySet[PerformedProcedureStep]:
    """What the status page shows: what is in progress, since whenever, and what was received on the day."""
    first, after = clock.day_bounds(day, site)
    return performed_steps(site).filter(Q(status=IN_PROGRESS) | Q(received_at__gte=first, received_at__lt=after))


def performed_step(site: Site, sop_instance_uid: str) -> PerformedProcedureStep:
    """The performed step of a SOP Instance UID; NotFound otherwise."""
    found = performed_steps(site).filter(sop_instance_uid=sop_instance_uid).first()
    if found is None:
        raise NotFound(f"There is no performed step with SOP Instance UID {sop_instance_uid!r}.")
    return found


def performed_for(step: ScheduledProcedureStep) -> QuerySet[PerformedProcedureStep]:
    """Performed steps that are linked to a scheduled one, in the order in which they came."""
    linked = StepLink.objects.filter(step=step).values("performed_step")
    return performed_steps(step.site).filter(pk__in=linked).order_by("received_at", "pk")


def messages(performed: PerformedProcedureStep) -> QuerySet[MppsMessage]:
    """All messages about the step in the order in which they came, refused ones too."""
    return performed.messages.order_by("received_at", "pk")


def accession_numbers(performed: PerformedProcedureStep) -> list[str]:
    """Accession numbers of the linked orders, else those that the modality sent; each once, in the order of the items."""
    numbers = [
        link.step.requested_procedure.order.accession_number if link.step is not None else link.accession_number
        for link in performed.links.all()
    ]
    return list(dict.fromkeys(number for number in numbers if number))
