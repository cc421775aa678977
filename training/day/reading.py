"""The day as it stands in the database, in the words of `training.day.story`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, QuerySet
from pydicom.dataset import Dataset

from mpps.models import PerformedProcedureStep
from mpps.transitions import IN_PROGRESS
from ris import clock
from ris.models import ScheduledProcedureStep, Site, Station
from ris.transitions import ARRIVED, CANCELED, READY, WAITING
from training.day.story import Begun, Booked, Patient
from training.day.writing import Machine

_LATELY = timedelta(hours=12)

Spans = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Standing:
    """What is there to be played from `begins` on. `left_out`: how many exams of the day wait on no station that plays, by why."""

    begins: datetime

    machines: tuple[Machine, ...]
    booked: tuple[Booked, ...]
    begun: tuple[Begun, ...]
    taken: Mapping[str, Spans]
    left_out: Mapping[str, int]


def read(site: Site, day: date, begins: datetime, stations: Sequence[str] = ()) -> Standing:
    """The day on these stations (none named: on all that are enabled), to be played from a moment on."""
    playing = tuple(one for one in machines(site) if not stations or one.ae_title in stations)
    titles = {one.ae_title for one in playing}
    first, after = clock.day_bounds(day, site)
    rows = list(_waiting(site, day))
    of = _steps_of(row.requested_procedure_id for row in rows)
    booked, left_out = [], Counter[str]()
    for row in rows:
        places = tuple(place.ae_title for place in row.stations.all() if place.ae_title in titles)
        if places:
            booked.append(_booked(row, places, of[row.requested_procedure_id]))
        else:
            left_out["on stations that do not play"] += 1
    begun = tuple(_begun(site, titles, begins))
    return Standing(begins, playing, tuple(booked), begun, _taken(site, first, after), left_out)


def first_start(site: Site, day: date) -> datetime | None:
    """When the first exam of the day that waits is to start."""
    return _waiting(site, day).values_list("start", flat=True).first()


def last_heard(site: Site, day: date) -> datetime | None:
    """When the last was heard of what is in progress since that day: a play that was broken off got so far, whatever ended it."""
    first, after = clock.day_bounds(day, site)
    going_on = PerformedProcedureStep.objects.filter(site=site, status=IN_PROGRESS, received_at__gte=first, received_at__lt=after)
    return going_on.order_by("-updated_at").values_list("updated_at", flat=True).first()


def _waiting(site: Site, day: date) -> QuerySet[ScheduledProcedureStep]:
    first, after = clock.day_bounds(day, site)
    return _steps(site).filter(start__gte=first, start__lt=after, status__in=WAITING).order_by("start", "pk")


def machines(site: Site) -> list[Machine]:
    """Stations that are enabled, in order of their AE titles."""
    enabled = Station.objects.filter(site=site, enabled=True).prefetch_related("modalities").order_by("ae_title")
    return [Machine(one.ae_title, tuple(row.modality for row in one.modalities.all()) or ("OT",)) for one in enabled]


def _steps(site: Site) -> QuerySet[ScheduledProcedureStep]:
    related = ("requested_procedure__order__patient",)
    return ScheduledProcedureStep.objects.filter(site=site).select_related(*related).prefetch_related("stations")


def _steps_of(procedures: Iterable[int]) -> dict[int, int]:
    """How many steps each procedure has, canceled ones not counted."""
    rows = ScheduledProcedureStep.objects.filter(requested_procedure__in=set(procedures)).exclude(status=CANCELED)
    return dict(rows.order_by().values_list("requested_procedure").annotate(steps=Count("pk")))


def _booked(row: ScheduledProcedureStep, places: tuple[str, ...], of: int) -> Booked:
    order = row.requested_procedure.order
    patient = order.patient
    if row.start is None:
        raise ValueError(f"{row} is not booked")
    return Booked(
        pk=row.pk,
        name=row.scheduled_procedure_step_id,
        accession_number=order.accession_number,
        procedure=row.requested_procedure_id,
        position=row.position,
        of=of,
        patient=Patient(patient.patient_id, patient.name, f"{patient.birth_date:%Y%m%d}" if patient.birth_date else "", patient.sex),
        places=places,
        modality=row.modality,
        start=row.start,
        minutes=row.duration_minutes,
        is_here=row.status in (ARRIVED, READY),
    )


def _begun(site: Site, titles: set[str], begins: datetime) -> Iterator[Begun]:
    """What the stations have in progress since the hours before: their consoles go on with it."""
    lately = {"received_at__gt": begins - _LATELY, "received_at__lte": begins}
    performed = PerformedProcedureStep.objects.filter(site=site, status=IN_PROGRESS, calling_ae_title__in=titles, **lately)
    for one in performed.order_by("received_at", "pk"):
        steps = list(_steps(site).filter(performed_links__performed_step=one))
        of = _steps_of(step.requested_procedure_id for step in steps)
        booked = tuple(_booked(step, (one.calling_ae_title,), of[step.requested_procedure_id]) for step in steps if step.start)
        name = " + ".join(step.name for step in booked) or f"MPPS {one.performed_procedure_step_id or one.pk}"
        yield Begun(one.sop_instance_uid, one.calling_ae_title, name, booked)


def created(site: Site, begun: Begun) -> Dataset:
    """The attribute list of what is in progress, for the console that goes on with it."""
    row = PerformedProcedureStep.objects.get(site=site, sop_instance_uid=begun.sop_instance_uid)
    return Dataset.from_json(row.attributes)


def _taken(site: Site, first: datetime, after: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """Spans in which stations are booked on the day, or were."""
    rows = ScheduledProcedureStep.objects.filter(site=site, start__lt=after, end__gt=first).exclude(status=CANCELED)
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for ae_title, start, end in rows.values_list("stations__ae_title", "start", "end"):
        if ae_title and start and end:
            found.setdefault(ae_title, []).append((start, end))
    return found
