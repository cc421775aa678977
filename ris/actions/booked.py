"""Exams as they are to be booked by the hundred, and which of them somebody has booked over meanwhile."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ris.models import Procedure, ProcedureStepTemplate, ScheduledProcedureStep, Site, Station, StepStation
from ris.transitions import OCCUPYING

_LONGEST = timedelta(days=1)
"""A step is no longer."""


@dataclass(frozen=True, slots=True)
class BookedStep:
    """A step of the catalogue's procedure on a station from `start` (aware) on."""

    template: ProcedureStepTemplate
    station: Station
    start: datetime

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.template.duration_minutes)


@dataclass(frozen=True, slots=True)
class BookedExam:
    """An order of one procedure with all its steps booked.

    `patient`: columns of a new patient, or the primary key of a known one. `visit` and `order`: columns, without identifiers.
    The study's UID comes from `study_key` and the number of the requested procedure, so that equal keys are no equal studies.
    """

    patient: Mapping[str, Any] | int
    visit: Mapping[str, Any] | None
    order: Mapping[str, Any]
    procedure: Procedure
    study_key: uuid.UUID
    performing_physician_name: str
    steps: tuple[BookedStep, ...]


_BOOKED = """
SELECT at_station.station_id, step.start, step."end"
FROM {step} step CROSS JOIN {at} at_station
WHERE step.site_id = %s AND step.status IN ({statuses}) AND step.start > %s AND step.start < %s AND step."end" > %s
  AND at_station.step_id = step.id AND at_station.station_id IN ({stations})
"""
"""SQLite takes the tables in the order of CROSS JOIN: the steps of the time by their index, then the stations of each. To PostgreSQL
it is a join like any other. What overlaps is found here and not there, by station: comparing each slot of a full day with each that
is wanted took longer than all the writing."""


def booked_over(site: Site, exams: Sequence[BookedExam]) -> set[int]:
    """Positions of exams with a step whose slot is taken. The stations are locked, as by every booking."""
    wanted: dict[int, list[tuple[datetime, datetime, int]]] = {}
    for number, exam in enumerate(exams):
        for step in exam.steps:
            wanted.setdefault(step.station.pk, []).append((step.start, step.end, number))
    list(Station.objects.select_for_update().filter(pk__in=wanted).order_by("pk").values_list("pk"))
    first = min(step.start for exam in exams for step in exam.steps)
    last = max(step.end for exam in exams for step in exam.steps)
    statement = _BOOKED.format(
        step=ScheduledProcedureStep._meta.db_table,
        at=StepStation._meta.db_table,
        statuses=", ".join(["%s"] * len(OCCUPYING)),
        stations=", ".join(map(str, wanted)),
    )
    moment, over = connection.ops.adapt_datetimefield_value, set[int]()
    with connection.cursor() as cursor:
        cursor.execute(statement, [site.pk, *OCCUPYING, moment(first - _LONGEST), moment(last), moment(first)])
        for station, *slot in cursor.fetchall():
            start, end = (one if one.tzinfo else one.replace(tzinfo=connection.timezone) for one in slot)  # SQLite knows no zones
            over.update(number for begins, ends, number in wanted[station] if begins < end and ends > start)
    return over
