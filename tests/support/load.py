"""A hospital without a schedule, and loads for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from itertools import pairwise
from typing import Any

from django.core.management import call_command
from django.db import transaction

from ris.actions import catalogue
from ris.actions.stations import save_station
from ris.models import ScheduledProcedureStep, Site, Station
from tests.support.hospital import ACTOR, a_site
from training.hospital.catalogue import PROCEDURES
from training.hospital.stations import STATIONS

TUESDAY = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def a_hospital() -> Site:
    site = a_site()
    for station in STATIONS:
        save_station(site, station, ACTOR)
    for procedure in PROCEDURES:
        catalogue.save_procedure(site, procedure, ACTOR)
    return site


def generate(*, steps: int = 60, days: int = 2, seed: int = 1, **options: Any) -> str:
    out = StringIO()
    call_command("generate_worklist", "--steps", str(steps), "--days", str(days), "--seed", str(seed), stdout=out, **options)
    return out.getvalue()


def double_bookings() -> list[tuple[ScheduledProcedureStep, ScheduledProcedureStep]]:
    found = []
    for station in Station.objects.all():
        booked = ScheduledProcedureStep.objects.filter(stations__station=station).exclude(status="CANCELED").order_by("start")
        found += [(one, two) for one, two in pairwise(booked) if one.end > two.start]
    return found
